// SPDX-License-Identifier: Apache-2.0
// The command that goes on: each event is written at once.

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dm/types.h"
#include "driver/cli/execute.h"
#include "driver/cli/format.h"
#include "driver/cli/json.h"
#include "driver/cli/output.h"
#include "driver/cli/pool_watch.h"
#include "driver/cli/request.h"
#include "driver/cli/store.h"
#include "driver/cli/to_report.h"
#include "driver/report.pb.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/stream.h"
#include "thinp/pool_conditions.h"
#include "thinp/pool_monitor.h"

namespace dmkit::driver::cli {
namespace {

// The pool of the store, which is not kept open meanwhile. The uuid finds it also when it was taken
// down and up again.
absl::StatusOr<dm::DeviceKey> FindPool(const Context& context) {
  DMKIT_ASSIGN_OR_RETURN(Store store, OpenStore(context, WhenMissing::kFail));
  DMKIT_ASSIGN_OR_RETURN(const report::PoolStatus status, store.driver->PoolStatus());
  if (status.uuid().empty()) {
    DMKIT_ASSIGN_OR_RETURN(dm::DmName name, dm::DmName::Create(status.name()));
    return name;
  }
  DMKIT_ASSIGN_OR_RETURN(dm::DmUuid uuid, dm::DmUuid::Create(status.uuid()));
  return uuid;
}

absl::StatusOr<uint64_t> Watch(const PoolWatchRequest& request, const Context& context) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceKey pool, FindPool(context));
  if (context.streams.stop != nullptr) DMKIT_RETURN_IF_ERROR(context.streams.stop->Hold());
  thinp::PoolMonitorOptions options;
  options.limits = {request.low_percent, request.low_percent};
  DMKIT_ASSIGN_OR_RETURN(thinp::PoolMonitor monitor,
                         thinp::PoolMonitor::Open(context.host, pool, options));
  sys::Clock& clock = *context.host.clock;
  const auto next = [&](absl::Time deadline) { return monitor.Next(deadline); };
  const auto tell = [&](const thinp::PoolEvent& event) {
    const report::PoolEvent report = ToReport(event, clock.WallTime());
    const bool is_json = context.output.format() == OutputFormat::kJson;
    return context.streams.out->Write(is_json ? ToJson(report) : FormatText(report));
  };
  return WatchPool(request, clock, context.streams.stop, next, tell);
}

}  // namespace

void Execute(const PoolWatchRequest& request, const Context& context) {
  context.output.set_out_is_used();
  const absl::StatusOr<uint64_t> told = Watch(request, context);
  if (!told.ok()) return context.output.Fail("", told.status());
  if (request.count.has_value() && *told < *request.count) {
    context.output.set_exit_status(kExitFailed);
  }
}

}  // namespace dmkit::driver::cli
