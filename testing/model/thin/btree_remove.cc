// SPDX-License-Identifier: Apache-2.0
// Taking away from trees. Mirrors dm-btree-remove.c: on the way down the children of every inner
// node are evened out or merged around the path, so that no change has to go up again.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "testing/model/thin/btree.h"

namespace dmkit::model {

// A node with one child takes that child's place.
int BTree::Collapse(BTreeNode node) {
  const uint64_t number = node.value64(0);
  bool is_shared = false;
  int result = transaction_.IsShared(number, &is_shared);
  ConstBTreeNode child(nullptr);
  if (result == 0) result = ReadNode(number, &child);
  if (result == 0 && is_shared) result = IncChildren(child);
  if (result != 0) return result;
  std::memcpy(node.writable(), child.block(), kMetadataBlockBytes);
  return transaction_.Dec(number);
}

int BTree::RebalanceTwo(BTreeNode parent, uint32_t left_index) {
  Place left;
  Place right;
  int result = ShadowChild(parent, left_index, &left);
  if (result == 0) result = ShadowChild(parent, left_index + 1, &right);
  if (result != 0) return result;
  const uint32_t total = left.node.entries() + right.node.entries();
  if (total < 2 * (left.node.max_entries() / 3 + 1)) {
    if (!BTreeNode::Deal({left.node, right.node}, {total, 0})) return -EILSEQ;
    parent.DeleteAt(left_index + 1);
    return transaction_.Dec(right.number);
  }
  if (!BTreeNode::Deal({left.node, right.node}, {total / 2, total - total / 2})) return -EILSEQ;
  parent.SetKey(left_index + 1, right.node.key(0));
  return 0;
}

int BTree::RebalanceThree(BTreeNode parent, uint32_t left_index) {
  Place left;
  Place center;
  Place right;
  int result = ShadowChild(parent, left_index, &left);
  if (result == 0) result = ShadowChild(parent, left_index + 1, &center);
  if (result == 0) result = ShadowChild(parent, left_index + 2, &right);
  if (result != 0) return result;
  const uint32_t total = left.node.entries() + center.node.entries() + right.node.entries();
  if (total < left.node.max_entries() / 3 * 4 + 1) {
    const uint32_t to_left = std::min(total, left.node.max_entries());
    if (!BTreeNode::Deal({left.node, center.node, right.node}, {to_left, 0, total - to_left})) {
      return -EILSEQ;
    }
    parent.DeleteAt(left_index + 1);
    result = transaction_.Dec(center.number);
    return result == 0 ? RebalanceTwo(parent, left_index) : result;
  }
  const uint32_t to_right = total / 3;
  const uint32_t to_left = to_right + (to_right * 3 != total ? 1 : 0);
  if (!BTreeNode::Deal({left.node, center.node, right.node},
                       {to_left, total - to_left - to_right, to_right})) {
    return -EILSEQ;
  }
  parent.SetKey(left_index + 1, center.node.key(0));
  parent.SetKey(left_index + 2, right.node.key(0));
  return 0;
}

int BTree::RebalanceChildren(BTreeNode node, uint64_t key) {
  if (node.entries() == 1) return Collapse(node);
  const int i = node.LowerBound(key);
  if (i < 0) return -ENODATA;
  const auto index = static_cast<uint32_t>(i);
  if (index == 0) return RebalanceTwo(node, 0);
  if (index + 1 == node.entries()) return RebalanceTwo(node, index - 1);
  return RebalanceThree(node, index - 1);
}

// Leads to the leaf where `key` is or would be, all of the way shadowed. `index`: the last entry
// not above `key`, or -1.
int BTree::RemovePath(uint64_t* root, uint64_t key, BTreeNode* leaf, int* index) {
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
    const BTreeNode node = current.node;
    if (!node.is_leaf()) {
      result = RebalanceChildren(node, key);
      if (result != 0) return result;
    }
    const int i = node.LowerBound(key);
    if (node.is_leaf()) {
      *leaf = node;
      *index = i;
      return 0;
    }
    if (i < 0) return -ENODATA;
    parent = node;
    parent_index = static_cast<uint32_t>(i);
    number = node.value64(parent_index);
  }
}

int BTree::RemoveAt(BTreeNode leaf, uint32_t index) {
  if (values_ != nullptr && values_->counts()) {
    const int result = values_->Dec(leaf.value64(index));
    if (result != 0) return result;
  }
  leaf.DeleteAt(index);
  return 0;
}

int BTree::Remove(uint64_t* root, uint64_t key) {
  BTreeNode leaf(nullptr);
  int index = 0;
  const int result = RemovePath(root, key, &leaf, &index);
  if (result != 0) return result;
  if (index < 0 || leaf.key(static_cast<uint32_t>(index)) != key) return -ENODATA;
  return RemoveAt(leaf, static_cast<uint32_t>(index));
}

int BTree::RemoveOne(uint64_t* root, uint64_t* begin, uint64_t end) {
  BTreeNode leaf(nullptr);
  int i = 0;
  const int result = RemovePath(root, *begin, &leaf, &i);
  if (result != 0) return result;
  const auto index = static_cast<uint32_t>(std::max(i, 0));
  if (index >= leaf.entries()) return -ENODATA;
  const uint64_t key = leaf.key(index);
  if (key < *begin || key >= end) return -ENODATA;
  *begin = key + 1;
  return RemoveAt(leaf, index);
}

int BTree::RemoveLeaves(uint64_t* root, uint64_t* begin, uint64_t end, uint64_t* removed) {
  *removed = 0;
  for (;;) {
    const int result = RemoveOne(root, begin, end);
    if (result != 0) return result == -ENODATA ? 0 : result;
    ++*removed;
  }
}

}  // namespace dmkit::model
