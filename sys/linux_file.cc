// SPDX-License-Identifier: Apache-2.0
// Open files and devices on Linux.

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/host.h"
#include "sys/linux_internal.h"
#include "sys/status.h"

namespace dmkit::sys::internal {
namespace {

// A pipe that was opened to be waited for.
bool IsBlockingPipe(int descriptor) {
  struct stat status = {};
  return fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode) &&
         (fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0;
}

static_assert(sizeof(off_t) == sizeof(int64_t), "build with _FILE_OFFSET_BITS=64");
constexpr uint64_t kOffsetMax = std::numeric_limits<off_t>::max();

// Whether the kernel's signed offsets can express `length` bytes at `offset`.
bool OffsetsFit(uint64_t offset, uint64_t length) {
  return offset <= kOffsetMax && kOffsetMax - offset >= length;
}

class LinuxFile : public File {
 public:
  LinuxFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) override;
  absl::Status WriteAt(uint64_t offset, absl::string_view data) override;
  absl::Status Truncate(uint64_t size_bytes) override;
  absl::Status Sync() override;
  absl::StatusOr<FileStat> Stat() override;
  absl::StatusOr<std::optional<DataRange>> NextData(uint64_t offset) override;
  absl::StatusOr<int> Ioctl(unsigned long request, absl::Span<char> argument) override;
  absl::StatusOr<int> IoctlValue(unsigned long request, uint64_t argument) override;
  absl::StatusOr<bool> WaitReadable(absl::Time deadline) override;
  absl::StatusOr<bool> TryLock(LockMode mode) override;
  absl::Status Unlock() override;
  int descriptor() const override { return fd_.get(); }

 private:
  absl::StatusOr<int> IoctlResult(int result, unsigned long request);

  UniqueFd fd_;
  std::string path_;
};

absl::StatusOr<size_t> LinuxFile::ReadAt(uint64_t offset, absl::Span<char> buffer) {
  if (!OffsetsFit(offset, buffer.size())) {
    return ErrnoStatus(EINVAL, absl::StrCat("read ", path_, ": offset ", offset));
  }
  size_t done = 0;
  while (done < buffer.size()) {
    char* to = buffer.data() + done;
    const size_t left = buffer.size() - done;
    ssize_t got =
        RetryOnEintr([&] { return pread(fd_.get(), to, left, static_cast<off_t>(offset + done)); });
    // What has no offsets, as the pipe that a shell gives a path to, is read from front to back.
    if (got == -1 && errno == ESPIPE && IsBlockingPipe(fd_.get())) {
      got = RetryOnEintr([&] { return read(fd_.get(), to, left); });
    }
    if (got == -1) return CallStatus(-1, "read", path_);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

absl::Status LinuxFile::WriteAt(uint64_t offset, absl::string_view data) {
  if (!OffsetsFit(offset, data.size())) {
    return ErrnoStatus(EFBIG, absl::StrCat("write ", path_, ": offset ", offset));
  }
  size_t done = 0;
  while (done < data.size()) {
    const ssize_t put = RetryOnEintr([&] {
      return pwrite(fd_.get(), data.data() + done, data.size() - done,
                    static_cast<off_t>(offset + done));
    });
    if (put == -1) return CallStatus(-1, "write", path_);
    // No file answers so, but it would be an endless loop.
    if (put == 0) return ErrnoStatus(EIO, absl::StrCat("write ", path_, ": nothing was written"));
    done += static_cast<size_t>(put);
  }
  return absl::OkStatus();
}

absl::Status LinuxFile::Truncate(uint64_t size_bytes) {
  if (!OffsetsFit(size_bytes, 0)) {
    return ErrnoStatus(EFBIG, absl::StrCat("truncate ", path_, ": size ", size_bytes));
  }
  const off_t size = static_cast<off_t>(size_bytes);
  return CallStatus(RetryOnEintr([&] { return ftruncate(fd_.get(), size); }), "truncate", path_);
}

absl::Status LinuxFile::Sync() {
  return CallStatus(RetryOnEintr([&] { return fsync(fd_.get()); }), "fsync", path_);
}

absl::StatusOr<FileStat> LinuxFile::Stat() {
  struct stat stat = {};
  DMKIT_RETURN_IF_ERROR(CallStatus(fstat(fd_.get(), &stat), "stat", path_));
  return FileStatOf(stat);
}

// The file position that lseek moves is used by nothing else.
absl::StatusOr<std::optional<File::DataRange>> LinuxFile::NextData(uint64_t offset) {
  if (!OffsetsFit(offset, 0)) return std::optional<DataRange>();
  const off_t from = static_cast<off_t>(offset);
  const off_t begin = RetryOnEintr([&] { return lseek(fd_.get(), from, SEEK_DATA); });
  if (begin == -1 && errno == EINVAL) {
    DMKIT_ASSIGN_OR_RETURN(const FileStat stat, Stat());
    if (offset >= stat.size_bytes) return std::optional<DataRange>();
    return std::optional<DataRange>(DataRange{offset, stat.size_bytes});
  }
  // ENXIO: no data from there on, for the second call that the file was cut off meanwhile.
  const off_t end =
      begin == -1 ? -1 : RetryOnEintr([&] { return lseek(fd_.get(), begin, SEEK_HOLE); });
  if (end == -1 && errno == ENXIO) return std::optional<DataRange>();
  if (end == -1) return CallStatus(-1, "seek data in", path_);
  if (end <= begin) return std::optional<DataRange>();  // /dev/null takes any offset for 0
  return std::optional<DataRange>(
      DataRange{static_cast<uint64_t>(begin), static_cast<uint64_t>(end)});
}

absl::StatusOr<int> LinuxFile::IoctlResult(int result, unsigned long request) {
  if (result >= 0) return result;
  const int error = errno;
  return ErrnoStatus(error, absl::StrCat("ioctl 0x", absl::Hex(request), " ", path_));
}

absl::StatusOr<int> LinuxFile::Ioctl(unsigned long request, absl::Span<char> argument) {
  // The size in the request number is what the kernel will touch at least.
  if (argument.size() < _IOC_SIZE(request)) {
    return ErrnoStatus(EINVAL, absl::StrCat("ioctl 0x", absl::Hex(request), " ", path_, ": needs ",
                                            _IOC_SIZE(request), " bytes, got ", argument.size()));
  }
  return IoctlResult(ioctl(fd_.get(), request, argument.data()), request);
}

absl::StatusOr<int> LinuxFile::IoctlValue(unsigned long request, uint64_t argument) {
  return IoctlResult(ioctl(fd_.get(), request, static_cast<unsigned long>(argument)), request);
}

absl::StatusOr<bool> LinuxFile::WaitReadable(absl::Time deadline) {
  // What a poll can be told is less than a deadline may be away.
  constexpr absl::Duration kPollMax = absl::Hours(1);
  while (true) {
    const absl::Duration left = std::max(deadline - SteadyNow(), absl::ZeroDuration());
    const absl::Duration wait = absl::Ceil(std::min(left, kPollMax), absl::Milliseconds(1));
    struct pollfd entry = {};
    entry.fd = fd_.get();
    entry.events = POLLIN;
    const int ready = poll(&entry, 1, static_cast<int>(absl::ToInt64Milliseconds(wait)));
    if (ready > 0) return true;
    if (ready == -1 && errno != EINTR) return CallStatus(-1, "poll", path_);
    if (ready == 0 && left == absl::ZeroDuration()) return false;
  }
}

absl::StatusOr<bool> LinuxFile::TryLock(LockMode mode) {
  const int operation = (mode == LockMode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  const int result = RetryOnEintr([&] { return flock(fd_.get(), operation); });
  if (result == -1 && errno == EWOULDBLOCK) return false;
  DMKIT_RETURN_IF_ERROR(CallStatus(result, "lock", path_));
  return true;
}

absl::Status LinuxFile::Unlock() {
  return CallStatus(RetryOnEintr([&] { return flock(fd_.get(), LOCK_UN); }), "unlock", path_);
}

}  // namespace

std::unique_ptr<File> MakeLinuxFile(UniqueFd fd, std::string path) {
  return std::make_unique<LinuxFile>(std::move(fd), std::move(path));
}

}  // namespace dmkit::sys::internal
