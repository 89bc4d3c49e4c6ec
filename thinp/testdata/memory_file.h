// SPDX-License-Identifier: Apache-2.0
// A read-only file in memory, for tests of what reads devices. Not a model of a device: no ioctls.

#ifndef DMKIT_THINP_TESTDATA_MEMORY_FILE_H_
#define DMKIT_THINP_TESTDATA_MEMORY_FILE_H_

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::thinp {

class MemoryFile final : public sys::File {
 public:
  explicit MemoryFile(std::string contents) : contents_(std::move(contents)) {}

  std::string& contents() { return contents_; }
  // From here on, reads that O_DIRECT on a device with sectors of 4 KiB would refuse are EINVAL.
  void RequireAlignment() { alignment_ = 4096; }
  // Reads that touch the byte at `offset` fail with `error`.
  void FailReadsAt(uint64_t offset, int error) {
    fail_offset_ = offset;
    fail_error_ = error;
  }
  uint64_t reads() const { return reads_; }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) override {
    ++reads_;
    if (offset % alignment_ != 0 || buffer.size() % alignment_ != 0 ||
        reinterpret_cast<uintptr_t>(buffer.data()) % alignment_ != 0) {
      return sys::ErrnoStatus(EINVAL, "read memory file: not aligned");
    }
    if (fail_offset_ && *fail_offset_ >= offset && *fail_offset_ - offset < buffer.size()) {
      return sys::ErrnoStatus(fail_error_, "read memory file");
    }
    if (offset >= contents_.size()) return size_t{0};
    const size_t start = static_cast<size_t>(offset);
    const size_t length = std::min(buffer.size(), contents_.size() - start);
    std::memcpy(buffer.data(), contents_.data() + start, length);
    return length;
  }

  absl::Status WriteAt(uint64_t, absl::string_view) override { return Unsupported(); }
  absl::Status Truncate(uint64_t) override { return Unsupported(); }
  absl::Status Sync() override { return Unsupported(); }
  absl::StatusOr<sys::FileStat> Stat() override { return Unsupported(); }
  absl::StatusOr<std::optional<DataRange>> NextData(uint64_t) override { return Unsupported(); }
  absl::StatusOr<int> Ioctl(unsigned long, absl::Span<char>) override { return Unsupported(); }
  absl::StatusOr<int> IoctlValue(unsigned long, uint64_t) override { return Unsupported(); }
  absl::StatusOr<bool> WaitReadable(absl::Time) override { return Unsupported(); }
  absl::StatusOr<bool> TryLock(sys::LockMode) override { return Unsupported(); }
  absl::Status Unlock() override { return Unsupported(); }
  int descriptor() const override { return -1; }

 private:
  static absl::Status Unsupported() {
    return sys::ErrnoStatus(EOPNOTSUPP, "memory file: it can only be read");
  }

  std::string contents_;
  uint64_t alignment_ = 1;
  std::optional<uint64_t> fail_offset_;
  int fail_error_ = 0;
  uint64_t reads_ = 0;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_TESTDATA_MEMORY_FILE_H_
