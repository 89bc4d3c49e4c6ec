// SPDX-License-Identifier: Apache-2.0
// Writing metadata, the other way round than metadata.cc reads it. For tests only, little-endian
// hosts only.

#include "thinp/testdata/metadata_image.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "sys/crc32c.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::thinp {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

MetadataImage MetadataImage::Parse(absl::string_view text) {
  MetadataImage image(0);
  std::optional<uint64_t> block;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(line, "#")) continue;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    DMKIT_CHECK(words.size() == 2);
    if (words[0] == "block") {
      block = sys::ParseUnsigned(words[1]);
      DMKIT_CHECK(block.has_value());
      const size_t end = (*block + 1) * kBlockBytes;
      if (image.bytes_.size() < end) image.bytes_.resize(end, '\0');
      continue;
    }
    DMKIT_CHECK(block.has_value());
    uint64_t offset = 0;
    DMKIT_CHECK(absl::SimpleHexAtoi(words[0], &offset));
    const std::string bytes = absl::HexStringToBytes(words[1]);
    DMKIT_CHECK(offset <= kBlockBytes && kBlockBytes - offset >= bytes.size());
    std::memcpy(&image.bytes_[*block * kBlockBytes + offset], bytes.data(), bytes.size());
  }
  return image;
}

void MetadataImage::Seal(uint64_t number, BlockKind kind) {
  const uint32_t mark = kind == BlockKind::kSuperblock ? 160774 : 121107;
  Put<uint32_t>(number, 0, ~sys::Crc32c(block(number).substr(4)) ^ mark);
}

void MetadataImage::Move(uint64_t from, uint64_t to, BlockKind kind) {
  std::memmove(&bytes_[to * kBlockBytes], &bytes_[from * kBlockBytes], kBlockBytes);
  Put<uint64_t>(to, 8, to);
  Seal(to, kind);
}

void MetadataImage::PutInternal(uint64_t block, const std::vector<Entry>& entries) {
  PutNode(block, 1, 8, 252, entries);
}

void MetadataImage::PutLeaf(uint64_t block, const std::vector<Entry>& entries) {
  PutNode(block, 2, 24, 126, entries);
}

void MetadataImage::PutNode(uint64_t block, uint32_t flags, uint32_t value_size,
                            uint32_t entries_max, const std::vector<Entry>& entries) {
  DMKIT_CHECK(entries.size() <= entries_max);
  std::memset(&bytes_[block * kBlockBytes], 0, kBlockBytes);
  Put<uint32_t>(block, 4, flags);
  Put<uint64_t>(block, 8, block);
  Put<uint32_t>(block, 16, static_cast<uint32_t>(entries.size()));
  Put<uint32_t>(block, 20, entries_max);
  Put<uint32_t>(block, 24, value_size);
  for (size_t i = 0; i < entries.size(); ++i) {
    Put<uint64_t>(block, 32 + 8 * i, entries[i].key);
    Put<uint64_t>(block, 32 + 8 * entries_max + value_size * i, entries[i].value);
  }
  Seal(block, BlockKind::kNode);
}

}  // namespace dmkit::thinp
