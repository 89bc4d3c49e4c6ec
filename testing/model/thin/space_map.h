// SPDX-License-Identifier: Apache-2.0
// Which blocks are in use and how often: of the metadata device, whose map lies on the very blocks
// that it counts, and of the data device. And the transaction, in which a block that the committed
// state refers to is copied before it changes. Mirrors dm-space-map-common.c,
// dm-space-map-metadata.c, dm-space-map-disk.c and dm-transaction-manager.c of
// drivers/md/persistent-data (v6.1). Results are 0 or a negative errno.
//
// Counts are changed at once; counts above 2, which have a tree of their own, reach that tree with
// the commit, and so do the index entries of the data map. thin_metadata.h says what that makes of
// the number of blocks in use.

#ifndef DMKIT_TESTING_MODEL_THIN_SPACE_MAP_H_
#define DMKIT_TESTING_MODEL_THIN_SPACE_MAP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "testing/model/thin/block_store.h"

namespace dmkit::model {

class BTree;
class SpaceMap;

class TransactionManager {
 public:
  explicit TransactionManager(BlockStore& store) : store_(store) {}
  TransactionManager(const TransactionManager&) = delete;
  TransactionManager& operator=(const TransactionManager&) = delete;

  void SetSpaceMap(SpaceMap* metadata_map) { map_ = metadata_map; }
  BlockStore& store() { return store_; }

  int Read(uint64_t number, BlockKind kind, const char** block) {
    return store_.Read(number, kind, block);
  }
  // A new block of zeros.
  int NewBlock(BlockKind kind, uint64_t* number, char** block);
  // The block itself when it is of this transaction and nobody shares it, else a copy, which takes
  // the reference that the caller had. `inc_children`: the original stays in use, so what it refers
  // to has one reference more.
  int Shadow(uint64_t original, BlockKind kind, uint64_t* number, char** block, bool* inc_children);
  int Inc(uint64_t number);
  int Dec(uint64_t number);
  int Count(uint64_t number, uint32_t* count);
  int IsShared(uint64_t number, bool* shared);

  bool IsShadow(uint64_t number) const { return shadows_.count(number) != 0; }
  void AddShadow(uint64_t number) { shadows_.insert(number); }

  // Everything but the superblock is on the device when it returns.
  int PreCommit();
  // The superblock as well, which the caller has changed in the store.
  int Commit();

 private:
  BlockStore& store_;
  SpaceMap* map_ = nullptr;
  std::unordered_set<uint64_t> shadows_;
};

class SpaceMap {
 public:
  enum class Of { kMetadata, kData };

  SpaceMap(TransactionManager& transaction, Of of);
  ~SpaceMap();
  SpaceMap(const SpaceMap&) = delete;
  SpaceMap& operator=(const SpaceMap&) = delete;

  // A new map; of a data device without any blocks. -EINVAL: a metadata device of less than 4.
  int Format(uint64_t blocks);
  // From the 32 bytes that the superblock has of it.
  int Open(const char* root);
  void PutRoot(char* root) const;
  // -EINVAL: more than the format has room for.
  int Extend(uint64_t extra);

  // First fit from behind the last one. None that was in use when the transaction began. -ENOSPC.
  int NewBlock(uint64_t* number);
  // -EINVAL: no such block, or one less than nothing.
  int Inc(uint64_t begin, uint64_t end);
  int Dec(uint64_t begin, uint64_t end);
  int Count(uint64_t number, uint32_t* count);
  // Writes what is kept back. The new state counts as the committed one from then on.
  int Commit();

  uint64_t blocks() const { return blocks_; }
  uint64_t committed_blocks() const { return committed_blocks_; }
  uint64_t free() const;
  void SetThreshold(uint64_t threshold, std::function<void()> callback);

 private:
  struct Chunk {  // the blocks of one bitmap
    uint64_t bitmap = 0;
    uint32_t free = 0;
    uint32_t none_free_before = 0;
  };

  bool is_metadata() const { return of_ == Of::kMetadata; }
  int Load(uint64_t index, Chunk** chunk);
  int AddChunks(uint64_t blocks, std::vector<uint64_t>* taken);
  int ShadowBitmap(Chunk& chunk, char** bitmap);
  int ShadowOwnBitmap(Chunk& chunk, char** bitmap);
  int Change(uint64_t number, int delta);
  int OldCount(uint64_t number, const char* bitmap, uint32_t* count);
  void Account(Chunk& chunk, uint64_t number, uint32_t before, uint32_t after);
  int FindFree(uint64_t begin, uint64_t end, uint64_t* number);
  void CheckThreshold();
  int CommitHighCounts();
  int CommitMetadataIndex();
  int CommitDataIndex();

  TransactionManager& transaction_;
  const Of of_;
  std::unique_ptr<BTree> index_tree_;  // of the data map
  std::unique_ptr<BTree> count_tree_;

  uint64_t blocks_ = 0;
  uint64_t allocated_ = 0;
  uint64_t bitmap_root_ = 0;
  uint64_t count_root_ = 0;
  std::unordered_map<uint64_t, Chunk> chunks_;  // those of a data map as they are needed
  std::set<uint64_t> changed_chunks_;
  std::map<uint64_t, uint32_t> high_counts_;  // not yet in the tree; 0: to be removed from it

  uint64_t committed_blocks_ = 0;
  uint64_t committed_allocated_ = 0;
  int64_t allocated_now_ = 0;  // in this transaction
  uint64_t cursor_ = 0;
  std::unordered_set<uint64_t> born_;     // in use now, not when the transaction began
  std::unordered_set<uint64_t> freed_;    // the other way round
  std::unordered_set<uint64_t> pending_;  // taken, and not yet counted

  std::function<void()> threshold_callback_;
  uint64_t threshold_ = 0;
  bool is_below_threshold_ = false;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_SPACE_MAP_H_
