// SPDX-License-Identifier: Apache-2.0
// When a file counts as changed: the rules for one name that two trees both have. No walking.

#ifndef DMKIT_DRIVER_ARCHIVE_DIFFERENCE_H_
#define DMKIT_DRIVER_ARCHIVE_DIFFERENCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "sys/host.h"

namespace dmkit::driver {

// One name in a directory of each tree, with what StatLink says of it.
struct Pair {
  sys::Dir& newer_dir;
  sys::Dir& older_dir;
  const std::string& name;
  const sys::FileStat& newer;
  const sys::FileStat& older;
};

// Whether the file changed: its kind, permissions, owner, device number or extended attributes; for
// all but directories also its size or modification time; the target of a symbolic link. Change
// time, access time, inode number, number of links and blocks never count.
// Times are the same when the seconds are and the nanoseconds are, or one side has no nanoseconds
// (it came from an archive with whole seconds). In that second case the contents of a regular file
// are read on both sides and compared, since it may have been written again within the second.
// Takes no call when inode number, change time, size and modification time are all the same: on a
// snapshot nothing can have changed then.
// Errors: those of the seam's reads, by errno.
absl::StatusOr<bool> Differs(const Pair& pair);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_DIFFERENCE_H_
