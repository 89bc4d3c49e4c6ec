// SPDX-License-Identifier: Apache-2.0
// Checked blocks. The checks are those of sb_check(), node_check(), index_check() and
// dm_bitmap_check().

#include "testing/model/thin/block_store.h"

#include <cerrno>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmkit::model {
namespace {

bool NodeMeasuresFit(const char* block) {
  const uint64_t flags = Get32(block + NodeAt::kFlags);
  const uint64_t entries = Get32(block + NodeAt::kEntries);
  const uint64_t max_entries = Get32(block + NodeAt::kMaxEntries);
  const uint64_t value_bytes = Get32(block + NodeAt::kValueBytes);
  if ((flags & (kInternalNode | kLeafNode)) == 0) return false;
  if (entries > max_entries || max_entries > kMetadataBlockBytes) return false;
  return NodeAt::kKeys + max_entries * (8 + value_bytes) <= kMetadataBlockBytes;
}

int CheckBlock(BlockKind kind, uint64_t number, const char* block) {
  if (Get64(block + kPlaceAt) != number) return -ENOTBLK;
  if (kind == BlockKind::kSuperblock && Get64(block + SuperblockAt::kMagic) != kSuperblockMagic) {
    return -EILSEQ;
  }
  if (Get32(block + kChecksumAt) != BlockChecksum(kind, block)) return -EILSEQ;
  if (kind == BlockKind::kNode && !NodeMeasuresFit(block)) return -EILSEQ;
  return 0;
}

}  // namespace

int BlockStore::ReadFirst(std::array<char, kMetadataBlockBytes>* block) {
  return device_.Read(0, absl::MakeSpan(*block));
}

int BlockStore::Load(uint64_t number, BlockKind kind, Block** block) {
  const auto known = blocks_.find(number);
  if (known != blocks_.end()) {
    if (known->second.kind != kind) return -EINVAL;
    *block = &known->second;
    return 0;
  }
  if (number >= blocks()) return -EIO;
  Block loaded{std::make_unique<std::array<char, kMetadataBlockBytes>>(), kind};
  int result = device_.Read(number * kMetadataBlockBytes, absl::MakeSpan(*loaded.bytes));
  if (result == 0) result = CheckBlock(kind, number, loaded.bytes->data());
  if (result != 0) return result;
  *block = &blocks_.emplace(number, std::move(loaded)).first->second;
  return 0;
}

int BlockStore::Read(uint64_t number, BlockKind kind, const char** block) {
  Block* loaded = nullptr;
  const int result = Load(number, kind, &loaded);
  if (result == 0) *block = loaded->bytes->data();
  return result;
}

int BlockStore::Write(uint64_t number, BlockKind kind, char** block) {
  if (read_only_) return -EPERM;
  Block* loaded = nullptr;
  const int result = Load(number, kind, &loaded);
  if (result != 0) return result;
  dirty_.insert(number);
  *block = loaded->bytes->data();
  return 0;
}

int BlockStore::WriteZero(uint64_t number, BlockKind kind, char** block) {
  if (read_only_) return -EPERM;
  Block& fresh = blocks_[number];
  if (fresh.bytes == nullptr)
    fresh.bytes = std::make_unique<std::array<char, kMetadataBlockBytes>>();
  fresh.bytes->fill(0);
  fresh.kind = kind;
  dirty_.insert(number);
  *block = fresh.bytes->data();
  return 0;
}

int BlockStore::WriteBlocks() {
  int result = 0;
  for (const uint64_t number : std::exchange(dirty_, {})) {
    Block& block = blocks_[number];
    char* bytes = block.bytes->data();
    Put64(bytes + kPlaceAt, number);
    Put32(bytes + kChecksumAt, BlockChecksum(block.kind, bytes));
    const int written =
        device_.Write(number * kMetadataBlockBytes, absl::string_view(bytes, kMetadataBlockBytes));
    if (result == 0) result = written;
  }
  return result;
}

int BlockStore::Flush() {
  if (read_only_) return -EPERM;
  const int written = WriteBlocks();
  const int flushed = device_.Flush();
  return written != 0 ? written : flushed;
}

}  // namespace dmkit::model
