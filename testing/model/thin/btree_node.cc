// SPDX-License-Identifier: Apache-2.0
// Entries inside one node, and between neighbours.

#include "testing/model/thin/btree_node.h"

#include <cstring>
#include <numeric>
#include <string>

namespace dmkit::model {

uint32_t MaxEntries(size_t value_bytes) {
  const size_t room = (kMetadataBlockBytes - NodeAt::kKeys) / (8 + value_bytes);
  return static_cast<uint32_t>(room / 3 * 3);
}

int ConstBTreeNode::LowerBound(uint64_t key) const {
  int low = -1;
  int high = static_cast<int>(entries());
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    if (this->key(static_cast<uint32_t>(middle)) <= key) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

bool ConstBTreeNode::Contains(uint64_t key) const {
  const int i = LowerBound(key);
  return i >= 0 && this->key(static_cast<uint32_t>(i)) == key;
}

void BTreeNode::Init(uint32_t flags, uint32_t max_entries, uint32_t value_bytes) const {
  Put32(writable_ + NodeAt::kFlags, flags);
  Put32(writable_ + NodeAt::kEntries, 0);
  Put32(writable_ + NodeAt::kMaxEntries, max_entries);
  Put32(writable_ + NodeAt::kValueBytes, value_bytes);
}

void BTreeNode::InsertAt(uint32_t i, uint64_t key, const char* value) const {
  const size_t behind = entries() - i;
  std::memmove(key_at(i + 1), key_at(i), behind * 8);
  std::memmove(mutable_value(i + 1), mutable_value(i), behind * value_bytes());
  SetKey(i, key);
  std::memcpy(mutable_value(i), value, value_bytes());
  SetEntries(entries() + 1);
}

void BTreeNode::DeleteAt(uint32_t i) const {
  const size_t behind = entries() - i - 1;
  std::memmove(key_at(i), key_at(i + 1), behind * 8);
  std::memmove(mutable_value(i), mutable_value(i + 1), behind * value_bytes());
  SetEntries(entries() - 1);
}

bool BTreeNode::Deal(const std::vector<BTreeNode>& nodes, const std::vector<uint32_t>& targets) {
  bool is_done = true;
  uint64_t total = 0;
  for (size_t n = 0; n < nodes.size(); ++n) {
    const BTreeNode& node = nodes[n];
    if (node.max_entries() != nodes[0].max_entries()) return false;
    if (node.value_bytes() != nodes[0].value_bytes() || targets[n] > node.max_entries()) {
      return false;
    }
    is_done = is_done && node.entries() == targets[n];
    total += node.entries();
  }
  if (std::accumulate(targets.begin(), targets.end(), uint64_t{0}) != total) return false;
  if (is_done) return true;

  const size_t value_bytes = nodes[0].value_bytes();
  std::string keys;
  std::string values;
  for (const BTreeNode& node : nodes) {
    keys.append(node.key_at(0), size_t{8} * node.entries());
    values.append(node.value(0), value_bytes * node.entries());
  }
  size_t from = 0;
  for (size_t n = 0; n < nodes.size(); ++n) {
    const size_t count = targets[n];
    std::memcpy(nodes[n].key_at(0), keys.data() + 8 * from, 8 * count);
    std::memcpy(nodes[n].mutable_value(0), values.data() + value_bytes * from, value_bytes * count);
    nodes[n].SetEntries(targets[n]);
    from += count;
  }
  return true;
}

}  // namespace dmkit::model
