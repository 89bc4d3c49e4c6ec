// SPDX-License-Identifier: Apache-2.0
// Waits for what is worth telling of one thin pool. Acts on nothing: growing, repairing and telling
// people are for the caller.

#ifndef DMKIT_THINP_POOL_MONITOR_H_
#define DMKIT_THINP_POOL_MONITOR_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dm/event_watcher.h"
#include "dm/types.h"
#include "sys/host.h"
#include "thinp/pool_conditions.h"

namespace dmkit::thinp {

struct PoolMonitorOptions {
  PoolLimits limits;
  // The kernel has no event for a percentage, and its low water mark has one event until the next
  // resume: the pool is also looked at when so much time has passed without any.
  absl::Duration interval = absl::Seconds(10);
};

// Not thread-safe; uses a control device of its own.
class PoolMonitor {
 public:
  // The pool may be missing: the first event is kGone then. Errors are those of
  // dm::DeviceMapper::Open.
  static absl::StatusOr<PoolMonitor> Open(const sys::Host& host, dm::DeviceKey pool,
                                          const PoolMonitorOptions& options);

  // Waits until there is something to tell, as PoolConditions says it, and tells all of it; an
  // empty vector when `deadline` has passed first. What happens between two calls is told by the
  // next one. The first call also tells what is wrong already. DATA_LOSS: status or table are not
  // understood. Looking makes the pool commit nothing, but waits for a commit under way.
  absl::StatusOr<std::vector<PoolEvent>> Next(absl::Time deadline);

  // The last look; nothing before the first one, and while there is no such pool.
  const std::optional<PoolSight>& sight() const { return sight_; }

 private:
  PoolMonitor(dm::EventPoll poll, dm::DeviceKey pool, const PoolMonitorOptions& options);
  // False: `deadline` has passed before there was a cause to look.
  absl::StatusOr<bool> WaitForCause(absl::Time deadline);
  absl::StatusOr<std::optional<PoolSight>> Look();

  dm::EventPoll poll_;
  dm::DeviceKey pool_;
  absl::Duration interval_;
  PoolConditions conditions_;
  bool must_look_ = true;  // stays so when a look fails
  absl::Time next_look_;
  std::optional<PoolSight> sight_;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_MONITOR_H_
