// SPDX-License-Identifier: Apache-2.0
// Trees of blocks that are changed by copying: keys of 64 bits, values of one size. Mirrors
// drivers/md/persistent-data/dm-btree.c and dm-btree-remove.c (v6.1), with the same shape of nodes,
// so that the number of blocks comes out as in the kernel. Results are 0 or a negative errno.
//
// A tree is known by the block of its root. What changes it gives a new root; after an error
// neither the old nor the new one may be used before an abort.

#ifndef DMKIT_TESTING_MODEL_THIN_BTREE_H_
#define DMKIT_TESTING_MODEL_THIN_BTREE_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "testing/model/thin/btree_node.h"
#include "testing/model/thin/space_map.h"

namespace dmkit::model {

// What the values of a tree refer to, and so what becomes of that when a leaf is copied or a value
// goes away. Of plain values: nothing.
class TreeValues {
 public:
  virtual ~TreeValues() = default;
  virtual int Inc(uint64_t /*value*/) { return 0; }
  virtual int Dec(uint64_t /*value*/) { return 0; }
  // Whether one may take the other's place without counting.
  virtual bool SameTarget(uint64_t a, uint64_t b) { return a == b; }
  // Values are of 8 bytes and count.
  virtual bool counts() const { return false; }
};

class BTree {
 public:
  // `values` may be null: plain values.
  BTree(TransactionManager& transaction, size_t value_bytes, TreeValues* values);

  int Empty(uint64_t* root);
  // -ENODATA. `value` may be null.
  int Lookup(uint64_t root, uint64_t key, char* value);
  // The entry with the lowest key from `key` on; -ENODATA.
  int LookupNext(uint64_t root, uint64_t key, uint64_t* found, char* value);
  int HighestKey(uint64_t root, uint64_t* key);  // -ENODATA: empty
  // Calls back in the order of the keys until it gives something else than 0.
  int Walk(uint64_t root, const std::function<int(uint64_t key, const char* value)>& visit);

  // Overwrites. `inserted` may be null.
  int Insert(uint64_t* root, uint64_t key, const char* value, bool* inserted);
  int Remove(uint64_t* root, uint64_t key);  // -ENODATA
  // Removes all of [begin, end) that follows without a gap in the leaves from `*begin` on, moves
  // `*begin` behind it, and counts.
  int RemoveLeaves(uint64_t* root, uint64_t* begin, uint64_t end, uint64_t* removed);
  // One reference less to the whole tree.
  int Delete(uint64_t root);
  // Makes the leaf of `key` one that may be changed in place, and points into it; for a tree whose
  // values are the roots of others, which the caller is about to change. -ENODATA.
  int ShadowValue(uint64_t* root, uint64_t key, char** value);

 private:
  struct Place {
    uint64_t number = 0;
    BTreeNode node{nullptr};
  };

  int ReadNode(uint64_t number, ConstBTreeNode* node);
  int Step(uint64_t number, Place* place);
  int IncChildren(const ConstBTreeNode& node);
  int NewNode(const BTreeNode& like, Place* place);
  int ShadowChild(BTreeNode parent, uint32_t index, Place* child);

  int MakeRoom(bool is_root, BTreeNode parent, uint32_t index, uint64_t key, Place* current);
  int SplitBeneath(BTreeNode node);
  int Spare(BTreeNode parent, uint32_t index, bool* shared, uint32_t* spare);
  int RebalanceOrSplit(BTreeNode parent, uint32_t index, uint64_t key, Place* current);
  int ShareWithSibling(BTreeNode parent, uint32_t left_index, uint32_t index, uint64_t key,
                       Place* current);
  int SplitInTwo(BTreeNode parent, uint32_t index, uint64_t key, Place* current);
  int SplitInThree(BTreeNode parent, uint32_t index, uint64_t key, Place* current);
  int InsertPath(uint64_t* root, uint64_t key, BTreeNode* leaf, uint32_t* index);

  int Collapse(BTreeNode node);
  int RebalanceTwo(BTreeNode parent, uint32_t left_index);
  int RebalanceThree(BTreeNode parent, uint32_t left_index);
  int RebalanceChildren(BTreeNode node, uint64_t key);
  int RemovePath(uint64_t* root, uint64_t key, BTreeNode* leaf, int* index);
  int RemoveOne(uint64_t* root, uint64_t* begin, uint64_t end);
  int RemoveAt(BTreeNode leaf, uint32_t index);

  TransactionManager& transaction_;
  const uint32_t value_bytes_;
  TreeValues* const values_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_BTREE_H_
