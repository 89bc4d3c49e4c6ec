// SPDX-License-Identifier: Apache-2.0
// read(2) and write(2) of descriptors that may be pipes, terminals or files.

#include "sys/linux_stream.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/linux_internal.h"

namespace dmkit::sys {
namespace {

using internal::CallStatus;
using internal::RetryOnEintr;

// Makes `call` until it does something. A descriptor that somebody else made non-blocking is waited
// for.
template <typename Call>
ssize_t Transfer(int fd, short events, Call call) {
  while (true) {
    const ssize_t result = RetryOnEintr(call);
    if (result != -1 || (errno != EAGAIN && errno != EWOULDBLOCK)) return result;
    struct pollfd entry = {};
    entry.fd = fd;
    entry.events = events;
    if (RetryOnEintr([&entry] { return poll(&entry, 1, -1); }) == -1) return -1;
  }
}

class FdSource : public ByteSource {
 public:
  explicit FdSource(int fd) : fd_(fd) {}
  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const ssize_t got =
        Transfer(fd_, POLLIN, [&] { return read(fd_, buffer.data(), buffer.size()); });
    if (got == -1) return CallStatus(-1, "read", absl::StrCat("descriptor ", fd_));
    return static_cast<size_t>(got);
  }

 private:
  const int fd_;
};

class FdSink : public ByteSink {
 public:
  explicit FdSink(int fd) : fd_(fd) {}
  absl::Status Write(absl::string_view data) override {
    while (!data.empty()) {
      const ssize_t put =
          Transfer(fd_, POLLOUT, [&] { return write(fd_, data.data(), data.size()); });
      if (put == -1) return CallStatus(-1, "write", absl::StrCat("descriptor ", fd_));
      data.remove_prefix(static_cast<size_t>(put));
    }
    return absl::OkStatus();
  }

 private:
  const int fd_;
};

}  // namespace

std::unique_ptr<ByteSource> MakeFdSource(int fd) { return std::make_unique<FdSource>(fd); }

std::unique_ptr<ByteSink> MakeFdSink(int fd) { return std::make_unique<FdSink>(fd); }

}  // namespace dmkit::sys
