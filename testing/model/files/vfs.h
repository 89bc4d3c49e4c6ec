// SPDX-License-Identifier: Apache-2.0
// Files, directories, device nodes and mounts of the model: one namespace for all processes, behind
// the interfaces of sys/host.h. Knows nothing of dm and loop but block devices and open files.
//
// Where a filesystem keeps its files:
//
//  * The root filesystem is a Tree in memory with its own record of what was synced, like a disk
//    that nothing else can see. Loop files and state files lie here.
//  * /dev, /run and /tmp are Trees that a power loss empties; /dev is a devtmpfs, in which nodes of
//    disks and misc devices come and go by themselves (unless ModelOptions says otherwise).
//  * /proc and /sys are made up when they are looked at and cannot be written.
//  * A filesystem on a block device has no side channel: the bytes on the device are the truth, and
//    the Tree in memory is the page cache of one mount. Reading and writing these bytes goes
//    through the device, metadata through its page cache and contents past it, in a format of the
//    model's own behind a superblock with the real magic and UUID at the real place, so that
//    signatures are found. So a thin snapshot copies a filesystem because it copies blocks, blocks
//    are shared and unshared by the thin target's own rules, a wrong mapping shows as wrong files,
//    and a power loss keeps what reached the device and was flushed. Write-back happens at
//    File::Sync and Dir::Sync, at a freeze (suspend of the device without SKIP_LOCKFS), at unmount
//    and when a loop device or program syncs; by itself only when space seems to run out. It writes
//    everything that changed. Names, sizes and places change at once, with a superblock written
//    after a flush and followed by one; contents that are overwritten are overwritten in place. A
//    mount of a device whose superblock is of another filesystem, or none, gives -EINVAL, and of
//    one whose metadata is damaged -EUCLEAN.
//  * An io error while writing back makes the filesystem read-only until it is mounted again:
//    -EROFS from then on, as errors=remount-ro does.
//
// What a power loss keeps of a Tree (Unsynced::kLost): for each file the contents and size of its
// last Sync; for each directory the entries of its last Sync; a file that was synced but whose
// entry was not is gone, and an entry that was synced leads to a file as it was at its own last
// sync, empty when there was none. A rename is one change: never both names, and never neither when
// the old one was synced. Syncing a file promises nothing of its name.
//
// Descriptors and locks belong to a process and go with it. flock is per open file, not per
// process. The working directory of every process is "/". Permission bits bind everybody but root;
// groups are not modelled: a caller is the owner or one of the others. The umask is 022.

#ifndef DMKIT_TESTING_MODEL_FILES_VFS_H_
#define DMKIT_TESTING_MODEL_FILES_VFS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "testing/model/core.h"
#include "testing/model/files/filesystem.h"
#include "testing/model/process.h"
#include "testing/model/sparse_bytes.h"

namespace dmkit::model {

struct MountEntry {
  std::string target;      // as /proc/mounts shows it; "" after a lazy unmount
  std::string source;      // the path that the mount was given
  std::string filesystem;  // "ext4", "xfs", "tmpfs", ...
  sys::DeviceNumber device;
  uint64_t users = 0;  // open files and directory handles below it, and mounts on top of it
};

class Vfs : public PathLookup {
 public:
  struct Options {
    bool has_devtmpfs = true;
    bool has_sysfs = true;
    bool has_procfs = true;
  };

  // Hears of the disks and misc devices of `core` from here on: make it before the drivers. Sets
  // core.paths to itself.
  Vfs(Core& core, const Options& options);
  // The processes have ended. Mounts that are left are dropped without a write-back.
  ~Vfs() override;

  // How filesystems of `kind` come off a block device: see block_filesystem. -ENODEV for a mount of
  // any other kind.
  void RegisterKind(std::string kind, MountBlockDevice mount);

  // ---- PathLookup: for tables. In the namespace, from its root.
  int FindBlockDevice(absl::string_view path, sys::DeviceNumber* device) override;

  // ---- Processes. Each has its own descriptors (the lowest free number from 3) and its own seam:
  // root directory and mounts that act as this process.

  // Starts a process, or gives the living one of this number. Needs a Call once threads are about.
  Process& AddProcess(int id, uint32_t effective_user);
  // Closes everything that it has open; handles that are left answer -EBADF from then on. Needs a
  // Call, of another process when there may be threads in calls of this one.
  void EndProcess(int id);
  // Valid while this object lives. The first call after the process has ended starts it anew, with
  // the same user. Each call takes a Scheduler::Call of its own.
  sys::Dir& RootOf(int process);
  sys::Mounts& MountsOf(int process);

  // Ends everything that a reboot ends, keeps of the root filesystem what `unsynced` says, and
  // starts with an empty /dev, /run and /tmp and a new boot id. The caller has ended all processes,
  // and ends the drivers afterwards: mounts are dropped without a write-back, but their devices are
  // closed in order. Disks that are still there get their nodes again. Needs a Call.
  void LosePower(Unsynced unsynced);

  // ---- For a modelled udevd, which works inside a Call: as root, from the root. 0 or a negative
  // errno.
  int MakeSymlink(absl::string_view target, absl::string_view path);
  int ReadLink(absl::string_view path, std::string* target) const;
  int Unlink(absl::string_view path);

  // ---- What is there, for tests.

  // The mounts that a process made, oldest first, also those that a lazy unmount left; not those of
  // the boot.
  std::vector<MountEntry> Mounts() const;
  // "process 1 descriptor 4: /dev/loop0".
  std::vector<std::string> OpenHandles() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Options that mount takes: flags of the request (MS_RDONLY, MS_NOSUID, ...) are kept and MS_RDONLY
// and MS_NODEV are obeyed; unknown words in `data` give -EINVAL as ext4 and xfs do.
//
// What a mount does to its device: it opens it (for writing unless read-only) and claims it with
// the filesystem, which makes it busy for dm and for O_EXCL, and registers itself with
// SetFilesystem. A second mount of the same device shares the filesystem. Unmount releases the
// device when the last mount of the filesystem is gone and nobody uses it: a lazy one takes the
// name away at once and releases when the last handle closes.
//
// Errnos of mount: -ENOENT (source or target), -ENOTBLK, -ENOTDIR, -EBUSY (claimed by somebody
// else, or already mounted there), -EINVAL (no filesystem of this kind on it, or its size is larger
// than the device's, or bad options), -ENODEV (unknown kind), -EIO, -EACCES (writing on a read-only
// device), -ENXIO (no driver), -EPERM (not root); xfs without "nouuid" on the UUID of a mounted
// one: -EINVAL.

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_VFS_H_
