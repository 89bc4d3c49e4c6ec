// SPDX-License-Identifier: Apache-2.0
// Whether options fit what a set remembers of its pool.

#ifndef DMKIT_THINP_POOL_OPTIONS_H_
#define DMKIT_THINP_POOL_OPTIONS_H_

#include "absl/status/status.h"
#include "thinp/pool_backing.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {

// FAILED_PRECONDITION, with both values, when an option contradicts what the set remembers.
absl::Status CheckOptions(const proto::PoolState& state, const PoolOptions& options);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_OPTIONS_H_
