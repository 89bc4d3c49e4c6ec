// SPDX-License-Identifier: Apache-2.0
// Taking the lock, and the text that names its holder. The text is for people: nothing decides on
// it.

#include "sys/lock_file.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/host.h"
#include "sys/retry.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::sys {
namespace {

constexpr size_t kHolderBytes = 256;

absl::StatusOr<std::unique_ptr<File>> OpenLockFile(Dir& dir, absl::string_view name) {
  OpenOptions options;
  options.access = Access::kReadWrite;
  options.create = true;
  options.no_follow = true;
  return dir.OpenFile(name, options);
}

// Whether `file` is still what `name` stands for: an earlier holder may have removed it.
absl::StatusOr<bool> IsCurrent(Dir& dir, absl::string_view name, File& file) {
  DMKIT_ASSIGN_OR_RETURN(const FileStat mine, file.Stat());
  const absl::StatusOr<FileStat> named = dir.StatLink(name);
  if (GetErrno(named.status()) == ENOENT) return false;
  DMKIT_RETURN_IF_ERROR(named);
  return named->inode == mine.inode && named->device == mine.device;
}

// EAGAIN: somebody else holds it. Opens `file` anew when it is not the file of that name any more.
absl::Status TryOnce(Dir& dir, absl::string_view name, std::unique_ptr<File>& file) {
  DMKIT_ASSIGN_OR_RETURN(const bool held, file->TryLock(LockMode::kExclusive));
  if (!held) return ErrnoStatus(EAGAIN, "take the lock");
  DMKIT_ASSIGN_OR_RETURN(const bool current, IsCurrent(dir, name, *file));
  if (current) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(file, OpenLockFile(dir, name));
  return ErrnoStatus(EAGAIN, "take the lock");
}

// The line of the holder, always the same number of bytes: nothing has to be cut off, so a reader
// never finds the file empty, and on ext4 the next fsync of any file has no block of this one to
// write, as it has when a file is cut off, even to the size that it has.
absl::Status WriteHolder(File& file, int32_t pid, absl::string_view what) {
  std::string text = absl::StrCat(pid, " ", Printable(what));
  text.resize(std::min(text.size(), kHolderBytes - 1));
  text.resize(kHolderBytes, '\n');
  return file.WriteAt(0, text);
}

bool IsOutOfSpace(const absl::Status& status) {
  return GetErrno(status) == ENOSPC || GetErrno(status) == EDQUOT;
}

// Whoever holds the lock may not have written its line yet, and anybody may have written anything.
std::string DescribeHolder(File& file) {
  std::string buffer(kHolderBytes, '\0');
  const absl::StatusOr<size_t> got = file.ReadAt(0, absl::MakeSpan(buffer));
  const absl::string_view text(buffer.data(), got.value_or(0));
  const absl::string_view line = text.substr(0, text.find('\n'));
  const size_t space = std::min(line.find(' '), line.size());
  const bool understood =
      ParseUnsigned32(line.substr(0, space)).has_value() && Printable(line) == line;
  if (!understood) return "another process";
  const absl::string_view what = line.substr(std::min(space + 1, line.size()));
  return absl::StrCat("process ", line.substr(0, space), " (", what, ")");
}

}  // namespace

absl::StatusOr<HeldLock> AcquireLock(const Host& host, Dir& dir, absl::string_view name,
                                     absl::string_view what, absl::Duration patience) {
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<File> file, OpenLockFile(dir, name));
  const absl::Status locked =
      RetryWhile(*host.clock, EAGAIN, patience, [&] { return TryOnce(dir, name, file); });
  if (GetErrno(locked) == EAGAIN) {
    return ErrnoStatus(
        ETIMEDOUT,
        absl::StrCat("lock ", name, ": ", DescribeHolder(*file), " holds it; gave up", " after ",
                     absl::FormatDuration(patience), ", repeat when that process has ended"));
  }
  DMKIT_RETURN_IF_ERROR(locked);
  const absl::Status written = WriteHolder(*file, host.processes->ProcessId(), what);
  if (IsOutOfSpace(written)) {
    file->Truncate(0).IgnoreError();  // rather nothing than the name of an earlier holder
  } else {
    DMKIT_RETURN_IF_ERROR(written);
  }
  return HeldLock(std::move(file));
}

absl::StatusOr<std::optional<std::string>> FindLockHolder(Dir& dir, absl::string_view name) {
  OpenOptions options;
  options.no_follow = true;
  const absl::StatusOr<std::unique_ptr<File>> file = dir.OpenFile(name, options);
  if (GetErrno(file.status()) == ENOENT) return std::optional<std::string>();
  DMKIT_RETURN_IF_ERROR(file);
  DMKIT_ASSIGN_OR_RETURN(const bool is_free, (*file)->TryLock(LockMode::kShared));
  if (is_free) return std::optional<std::string>();
  return std::optional<std::string>(DescribeHolder(**file));
}

}  // namespace dmkit::sys
