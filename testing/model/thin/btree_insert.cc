// SPDX-License-Identifier: Apache-2.0
// Adding to trees. Mirrors dm-btree.c: on the way down every node that is full is given room, so
// that no change has to go up again.

#include <cerrno>
#include <cstring>
#include <utility>

#include "testing/model/thin/btree.h"

namespace dmkit::model {
namespace {

// A sibling with less room than this is not worth moving entries to (SPACE_THRESHOLD).
constexpr uint32_t kWorthMoving = 8;

}  // namespace

// The root becomes the parent of two new nodes that take what it had; its own place stays.
int BTree::SplitBeneath(BTreeNode node) {
  Place left;
  Place right;
  int result = NewNode(node, &left);
  if (result == 0) result = NewNode(node, &right);
  if (result != 0) return result;
  const uint32_t entries = node.entries();
  std::memcpy(left.node.writable() + NodeAt::kEntries, node.block() + NodeAt::kEntries,
              kMetadataBlockBytes - NodeAt::kEntries);
  if (!BTreeNode::Deal({left.node, right.node}, {entries / 2, entries - entries / 2})) {
    return -EILSEQ;
  }
  node.Init(kInternalNode, MaxEntries(8), 8);
  node.SetEntries(2);
  node.SetKey(0, left.node.key(0));
  node.SetKey(1, right.node.key(0));
  node.SetValue64(0, left.number);
  node.SetValue64(1, right.number);
  return 0;
}

// How much room a sibling has that nobody else refers to.
int BTree::Spare(BTreeNode parent, uint32_t index, bool* shared, uint32_t* spare) {
  *spare = 0;
  const uint64_t sibling = parent.value64(index);
  int result = transaction_.IsShared(sibling, shared);
  if (result != 0 || *shared) return result;
  ConstBTreeNode node(nullptr);
  result = ReadNode(sibling, &node);
  if (result == 0) *spare = node.max_entries() - node.entries();
  return result;
}

int BTree::RebalanceOrSplit(BTreeNode parent, uint32_t index, uint64_t key, Place* current) {
  bool left_shared = false;
  bool right_shared = false;
  uint32_t spare = 0;
  if (index > 0) {
    const int result = Spare(parent, index - 1, &left_shared, &spare);
    if (result != 0) return result;
    if (spare >= kWorthMoving) return ShareWithSibling(parent, index - 1, index, key, current);
  }
  if (index + 1 < parent.entries()) {
    const int result = Spare(parent, index + 1, &right_shared, &spare);
    if (result != 0) return result;
    if (spare >= kWorthMoving) return ShareWithSibling(parent, index, index, key, current);
  }
  // At the ends, where ascending and descending keys go, half full nodes are better.
  const bool is_at_end = index == 0 || index + 1 == parent.entries();
  if (left_shared || right_shared || parent.entries() <= 2 || is_at_end) {
    return SplitInTwo(parent, index, key, current);
  }
  return SplitInThree(parent, index, key, current);
}

int BTree::ShareWithSibling(BTreeNode parent, uint32_t left_index, uint32_t index, uint64_t key,
                            Place* current) {
  Place sibling;
  const int result = ShadowChild(parent, left_index == index ? index + 1 : left_index, &sibling);
  if (result != 0) return result;
  const Place left = left_index == index ? *current : sibling;
  const Place right = left_index == index ? sibling : *current;
  const uint32_t total = left.node.entries() + right.node.entries();
  if (!BTreeNode::Deal({left.node, right.node}, {total / 2, total - total / 2})) return -EILSEQ;
  parent.SetKey(left_index + 1, right.node.key(0));
  *current = key < right.node.key(0) ? left : right;
  return 0;
}

int BTree::SplitInTwo(BTreeNode parent, uint32_t index, uint64_t key, Place* current) {
  const Place left = *current;
  Place right;
  const int result = NewNode(left.node, &right);
  if (result != 0) return result;
  const uint32_t total = left.node.entries();
  if (!BTreeNode::Deal({left.node, right.node}, {total / 2, total - total / 2})) return -EILSEQ;
  char number[8];
  Put64(number, right.number);
  parent.InsertAt(index + 1, right.node.key(0), number);
  if (key >= right.node.key(0)) *current = right;
  return 0;
}

int BTree::SplitInThree(BTreeNode parent, uint32_t index, uint64_t key, Place* current) {
  Place left;
  Place middle;
  const Place right = *current;
  int result = ShadowChild(parent, index - 1, &left);
  if (result == 0) result = NewNode(left.node, &middle);
  if (result != 0) return result;
  const uint32_t total = left.node.entries() + right.node.entries();
  const uint32_t to_left = total / 3;
  const uint32_t to_middle = (total - to_left) / 2;
  if (!BTreeNode::Deal({left.node, middle.node, right.node},
                       {to_left, to_middle, total - to_left - to_middle})) {
    return -EILSEQ;
  }
  parent.SetKey(index, right.node.key(0));
  char number[8];
  Put64(number, middle.number);
  parent.InsertAt(index, middle.node.key(0), number);
  if (key < middle.node.key(0)) {
    *current = left;
  } else if (key < right.node.key(0)) {
    *current = middle;
  }
  return 0;
}

int BTree::MakeRoom(bool is_root, BTreeNode parent, uint32_t index, uint64_t key, Place* current) {
  const BTreeNode node = current->node;
  if (node.entries() < node.max_entries()) return 0;
  if (node.is_leaf() && node.Contains(key)) return 0;
  return is_root ? SplitBeneath(node) : RebalanceOrSplit(parent, index, key, current);
}

// Leads to the leaf where `key` is or belongs, all of the way shadowed.
int BTree::InsertPath(uint64_t* root, uint64_t key, BTreeNode* leaf, uint32_t* index) {
  uint64_t number = *root;
  BTreeNode parent(nullptr);
  uint32_t parent_index = 0;
  for (bool is_root = true;; is_root = false) {
    Place current;
    int result = Step(number, &current);
    if (result != 0) return result;
    if (is_root) {
      *root = current.number;
    } else {
      parent.SetValue64(parent_index, current.number);
    }
    result = MakeRoom(is_root, parent, parent_index, key, &current);
    if (result != 0) return result;
    const BTreeNode node = current.node;
    int i = node.LowerBound(key);
    if (node.is_leaf()) {
      if (i < 0 || node.key(static_cast<uint32_t>(i)) != key) ++i;
      *leaf = node;
      *index = static_cast<uint32_t>(i);
      return 0;
    }
    if (i < 0) {
      node.SetKey(0, key);
      i = 0;
    }
    parent = node;
    parent_index = static_cast<uint32_t>(i);
    number = node.value64(parent_index);
  }
}

int BTree::Insert(uint64_t* root, uint64_t key, const char* value, bool* inserted) {
  BTreeNode leaf(nullptr);
  uint32_t index = 0;
  const int result = InsertPath(root, key, &leaf, &index);
  if (result != 0) return result;
  const bool is_new = index >= leaf.entries() || leaf.key(index) != key;
  if (inserted != nullptr) *inserted = is_new;
  if (is_new) {
    leaf.InsertAt(index, key, value);
    return 0;
  }
  const bool counts_values = values_ != nullptr && values_->counts();
  if (counts_values && !values_->SameTarget(leaf.value64(index), Get64(value))) {
    const int dropped = values_->Dec(leaf.value64(index));
    if (dropped != 0) return dropped;
  }
  std::memcpy(leaf.mutable_value(index), value, value_bytes_);
  return 0;
}

}  // namespace dmkit::model
