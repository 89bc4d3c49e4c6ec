// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/device_tree.h"

#include <algorithm>
#include <utility>

namespace dmkit::dm::dmsetup {
namespace {

void Drop(std::vector<size_t>& links, size_t node) {
  links.erase(std::remove(links.begin(), links.end(), node), links.end());
}

}  // namespace

DeviceTree::DeviceTree() : nodes_(1) {}

bool DeviceTree::Add(sys::DeviceNumber number, Ask ask) { return AddBelow(kRoot, number, ask); }

size_t DeviceTree::Find(sys::DeviceNumber number) const {
  for (size_t node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node].device.number == number) return node;
  }
  return kNone;
}

absl::Span<const size_t> DeviceTree::Next(size_t node, Direction direction) const {
  return direction == Direction::kUsed ? nodes_[node].used : nodes_[node].users;
}

size_t DeviceTree::Count(size_t node, Direction direction) const {
  const absl::Span<const size_t> next = Next(node, direction);
  return next.size() == 1 && next[0] == kRoot ? 0 : next.size();
}

bool DeviceTree::AddBelow(size_t user, sys::DeviceNumber number, Ask ask) {
  size_t node = Find(number);
  const bool is_new = node == kNone;
  if (is_new) {
    Node added;
    added.device.number = number;
    if (!ask(added.device)) return false;
    node = nodes_.size();
    nodes_.push_back(std::move(added));
  }
  // What somebody uses is not at the top.
  if (user != kRoot) Unlink(kRoot, node);
  if (user != kRoot || Count(node, Direction::kUsers) == 0) Link(user, node);
  if (!is_new) return true;
  // The vector of nodes grows meanwhile.
  const std::vector<sys::DeviceNumber> used = nodes_[node].device.used;
  if (used.empty()) Link(node, kRoot);
  for (const sys::DeviceNumber below : used) {
    if (!AddBelow(node, below, ask)) return false;
  }
  return true;
}

void DeviceTree::Link(size_t user, size_t used) {
  if (AreLinked(user, used)) return;
  nodes_[user].used.push_back(used);
  nodes_[used].users.push_back(user);
}

void DeviceTree::Unlink(size_t user, size_t used) {
  Drop(nodes_[user].used, used);
  Drop(nodes_[used].users, user);
}

bool DeviceTree::AreLinked(size_t user, size_t used) const {
  const std::vector<size_t>& links = nodes_[user].used;
  return std::find(links.begin(), links.end(), used) != links.end();
}

}  // namespace dmkit::dm::dmsetup
