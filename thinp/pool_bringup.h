// SPDX-License-Identifier: Apache-2.0
// From what a set remembers, or from options for a new one, to an active pool. The rule that
// nothing known or foreign is ever formatted is kept here.

#ifndef DMKIT_THINP_POOL_BRINGUP_H_
#define DMKIT_THINP_POOL_BRINGUP_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "sys/host.h"
#include "sys/units.h"
#include "thinp/pool.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {

// Where the pool comes from. What a set remembers is not changed by options: one that contradicts
// it is refused, with both values. A loop file is made larger when its size here is, at activation.
struct PoolOptions {
  std::string given_pool;       // dm name of an existing pool; then all below is unused
  std::string data_device;      // block device; empty: loop file pool/data under the root
  std::string metadata_device;  // block device; empty: loop file pool/metadata under the root
  std::optional<sys::Bytes> data_loop_size;      // unset: 100 GiB for a new file
  std::optional<sys::Bytes> metadata_loop_size;  // unset: 2 GiB for a new file
  std::optional<sys::Sectors> block_size;        // unset: 64 KiB for a new pool
};

// What a new set will remember of its pool. Changes nothing. Refused: a given pool that is missing,
// no thin pool, or not empty; a given device that is missing, too small, in use (EBUSY) or carries
// a known signature; pool files that lie there already. `interrupted` is what an interrupted first
// start had recorded (its pool is down), else empty: files and a thin-pool superblock of it are
// taken again.
absl::StatusOr<proto::PoolState> PlanPool(dm::DeviceMapper& dm, const std::string& root,
                                          const PoolOptions& options,
                                          const proto::PoolState& interrupted);

// An error, with both values, when an option contradicts what the set remembers.
absl::Status CheckOptions(const proto::PoolState& state, const PoolOptions& options);

// The active pool of the set: found, or activated. One that is up on other files is
// FAILED_PRECONDITION: then this root is a copy. A given one is FAILED_PRECONDITION when its UUID
// or block size shows that it is another pool than the one that was given at first. Metadata is
// formatted only while state.formatted is false. A missing pool file or blank metadata of a
// formatted pool is refused before any table is loaded. The caller holds the set's lock.
absl::StatusOr<Pool> BringUpPool(dm::DeviceMapper& dm, const std::string& root,
                                 absl::string_view set_uuid, const proto::PoolState& state,
                                 const PoolOptions& options);

// Removes the loop files of a pool that was never formatted, durably. For undoing a first start. OK
// when there are none.
absl::Status RemovePoolFiles(const sys::Host& host, const std::string& root,
                             const proto::PoolState& state);

// Path of a backing loop file; empty when that half is a device.
std::string LoopPath(const std::string& root, const proto::Backing& backing);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_BRINGUP_H_
