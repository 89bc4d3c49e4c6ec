// SPDX-License-Identifier: Apache-2.0
// The module: both target types.

#include "testing/model/thin/thin_pool.h"

#include <utility>

#include "testing/model/thin/pool.h"
#include "testing/model/thin/pool_target.h"
#include "testing/model/thin/thin_target.h"

namespace dmkit::model {

ThinPools::ThinPools(DmCore& dm) : registry_(std::make_shared<PoolRegistry>(dm)) {
  // It has no alias: a lookup of "thin" does not load it.
  dm.RegisterModule(
      {{"thin-pool"},
       {std::make_shared<ThinType>(registry_), std::make_shared<PoolType>(registry_)}});
}

ThinPools::~ThinPools() = default;

void ThinPools::SetNoSpaceTimeout(absl::Duration timeout) { registry_->no_space_timeout = timeout; }

void ThinPools::LosePower() { registry_->has_power = false; }

std::optional<std::vector<ThinState>> ThinPools::ThinsOf(const DmDevice& pool) const {
  const std::shared_ptr<Pool> found = registry_->FindByDevice(pool.number());
  std::vector<ThinState> thins;
  if (found == nullptr || found->metadata().ListThins(&thins) != 0) return std::nullopt;
  return thins;
}

}  // namespace dmkit::model
