// SPDX-License-Identifier: Apache-2.0
// Which blocks of a filesystem are free. Knows nothing of what is in the others.

#ifndef DMKIT_TESTING_MODEL_FILES_BLOCK_ALLOCATOR_H_
#define DMKIT_TESTING_MODEL_FILES_BLOCK_ALLOCATOR_H_

#include <cstdint>
#include <map>

namespace dmkit::model {

class BlockAllocator {
 public:
  // Blocks `first` to `end` - 1, all free.
  BlockAllocator(uint64_t first, uint64_t end);

  uint64_t free() const { return free_; }
  // False when it is taken already, or none of ours.
  bool Take(uint64_t block);
  // The block `goal` if it is free, else the lowest one; 0 when there is none.
  uint64_t Allocate(uint64_t goal);
  // The block must be taken.
  void Free(uint64_t block);
  void Grow(uint64_t end);

 private:
  void Add(uint64_t start, uint64_t end);

  uint64_t end_;
  uint64_t free_ = 0;
  std::map<uint64_t, uint64_t> ranges_;  // free ones: start and end, never touching
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_BLOCK_ALLOCATOR_H_
