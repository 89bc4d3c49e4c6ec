// SPDX-License-Identifier: Apache-2.0
// Calls in the shape of libc's over the seam.

#include "testing/model/syscalls.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/status.h"

namespace dmkit::model {
namespace {

// uapi/linux/dm-ioctl.h: its ioctls, and where struct dm_ioctl has data_size.
constexpr unsigned kDmType = 0xfd;
constexpr size_t kDataSizeAt = 12;

// -1 with the errno of `status`.
int Fail(const absl::Status& status) {
  errno = sys::GetErrno(status);
  return -1;
}

int Result(const absl::Status& status) { return status.ok() ? 0 : Fail(status); }

}  // namespace

sys::File* Syscalls::Find(int descriptor) const {
  const auto found = files_.find(descriptor);
  if (found != files_.end()) return found->second.get();
  errno = EBADF;
  return nullptr;
}

int Syscalls::Open(const char* path, int flags, mode_t mode) {
  if ((flags & O_ACCMODE) == O_WRONLY) {
    errno = EINVAL;
    return -1;
  }
  sys::OpenOptions options;
  if ((flags & O_ACCMODE) == O_RDWR) options.access = sys::Access::kReadWrite;
  options.create = (flags & O_CREAT) != 0;
  options.exclusive = (flags & O_EXCL) != 0;
  options.direct = (flags & O_DIRECT) != 0;
  options.no_follow = (flags & O_NOFOLLOW) != 0;
  options.nonblock = (flags & O_NONBLOCK) != 0;
  options.mode = mode;
  auto file = host_.root->OpenFile(path, options);
  if (!file.ok()) return Fail(file.status());
  const int descriptor = (*file)->descriptor();
  files_[descriptor] = *std::move(file);
  return descriptor;
}

int Syscalls::Close(int descriptor) {
  if (Find(descriptor) == nullptr) return -1;
  files_.erase(descriptor);
  return 0;
}

int Syscalls::Ioctl(int descriptor, unsigned long request, void* argument) {
  sys::File* const file = Find(descriptor);
  if (file == nullptr) return -1;
  size_t size = _IOC_SIZE(request);
  if (_IOC_TYPE(request) == kDmType && argument != nullptr) {
    uint32_t data_size = 0;
    std::memcpy(&data_size, static_cast<const char*>(argument) + kDataSizeAt, sizeof(data_size));
    size = std::max<size_t>(size, data_size);
  }
  const auto result = file->Ioctl(request, absl::MakeSpan(static_cast<char*>(argument), size));
  return result.ok() ? *result : Fail(result.status());
}

int Syscalls::IoctlValue(int descriptor, unsigned long request, unsigned long argument) {
  sys::File* const file = Find(descriptor);
  if (file == nullptr) return -1;
  const auto result = file->IoctlValue(request, argument);
  return result.ok() ? *result : Fail(result.status());
}

ssize_t Syscalls::Pread(int descriptor, void* buffer, size_t count, off_t offset) {
  sys::File* const file = Find(descriptor);
  if (file == nullptr) return -1;
  const auto got = file->ReadAt(static_cast<uint64_t>(offset),
                                absl::MakeSpan(static_cast<char*>(buffer), count));
  return got.ok() ? static_cast<ssize_t>(*got) : Fail(got.status());
}

ssize_t Syscalls::Pwrite(int descriptor, const void* buffer, size_t count, off_t offset) {
  sys::File* const file = Find(descriptor);
  if (file == nullptr) return -1;
  const absl::Status put = file->WriteAt(
      static_cast<uint64_t>(offset), absl::string_view(static_cast<const char*>(buffer), count));
  return put.ok() ? static_cast<ssize_t>(count) : Fail(put);
}

int Syscalls::Fsync(int descriptor) {
  sys::File* const file = Find(descriptor);
  return file == nullptr ? -1 : Result(file->Sync());
}

}  // namespace dmkit::model
