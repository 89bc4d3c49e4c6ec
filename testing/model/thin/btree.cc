// SPDX-License-Identifier: Apache-2.0
// Looking things up in trees, and what all changes share.

#include "testing/model/thin/btree.h"

#include <cerrno>
#include <cstring>

namespace dmkit::model {
namespace {

// No tree is deeper; a damaged one may lead in circles.
constexpr int kMaxDepth = 16;

}  // namespace

BTree::BTree(TransactionManager& transaction, size_t value_bytes, TreeValues* values)
    : transaction_(transaction),
      value_bytes_(static_cast<uint32_t>(value_bytes)),
      values_(values) {}

int BTree::ReadNode(uint64_t number, ConstBTreeNode* node) {
  const char* block = nullptr;
  const int result = transaction_.Read(number, BlockKind::kNode, &block);
  if (result != 0) return result;
  *node = ConstBTreeNode(block);
  return node->value_bytes() == (node->is_leaf() ? value_bytes_ : 8) ? 0 : -EILSEQ;
}

int BTree::Empty(uint64_t* root) {
  char* block = nullptr;
  const int result = transaction_.NewBlock(BlockKind::kNode, root, &block);
  if (result == 0) BTreeNode(block).Init(kLeafNode, MaxEntries(value_bytes_), value_bytes_);
  return result;
}

int BTree::Lookup(uint64_t root, uint64_t key, char* value) {
  uint64_t number = root;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    ConstBTreeNode node(nullptr);
    const int result = ReadNode(number, &node);
    if (result != 0) return result;
    const int i = node.LowerBound(key);
    if (i < 0) return -ENODATA;
    const auto index = static_cast<uint32_t>(i);
    if (node.is_leaf()) {
      if (node.key(index) != key) return -ENODATA;
      if (value != nullptr) std::memcpy(value, node.value(index), value_bytes_);
      return 0;
    }
    number = node.value64(index);
  }
  return -EILSEQ;
}

int BTree::LookupNext(uint64_t root, uint64_t key, uint64_t* found, char* value) {
  uint64_t number = root;
  uint64_t right = 0;  // the nearest subtree on the right of the path, and whether there is one
  bool has_right = false;
  for (int depth = 0; depth < 2 * kMaxDepth; ++depth) {
    ConstBTreeNode node(nullptr);
    const int result = ReadNode(number, &node);
    if (result != 0) return result;
    const int i = node.LowerBound(key);
    auto index = static_cast<uint32_t>(i < 0 ? 0 : i);
    if (!node.is_leaf()) {
      if (node.entries() == 0) return -EILSEQ;
      if (index + 1 < node.entries()) {
        right = node.value64(index + 1);
        has_right = true;
      }
      number = node.value64(index);
      continue;
    }
    if (i >= 0 && node.key(index) < key) ++index;
    if (index < node.entries()) {
      *found = node.key(index);
      if (value != nullptr) std::memcpy(value, node.value(index), value_bytes_);
      return 0;
    }
    if (!has_right) return -ENODATA;
    number = right;
    has_right = false;
  }
  return -EILSEQ;
}

int BTree::HighestKey(uint64_t root, uint64_t* key) {
  uint64_t number = root;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    ConstBTreeNode node(nullptr);
    const int result = ReadNode(number, &node);
    if (result != 0) return result;
    if (node.entries() == 0) return -ENODATA;
    if (node.is_leaf()) {
      *key = node.key(node.entries() - 1);
      return 0;
    }
    number = node.value64(node.entries() - 1);
  }
  return -EILSEQ;
}

int BTree::Walk(uint64_t root, const std::function<int(uint64_t, const char*)>& visit) {
  ConstBTreeNode node(nullptr);
  int result = ReadNode(root, &node);
  for (uint32_t i = 0; result == 0 && i < node.entries(); ++i) {
    result = node.is_leaf() ? visit(node.key(i), node.value(i)) : Walk(node.value64(i), visit);
  }
  return result;
}

int BTree::IncChildren(const ConstBTreeNode& node) {
  const bool counts_values = values_ != nullptr && values_->counts();
  if (node.is_leaf() && !counts_values) return 0;
  int result = 0;
  for (uint32_t i = 0; result == 0 && i < node.entries(); ++i) {
    const uint64_t value = node.value64(i);
    result = node.is_leaf() ? values_->Inc(value) : transaction_.Inc(value);
  }
  return result;
}

int BTree::Step(uint64_t number, Place* place) {
  char* block = nullptr;
  bool inc_children = false;
  int result = transaction_.Shadow(number, BlockKind::kNode, &place->number, &block, &inc_children);
  if (result != 0) return result;
  place->node = BTreeNode(block);
  if (place->node.value_bytes() != (place->node.is_leaf() ? value_bytes_ : 8)) return -EILSEQ;
  return inc_children ? IncChildren(place->node) : 0;
}

int BTree::NewNode(const BTreeNode& like, Place* place) {
  char* block = nullptr;
  const int result = transaction_.NewBlock(BlockKind::kNode, &place->number, &block);
  if (result != 0) return result;
  place->node = BTreeNode(block);
  place->node.Init(like.flags(), like.max_entries(), like.value_bytes());
  return 0;
}

int BTree::ShadowChild(BTreeNode parent, uint32_t index, Place* child) {
  const int result = Step(parent.value64(index), child);
  if (result == 0) parent.SetValue64(index, child->number);
  return result;
}

int BTree::ShadowValue(uint64_t* root, uint64_t key, char** value) {
  int result = Lookup(*root, key, nullptr);
  BTreeNode leaf(nullptr);
  uint32_t index = 0;
  if (result == 0) result = InsertPath(root, key, &leaf, &index);
  if (result == 0) *value = leaf.mutable_value(index);
  return result;
}

int BTree::Delete(uint64_t root) {
  uint32_t count = 0;
  int result = transaction_.Count(root, &count);
  if (result != 0) return result;
  if (count > 1) return transaction_.Dec(root);
  ConstBTreeNode node(nullptr);
  result = ReadNode(root, &node);
  const bool counts_values = values_ != nullptr && values_->counts();
  for (uint32_t i = 0; result == 0 && i < node.entries(); ++i) {
    if (!node.is_leaf()) {
      result = Delete(node.value64(i));
    } else if (counts_values) {
      result = values_->Dec(node.value64(i));
    }
  }
  return result == 0 ? transaction_.Dec(root) : result;
}

}  // namespace dmkit::model
