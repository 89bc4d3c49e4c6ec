// SPDX-License-Identifier: Apache-2.0
// The rules between options: which exclude or need each other. Single values are checked before.

#ifndef DMKIT_DRIVER_OPTION_RULES_H_
#define DMKIT_DRIVER_OPTION_RULES_H_

#include "absl/status/status.h"
#include "driver/options.h"

namespace dmkit::driver {

// INVALID_ARGUMENT names the option that is wrong beside the others, and what would be right.
absl::Status CheckOptionRules(const Options& options);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_OPTION_RULES_H_
