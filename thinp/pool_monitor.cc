// SPDX-License-Identifier: Apache-2.0
// Each look comes behind the arming of the next wait, so that nothing falls between the two.

#include "thinp/pool_monitor.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dm/device_mapper.h"
#include "sys/status.h"

namespace dmkit::thinp {
namespace {

constexpr char kPoolTarget[] = "thin-pool";

// The text of the one thin-pool target in `reply`; nothing when the device is gone or is none.
absl::StatusOr<std::optional<std::string>> PoolText(const absl::StatusOr<dm::TableReply>& reply) {
  if (sys::GetErrno(reply.status()) == ENXIO) return std::nullopt;
  DMKIT_RETURN_IF_ERROR(reply.status());
  const std::vector<dm::TargetStatus>& targets = reply->targets;
  if (targets.size() != 1 || targets[0].type != kPoolTarget) return std::nullopt;
  return targets[0].text;
}

}  // namespace

PoolMonitor::PoolMonitor(dm::EventPoll poll, dm::DeviceKey pool, const PoolMonitorOptions& options)
    : poll_(std::move(poll)),
      pool_(std::move(pool)),
      interval_(options.interval),
      conditions_(options.limits) {}

absl::StatusOr<PoolMonitor> PoolMonitor::Open(const sys::Host& host, dm::DeviceKey pool,
                                              const PoolMonitorOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(dm::EventPoll poll, dm::EventPoll::Open(host));
  return PoolMonitor(std::move(poll), std::move(pool), options);
}

absl::StatusOr<std::vector<PoolEvent>> PoolMonitor::Next(absl::Time deadline) {
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const bool has_cause, WaitForCause(deadline));
    if (!has_cause) return std::vector<PoolEvent>();
    absl::StatusOr<std::optional<PoolSight>> look = Look();
    if (!look.ok()) {
      return sys::AddContext(look.status(), absl::StrCat("watch of pool ", dm::Describe(pool_)));
    }
    const absl::Time now = poll_.dm().host().clock->Now();
    sight_ = *std::move(look);
    must_look_ = false;
    next_look_ = now + interval_;
    std::vector<PoolEvent> events = conditions_.Update(sight_);
    // Events of other devices must not keep this going.
    if (!events.empty() || now >= deadline) return events;
  }
}

absl::StatusOr<bool> PoolMonitor::WaitForCause(absl::Time deadline) {
  while (!must_look_) {
    DMKIT_ASSIGN_OR_RETURN(const bool happened, poll_.Wait(std::min(deadline, next_look_)));
    const absl::Time now = poll_.dm().host().clock->Now();
    must_look_ = happened || now >= next_look_;
    if (!must_look_ && now >= deadline) return false;
  }
  return true;
}

absl::StatusOr<std::optional<PoolSight>> PoolMonitor::Look() {
  dm::StatusOptions without_commit;
  without_commit.no_flush = true;
  const auto status = poll_.dm().Status(pool_, without_commit);
  DMKIT_ASSIGN_OR_RETURN(const std::optional<std::string> status_text, PoolText(status));
  if (!status_text.has_value()) return std::nullopt;
  const auto table = poll_.dm().Table(pool_, dm::StatusOptions());
  DMKIT_ASSIGN_OR_RETURN(const std::optional<std::string> table_text, PoolText(table));
  // Removed, or given another table, since the status: the next look sees what has come of it.
  if (!table_text.has_value()) return std::nullopt;
  PoolSight sight;
  sight.name = status->info.name;
  sight.uuid = status->info.uuid;
  sight.device = status->info.device;
  sight.event_nr = status->info.event_nr;
  DMKIT_ASSIGN_OR_RETURN(sight.status, ParseThinPoolStatus(*status_text));
  DMKIT_ASSIGN_OR_RETURN(const ThinPoolParams params, ParseThinPoolParams(*table_text));
  sight.block_size = params.block_size;
  sight.low_water_mark = params.low_water_mark;
  return sight;
}

}  // namespace dmkit::thinp
