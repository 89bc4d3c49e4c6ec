// SPDX-License-Identifier: Apache-2.0
// What the commands that tell something keep from one device to the next. Values only.

#ifndef DMKIT_DM_DMSETUP_OUTPUT_STATE_H_
#define DMKIT_DM_DMSETUP_OUTPUT_STATE_H_

#include <optional>

#include "dm/dmsetup/device_tree.h"
#include "dm/dmsetup/report.h"
#include "dm/dmsetup/tree_text.h"

namespace dmkit::dm::dmsetup {

struct OutputState {
  std::optional<Report> report;    // with --columns
  std::optional<DeviceTree> tree;  // once it was asked for
  TreeStyle tree_style;
  bool concise_started = false;  // table --concise has printed a device
};

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_OUTPUT_STATE_H_
