// SPDX-License-Identifier: Apache-2.0
// Files that survive a power cut whole or not at all.

#ifndef DMKIT_SYS_DURABLE_H_
#define DMKIT_SYS_DURABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::sys {

// Replaces `name` in `dir` by `contents`: temporary file, fsync, rename, fsync of the directory.
// After OK the new contents survive a power cut; after an error the old file is whole, or (only
// when the last fsync failed) either one is. `name` is no path: INVALID_ARGUMENT when it holds a
// slash. Costs two fsyncs. The temporary file is ".<name>.tmp", mode 0600, so that it cannot be the
// file of a name that starts with another byte than a dot; it is removed on failure, and one that
// an interrupted call left is replaced. The caller excludes other writers of `name`. Blocks on the
// device. Safe to repeat.
absl::Status ReplaceFileDurably(Dir& dir, absl::string_view name, absl::string_view contents);

// The same without the fsyncs, for files that do not outlive a reboot: atomic for readers only.
absl::Status ReplaceFile(Dir& dir, absl::string_view name, absl::string_view contents);

// Removes `name` and syncs the directory. OK when there is no such file (ENOENT); the sync is then
// made all the same, since an earlier removal may not have been synced. Costs one fsync.
absl::Status RemoveFileDurably(Dir& dir, absl::string_view name);

// The whole file. ENOENT when there is none; EFBIG when it is larger than `size_max`.
absl::StatusOr<std::string> ReadFile(Dir& dir, absl::string_view name, size_t size_max);

// Makes the directory and its missing parents. OK when it is there.
absl::Status MakeDirs(Dir& dir, absl::string_view path, uint32_t mode);

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_DURABLE_H_
