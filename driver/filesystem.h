// SPDX-License-Identifier: Apache-2.0
// The filesystems that layers hold: which programs make and grow them, and how they are mounted.

#ifndef DMKIT_DRIVER_FILESYSTEM_H_
#define DMKIT_DRIVER_FILESYSTEM_H_

#include <cstdint>
#include <memory>
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

// ENOENT with a message naming the program and the Debian package when mkfs for `type` is missing. Call it before anything is changed.
absl::Status CheckMakeProgram(const sys::Host& host, FilesystemType type);
absl::Status CheckGrowProgram(const sys::Host& host, FilesystemType type);

// Makes a filesystem on the device node `path` with Docker's arguments (ext4: no discard, inode tables and journal written now, no periodic
// checks; xfs: no discard), then `args`, and returns its UUID as read back. The error carries the program's
// last words. Blocks for as long as mkfs runs, at most 10 minutes.
absl::StatusOr<std::string> MakeFilesystem(const sys::Host& host, FilesystemType type,
                                           absl::string_view path,
                                           const std::vector<std::string>& args);

// Grows the filesystem mounted at `mount_point` from device node `path` to the size of its device: resize2fs on the node, xfs_growfs on
// the mount point.
absl::Status GrowFilesystem(const sys::Host& host, FilesystemType type, absl::string_view path,
                            absl::string_view mount_point);

// Mount options in fstab style ("noatime,discard") as mount flags and the data string that is left.
struct MountOptions {
  uint64_t flags = 0;
  std::string data;
};
// INVALID_ARGUMENT for options that mean nothing for a layer mount: bind, remount, move, propagation, loop, empty words.
absl::StatusOr<MountOptions> ParseMountOptions(absl::string_view text);

// Mounts device node `path` on `target`, which must exist. xfs gets nouuid, since every layer has its
// base's UUID. The error carries what to look at (the kernel log).
absl::StatusOr<std::unique_ptr<sys::Dir>> MountFilesystem(const sys::Host& host, FilesystemType type,
                                                          absl::string_view path,
                                                          absl::string_view target,
                                                          const MountOptions& options);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_FILESYSTEM_H_
