// SPDX-License-Identifier: Apache-2.0
// How long `pool watch` goes on. What the events are is thinp's, and how they are printed is not
// known here.

#ifndef DMKIT_DRIVER_CLI_POOL_WATCH_H_
#define DMKIT_DRIVER_CLI_POOL_WATCH_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "driver/cli/request.h"
#include "sys/host.h"
#include "sys/stop_signals.h"
#include "thinp/pool_conditions.h"

namespace dmkit::driver::cli {

// How long it takes at most until a signal is noticed.
inline constexpr absl::Duration kStopPatience = absl::Milliseconds(500);

// Where events come from, and go to.
using NextPoolEvents =
    absl::FunctionRef<absl::StatusOr<std::vector<thinp::PoolEvent>>(absl::Time deadline)>;
using TellPoolEvent = absl::FunctionRef<absl::Status(const thinp::PoolEvent& event)>;

// Tells the events that come until the request's count or timeout is reached, or `stop` says so;
// returns how many were told. `stop` is taken: the next signal ends the process. `next` waits until
// its deadline; the first error of `next` or `tell` ends it.
absl::StatusOr<uint64_t> WatchPool(const PoolWatchRequest& request, sys::Clock& clock,
                                   sys::StopSignals* stop, NextPoolEvents next, TellPoolEvent tell);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_POOL_WATCH_H_
