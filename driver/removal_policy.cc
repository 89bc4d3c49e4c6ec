// SPDX-License-Identifier: Apache-2.0

#include "driver/removal_policy.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dm/types.h"
#include "driver/options.h"

namespace dmkit::driver {

absl::StatusOr<RemovalPolicy> DecideRemoval(const Options& options, const dm::Version& version,
                                            bool data_is_loop_file) {
  const bool known = version.IsAtLeast(4, 27);
  RemovalPolicy policy;
  policy.deferred_removal = options.use_deferred_removal.value_or(known);
  policy.deferred_deletion = options.use_deferred_deletion.value_or(policy.deferred_removal);
  policy.discard = options.blkdiscard.value_or(data_is_loop_file);
  if (policy.deferred_removal && !known) {
    return absl::FailedPreconditionError(absl::StrCat(
        "dm.use_deferred_removal is true, but this kernel's dm interface ", version.major, ".",
        version.minor, " knows no deferred removal (since 4.27): leave the option out"));
  }
  if (policy.deferred_deletion && !policy.deferred_removal) {
    return absl::InvalidArgumentError(
        "dm.use_deferred_deletion is true, which needs dm.use_deferred_removal=true as well");
  }
  return policy;
}

}  // namespace dmkit::driver
