// SPDX-License-Identifier: Apache-2.0
// Which device uses which, as a tree with shared branches: what `dmsetup ls --tree` draws and the
// fields "devs_used" and "names_using_dev" tell. Pure: the kernel is asked through a function.

#ifndef DMKIT_DM_DMSETUP_DEVICE_TREE_H_
#define DMKIT_DM_DMSETUP_DEVICE_TREE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "dm/types.h"
#include "sys/device_number.h"

namespace dmkit::dm::dmsetup {

// A device as the tree was told of it. One that is no mapped device has a number only.
struct TreeDevice {
  sys::DeviceNumber number;
  bool mapped = false;
  DeviceInfo info;  // with name and uuid as they are shown
  std::vector<sys::DeviceNumber> used;
};

class DeviceTree {
 public:
  enum class Direction {
    kUsed,  // from a device to those that it uses
    kUsers  // from a device to those that use it
  };
  // Fills a device whose number is set. False: it cannot be told, which was said.
  using Ask = absl::FunctionRef<bool(TreeDevice& device)>;

  DeviceTree();

  // Adds a device and all that it uses, unless they are there. False: `ask` was false, and the tree
  // has what came before.
  bool Add(sys::DeviceNumber number, Ask ask);

  // The node of a device; kNone when it has none.
  static constexpr size_t kNone = static_cast<size_t>(-1);
  size_t Find(sys::DeviceNumber number) const;
  // The node above those that nobody uses, and below those that use none.
  static constexpr size_t kRoot = 0;

  const TreeDevice& device(size_t node) const { return nodes_[node].device; }
  // In the order in which they were linked; at either end of the tree the root alone.
  absl::Span<const size_t> Next(size_t node, Direction direction) const;
  // Without the root.
  size_t Count(size_t node, Direction direction) const;

 private:
  struct Node {
    TreeDevice device;
    std::vector<size_t> used;
    std::vector<size_t> users;
  };

  bool AddBelow(size_t user, sys::DeviceNumber number, Ask ask);
  void Link(size_t user, size_t used);
  void Unlink(size_t user, size_t used);
  bool AreLinked(size_t user, size_t used) const;

  std::vector<Node> nodes_;
};

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_DEVICE_TREE_H_
