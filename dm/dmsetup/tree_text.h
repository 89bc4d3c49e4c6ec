// SPDX-License-Identifier: Apache-2.0
// The drawing of `dmsetup ls --tree`. Pure.

#ifndef DMKIT_DM_DMSETUP_TREE_TEXT_H_
#define DMKIT_DM_DMSETUP_TREE_TEXT_H_

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "dm/dmsetup/device_tree.h"
#include "sys/device_number.h"

namespace dmkit::dm::dmsetup {

enum class TreeSymbols { kAscii, kUtf8, kVt100 };

// What -o says of the tree.
struct TreeStyle {
  TreeSymbols symbols = TreeSymbols::kAscii;
  bool device = true;  // the device number
  bool blkdevname = false;
  bool active = false;
  bool rw = false;
  bool open = false;
  bool uuid = false;
  bool compact = false;  // the first of several children on the line of its parent
  bool truncate = true;  // at the edge of the terminal
  bool inverted = false;
  // "table" and "status" print nothing, but they keep a tree from being compact.
  bool targets = false;
};

// Reads "word,word" into `style`, which has the defaults; a word may be shortened. Nothing when all
// is well, else what is wrong and all that follows it.
std::optional<std::string> ParseTreeStyle(absl::string_view options, TreeStyle* style);

// The kernel's name of a device; nothing where it has none.
using DeviceNamer = absl::FunctionRef<std::optional<std::string>(sys::DeviceNumber)>;

std::string DrawTree(const DeviceTree& tree, const TreeStyle& style, DeviceNamer namer);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_TREE_TEXT_H_
