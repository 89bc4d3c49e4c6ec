// SPDX-License-Identifier: Apache-2.0
// Puts a layer's archive onto a tree. Mounts, layers and their marks must not come in.

#ifndef DMKIT_DRIVER_ARCHIVE_APPLY_H_
#define DMKIT_DRIVER_ARCHIVE_APPLY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "driver/archive/options.h"
#include "sys/host.h"
#include "sys/stream.h"

namespace dmkit::driver {

struct ApplyResult {
  uint64_t bytes = 0;  // the sizes of all regular files of the archive, as Docker counts
  std::vector<std::string> warnings;  // one line each
};

// Applies the tar archive `in` (plain, or packed with gzip, zstd, xz or bzip2) to the tree
// `rootfs`, and reads `in` to its end. Names are bytes, owners are numbers, neither the locale nor
// the user database counts. Nothing outside of `rootfs` is touched, whatever the archive says.
//   - What is missing of an entry's directory is made, mode 0755.
//   - What is there already is removed first, with all that is in it, unless both are directories.
//   - ".wh.X" removes X, ".wh..wh..opq" what its directory has that this archive has not put there;
//     AUFS's own files are skipped.
//   - Holes stay holes. All recorded extended attributes are set; on a filesystem without them
//     this is a warning.
//   - The times of directories are set last.
// After an error the tree is half done: it must be marked so, or thrown away. Repeating the whole
// call on it is safe.
// Memory: some MiB, 16 bytes for each entry and about 100 for each directory of the archive.
// Errors: INVALID_ARGUMENT when a name, a link or a whiteout leads out of the tree; nothing of that
// entry is applied then. DATA_LOSS, with the position, when the archive is cut off, damaged, or has
// entries of other types. The errno of the call where the filesystem refuses (ENOSPC, ENAMETOOLONG,
// ...). Errors of `in` as they are.
// Blocks on `in` and on the filesystem.
absl::StatusOr<ApplyResult> ApplyArchive(sys::Dir& rootfs, sys::ByteSource& in,
                                         const ArchiveOptions& options);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_APPLY_H_
