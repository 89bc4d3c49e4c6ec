// SPDX-License-Identifier: Apache-2.0
// What a filesystem is to the namespace: a Tree, and hooks for what happens to it. No paths.
//
// Who implements what:
//  * memory_filesystem: the root filesystem and the tmpfs of /dev, /run and /tmp; here.
//  * /proc and /sys: Trees of made-up files (made_up.h); here.
//  * ext4 and xfs on a block device: block_filesystem, which keeps to what is said below and hands
//  a
//    MountBlockDevice to Vfs::RegisterKind.
//
// Everything is called with the scheduler's lock held. A hook may wait (for a device that is
// suspended, for a thaw): the Tree may have changed when it returns, and callers look again.

#ifndef DMKIT_TESTING_MODEL_FILES_FILESYSTEM_H_
#define DMKIT_TESTING_MODEL_FILES_FILESYSTEM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "testing/model/block_layer.h"
#include "testing/model/core.h"
#include "testing/model/files/tree.h"

namespace dmkit::model {

// Of a tmpfs, where it can be done at all: without a device nothing needs to be aligned.
inline constexpr uint32_t kTmpfsDirectIoBytes = 1;

class Filesystem {
 public:
  // `device` is what st_dev shows: the block device's number, or 0:N.
  Filesystem(std::string kind, sys::DeviceNumber device, std::shared_ptr<Tree> tree)
      : kind_(std::move(kind)), device_(device), tree_(std::move(tree)) {}
  virtual ~Filesystem() = default;
  Filesystem(const Filesystem&) = delete;
  Filesystem& operator=(const Filesystem&) = delete;

  const std::string& kind() const { return kind_; }
  sys::DeviceNumber device() const { return device_; }
  const std::shared_ptr<Tree>& tree() const { return tree_; }

  // Mounted read-only, or turned so by an io error: -EROFS for whatever would write. The namespace
  // asks BeginChange() instead, but for opens.
  virtual bool is_read_only() const { return false; }
  // Makes it read-only, with everything written back, or writable. 0; -EBUSY (frozen), -EACCES (its
  // device is read-only), -EROFS (an io error made it so), or what writing back gives.
  virtual int Remount(bool /*read_only*/) { return 0; }
  // Comes before every change: of contents (`grows_bytes` more of them at most), attributes,
  // entries (`makes_inode` when one comes with a new inode). Waits while frozen. 0 or -EROFS,
  // -ENOSPC, or -EINTR when a wait was broken off.
  virtual int BeginChange(uint64_t /*grows_bytes*/, bool /*makes_inode*/) { return 0; }
  // fsync of a file or a directory. Does what makes it durable, and tells the Tree if that keeps
  // the record.
  virtual int SyncFile(Inode& inode) = 0;
  virtual int SyncDirectory(Inode& directory) = 0;
  // syncfs.
  virtual int SyncAll() = 0;
  virtual sys::SpaceInfo Space() const = 0;
  // What OpenFile::DirectIoBytes says of its files; 0: opening with O_DIRECT gives -EINVAL.
  virtual uint32_t DirectIoBytes() const { return 0; }
  virtual bool can_punch_holes() const { return true; }
  // The largest a file can be: -EFBIG beyond.
  virtual uint64_t max_file_bytes() const { return INT64_MAX; }
  // What /proc/mounts shows behind "rw" or "ro": ",relatime", or "".
  virtual std::string ShownOptions() const { return ",relatime"; }

  // The last mount is gone and nobody has a file open: writes back and gives the device up. Called
  // once, and nothing after it; Vfs drops its pointer then. A filesystem that is frozen keeps
  // itself (shared_from_this) and the device until Thaw(). Never fails: what cannot be written is
  // lost.
  virtual void Release() {}
  // In place of Release() when the power goes: gives the device up without a write.
  virtual void LosePower() {}

 private:
  const std::string kind_;
  const sys::DeviceNumber device_;
  const std::shared_ptr<Tree> tree_;
};

struct BlockMountOptions {
  bool read_only = false;
  std::string data;  // comma-separated words; -EINVAL for unknown ones
};

// Mounts what lies on a block device. `device` is open for writing unless read-only, and claimed;
// the filesystem keeps it until Release() or LosePower(), registers itself with
// BlockDevice::SetFilesystem and takes itself away from there. Called for the first mount of a
// device only: Vfs shares the filesystem with later ones, and has looked at path, permissions,
// claim and read-only device before. -EINVAL (no filesystem of this kind, too large for the device,
// bad options, a UUID that is mounted already), -EIO, -EROFS.
using MountBlockDevice = std::function<int(Core&, BlockHandle device, const BlockMountOptions&,
                                           std::shared_ptr<Filesystem>* filesystem)>;

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_FILESYSTEM_H_
