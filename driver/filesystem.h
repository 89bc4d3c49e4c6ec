// SPDX-License-Identifier: Apache-2.0
// The filesystems that layers hold: which programs make and grow them, and how they are mounted.
// Layers, locks and thin ids must not come in here; a filesystem is a device node and a directory.

#ifndef DMKIT_DRIVER_FILESYSTEM_H_
#define DMKIT_DRIVER_FILESYSTEM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "sys/units.h"

namespace dmkit::driver {

enum class FilesystemType { kExt4, kXfs };

absl::string_view FilesystemName(FilesystemType type);  // "ext4", "xfs"
// INVALID_ARGUMENT names the known ones.
absl::StatusOr<FilesystemType> ParseFilesystem(absl::string_view name);

// The smallest device that mkfs takes: 300 MiB for xfs, 1 MiB for ext4.
sys::Bytes MinimumSize(FilesystemType type);

// ENOENT with a message naming the program and the Debian package when mkfs for `type` (resize2fs
// or xfs_growfs in CheckGrowProgram) is missing. Call it before anything is changed.
absl::Status CheckMakeProgram(const sys::Host& host, FilesystemType type);
absl::Status CheckGrowProgram(const sys::Host& host, FilesystemType type);

// Makes a filesystem on the device node `path` with Docker's arguments (ext4: no discard, inode
// tables and journal written now; xfs: no discard), then `args`, and returns its UUID as read back.
// Never forces: a device that carries a known signature is FAILED_PRECONDITION naming it and stays
// as it is, so a device on which an earlier call was interrupted has to be made anew. ENOENT when
// the program is missing; ETIMEDOUT when it ran for 10 minutes; UNKNOWN when it failed, with its
// last words; DATA_LOSS when it succeeded and left no such filesystem. Blocks for as long as mkfs
// runs.
absl::StatusOr<std::string> MakeFilesystem(const sys::Host& host, FilesystemType type,
                                           absl::string_view path,
                                           const std::vector<std::string>& args);

// Grows the filesystem mounted at `mount_point` from device node `path` to the size of its device:
// resize2fs on the node, xfs_growfs on the mount point. Safe to repeat: one that fills its device
// stays as it is. Errors and blocking are those of MakeFilesystem.
absl::Status GrowFilesystem(const sys::Host& host, FilesystemType type, absl::string_view path,
                            absl::string_view mount_point);

// Mount options in fstab style ("noatime,discard") as mount flags and the data string that is left.
struct MountOptions {
  uint64_t flags = 0;  // MS_* of <sys/mount.h>
  std::string data;    // comma-separated, for the filesystem
  // How often xfs repeats a metadata write that found no space, before it shuts down; unset: as the
  // kernel has it, which is for ever. Without meaning for other filesystems.
  std::optional<uint64_t> xfs_nospace_max_retries;
};
// The last of two opposite words wins; a word that is no flag goes to the filesystem unseen. An
// empty `text` is no option. INVALID_ARGUMENT for words that mean nothing for a layer mount (bind,
// remount, move, propagation, loop and what only mount(8) and fstab know), empty words, blanks and
// control characters, and more data than mount(2) takes.
absl::StatusOr<MountOptions> ParseMountOptions(absl::string_view text);

// Mounts device node `path` on `target`, which must exist, and returns its root. xfs gets nouuid,
// since every layer has its base's UUID. The errors are those of mount(2), with what to look at:
// ENODEV when the kernel does not know the filesystem; EBUSY when the device is mounted or in use;
// EINVAL when the device holds something else or an option is refused. An xfs whose number of
// retries cannot be set (in sysfs) is unmounted again, and with MS_REMOUNT left as it was; the
// error is that of sysfs. Blocks on the device, which may have a journal to replay.
absl::StatusOr<std::unique_ptr<sys::Dir>> MountFilesystem(const sys::Host& host,
                                                          FilesystemType type,
                                                          absl::string_view path,
                                                          absl::string_view target,
                                                          const MountOptions& options);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_FILESYSTEM_H_
