// SPDX-License-Identifier: Apache-2.0
// The state files of one device set: where they lie and how they are read and written.
// STATE_FORMAT.md describes them. Knows nothing of the pool.

#ifndef DMKIT_THINP_STATE_STORE_H_
#define DMKIT_THINP_STATE_STORE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {

// A state file that cannot be read. It is left where it is; only its device is unusable.
struct Quarantined {
  std::string file;  // relative to the root
  absl::Status problem;
};

struct DeviceList {
  std::vector<proto::DeviceState> devices;  // by name
  std::vector<Quarantined> quarantined;
};

// Writes are durable when they return. Not locked: the caller holds the set's lock around writes.
class StateStore {
 public:
  // Opens the directories, making them (mode 0700) with `create`. ENOENT without it.
  static absl::StatusOr<StateStore> Open(const sys::Host& host, absl::string_view root,
                                         bool create);

  sys::Dir& root() const { return *root_; }
  const std::string& path() const { return path_; }

  // Nothing when the set has not been made. The file is kept twice: where the first copy cannot be
  // read the second one serves, and `damaged` says so.
  struct SetRecord {
    proto::SetState state;
    std::optional<Quarantined> damaged;
  };
  absl::StatusOr<std::optional<SetRecord>> ReadSet() const;
  // Whether there is a set file or its copy, readable or not.
  absl::StatusOr<bool> HasSet() const;
  absl::Status WriteSet(const proto::SetState& state);
  // For undoing a first start. OK when there is none.
  absl::Status RemoveSet();

  // Nothing when there is none.
  absl::StatusOr<std::optional<proto::TransactionState>> ReadTransaction() const;
  absl::Status WriteTransaction(const proto::TransactionState& state);
  // For undoing an import. OK when there is none.
  absl::Status RemoveTransaction();
  // Puts a transaction file that cannot be read out of the way, as transaction.quarantined.
  absl::Status QuarantineTransaction();

  // Whether there is a file for the device, readable or not.
  absl::StatusOr<bool> HasDevice(absl::string_view name) const;
  // ENOENT: no such device. DATA_LOSS, FAILED_PRECONDITION: the file is quarantined.
  absl::StatusOr<proto::DeviceState> ReadDevice(absl::string_view name) const;
  absl::Status WriteDevice(const proto::DeviceState& device);
  // OK when there is none.
  absl::Status RemoveDevice(absl::string_view name);
  // Reads every file: cost grows with their number.
  absl::StatusOr<DeviceList> ListDevices() const;

  // Devices that are deleted but for their thin device, which was in use: their files lie in
  // deleted/, a directory that is made when it is first needed. While there is a device of the same
  // name as well, the deletion was not completed and the file there means nothing.
  absl::Status WriteDeleted(const proto::DeviceState& device);
  // As HasDevice, ReadDevice and RemoveDevice, but that removing none costs no fsync.
  absl::StatusOr<bool> HasDeleted(absl::string_view name) const;
  absl::StatusOr<proto::DeviceState> ReadDeleted(absl::string_view name) const;
  absl::Status RemoveDeleted(absl::string_view name);
  // Their names, or their files' contents as ListDevices. One call when there are none.
  absl::StatusOr<std::vector<std::string>> DeletedNames() const;
  absl::StatusOr<DeviceList> ListDeleted() const;
  // Other files that were put aside.
  absl::StatusOr<std::vector<Quarantined>> ListQuarantined() const;

 private:
  StateStore(std::string path, std::unique_ptr<sys::Dir> root, std::unique_ptr<sys::Dir> devices)
      : path_(std::move(path)), root_(std::move(root)), devices_(std::move(devices)) {}
  absl::StatusOr<proto::DeviceState> ReadFrom(sys::Dir& dir, absl::string_view dir_name,
                                              absl::string_view name) const;
  DeviceList ReadAll(sys::Dir& dir, absl::string_view dir_name,
                     const std::vector<std::string>& names) const;

  std::string path_;
  std::unique_ptr<sys::Dir> root_;
  std::unique_ptr<sys::Dir> devices_;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_STATE_STORE_H_
