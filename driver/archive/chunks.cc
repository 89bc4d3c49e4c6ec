// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/chunks.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/status.h"
#include "sys/stream.h"

namespace dmkit::driver {
namespace {

constexpr uint64_t kProgressBytes = uint64_t{1} << 20;

}  // namespace

PlainChunks::PlainChunks(sys::ByteSource& in, std::function<void(uint64_t bytes)> progress)
    : in_(in), progress_(std::move(progress)), buffer_(new char[kChunkBytes]) {}

absl::Status PlainChunks::Fill() {
  filled_ = 0;
  while (filled_ < kChunkBytes) {
    DMKIT_ASSIGN_OR_RETURN(
        const size_t got, in_.Read(absl::MakeSpan(buffer_.get() + filled_, kChunkBytes - filled_)));
    filled_ += got;
    total_ += got;
    const bool due = got == 0 ? total_ != reported_ : total_ - reported_ >= kProgressBytes;
    if (progress_ && due) {
      reported_ = total_;
      progress_(total_);
    }
    if (got == 0) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> PlainChunks::Peek() {
  if (!peeked_) DMKIT_RETURN_IF_ERROR(Fill());
  peeked_ = true;
  return absl::string_view(buffer_.get(), filled_);
}

absl::StatusOr<absl::string_view> PlainChunks::Next() {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view chunk, Peek());
  peeked_ = false;
  return chunk;
}

}  // namespace dmkit::driver
