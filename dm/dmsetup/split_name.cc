// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/split_name.h"

#include <cstddef>

namespace dmkit::dm::dmsetup {
namespace {

// Cuts the first part off `name`, and the hyphen behind it. A hyphen at the very end belongs to the
// part, as libdevmapper has it.
std::string TakePart(absl::string_view* name) {
  std::string part;
  size_t at = 0;
  while (at < name->size()) {
    const bool hyphen = (*name)[at] == '-' && at + 1 < name->size();
    if (hyphen && (*name)[at + 1] != '-') break;
    if (hyphen) ++at;
    part.push_back((*name)[at++]);
  }
  name->remove_prefix(at < name->size() ? at + 1 : at);
  return part;
}

}  // namespace

absl::string_view SubsystemOf(absl::string_view uuid) {
  const size_t hyphen = uuid.find('-');
  return hyphen == absl::string_view::npos ? absl::string_view() : uuid.substr(0, hyphen);
}

SplitDeviceName SplitName(absl::string_view name, absl::string_view subsystem) {
  SplitDeviceName split;
  split.subsystem = std::string(subsystem);
  if (subsystem != "LVM") return split;
  split.vg_name = TakePart(&name);
  split.lv_name = TakePart(&name);
  split.lv_layer = TakePart(&name);
  return split;
}

}  // namespace dmkit::dm::dmsetup
