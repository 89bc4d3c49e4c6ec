// SPDX-License-Identifier: Apache-2.0
// One layer's device and mount, up and down. The caller holds the layer's lock.

#ifndef DMKIT_DRIVER_LAYER_MOUNT_H_
#define DMKIT_DRIVER_LAYER_MOUNT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/filesystem.h"
#include "sys/host.h"
#include "thinp/device_set.h"

namespace dmkit::driver {

// The directory of every layer that holds its root filesystem; beside it a filesystem keeps
// lost+found.
inline constexpr absl::string_view kRootfs = "rootfs";

enum class MountAccess { kReadOnly, kReadWrite };

// What becomes of the mapped device of a layer that is taken down while something keeps it open: a
// copy of its mount in another mount namespace, or a file in use on a lazily unmounted filesystem.
enum class BusyDevice {
  kDefer,  // the kernel removes it at its last close
  kFail,   // EBUSY, after some seconds
};

// Of a user's mount options those for what the driver itself does in a layer: "ro" is none of them,
// how often xfs repeats a write that found no space is.
MountOptions OptionsForWork(const MountOptions& options);

class LayerMounts {
 public:
  // Mount points are <root>/mnt/<layer>. `mount_options` are added to each mount. `set` is
  // borrowed.
  static absl::StatusOr<LayerMounts> Open(const sys::Host& host, thinp::DeviceSet& set,
                                          absl::string_view root, const MountOptions& mount_options,
                                          BusyDevice busy);

  // The same for what the driver itself does in a layer.
  LayerMounts ForWork() const {
    return LayerMounts(host_, *set_, path_, OptionsForWork(options_), busy_);
  }

  // <root>/mnt/<layer>.
  std::string MountPoint(absl::string_view layer) const;
  std::string RootfsPath(absl::string_view layer) const;

  // Whether a filesystem is mounted there: two calls, no list is read. EIO: most likely one is
  // whose device has failed; xfs then answers nothing else.
  absl::StatusOr<bool> IsMounted(absl::string_view layer) const;

  // Activates the device, mounts it and makes the rootfs directory when it is missing (not
  // read-only). A filesystem that was not unmounted replays its journal, read-only too: the device
  // itself is writable. In a set that is only read, it mounts without changing anything, and a
  // missing directory is ENOENT. Undone on failure. Blocks on the device.
  absl::Status Up(const thinp::proto::DeviceState& device, MountAccess access);

  // Makes a mount that is read-only one that can be written. Repeatable. EROFS: the filesystem or
  // the pool allows no writing.
  absl::Status MakeWritable(const thinp::proto::DeviceState& device);

  // EROFS: the layer, which is mounted, is mounted read-only, whoever did that. Writes nothing.
  absl::Status CheckWritable(absl::string_view layer) const;

  // Unmounts (lazily when it is in use), removes the mount point, which ends copies of the mount in
  // other namespaces, and removes the device; for one that is kept open see BusyDevice. Also takes
  // down what is only half up. A mount point that is not empty below its mount is ENOTEMPTY; the
  // rest is done then. Blocks while the filesystem writes back: in a pool out of data space, for as
  // long as that queues writes.
  absl::Status Down(absl::string_view layer);

  // The same, and what was written to the layer, which is mounted, is on stable storage: OK only
  // when the mapped device is gone, since the last user of a filesystem has then seen it written
  // back. EBUSY: somebody still has it, and that is not so. EIO, ENOSPC: it could not be written
  // back; the layer is down.
  absl::Status DownDurably(absl::string_view layer);

  // Removes the mount point that a crash left of a layer that is not mounted; OK when there is
  // none. Copies of the mount in other mount namespaces end with it.
  absl::Status RemoveMountPoint(absl::string_view layer);

  // The names under <root>/mnt.
  absl::StatusOr<std::vector<std::string>> List() const;

 private:
  LayerMounts(const sys::Host& host, thinp::DeviceSet& set, std::string path, MountOptions options,
              BusyDevice busy)
      : host_(host),
        set_(&set),
        path_(std::move(path)),
        options_(std::move(options)),
        busy_(busy) {}

  absl::Status MountAndFill(const thinp::proto::DeviceState& device, FilesystemType type,
                            const std::string& node, MountAccess access);
  absl::Status MountUnchanged(const thinp::proto::DeviceState& device, const std::string& node);
  absl::Status MountAndPrepare(const thinp::proto::DeviceState& device, FilesystemType type,
                               const std::string& node, MountAccess access);
  absl::Status Sync(absl::string_view layer) const;
  // True: lazily, since it was in use.
  absl::StatusOr<bool> Unmount(absl::string_view layer);
  absl::Status UnmountAndRemove(absl::string_view layer);

  sys::Host host_;
  thinp::DeviceSet* set_;
  std::string path_;
  MountOptions options_;
  BusyDevice busy_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_LAYER_MOUNT_H_
