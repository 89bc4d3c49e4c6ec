// SPDX-License-Identifier: Apache-2.0
// What the sources of PoolMetadata share. Not for others.

#ifndef DMKIT_TESTING_MODEL_THIN_THIN_METADATA_OBJECTS_H_
#define DMKIT_TESTING_MODEL_THIN_THIN_METADATA_OBJECTS_H_

#include <cstdint>

#include "testing/model/thin/block_store.h"
#include "testing/model/thin/btree.h"
#include "testing/model/thin/metadata_format.h"
#include "testing/model/thin/space_map.h"
#include "testing/model/thin/thin_metadata.h"

namespace dmkit::model {

// A mapping on disk: the data block and when it was mapped.
inline uint64_t PackBlockTime(uint64_t block, uint32_t time) {
  return (block << 24) | (time & 0xffffff);
}
inline uint64_t BlockOf(uint64_t value) { return value >> 24; }
inline uint32_t TimeOf(uint64_t value) { return static_cast<uint32_t>(value & 0xffffff); }

// Values of the tree of one device.
class DataValues : public TreeValues {
 public:
  explicit DataValues(SpaceMap& map) : map_(map) {}
  int Inc(uint64_t value) override { return map_.Inc(BlockOf(value), BlockOf(value) + 1); }
  int Dec(uint64_t value) override { return map_.Dec(BlockOf(value), BlockOf(value) + 1); }
  bool SameTarget(uint64_t a, uint64_t b) override { return BlockOf(a) == BlockOf(b); }
  bool counts() const override { return true; }

 private:
  SpaceMap& map_;
};

// Values of the tree of all devices: roots.
class SubtreeValues : public TreeValues {
 public:
  SubtreeValues(TransactionManager& transaction, BTree& subtree)
      : transaction_(transaction), subtree_(subtree) {}
  int Inc(uint64_t value) override { return transaction_.Inc(value); }
  int Dec(uint64_t value) override { return subtree_.Delete(value); }
  bool counts() const override { return true; }

 private:
  TransactionManager& transaction_;
  BTree& subtree_;
};

struct PoolMetadata::Objects {
  explicit Objects(BlockDevice& device)
      : store(device),
        transaction(store),
        metadata_map(transaction, SpaceMap::Of::kMetadata),
        data_map(transaction, SpaceMap::Of::kData),
        data_values(data_map),
        blocks(transaction, 8, &data_values),
        subtree_values(transaction, blocks),
        devices(transaction, 8, &subtree_values),
        details(transaction, kDetailsBytes, nullptr) {
    transaction.SetSpaceMap(&metadata_map);
  }

  BlockStore store;
  TransactionManager transaction;
  SpaceMap metadata_map;
  SpaceMap data_map;
  DataValues data_values;
  BTree blocks;  // of one device
  SubtreeValues subtree_values;
  BTree devices;  // the roots of all of these, by id
  BTree details;
};

// pmd->root_lock. Io may wait, and let others in meanwhile.
class PoolMetadata::Lock {
 public:
  explicit Lock(PoolMetadata& metadata);
  ~Lock() {
    if (error_ == 0) metadata_.is_locked_ = false;
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  // Why the caller must go no further: what ended the wait, or -EINVAL after fail_io; or 0.
  int error() const;
  // The same, and from here on the pool is in service: the next commit writes.
  int Change() {
    if (error_ == 0) metadata_.in_service_ = true;
    return error();
  }

 private:
  PoolMetadata& metadata_;
  int error_ = 0;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_THIN_METADATA_OBJECTS_H_
