// SPDX-License-Identifier: Apache-2.0
// The parts that LVM puts into the name of a device: "vg-lv-layer", where a hyphen inside a part is
// written twice. Pure.

#ifndef DMKIT_DM_DMSETUP_SPLIT_NAME_H_
#define DMKIT_DM_DMSETUP_SPLIT_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmkit::dm::dmsetup {

struct SplitDeviceName {
  std::string subsystem;
  // Empty unless the subsystem is LVM.
  std::string vg_name;
  std::string lv_name;
  std::string lv_layer;
};

// The subsystem that a uuid begins with, in front of the first hyphen; empty without a hyphen.
absl::string_view SubsystemOf(absl::string_view uuid);

SplitDeviceName SplitName(absl::string_view name, absl::string_view subsystem);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_SPLIT_NAME_H_
