// SPDX-License-Identifier: Apache-2.0
// From what a set remembers, or from options for a new one, to an active pool. The rule that
// nothing known or foreign is ever formatted is kept here.

#ifndef DMKIT_THINP_POOL_BRINGUP_H_
#define DMKIT_THINP_POOL_BRINGUP_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "thinp/pool.h"
#include "thinp/pool_backing.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {

// What a new set will remember of its pool. Changes nothing. Refused: a given pool that is missing,
// no thin pool, or not empty; a given device that is missing, too small, in use (EBUSY) or carries
// a known signature; pool files that lie there already. `interrupted` is what an interrupted first
// start had recorded (its pool is down), else empty: files and a thin-pool superblock of it are
// taken again.
absl::StatusOr<proto::PoolState> PlanPool(dm::DeviceMapper& dm, const std::string& root,
                                          const PoolOptions& options,
                                          const proto::PoolState& interrupted);

// The active pool of the set: found, or activated. One that is up on other files is
// FAILED_PRECONDITION: then this root is a copy. A given one is FAILED_PRECONDITION when its UUID
// or block size shows that it is another pool than the one that was given at first. Metadata is
// formatted only while state.formatted is false. A missing pool file or blank metadata of a
// formatted pool is refused before any table is loaded. The caller holds the set's lock.
absl::StatusOr<Pool> BringUpPool(dm::DeviceMapper& dm, const std::string& root,
                                 absl::string_view set_uuid, const proto::PoolState& state,
                                 const PoolOptions& options);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_BRINGUP_H_
