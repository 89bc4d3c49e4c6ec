// SPDX-License-Identifier: Apache-2.0
// A pool that the admin gives: found, and recognised. Never formatted, resized, reloaded or
// removed.

#ifndef DMKIT_THINP_GIVEN_POOL_H_
#define DMKIT_THINP_GIVEN_POOL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/device_mapper.h"
#include "thinp/pool.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {

// The active pool of this name, or the one that lvm2 has under it. ENXIO: there is none.
// FAILED_PRECONDITION: it is no thin pool. Changes nothing.
absl::StatusOr<Pool> FindGivenPool(dm::DeviceMapper& dm, const std::string& name);

// What a new set will remember of the pool. ENXIO: there is none of this name. FAILED_PRECONDITION:
// it is no thin pool, takes no writes, or is not empty (data blocks used, or a transaction id other
// than 0, which is what lvm2 leaves in a pool that it has made volumes in). Changes nothing.
absl::StatusOr<proto::PoolState> PlanGivenPool(dm::DeviceMapper& dm, const std::string& name);

// The pool that the set was made in. FAILED_PRECONDITION when its UUID or block size shows that it
// is another one.
absl::StatusOr<Pool> AdoptGivenPool(dm::DeviceMapper& dm, const proto::PoolState& state);

// Whether both name one pool: lvm2 maps a pool VG-LV as VG-LV-tpool, with a linear device VG-LV on
// top, when it has made volumes in it (older ones: always), and as VG-LV alone otherwise.
bool IsSameGivenPool(absl::string_view name, absl::string_view other);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_GIVEN_POOL_H_
