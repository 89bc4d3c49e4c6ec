// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/pool_watch.h"

#include <algorithm>
#include <limits>

#include "sys/status.h"

namespace dmkit::driver::cli {
namespace {

absl::StatusOr<bool> IsStopped(sys::StopSignals* stop) {
  return stop == nullptr ? false : stop->Take();
}

}  // namespace

absl::StatusOr<uint64_t> WatchPool(const PoolWatchRequest& request, sys::Clock& clock,
                                   sys::StopSignals* stop, NextPoolEvents next,
                                   TellPoolEvent tell) {
  const uint64_t count = request.count.value_or(std::numeric_limits<uint64_t>::max());
  const absl::Time deadline = clock.Now() + request.timeout.value_or(absl::InfiniteDuration());
  uint64_t told = 0;
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const bool is_stopped, IsStopped(stop));
    if (is_stopped) return told;
    const absl::Time now = clock.Now();
    DMKIT_ASSIGN_OR_RETURN(const std::vector<thinp::PoolEvent> events,
                           next(std::min(deadline, now + kStopPatience)));
    for (const thinp::PoolEvent& event : events) {
      DMKIT_RETURN_IF_ERROR(tell(event));
      if (++told == count) return told;
    }
    if (now >= deadline) return told;
  }
}

}  // namespace dmkit::driver::cli
