// SPDX-License-Identifier: Apache-2.0
// The rules by which a file counts as changed.

#include "driver/archive/difference.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "driver/archive/xattrs.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

constexpr size_t kCompareBytes = 64 << 10;

bool SameMetadata(const sys::FileStat& a, const sys::FileStat& b) {
  return a.type == b.type && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
         a.rdevice == b.rdevice;
}

bool HasNanoseconds(absl::Time time) {
  return time != absl::FromUnixSeconds(absl::ToUnixSeconds(time));
}

bool SameTime(absl::Time a, absl::Time b) {
  if (a == b) return true;
  return absl::ToUnixSeconds(a) == absl::ToUnixSeconds(b) &&
         (!HasNanoseconds(a) || !HasNanoseconds(b));
}

// A file that is no regular one any more is opened without waiting, and read as one that changed.
absl::StatusOr<std::unique_ptr<sys::File>> Open(sys::Dir& dir, const std::string& name) {
  sys::OpenOptions options;
  options.no_follow = true;
  options.nonblock = true;
  return dir.OpenFile(name, options);
}

absl::StatusOr<bool> SameContents(const Pair& pair) {
  DMKIT_ASSIGN_OR_RETURN(const auto newer, Open(pair.newer_dir, pair.name));
  DMKIT_ASSIGN_OR_RETURN(const auto older, Open(pair.older_dir, pair.name));
  std::vector<char> newer_bytes(kCompareBytes);
  std::vector<char> older_bytes(kCompareBytes);
  for (uint64_t offset = 0; offset < pair.newer.size_bytes;) {
    DMKIT_ASSIGN_OR_RETURN(const size_t got, newer->ReadAt(offset, absl::MakeSpan(newer_bytes)));
    DMKIT_ASSIGN_OR_RETURN(const size_t had, older->ReadAt(offset, absl::MakeSpan(older_bytes)));
    if (got == 0 || got != had) return false;
    if (!std::equal(newer_bytes.begin(), newer_bytes.begin() + static_cast<ptrdiff_t>(got),
                    older_bytes.begin())) {
      return false;
    }
    offset += got;
  }
  return true;
}

absl::StatusOr<bool> SameTarget(const Pair& pair) {
  DMKIT_ASSIGN_OR_RETURN(const std::string newer, pair.newer_dir.ReadLink(pair.name));
  DMKIT_ASSIGN_OR_RETURN(const std::string older, pair.older_dir.ReadLink(pair.name));
  return newer == older;
}

// Of two files that are no directories and have the same metadata.
absl::StatusOr<bool> SameInside(const Pair& pair) {
  const sys::FileStat& newer = pair.newer;
  const sys::FileStat& older = pair.older;
  if (newer.size_bytes != older.size_bytes) return false;
  if (!SameTime(newer.modified, older.modified)) return false;
  if (newer.type == sys::FileType::kSymlink) return SameTarget(pair);
  if (newer.type == sys::FileType::kRegular && newer.modified != older.modified) {
    return SameContents(pair);
  }
  return true;
}

}  // namespace

absl::StatusOr<bool> Differs(const Pair& pair) {
  const sys::FileStat& newer = pair.newer;
  const sys::FileStat& older = pair.older;
  if (!SameMetadata(newer, older)) return true;
  if (newer.inode == older.inode && newer.changed == older.changed &&
      newer.size_bytes == older.size_bytes && newer.modified == older.modified) {
    return false;
  }
  if (newer.type != sys::FileType::kDirectory) {
    DMKIT_ASSIGN_OR_RETURN(const bool same, SameInside(pair));
    if (!same) return true;
  }
  DMKIT_ASSIGN_OR_RETURN(const bool same, SameXattrs(pair.newer_dir, pair.older_dir, pair.name));
  return !same;
}

}  // namespace dmkit::driver
