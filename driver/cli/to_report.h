// SPDX-License-Identifier: Apache-2.0
// The values of the rooms below as reports. Nothing is asked and nothing is decided here.

#ifndef DMKIT_DRIVER_CLI_TO_REPORT_H_
#define DMKIT_DRIVER_CLI_TO_REPORT_H_

#include "absl/time/time.h"
#include "driver/report.pb.h"
#include "loop/types.h"
#include "thinp/pool_conditions.h"

namespace dmkit::driver::cli {

// `seen` is when it was.
report::PoolEvent ToReport(const thinp::PoolEvent& event, absl::Time seen);
report::LoopDevice ToReport(const loop::LoopInfo& info);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_TO_REPORT_H_
