// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/unpack_filter.h"

#include <archive.h>
#include <sys/types.h>

#include <cerrno>
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

class UnpackFilter : public ChunkSource {
 public:
  UnpackFilter(absl::string_view name, std::unique_ptr<ChunkSource> in)
      : name_(name), in_(std::move(in)), archive_(archive_read_new()) {
    DMKIT_CHECK(archive_ != nullptr);
  }
  ~UnpackFilter() override { archive_read_free(archive_); }
  UnpackFilter(const UnpackFilter&) = delete;
  UnpackFilter& operator=(const UnpackFilter&) = delete;

  // One filter, and one "file" without a name in the stream.
  absl::Status Open(int (*support)(struct archive*), int filter_code) {
    support(archive_);
    archive_read_support_format_raw(archive_);
    archive_read_support_format_empty(archive_);
    const int opened = archive_read_open(archive_, this, nullptr, &UnpackFilter::Read, nullptr);
    // The format for nothing takes an error for nothing too, and a filter that does not recognise
    // its stream lets it pass.
    if (opened != ARCHIVE_OK || archive_errno(archive_) != 0 ||
        archive_filter_code(archive_, 0) != filter_code) {
      return Failed();
    }
    struct archive_entry* entry = nullptr;
    const int result = archive_read_next_header(archive_, &entry);
    if (result == ARCHIVE_EOF) return Finish();
    return result == ARCHIVE_OK ? absl::OkStatus() : Failed();
  }

  absl::StatusOr<absl::string_view> Next() override {
    if (ended_) return absl::string_view();
    const la_ssize_t got = archive_read_data(archive_, buffer_.get(), kChunkBytes);
    if (got < 0) return Failed();
    if (got == 0) DMKIT_RETURN_IF_ERROR(Finish());
    return absl::string_view(buffer_.get(), static_cast<size_t>(got));
  }

 private:
  static la_ssize_t Read(struct archive* archive, void* self, const void** bytes) {
    auto& filter = *static_cast<UnpackFilter*>(self);
    const absl::StatusOr<absl::string_view> chunk = filter.in_->Next();
    if (!chunk.ok()) {
      filter.input_error_ = chunk.status();
      archive_set_error(archive, EIO, "cannot be read");
      return -1;
    }
    *bytes = chunk->data();
    filter.given_ += chunk->size();
    return static_cast<la_ssize_t>(chunk->size());
  }

  // libarchive leaves alone what follows a bzip2 stream.
  absl::Status Finish() {
    ended_ = true;
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view more, in_->Next());
    const auto taken = static_cast<uint64_t>(archive_filter_bytes(archive_, -1));
    if (more.empty() && taken == given_) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat(name_, " stream: at byte ", taken, ": what follows the stream is no ", name_));
  }

  absl::Status Failed() const {
    if (!input_error_.ok()) return input_error_;
    const char* const why = archive_error_string(archive_);
    return absl::DataLossError(absl::StrCat(name_, " stream: at byte ",
                                            archive_filter_bytes(archive_, -1), ": ",
                                            why != nullptr ? why : "it is damaged"));
  }

  const absl::string_view name_;
  const std::unique_ptr<ChunkSource> in_;
  const std::unique_ptr<char[]> buffer_{new char[kChunkBytes]};
  struct archive* const archive_;
  absl::Status input_error_;
  uint64_t given_ = 0;
  bool ended_ = false;
};

struct Filter {
  absl::string_view name;
  int (*support)(struct archive*);
  int code;
};

Filter FilterOf(UnpackKind kind) {
  switch (kind) {
    case UnpackKind::kZstd:
      return {"zstd", &archive_read_support_filter_zstd, ARCHIVE_FILTER_ZSTD};
    case UnpackKind::kXz:
      return {"xz", &archive_read_support_filter_xz, ARCHIVE_FILTER_XZ};
    case UnpackKind::kBzip2:
      break;
  }
  return {"bzip2", &archive_read_support_filter_bzip2, ARCHIVE_FILTER_BZIP2};
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkSource>> MakeUnpackFilter(UnpackKind kind,
                                                              std::unique_ptr<ChunkSource> in) {
  const Filter filter = FilterOf(kind);
  auto source = std::make_unique<UnpackFilter>(filter.name, std::move(in));
  DMKIT_RETURN_IF_ERROR(source->Open(filter.support, filter.code));
  return source;
}

}  // namespace dmkit::driver
