// SPDX-License-Identifier: Apache-2.0
// The helpers of linux_internal.h.

#include "sys/linux_internal.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::sys::internal {

void UniqueFd::Reset() {
  const int fd = Release();
  if (fd < 0) return;
  // A destructor in an error path must not change the errno that is about to be reported.
  const int saved = errno;
  close(fd);
  errno = saved;
}

Deadline::Deadline(absl::Duration timeout)
    : end_(std::chrono::steady_clock::now() +
           absl::ToChronoNanoseconds(
               std::clamp(timeout, absl::ZeroDuration(), absl::Hours(24 * 365)))) {}

absl::Duration Deadline::Left() const {
  return std::max(absl::FromChrono(end_ - std::chrono::steady_clock::now()), absl::ZeroDuration());
}

int Deadline::LeftMilliseconds(absl::Duration most) const {
  const absl::Duration wait = absl::Ceil(std::min(Left(), most), absl::Milliseconds(1));
  return static_cast<int>(absl::ToInt64Milliseconds(wait));
}

absl::Status CallStatus(int result, absl::string_view operation, absl::string_view object) {
  if (result != -1) return absl::OkStatus();
  const int error = errno;
  return ErrnoStatus(error, absl::StrCat(operation, " ", object));
}

absl::StatusOr<std::string> KernelPath(absl::string_view operation, absl::string_view path) {
  if (path.find('\0') == absl::string_view::npos) return std::string(path);
  return ErrnoStatus(EINVAL, absl::StrCat(operation, " ", path.substr(0, path.find('\0')),
                                          ": the path goes on behind a NUL byte"));
}

FileType FileTypeOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::kDirectory;
    case S_IFLNK:
      return FileType::kSymlink;
    case S_IFBLK:
      return FileType::kBlockDevice;
    case S_IFCHR:
      return FileType::kCharDevice;
    case S_IFIFO:
      return FileType::kFifo;
    case S_IFSOCK:
      return FileType::kSocket;
    default:
      return FileType::kRegular;
  }
}

FileStat FileStatOf(const struct stat& stat) {
  FileStat result;
  result.type = FileTypeOf(stat.st_mode);
  result.mode = stat.st_mode & 07777;
  result.uid = stat.st_uid;
  result.gid = stat.st_gid;
  result.device = {major(stat.st_dev), minor(stat.st_dev)};
  result.rdevice = {major(stat.st_rdev), minor(stat.st_rdev)};
  result.inode = stat.st_ino;
  result.links = stat.st_nlink;
  result.size_bytes = static_cast<uint64_t>(stat.st_size);
  result.allocated_bytes = static_cast<uint64_t>(stat.st_blocks) * 512;  // whatever st_blksize is
  result.modified = absl::TimeFromTimespec(stat.st_mtim);
  result.changed = absl::TimeFromTimespec(stat.st_ctim);
  return result;
}

}  // namespace dmkit::sys::internal
