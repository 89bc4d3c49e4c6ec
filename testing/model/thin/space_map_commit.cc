// SPDX-License-Identifier: Apache-2.0
// Making, opening, growing and committing space maps.

#include <cerrno>
#include <memory>

#include "testing/model/thin/btree.h"
#include "testing/model/thin/space_map.h"

namespace dmkit::model {
namespace {

uint64_t ChunksOf(uint64_t blocks) { return (blocks + kCountsPerBitmap - 1) / kCountsPerBitmap; }

void PutEntry(char* at, uint64_t bitmap, uint32_t free, uint32_t none_free_before) {
  Put64(at, bitmap);
  Put32(at + 8, free);
  Put32(at + 12, none_free_before);
}

}  // namespace

SpaceMap::SpaceMap(TransactionManager& transaction, Of of)
    : transaction_(transaction),
      of_(of),
      index_tree_(std::make_unique<BTree>(transaction, kIndexEntryBytes, nullptr)),
      count_tree_(std::make_unique<BTree>(transaction, 4, nullptr)) {}

SpaceMap::~SpaceMap() = default;

// Adds bitmaps. Those of a metadata map lie in the new blocks, from the first one on: they are
// `taken`, and counted when all bitmaps are there.
int SpaceMap::AddChunks(uint64_t blocks, std::vector<uint64_t>* taken) {
  uint64_t next = blocks_;
  if (taken != nullptr && !taken->empty()) next = taken->back() + 1;
  if (is_metadata() && blocks > kMaxMetadataBlocks) return -EINVAL;
  const uint64_t old_chunks = ChunksOf(blocks_);
  blocks_ = blocks;
  for (uint64_t i = old_chunks; i < ChunksOf(blocks); ++i) {
    Chunk chunk;
    char* bitmap = nullptr;
    int result = 0;
    if (is_metadata()) {
      chunk.bitmap = next++;
      if (chunk.bitmap >= blocks) return -EINVAL;
      result = transaction_.store().WriteZero(chunk.bitmap, BlockKind::kBitmap, &bitmap);
      transaction_.AddShadow(chunk.bitmap);
      taken->push_back(chunk.bitmap);
    } else {
      result = transaction_.NewBlock(BlockKind::kBitmap, &chunk.bitmap, &bitmap);
    }
    if (result != 0) return result;
    chunk.free = kCountsPerBitmap;
    chunks_[i] = chunk;
    changed_chunks_.insert(i);
  }
  return 0;
}

int SpaceMap::Format(uint64_t blocks) {
  if (!is_metadata()) {
    int result = index_tree_->Empty(&bitmap_root_);
    if (result == 0) result = count_tree_->Empty(&count_root_);
    return result == 0 ? Commit() : result;
  }
  // The superblock, the index, the root of the high counts, then the bitmaps.
  std::vector<uint64_t> taken = {0, 1, 2};
  bitmap_root_ = 1;
  count_root_ = 2;
  if (blocks <= taken.size()) return -EINVAL;
  BlockStore& store = transaction_.store();
  char* block = nullptr;
  int result = store.WriteZero(bitmap_root_, BlockKind::kIndex, &block);
  if (result == 0) result = store.WriteZero(count_root_, BlockKind::kNode, &block);
  if (result != 0) return result;
  BTreeNode(block).Init(kLeafNode, MaxEntries(4), 4);
  transaction_.AddShadow(bitmap_root_);
  transaction_.AddShadow(count_root_);
  result = AddChunks(blocks, &taken);
  for (const uint64_t number : taken) {
    if (result == 0) result = Change(number, 1);
  }
  cursor_ = taken.back() + 1;
  return result == 0 ? Commit() : result;
}

int SpaceMap::Open(const char* root) {
  blocks_ = Get64(root + SpaceMapRootAt::kBlocks);
  allocated_ = Get64(root + SpaceMapRootAt::kAllocated);
  bitmap_root_ = Get64(root + SpaceMapRootAt::kBitmapRoot);
  count_root_ = Get64(root + SpaceMapRootAt::kCountRoot);
  committed_blocks_ = blocks_;
  committed_allocated_ = allocated_;
  if (!is_metadata()) return 0;
  if (blocks_ > kMaxMetadataBlocks) return -EINVAL;
  const char* index = nullptr;
  const int result = transaction_.Read(bitmap_root_, BlockKind::kIndex, &index);
  if (result != 0) return result;
  const char* entry = index + kIndexHeaderBytes;
  for (uint64_t i = 0; i < ChunksOf(blocks_); ++i) {
    chunks_[i] = {Get64(entry), Get32(entry + 8), Get32(entry + 12)};
    entry += kIndexEntryBytes;
  }
  return 0;
}

void SpaceMap::PutRoot(char* root) const {
  Put64(root + SpaceMapRootAt::kBlocks, blocks_);
  Put64(root + SpaceMapRootAt::kAllocated, allocated_);
  Put64(root + SpaceMapRootAt::kBitmapRoot, bitmap_root_);
  Put64(root + SpaceMapRootAt::kCountRoot, count_root_);
}

int SpaceMap::Extend(uint64_t extra) {
  std::vector<uint64_t> taken;
  const uint64_t old_blocks = blocks_;
  int result = AddChunks(blocks_ + extra, is_metadata() ? &taken : nullptr);
  if (!is_metadata() || result != 0) return result;
  // What these counts need themselves comes from the new blocks too.
  cursor_ = old_blocks + taken.size();
  pending_.insert(taken.begin(), taken.end());
  for (const uint64_t number : taken) {
    if (result == 0) result = Change(number, 1);
  }
  pending_.clear();
  return result;
}

int SpaceMap::CommitHighCounts() {
  while (!high_counts_.empty()) {
    const auto [number, count] = *high_counts_.begin();
    int result = 0;
    if (count != 0) {
      char value[4];
      Put32(value, count);
      result = count_tree_->Insert(&count_root_, number, value, nullptr);
    } else {
      result = count_tree_->Lookup(count_root_, number, nullptr);
      if (result == 0) {
        result = count_tree_->Remove(&count_root_, number);
      } else if (result == -ENODATA) {
        result = 0;  // it rose and fell within the transaction
      }
    }
    if (result != 0) return result;
    high_counts_.erase(number);
  }
  return 0;
}

int SpaceMap::CommitMetadataIndex() {
  if (changed_chunks_.empty()) return 0;
  char* index = nullptr;
  bool inc_children = false;
  const int result =
      transaction_.Shadow(bitmap_root_, BlockKind::kIndex, &bitmap_root_, &index, &inc_children);
  if (result != 0) return result;
  char* entry = index + kIndexHeaderBytes;
  for (uint64_t i = 0; i < ChunksOf(blocks_); ++i) {
    const Chunk& chunk = chunks_[i];
    PutEntry(entry, chunk.bitmap, chunk.free, chunk.none_free_before);
    entry += kIndexEntryBytes;
  }
  changed_chunks_.clear();
  return 0;
}

int SpaceMap::CommitDataIndex() {
  for (const uint64_t i : changed_chunks_) {
    const Chunk& chunk = chunks_[i];
    char entry[kIndexEntryBytes];
    PutEntry(entry, chunk.bitmap, chunk.free, chunk.none_free_before);
    const int result = index_tree_->Insert(&bitmap_root_, i, entry, nullptr);
    if (result != 0) return result;
  }
  changed_chunks_.clear();
  return 0;
}

int SpaceMap::Commit() {
  int result = CommitHighCounts();
  if (result == 0) result = is_metadata() ? CommitMetadataIndex() : CommitDataIndex();
  if (result != 0) return result;
  committed_blocks_ = blocks_;
  committed_allocated_ = allocated_;
  allocated_now_ = 0;
  born_.clear();
  freed_.clear();
  return 0;
}

}  // namespace dmkit::model
