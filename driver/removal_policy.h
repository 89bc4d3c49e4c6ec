// SPDX-License-Identifier: Apache-2.0
// What happens to devices that are to go: at once or later, and with their blocks handed back or
// not. Options in, decisions out: no devices, no files.

#ifndef DMKIT_DRIVER_REMOVAL_POLICY_H_
#define DMKIT_DRIVER_REMOVAL_POLICY_H_

#include "absl/status/statusor.h"
#include "dm/types.h"
#include "driver/options.h"

namespace dmkit::driver {

struct RemovalPolicy {
  bool deferred_removal = false;   // the kernel removes a device in use at its last close
  bool deferred_deletion = false;  // a layer in use is removed by name, and its space freed later
  bool discard = false;            // the space of a removed layer goes back to below the pool
};

// What `options` says, with Docker's defaults: deferral where the kernel's dm interface `version`
// has it (since 4.27.0), discard where the pool's data is a loop file. FAILED_PRECONDITION when
// deferral is asked for and the kernel is too old; INVALID_ARGUMENT for deferred deletion without
// deferred removal, whose devices would stay for ever.
absl::StatusOr<RemovalPolicy> DecideRemoval(const Options& options, const dm::Version& version,
                                            bool data_is_loop_file);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_REMOVAL_POLICY_H_
