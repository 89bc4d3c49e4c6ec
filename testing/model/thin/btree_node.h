// SPDX-License-Identifier: Apache-2.0
// One node of a tree, as a view of the bytes of its block. Knows nothing of other blocks.

#ifndef DMKIT_TESTING_MODEL_THIN_BTREE_NODE_H_
#define DMKIT_TESTING_MODEL_THIN_BTREE_NODE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "testing/model/thin/metadata_format.h"

namespace dmkit::model {

class ConstBTreeNode {
 public:
  explicit ConstBTreeNode(const char* block) : block_(block) {}

  bool is_leaf() const { return (Get32(block_ + NodeAt::kFlags) & kLeafNode) != 0; }
  uint32_t entries() const { return Get32(block_ + NodeAt::kEntries); }
  uint32_t max_entries() const { return Get32(block_ + NodeAt::kMaxEntries); }
  uint32_t value_bytes() const { return Get32(block_ + NodeAt::kValueBytes); }
  uint64_t key(uint32_t i) const { return Get64(block_ + NodeAt::kKeys + size_t{8} * i); }
  const char* value(uint32_t i) const {
    return block_ + NodeAt::kKeys + size_t{8} * max_entries() + size_t{value_bytes()} * i;
  }
  uint64_t value64(uint32_t i) const { return Get64(value(i)); }
  // The last entry whose key is not above `key`; -1 when there is none.
  int LowerBound(uint64_t key) const;
  bool Contains(uint64_t key) const;
  const char* block() const { return block_; }

 private:
  const char* block_;
};

class BTreeNode : public ConstBTreeNode {
 public:
  explicit BTreeNode(char* block) : ConstBTreeNode(block), writable_(block) {}

  // An empty node; the block is zeros before.
  void Init(uint32_t flags, uint32_t max_entries, uint32_t value_bytes) const;
  void SetEntries(uint32_t entries) const { Put32(writable_ + NodeAt::kEntries, entries); }
  void SetKey(uint32_t i, uint64_t key) const { Put64(key_at(i), key); }
  char* mutable_value(uint32_t i) const { return writable_ + (value(i) - block()); }
  void SetValue64(uint32_t i, uint64_t value) const { Put64(mutable_value(i), value); }
  // The node must not be full.
  void InsertAt(uint32_t i, uint64_t key, const char* value) const;
  void DeleteAt(uint32_t i) const;
  uint32_t flags() const { return Get32(block() + NodeAt::kFlags); }
  char* writable() const { return writable_; }

  // Deals the entries of neighbours, in their order, out to `targets` each. False, and nothing
  // done, when the nodes are not of one measure or the targets do not fit.
  static bool Deal(const std::vector<BTreeNode>& nodes, const std::vector<uint32_t>& targets);

 private:
  char* key_at(uint32_t i) const { return writable_ + NodeAt::kKeys + size_t{8} * i; }

  char* writable_;
};

// How many entries a node of such values has room for.
uint32_t MaxEntries(size_t value_bytes);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_BTREE_NODE_H_
