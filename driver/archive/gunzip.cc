// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/gunzip.h"

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/archive/chunks.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

// A window of any size, and the header and trailer of gzip.
constexpr int kGzipWindow = MAX_WBITS + 16;

class Gunzip : public ChunkSource {
 public:
  explicit Gunzip(std::unique_ptr<ChunkSource> in)
      : in_(std::move(in)), buffer_(new unsigned char[kChunkBytes]) {
    DMKIT_CHECK(inflateInit2(&stream_, kGzipWindow) == Z_OK);
  }
  ~Gunzip() override { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  absl::StatusOr<absl::string_view> Next() override;

 private:
  // Has bytes of the input at hand, or knows that there are no more.
  absl::Status Feed();
  // Between two members: skips padding, and tells whether there is another one.
  absl::StatusOr<bool> NextMember();
  absl::Status Damaged(absl::string_view what) const {
    return absl::DataLossError(
        absl::StrCat("gzip stream: at byte ", given_ - stream_.avail_in, ": ", what));
  }

  const std::unique_ptr<ChunkSource> in_;
  const std::unique_ptr<unsigned char[]> buffer_;
  z_stream stream_ = {};
  uint64_t given_ = 0;
  bool input_ended_ = false;
  bool in_member_ = true;
  bool ended_ = false;
};

absl::Status Gunzip::Feed() {
  if (stream_.avail_in != 0 || input_ended_) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view chunk, in_->Next());
  // zlib takes a pointer to bytes that it does not change.
  stream_.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(chunk.data()));
  stream_.avail_in = static_cast<unsigned>(chunk.size());
  given_ += chunk.size();
  input_ended_ = chunk.empty();
  return absl::OkStatus();
}

absl::StatusOr<bool> Gunzip::NextMember() {
  while (true) {
    DMKIT_RETURN_IF_ERROR(Feed());
    if (input_ended_) return false;
    if (*stream_.next_in != 0) break;
    ++stream_.next_in;
    --stream_.avail_in;
  }
  if (*stream_.next_in != 0x1f) return Damaged("what follows the stream is no gzip");
  DMKIT_CHECK(inflateReset(&stream_) == Z_OK);
  return true;
}

absl::StatusOr<absl::string_view> Gunzip::Next() {
  stream_.next_out = buffer_.get();
  stream_.avail_out = kChunkBytes;
  while (stream_.avail_out != 0 && !ended_) {
    if (!in_member_) {
      DMKIT_ASSIGN_OR_RETURN(in_member_, NextMember());
      ended_ = !in_member_;
      continue;
    }
    DMKIT_RETURN_IF_ERROR(Feed());
    if (input_ended_) return Damaged("it is cut off here");
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      in_member_ = false;
    } else if (result != Z_OK) {
      return Damaged(stream_.msg != nullptr ? stream_.msg : "it is damaged");
    }
  }
  return absl::string_view(reinterpret_cast<const char*>(buffer_.get()),
                           kChunkBytes - stream_.avail_out);
}

}  // namespace

std::unique_ptr<ChunkSource> MakeGunzip(std::unique_ptr<ChunkSource> in) {
  return std::make_unique<Gunzip>(std::move(in));
}

}  // namespace dmkit::driver
