// SPDX-License-Identifier: Apache-2.0
// The values of the rooms below as reports. Nothing is asked and nothing is decided here.

#ifndef DMKIT_DRIVER_CLI_TO_REPORT_H_
#define DMKIT_DRIVER_CLI_TO_REPORT_H_

#include <vector>

#include "absl/time/time.h"
#include "dm/types.h"
#include "driver/report.pb.h"
#include "loop/types.h"
#include "thinp/pool_conditions.h"

namespace dmkit::driver::cli {

report::DmDevice ToReport(const dm::DeviceInfo& info);
report::DmDevice ToReport(const dm::TableReply& reply);
report::DmTargetVersionList ToReport(const std::vector<dm::TargetVersion>& versions);
// `seen` is when it was.
report::PoolEvent ToReport(const thinp::PoolEvent& event, absl::Time seen);
report::LoopDevice ToReport(const loop::LoopInfo& info);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_TO_REPORT_H_
