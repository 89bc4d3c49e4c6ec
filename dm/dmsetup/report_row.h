// SPDX-License-Identifier: Apache-2.0
// The cells of a report's row. Each field is worked out only when it was asked for: some ask sysfs.

#ifndef DMKIT_DM_DMSETUP_REPORT_ROW_H_
#define DMKIT_DM_DMSETUP_REPORT_ROW_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "dm/dmsetup/context.h"
#include "dm/dmsetup/report.h"
#include "dm/dmsetup/split_name.h"
#include "dm/types.h"
#include "sys/device_number.h"

namespace dmkit::dm::dmsetup {

// What is known of a device; what the report's groups do not ask for is not set.
struct RowSource {
  const DeviceInfo* info = nullptr;  // as it is shown
  std::optional<std::vector<sys::DeviceNumber>> used;
  std::optional<size_t> tree_node;  // in the context's tree
  std::optional<SplitDeviceName> split;
};

// A cell for each column of the context's report; nothing after an error, which was told.
std::optional<std::vector<ReportCell>> MakeRow(Context& context, const RowSource& source);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_REPORT_ROW_H_
