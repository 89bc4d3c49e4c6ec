// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/archive/chunks.h"
#include "driver/archive/tar_entry.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

constexpr uint64_t kBlock = 512;
constexpr size_t kTypeOffset = 156;
// GNU tar's map of a sparse file is part of its header and has no end of its own.
constexpr uint64_t kHeaderBytesMax = uint64_t{16} << 20;

// The thread's locale while it lives. In a UTF-8 locale libarchive would compose the characters of
// names ("e" and an accent to one "é"); in this one it leaves alone what it cannot convert.
class PlainLocale {
 public:
  explicit PlainLocale(locale_t plain) : before_(uselocale(plain)) {}
  ~PlainLocale() { uselocale(before_); }
  PlainLocale(const PlainLocale&) = delete;
  PlainLocale& operator=(const PlainLocale&) = delete;

 private:
  const locale_t before_;
};

// The header of a symbolic link that is put in front of every archive. libarchive forgets the
// target of a link whose header has none, only its pax "linkpath", unless it has seen one before.
std::string FirstHeader() {
  std::string header(kBlock, '\0');
  const auto put = [&header](size_t at, absl::string_view text) {
    header.replace(at, text.size(), text.data(), text.size());
  };
  put(0, "x");
  put(100, "0000777");
  put(108, "0000000");
  put(116, "0000000");
  put(124, "00000000000");
  put(136, "00000000000");
  put(148, "        ");
  put(kTypeOffset, "2x");
  put(257, absl::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::string digits = "000000";
  for (size_t i = digits.size(); i-- > 0; sum /= 8) digits[i] = static_cast<char>('0' + sum % 8);
  put(148, digits);
  return header;
}

class LibarchiveReader : public TarReader {
 public:
  explicit LibarchiveReader(ChunkSource& in)
      : in_(in),
        plain_(newlocale(LC_ALL_MASK, "C", nullptr)),
        archive_(archive_read_new()),
        first_(FirstHeader()) {
    DMKIT_CHECK(plain_ != nullptr && archive_ != nullptr);
  }
  ~LibarchiveReader() override {
    archive_read_free(archive_);
    freelocale(plain_);
  }
  LibarchiveReader(const LibarchiveReader&) = delete;
  LibarchiveReader& operator=(const LibarchiveReader&) = delete;

  absl::StatusOr<const TarEntry*> Next() override;
  absl::Status ReadData(
      absl::FunctionRef<absl::Status(uint64_t offset, absl::string_view bytes)> write) override;

 private:
  static la_ssize_t Read(struct archive* archive, void* self, const void** bytes);
  absl::StatusOr<absl::string_view> Feed();

  absl::Status Open();
  absl::Status NextHeader();
  absl::Status CheckType() const;
  absl::Status Finish();
  // In the bytes of the archive itself.
  uint64_t Position() const {
    const auto position = static_cast<uint64_t>(archive_filter_bytes(archive_, 0));
    return position < kBlock ? 0 : position - kBlock;
  }
  absl::Status Damaged(absl::string_view what) const {
    return absl::DataLossError(absl::StrCat("archive: at byte ", Position(), ": ", what));
  }
  absl::Status Failed() const;

  ChunkSource& in_;
  const locale_t plain_;
  struct archive* const archive_;
  const std::string first_;
  absl::string_view chunk_;   // the last one given to libarchive
  uint64_t chunk_begin_ = 0;  // its position
  bool opened_ = false;
  bool in_header_ = false;
  uint64_t header_begin_ = 0;  // what had been given when the header was asked for
  absl::Status input_error_;
  bool any_ = false;  // a header was there
  struct archive_entry* raw_ = nullptr;
  TarEntry entry_;
};

absl::StatusOr<absl::string_view> LibarchiveReader::Feed() {
  const uint64_t given = chunk_begin_ + chunk_.size();
  if (given == 0) return absl::string_view(first_);
  if (in_header_ && given - header_begin_ > kHeaderBytesMax) {
    return Damaged("the headers of one file are larger than 16 MiB");
  }
  return in_.Next();
}

la_ssize_t LibarchiveReader::Read(struct archive* archive, void* self, const void** bytes) {
  auto& reader = *static_cast<LibarchiveReader*>(self);
  const absl::StatusOr<absl::string_view> chunk = reader.Feed();
  if (!chunk.ok()) {
    reader.input_error_ = chunk.status();
    archive_set_error(archive, EIO, "cannot be read");
    return -1;
  }
  reader.chunk_begin_ += reader.chunk_.size();
  reader.chunk_ = *chunk;
  *bytes = chunk->data();
  return static_cast<la_ssize_t>(chunk->size());
}

absl::Status LibarchiveReader::Failed() const {
  if (!input_error_.ok()) return input_error_;
  const char* const text = archive_error_string(archive_);
  const absl::string_view why = text != nullptr ? text : "it is damaged";
  if (any_) return Damaged(why);
  return Damaged(
      absl::StrCat(why, ": this is no tar archive, plain or packed with gzip, zstd, xz or bzip2"));
}

absl::Status LibarchiveReader::NextHeader() {
  in_header_ = true;
  header_begin_ = chunk_begin_ + chunk_.size();
  const int result = archive_read_next_header(archive_, &raw_);
  in_header_ = false;
  if (result == ARCHIVE_OK) return absl::OkStatus();
  if (result == ARCHIVE_EOF) {
    raw_ = nullptr;
    return absl::OkStatus();
  }
  // A name that it cannot convert is kept as it is: what is wanted of all names.
  const char* const why = archive_error_string(archive_);
  if (result == ARCHIVE_WARN && why != nullptr && absl::StrContains(why, "can't be converted")) {
    return absl::OkStatus();
  }
  return Failed();
}

absl::Status LibarchiveReader::Open() {
  if (archive_read_support_format_tar(archive_) != ARCHIVE_OK ||
      archive_read_open(archive_, this, nullptr, &LibarchiveReader::Read, nullptr) != ARCHIVE_OK) {
    return Failed();
  }
  opened_ = true;
  return NextHeader();
}

// libarchive takes every type that it does not know for a regular file.
absl::Status LibarchiveReader::CheckType() const {
  // The header proper is the last block that was read, except for a map of holes behind it.
  const uint64_t header = static_cast<uint64_t>(archive_filter_bytes(archive_, 0)) - kBlock;
  if (header < chunk_begin_ || header + kBlock > chunk_begin_ + chunk_.size()) {
    return absl::OkStatus();
  }
  const char type = chunk_[header - chunk_begin_ + kTypeOffset];
  if (type == '0' || type == '\0' || archive_entry_sparse_count(raw_) > 0) return absl::OkStatus();
  if (type == 'S') return absl::OkStatus();
  return Damaged(
      absl::StrCat("an entry of the unknown type ", sys::Printable(absl::string_view(&type, 1))));
}

absl::Status LibarchiveReader::Finish() {
  const auto last = static_cast<uint64_t>(archive_read_header_position(archive_));
  const auto position = static_cast<uint64_t>(archive_filter_bytes(archive_, 0));
  if (position < last + kBlock) return Damaged("the archive ends without an end marker: cut off?");
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view chunk, in_.Next());
    if (chunk.empty()) return absl::OkStatus();
  }
}

absl::StatusOr<const TarEntry*> LibarchiveReader::Next() {
  const PlainLocale locale(plain_);
  if (!opened_) DMKIT_RETURN_IF_ERROR(Open());
  if (archive_read_data_skip(archive_) < ARCHIVE_WARN) return Failed();
  DMKIT_RETURN_IF_ERROR(NextHeader());
  if (raw_ == nullptr) {
    DMKIT_RETURN_IF_ERROR(Finish());
    return nullptr;
  }
  const absl::StatusOr<TarEntry> entry = ConvertEntry(raw_);
  if (!entry.ok()) return Damaged(entry.status().message());
  entry_ = *entry;
  any_ = true;
  if (entry_.type == TarType::kRegular) DMKIT_RETURN_IF_ERROR(CheckType());
  return &entry_;
}

absl::Status LibarchiveReader::ReadData(
    absl::FunctionRef<absl::Status(uint64_t offset, absl::string_view bytes)> write) {
  const PlainLocale locale(plain_);
  if (entry_.type != TarType::kRegular) return absl::OkStatus();
  const uint64_t expected = DataBytes(raw_);
  uint64_t got = 0;
  while (true) {
    const void* bytes = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    const int result = archive_read_data_block(archive_, &bytes, &size, &offset);
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK) return Failed();
    const auto begin = static_cast<uint64_t>(offset);
    if (offset < 0 || begin > entry_.size_bytes || size > entry_.size_bytes - begin) {
      return Damaged("data behind the end of its file");
    }
    got += size;
    DMKIT_RETURN_IF_ERROR(write(begin, absl::string_view(static_cast<const char*>(bytes), size)));
  }
  if (got != expected) return Damaged("a file's data do not fit its map of holes");
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<TarReader> TarReader::Create(ChunkSource& in) {
  return std::make_unique<LibarchiveReader>(in);
}

}  // namespace dmkit::driver
