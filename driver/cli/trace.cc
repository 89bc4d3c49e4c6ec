// SPDX-License-Identifier: Apache-2.0
// One buffer for held lines, filled and emptied in place.

#include "driver/cli/trace.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver::cli {
namespace {

constexpr absl::string_view kPrefix = "trace: ";

}  // namespace

StreamTrace::StreamTrace(std::FILE* stream) : stream_(stream) {
  // Writing every byte once makes the kernel provide the pages now.
  held_.assign(kHeldBytesMax, ' ');
  held_.clear();
}

void StreamTrace::Line(absl::string_view line) {
  if (holds_ == 0) {
    const std::string text = absl::StrCat(kPrefix, line, "\n");
    std::fwrite(text.data(), 1, text.size(), stream_);
    std::fflush(stream_);
    return;
  }
  const size_t room = kHeldBytesMax - held_.size();
  const size_t around = kPrefix.size() + 1;
  if (room < around || room - around < line.size()) {
    ++dropped_;
    return;
  }
  held_.append(kPrefix.data(), kPrefix.size());
  held_.append(line.data(), line.size());
  held_.push_back('\n');
}

void StreamTrace::Hold() { ++holds_; }

void StreamTrace::Release() {
  if (holds_ == 0 || --holds_ > 0) return;
  std::fwrite(held_.data(), 1, held_.size(), stream_);
  held_.clear();
  if (dropped_ > 0) {
    const std::string text = absl::StrCat(
        kPrefix, "lines that did not fit while a device was suspended: ", dropped_, "\n");
    std::fwrite(text.data(), 1, text.size(), stream_);
    dropped_ = 0;
  }
  std::fflush(stream_);
}

}  // namespace dmkit::driver::cli
