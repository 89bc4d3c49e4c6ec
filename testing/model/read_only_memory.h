// SPDX-License-Identifier: Apache-2.0
// Memory that a caller can read and not write. The model runs in the program that calls it: a write
// that gives a kernel EFAULT would end that program here. Who protects memory says so.

#ifndef DMKIT_TESTING_MODEL_READ_ONLY_MEMORY_H_
#define DMKIT_TESTING_MODEL_READ_ONLY_MEMORY_H_

#include <cstddef>
#include <functional>

#include "absl/types/span.h"

namespace dmkit::model {

// While it lives, the calls that this thread makes answer -EFAULT where they would write into
// `range`. One at a time in a thread.
class ReadOnlyMemory {
 public:
  explicit ReadOnlyMemory(absl::Span<const char> range) { range_ = range; }
  ~ReadOnlyMemory() { range_ = {}; }
  ReadOnlyMemory(const ReadOnlyMemory&) = delete;
  ReadOnlyMemory& operator=(const ReadOnlyMemory&) = delete;

  static bool Overlaps(const char* begin, size_t length) {
    const std::less<const char*> is_before;
    return length != 0 && is_before(begin, range_.data() + range_.size()) &&
           is_before(range_.data(), begin + length);
  }

 private:
  inline static thread_local absl::Span<const char> range_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_READ_ONLY_MEMORY_H_
