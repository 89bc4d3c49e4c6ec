// SPDX-License-Identifier: Apache-2.0
// Counting and finding blocks. What goes to disk when is in space_map_commit.cc.

#include "testing/model/thin/space_map.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "testing/model/thin/btree.h"

namespace dmkit::model {
namespace {

// In a bitmap the first bit of a pair is the high one of the count.
uint32_t BitmapCount(const char* bitmap, uint64_t bit) {
  const auto byte = static_cast<unsigned char>(bitmap[kBitmapHeaderBytes + bit / 4]);
  const uint32_t pair = (byte >> (2 * (bit % 4))) & 3u;
  return ((pair & 1) << 1) | (pair >> 1);
}

void SetBitmapCount(char* bitmap, uint64_t bit, uint32_t count) {
  char& at = bitmap[kBitmapHeaderBytes + bit / 4];
  const unsigned shift = static_cast<unsigned>(2 * (bit % 4));
  const uint32_t pair = ((count & 1) << 1) | (count >> 1);
  const uint32_t byte = static_cast<unsigned char>(at);
  at = static_cast<char>((byte & ~(3u << shift)) | (pair << shift));
}

// Whether none of the four blocks of a byte is free.
bool IsFull(char byte) {
  const uint32_t bits = static_cast<unsigned char>(byte);
  return ((bits | (bits >> 1)) & 0x55u) == 0x55u;
}

}  // namespace

uint64_t SpaceMap::free() const {
  return committed_blocks_ - committed_allocated_ - static_cast<uint64_t>(allocated_now_);
}

void SpaceMap::SetThreshold(uint64_t threshold, std::function<void()> callback) {
  threshold_ = threshold;
  threshold_callback_ = std::move(callback);
}

void SpaceMap::CheckThreshold() {
  if (threshold_callback_ == nullptr) return;
  const bool was_below = std::exchange(is_below_threshold_, free() <= threshold_);
  if (is_below_threshold_ && !was_below) threshold_callback_();
}

int SpaceMap::Load(uint64_t index, Chunk** chunk) {
  const auto known = chunks_.find(index);
  if (known != chunks_.end()) {
    *chunk = &known->second;
    return 0;
  }
  if (is_metadata()) return -EINVAL;
  char entry[kIndexEntryBytes];
  const int result = index_tree_->Lookup(bitmap_root_, index, entry);
  if (result != 0) return result;
  Chunk& loaded = chunks_[index];
  loaded.bitmap = Get64(entry);
  loaded.free = Get32(entry + 8);
  loaded.none_free_before = Get32(entry + 12);
  *chunk = &loaded;
  return 0;
}

int SpaceMap::OldCount(uint64_t number, const char* bitmap, uint32_t* count) {
  *count = BitmapCount(bitmap, number % kCountsPerBitmap);
  if (*count != 3) return 0;
  const auto kept_back = high_counts_.find(number);
  if (kept_back != high_counts_.end()) {
    *count = kept_back->second;
    return 0;
  }
  char value[4];
  const int result = count_tree_->Lookup(count_root_, number, value);
  if (result == 0) *count = Get32(value);
  return result;
}

int SpaceMap::Count(uint64_t number, uint32_t* count) {
  if (number >= blocks_) return -EINVAL;
  Chunk* chunk = nullptr;
  int result = Load(number / kCountsPerBitmap, &chunk);
  const char* bitmap = nullptr;
  if (result == 0) result = transaction_.Read(chunk->bitmap, BlockKind::kBitmap, &bitmap);
  return result == 0 ? OldCount(number, bitmap, count) : result;
}

int SpaceMap::ShadowBitmap(Chunk& chunk, char** bitmap) {
  if (is_metadata()) return ShadowOwnBitmap(chunk, bitmap);
  bool inc_children = false;
  return transaction_.Shadow(chunk.bitmap, BlockKind::kBitmap, &chunk.bitmap, bitmap,
                             &inc_children);
}

// The new bitmap block has to be counted in a bitmap itself, perhaps in this one, so this one must
// be in its new place by then.
int SpaceMap::ShadowOwnBitmap(Chunk& chunk, char** bitmap) {
  BlockStore& store = transaction_.store();
  if (transaction_.IsShadow(chunk.bitmap)) {
    return store.Write(chunk.bitmap, BlockKind::kBitmap, bitmap);
  }
  uint64_t number = 0;
  const char* old = nullptr;
  int result = FindFree(cursor_, blocks_, &number);
  if (result == -ENOSPC) result = FindFree(0, cursor_, &number);
  if (result == 0) result = store.Read(chunk.bitmap, BlockKind::kBitmap, &old);
  if (result == 0) result = store.WriteZero(number, BlockKind::kBitmap, bitmap);
  if (result != 0) return result;
  std::memcpy(*bitmap, old, kMetadataBlockBytes);
  transaction_.AddShadow(number);
  const uint64_t before = std::exchange(chunk.bitmap, number);
  cursor_ = number + 1;
  pending_.insert(number);
  ++allocated_now_;
  result = Change(number, 1);
  pending_.erase(number);
  if (result == 0) result = Change(before, -1);
  if (result == 0) CheckThreshold();
  return result;
}

void SpaceMap::Account(Chunk& chunk, uint64_t number, uint32_t before, uint32_t after) {
  const auto bit = static_cast<uint32_t>(number % kCountsPerBitmap);
  if (before == 0 && after != 0) {
    ++allocated_;
    --chunk.free;
    if (chunk.none_free_before == bit) chunk.none_free_before = bit + 1;
    if (freed_.erase(number) == 0) born_.insert(number);
    if (!is_metadata()) ++allocated_now_;
  } else if (before != 0 && after == 0) {
    --allocated_;
    ++chunk.free;
    chunk.none_free_before = std::min(chunk.none_free_before, bit);
    if (born_.erase(number) == 0) freed_.insert(number);
    if (!is_metadata()) --allocated_now_;
  }
}

int SpaceMap::Change(uint64_t number, int delta) {
  if (number >= blocks_) return -EINVAL;
  if (transaction_.store().read_only()) return -EPERM;
  Chunk* chunk = nullptr;
  int result = Load(number / kCountsPerBitmap, &chunk);
  char* bitmap = nullptr;
  if (result == 0) result = ShadowBitmap(*chunk, &bitmap);
  uint32_t before = 0;
  if (result == 0) result = OldCount(number, bitmap, &before);
  if (result != 0) return result;
  if (delta < 0 && before == 0) return -EINVAL;
  const uint32_t after = delta < 0 ? before - 1 : before + 1;
  SetBitmapCount(bitmap, number % kCountsPerBitmap, std::min(after, 3u));
  if (before > 2 || after > 2) high_counts_[number] = after > 2 ? after : 0;
  Account(*chunk, number, before, after);
  changed_chunks_.insert(number / kCountsPerBitmap);
  return 0;
}

int SpaceMap::Inc(uint64_t begin, uint64_t end) {
  int result = 0;
  for (uint64_t number = begin; number < end && result == 0; ++number) result = Change(number, 1);
  return result;
}

int SpaceMap::Dec(uint64_t begin, uint64_t end) {
  int result = 0;
  for (uint64_t number = begin; number < end && result == 0; ++number) result = Change(number, -1);
  return result;
}

// Free now and free when the transaction began.
int SpaceMap::FindFree(uint64_t begin, uint64_t end, uint64_t* number) {
  uint64_t at = begin;
  while (at < end) {
    const uint64_t index = at / kCountsPerBitmap;
    const uint64_t first = index * kCountsPerBitmap;
    const uint64_t last = std::min(end, first + kCountsPerBitmap);
    Chunk* chunk = nullptr;
    int result = Load(index, &chunk);
    const char* bitmap = nullptr;
    if (result == 0 && chunk->free != 0) {
      result = transaction_.Read(chunk->bitmap, BlockKind::kBitmap, &bitmap);
    }
    if (result != 0) return result;
    at = chunk->free == 0 ? last : std::max(at, first + chunk->none_free_before);
    while (at < last) {
      if ((at - first) % 4 == 0 && IsFull(bitmap[kBitmapHeaderBytes + (at - first) / 4])) {
        at += 4;
        continue;
      }
      if (BitmapCount(bitmap, at - first) == 0 && freed_.count(at) == 0 &&
          pending_.count(at) == 0) {
        *number = at;
        return 0;
      }
      ++at;
    }
    at = last;
  }
  return -ENOSPC;
}

int SpaceMap::NewBlock(uint64_t* number) {
  int result = FindFree(cursor_, blocks_, number);
  if (result == -ENOSPC) result = FindFree(0, cursor_, number);
  if (result != 0) return result;
  cursor_ = *number + 1;
  // Counting it may take another block, for a bitmap.
  pending_.insert(*number);
  result = Change(*number, 1);
  pending_.erase(*number);
  if (result == 0 && is_metadata()) {
    ++allocated_now_;
    CheckThreshold();
  }
  return result;
}

}  // namespace dmkit::model
