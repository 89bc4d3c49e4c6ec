// SPDX-License-Identifier: Apache-2.0
// Streams over texts in memory, for what is small and for tests.

#ifndef DMKIT_SYS_STRING_STREAM_H_
#define DMKIT_SYS_STRING_STREAM_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/stream.h"

namespace dmkit::sys {

// Gives the bytes of `data`, at most `piece` at a time.
class StringSource : public ByteSource {
 public:
  explicit StringSource(std::string data, size_t piece = std::string::npos)
      : data_(std::move(data)), piece_(piece) {}

  absl::StatusOr<size_t> Read(absl::Span<char> buffer) override {
    const size_t length = data_.copy(buffer.data(), std::min(buffer.size(), piece_), at_);
    at_ += length;
    return length;
  }

 private:
  const std::string data_;
  const size_t piece_;
  size_t at_ = 0;
};

// Keeps everything that is written.
class StringSink : public ByteSink {
 public:
  absl::Status Write(absl::string_view data) override {
    data_.append(data.data(), data.size());
    return absl::OkStatus();
  }

  const std::string& data() const { return data_; }

 private:
  std::string data_;
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_STRING_STREAM_H_
