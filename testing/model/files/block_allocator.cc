// SPDX-License-Identifier: Apache-2.0
// Free blocks as ranges: a large device costs nothing.

#include "testing/model/files/block_allocator.h"

#include <iterator>

namespace dmkit::model {

BlockAllocator::BlockAllocator(uint64_t first, uint64_t end) : end_(end) {
  if (first < end) Add(first, end);
}

bool BlockAllocator::Take(uint64_t block) {
  auto range = ranges_.upper_bound(block);
  if (range == ranges_.begin()) return false;
  --range;
  const auto [start, end] = *range;
  if (block >= end) return false;
  ranges_.erase(range);
  if (start < block) ranges_.emplace(start, block);
  if (block + 1 < end) ranges_.emplace(block + 1, end);
  --free_;
  return true;
}

uint64_t BlockAllocator::Allocate(uint64_t goal) {
  if (Take(goal)) return goal;
  if (ranges_.empty()) return 0;
  const uint64_t lowest = ranges_.begin()->first;
  Take(lowest);
  return lowest;
}

void BlockAllocator::Free(uint64_t block) { Add(block, block + 1); }

void BlockAllocator::Grow(uint64_t end) {
  if (end <= end_) return;
  Add(end_, end);
  end_ = end;
}

void BlockAllocator::Add(uint64_t start, uint64_t end) {
  free_ += end - start;
  const auto next = ranges_.lower_bound(start);
  if (next != ranges_.end() && next->first == end) {
    end = next->second;
    ranges_.erase(next);
  }
  const auto after = ranges_.lower_bound(start);
  if (after != ranges_.begin() && std::prev(after)->second == start) {
    std::prev(after)->second = end;
  } else {
    ranges_.emplace(start, end);
  }
}

}  // namespace dmkit::model
