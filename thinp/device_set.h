// SPDX-License-Identifier: Apache-2.0
// The thin-pool manager: names for thin devices, kept in state files that a crash cannot put at
// odds with the pool. CRASH_SAFETY.md gives the fault model. Knows nothing of filesystems and
// mounts.
//
// Any number of processes may have the same set open: every change takes the set's lock, looks at
// the state anew, and repairs first what a crashed process has left.

#ifndef DMKIT_THINP_DEVICE_SET_H_
#define DMKIT_THINP_DEVICE_SET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "sys/units.h"
#include "thinp/pool.h"
#include "thinp/pool_backing.h"
#include "thinp/pool_check.h"
#include "thinp/pool_contents.h"
#include "thinp/state.pb.h"
#include "thinp/state_store.h"

namespace dmkit::thinp {

// Makes the pool of a new set by other means than ours. The set's uuid and labels are recorded
// before.
class PoolMaker {
 public:
  virtual ~PoolMaker() = default;
  // Whether it can be made; changes nothing. Called before each Make, when what an interrupted one
  // had made is taken away.
  virtual absl::Status Check() = 0;
  // Returns the dm name by which the pool is then given.
  virtual absl::StatusOr<std::string> Make(absl::string_view set_uuid) = 0;
  // Takes away what a Make for this set made, whole or in part, also in another process. OK when
  // there is nothing.
  virtual absl::Status Undo(absl::string_view set_uuid) = 0;
};

struct DeviceSetOptions {
  std::string root;  // absolute path of the directory that holds the state
  bool create =
      true;  // make the set when there is none, or its making was interrupted; else that is ENOENT
  PoolOptions pool;
  proto::SetLabels labels;          // remembered by a new set; unused otherwise
  PoolMaker* pool_maker = nullptr;  // borrowed by Open; null: a new pool is what `pool` says
  absl::Duration lock_patience = absl::Seconds(60);
  absl::Duration remove_patience = absl::Seconds(10);  // for EBUSY at deactivation
  // A device with that much data or more is discarded without the set's lock, and costs five
  // fsyncs more for that; a smaller one is discarded faster than others would notice.
  sys::Bytes long_discard{uint64_t{256} << 20};
};

struct DeleteOptions {
  // Hand the device's blocks back to what lies under the pool, so that a loop file takes no space
  // for them. Left out where the pool does not pass discards down, and where they fail.
  bool discard = false;
  // A device that is in use is deleted as far as anybody can tell, and its blocks are freed by a
  // later Collect.
  bool deferred = false;
};

class DeviceSet {
 public:
  // Opens the set, making it (state, loop files, pool) when the root has none, activating its pool
  // when that is not active, and repairing what a crash left. Takes the set's lock meanwhile. Cost
  // does not grow with the number of devices, but where a creation is rolled back, which reads them
  // all from the pool's metadata, or the transaction file is lost. `dm` must outlive the set.
  static absl::StatusOr<std::unique_ptr<DeviceSet>> Open(dm::DeviceMapper& dm,
                                                         const DeviceSetOptions& options);
  ~DeviceSet();

  const std::string& uuid() const;
  const Pool& pool() const;
  const proto::PoolState& pool_state() const;
  // Null in a set of version 1, which remembers none.
  const proto::SetLabels* labels() const;
  // Paths of the loop files, empty when that half is a device.
  std::string data_loop_path() const;
  std::string metadata_loop_path() const;

  // The dm name of the device `name`.
  absl::StatusOr<dm::DmName> DeviceName(absl::string_view name) const;

  // A new empty device. INVALID_ARGUMENT: no device can have this name or size. EEXIST: the name is
  // taken, also by a quarantined file. EBUSY: it is that of a deleted device that is still in use.
  absl::StatusOr<proto::DeviceState> AddThin(absl::string_view name, sys::Bytes size,
                                             const proto::DeviceLabels& labels);
  // A snapshot of `origin`, which is suspended meanwhile when it is active. `size` at least the
  // origin's. Errors as AddThin, and ENOENT: no such origin. When the origin cannot be resumed, the
  // snapshot is undone and the error says so.
  absl::StatusOr<proto::DeviceState> AddSnapshot(absl::string_view name, absl::string_view origin,
                                                 sys::Bytes size,
                                                 const proto::DeviceLabels& labels);
  // Deactivates and deletes. ENOENT: no such device (also when repeated). EBUSY: it is in use;
  // nothing is changed then. Works in a pool that is out of data space, too, where taking down a
  // device whose io is queued may block for as long as the pool queues it. Blocks on the discard,
  // which no deadline cuts short; one that takes long is in nobody else's way. Should the pool be
  // busy for too long afterwards, the device is deleted as with `deferred`.
  absl::Status Delete(absl::string_view name, const DeleteOptions& options = {});

  // Names of the devices that are deleted but for their blocks: one call where there are none, and
  // whatever the number of devices. Find knows none of them; an Add of such a name collects it
  // first, or is EBUSY.
  absl::StatusOr<std::vector<std::string>> DeletedDevices() const;
  absl::StatusOr<bool> IsDeleted(absl::string_view name) const;
  // Frees the blocks of one of them. OK when it is none of them (any more). EBUSY: it is in use
  // still, and its mapped device goes at its last close.
  // Waits for the set's lock for at most `patience`.
  absl::Status Collect(absl::string_view name, bool discard, absl::Duration patience);
  // Replaces the labels, or the size (which must not shrink) and the labels at once.
  absl::Status SetLabels(absl::string_view name, const proto::DeviceLabels& labels);
  absl::Status SetSize(absl::string_view name, sys::Bytes size, const proto::DeviceLabels& labels);

  // ENOENT: none. INVALID_ARGUMENT: no device can have this name. DATA_LOSS: its state file is
  // quarantined; the message names the file.
  absl::StatusOr<proto::DeviceState> Find(absl::string_view name) const;
  // All of them: cost grows with their number.
  absl::StatusOr<DeviceList> List() const;

  // Makes the mapped device (or finds it, verified against the state, and lengthens its table when
  // the state has a larger size; never shortens it). Repeatable. Four ioctls when it was not
  // active. ENOENT: its creation was interrupted, and is undone.
  absl::StatusOr<dm::DeviceInfo> Activate(const proto::DeviceState& device);
  // What every change is of a set that was imported to be read: EROFS. OK of all others.
  absl::Status CheckNotReadOnly() const;
  // Makes a device on top of the active device `name` of a read-only set: it can be written, and
  // what is written goes to `store`, a block device as large as that one, and is gone with the
  // device. An earlier one is removed first; EBUSY when that is in use. Nobody else may use `name`
  // meanwhile.
  absl::StatusOr<dm::DeviceInfo> ActivateOverlay(absl::string_view name, sys::DeviceNumber store);
  // Removes the mapped device, and first one that is on top of it; EBUSY is retried for `patience`.
  // OK when it is not active. With `deferred`, one that is still open then is removed by the kernel
  // at its last close.
  absl::Status Deactivate(absl::string_view name, absl::Duration patience, bool deferred);
  // The mapped device if it is active and ours.
  absl::StatusOr<std::optional<dm::DeviceInfo>> ActiveInfo(absl::string_view name) const;
  // Names of the set's devices that are active now, the pool not among them. Cost grows with the
  // number of mapped devices.
  absl::StatusOr<std::vector<std::string>> ActiveDevices() const;

  // Every thin device in the pool by thin id, as its metadata has it, read through a metadata
  // snapshot. Cost grows with the number of devices. EOPNOTSUPP-like errors where the pool takes no
  // messages.
  absl::StatusOr<PoolContents> Contents();

  // Compares pool and state files through a metadata snapshot. Cost grows with the number of
  // devices.
  absl::StatusOr<CheckReport> Check();

  // Makes the pool as large as its files or devices are now, after lengthening the files to the
  // sizes asked for at opening. What it takes, refuses and waits for is said at thinp::GrowPool.
  absl::Status GrowPool();

  // Removes the pool device (not one given by the admin); its loop devices go with it. EBUSY:
  // devices are still active.
  absl::Status DeactivatePool();

 private:
  class Impl;
  explicit DeviceSet(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether the root holds a set already, readable or not. Changes nothing.
absl::StatusOr<bool> SetExists(const sys::Host& host, absl::string_view root);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_DEVICE_SET_H_
