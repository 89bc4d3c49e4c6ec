// SPDX-License-Identifier: Apache-2.0
// The model for programs that know nothing of dmkit: a few calls in the shape of libc's, with
// descriptors, -1 and errno. A program that makes its system calls through a table of functions can
// be tested against the model without a change.

#ifndef DMKIT_TESTING_MODEL_SYSCALLS_H_
#define DMKIT_TESTING_MODEL_SYSCALLS_H_

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "sys/host.h"

namespace dmkit::model {

// Not thread-safe. Closes what is open at its end.
class Syscalls {
 public:
  // `host` is the seam of the process that calls.
  explicit Syscalls(const sys::Host& host) : host_(host) {}

  // open(2) with O_RDONLY or O_RDWR, O_CREAT, O_EXCL, O_DIRECT, O_NOFOLLOW and O_NONBLOCK; other
  // flags are passed over. O_WRONLY gives EINVAL: the seam has no such access.
  int Open(const char* path, int flags, mode_t mode = 0);
  int Close(int descriptor);
  // ioctl(2) with a pointer. How much memory lies behind it is taken from the request's number, and
  // for device-mapper from the data_size that the caller wrote.
  int Ioctl(int descriptor, unsigned long request, void* argument);
  // ioctl(2) with a number, or none (0).
  int IoctlValue(int descriptor, unsigned long request, unsigned long argument);
  ssize_t Pread(int descriptor, void* buffer, size_t count, off_t offset);
  ssize_t Pwrite(int descriptor, const void* buffer, size_t count, off_t offset);
  int Fsync(int descriptor);

 private:
  // Null with errno EBADF when it is not open.
  sys::File* Find(int descriptor) const;

  const sys::Host host_;
  std::map<int, std::unique_ptr<sys::File>> files_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_SYSCALLS_H_
