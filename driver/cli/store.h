// SPDX-License-Identifier: Apache-2.0
// The store that a command works on. Only `create` makes one: every other command would otherwise
// answer a mistyped --root with a new pool.

#ifndef DMKIT_DRIVER_CLI_STORE_H_
#define DMKIT_DRIVER_CLI_STORE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "driver/cli/execute.h"
#include "driver/driver.h"

namespace dmkit::driver::cli {

// A driver and what it stands on.
struct Store {
  std::unique_ptr<dm::DeviceMapper> dm;
  std::unique_ptr<Driver> driver;
};

// Whether there is a store at --root.
absl::StatusOr<bool> StoreExists(const Context& context);

enum class WhenMissing { kMake, kFail };

// Opens the store at --root with the options that were given, and notes what the driver left as it
// was. The errors are those of Driver::Open.
absl::StatusOr<Store> OpenStore(const Context& context, WhenMissing when_missing);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_STORE_H_
