// SPDX-License-Identifier: Apache-2.0
// Finding and opening it.

#include "driver/cli/store.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "driver/cli/execute.h"
#include "driver/driver.h"
#include "sys/status.h"
#include "thinp/device_set.h"

namespace dmkit::driver::cli {

absl::StatusOr<bool> StoreExists(const Context& context) {
  DMKIT_ASSIGN_OR_RETURN(const std::string root, AbsolutePath(context.host, context.global.root));
  return thinp::SetExists(context.host, root);
}

absl::StatusOr<Store> OpenStore(const Context& context, WhenMissing when_missing) {
  DriverConfig config;
  DMKIT_ASSIGN_OR_RETURN(config.root, AbsolutePath(context.host, context.global.root));
  config.create = when_missing == WhenMissing::kMake;
  config.options = context.global.options;
  Store store;
  DMKIT_ASSIGN_OR_RETURN(dm::DeviceMapper dm, dm::DeviceMapper::Open(context.host));
  store.dm = std::make_unique<dm::DeviceMapper>(std::move(dm));
  DMKIT_ASSIGN_OR_RETURN(store.driver, Driver::Open(*store.dm, config));
  for (const std::string& warning : store.driver->warnings()) context.output.Note("", warning);
  return store;
}

}  // namespace dmkit::driver::cli
