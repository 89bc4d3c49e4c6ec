// SPDX-License-Identifier: Apache-2.0
// Whether a pool and the state files of its set agree.

#ifndef DMKIT_THINP_POOL_CHECK_H_
#define DMKIT_THINP_POOL_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "thinp/pool_contents.h"
#include "thinp/state.pb.h"
#include "thinp/state_store.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::thinp {

struct CheckReport {
  ThinPoolStatus pool;
  // In the pool, but no device whose state can be read has them.
  std::vector<uint32_t> unowned_thin_ids;
  std::vector<std::string> devices_without_thin;  // the other way round
  std::vector<Quarantined> quarantined;
  bool transaction_open = false;  // interrupted, and could not be repaired yet
  absl::Status changes_problem;   // why the set takes no changes now
  absl::Status contents_problem;  // why the pool's contents could not be read
};

// Fills in the first two lists of `report`.
void CompareOwners(const std::vector<proto::DeviceState>& devices, const PoolContents& contents,
                   CheckReport& report);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_CHECK_H_
