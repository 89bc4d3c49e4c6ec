// SPDX-License-Identifier: Apache-2.0
// A pool of ours made as large as what it stands on, while it is in use.

#ifndef DMKIT_THINP_POOL_GROW_H_
#define DMKIT_THINP_POOL_GROW_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "thinp/pool.h"
#include "thinp/pool_backing.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {

// Lengthens the loop files to what `options` asks, and makes the active pool take what its files or
// devices have gained. Nothing is ever made smaller; OK when there is nothing to gain. After an
// error the pool runs on as it was, and the call can be repeated. FAILED_PRECONDITION: the pool was
// given by the admin, its mode does not allow it (the message names it and what to do), or it
// stands on other devices than the set remembers. ENOSPC, EFBIG: the files cannot be that large.
// Suspends the pool for a moment: blocks on its outstanding io. The caller holds the set's lock.
absl::Status GrowPool(dm::DeviceMapper& dm, const std::string& root, const proto::PoolState& state,
                      const PoolOptions& options, Pool& pool);

// Whether `options` asks for larger loop files than the active pool has, and its mode allows that:
// a pool that takes no changes must not keep people from reading. No cost where no sizes are named.
absl::StatusOr<bool> AsksForGrowth(const sys::Host& host, const std::string& root,
                                   const proto::PoolState& state, const PoolOptions& options,
                                   const Pool& pool);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_GROW_H_
