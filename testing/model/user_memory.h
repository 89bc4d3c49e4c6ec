// SPDX-License-Identifier: Apache-2.0
// The caller's memory behind an ioctl argument. What lies outside the caller's span is unmapped:
// touching it gives -EFAULT, as at the end of a page with nothing behind it. So does writing to
// what is read-only.

#ifndef DMKIT_TESTING_MODEL_USER_MEMORY_H_
#define DMKIT_TESTING_MODEL_USER_MEMORY_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/types/span.h"
#include "testing/model/read_only_memory.h"

namespace dmkit::model {

class UserMemory {
 public:
  // An ioctl with a pointer.
  explicit UserMemory(absl::Span<char> bytes) : bytes_(bytes) {}
  // An ioctl with a number, which is no pointer to anything.
  explicit UserMemory(uint64_t value) : value_(value) {}

  // The argument of an ioctl that takes a number. 0 when there was a pointer.
  uint64_t value() const { return value_; }
  // Whether the argument is a null pointer.
  bool is_null() const { return bytes_.data() == nullptr && value_ == 0; }

  // Whether it can be read.
  bool Covers(size_t offset, size_t length) const {
    return offset <= bytes_.size() && bytes_.size() - offset >= length;
  }
  bool IsWritable(size_t offset, size_t length) const {
    return Covers(offset, length) && !ReadOnlyMemory::Overlaps(bytes_.data() + offset, length);
  }
  // 0 or -EFAULT. Nothing is copied when it fails.
  int CopyIn(size_t offset, void* to, size_t length) const {
    if (!Covers(offset, length)) return -EFAULT;
    if (length != 0) std::memcpy(to, bytes_.data() + offset, length);
    return 0;
  }
  int CopyOut(size_t offset, const void* from, size_t length) const {
    if (!IsWritable(offset, length)) return -EFAULT;
    if (length != 0) std::memcpy(bytes_.data() + offset, from, length);
    return 0;
  }
  int Clear(size_t offset, size_t length) const {
    if (!IsWritable(offset, length)) return -EFAULT;
    if (length != 0) std::memset(bytes_.data() + offset, 0, length);
    return 0;
  }

 private:
  absl::Span<char> bytes_;
  uint64_t value_ = 0;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_USER_MEMORY_H_
