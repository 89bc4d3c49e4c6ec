// SPDX-License-Identifier: Apache-2.0
// The least that a layer's operations can cost: the same kernel work on the same pool as dmkit
// does, with the same number of fsyncs, by bare system calls. No dmkit code may come in here, and
// nothing that a manager of thin devices would need besides: no locks, no checks, no undo, no
// look-ups.

#ifndef DMKIT_TESTING_BENCH_FLOOR_H_
#define DMKIT_TESTING_BENCH_FLOOR_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct dm_ioctl;

namespace dmkit::bench {

struct FloorConfig {
  std::string pool_name;        // dm name of an active pool
  std::string pool_device;      // the same as "major:minor"
  std::string directory;        // made when missing; state files and mount points lie in it
  uint64_t length_sectors = 0;  // of every device
  std::string filesystem;       // what the origin of all devices holds
  unsigned long mount_flags = 0;
  std::string mount_data;
};

// Devices are told apart by their thin id alone. A failure is the errno of the system call; what
// was done before it stays as it is.
class Floor {
 public:
  static absl::StatusOr<std::unique_ptr<Floor>> Open(const FloorConfig& config);
  ~Floor();

  // The pool's. Not part of an operation: a program that owns its pool knows it.
  absl::StatusOr<uint64_t> TransactionId();

  // Two state files replaced durably (four fsyncs), create_snap, set_transaction_id.
  absl::Status Create(uint32_t id, uint32_t origin, uint64_t transaction_id);
  // DEV_CREATE, TABLE_LOAD, DEV_SUSPEND as a resume, mkdir, mount.
  absl::Status Get(uint32_t id);
  // umount, rmdir, DEV_REMOVE.
  absl::Status Put(uint32_t id);
  // A state file replaced durably (two fsyncs), delete, unlink and one fsync, set_transaction_id.
  absl::Status Remove(uint32_t id, uint64_t transaction_id);

  // Since Open.
  uint64_t ioctls() const { return ioctls_; }
  uint64_t fsyncs() const { return fsyncs_; }

 private:
  Floor(FloorConfig config, int control, int directory, int devices);

  absl::Status Ioctl(unsigned long request, dm_ioctl& header);
  absl::Status Message(const char* text);
  absl::Status Sync(int descriptor);
  absl::Status Replace(int directory, const char* name, const char* temporary);
  std::string MountPoint(uint32_t id) const;

  const FloorConfig config_;
  const int control_;
  const int directory_;
  const int devices_;
  uint64_t ioctls_ = 0;
  uint64_t fsyncs_ = 0;
};

}  // namespace dmkit::bench

#endif  // DMKIT_TESTING_BENCH_FLOOR_H_
