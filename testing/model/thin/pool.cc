// SPDX-License-Identifier: Apache-2.0
// Making, finding and ending pools; binding tables to them; suspend and resume. Mirrors
// drivers/md/dm-thin.c; read in v6.1 and v6.12.

#include "testing/model/thin/pool.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace dmkit::model {

std::shared_ptr<Pool> PoolRegistry::FindByDevice(sys::DeviceNumber device) const {
  for (const std::weak_ptr<Pool>& known : pools) {
    std::shared_ptr<Pool> pool = known.lock();
    if (pool != nullptr && pool->number() == device) return pool;
  }
  return nullptr;
}

std::shared_ptr<Pool> PoolRegistry::FindByMetadata(sys::DeviceNumber metadata) const {
  for (const std::weak_ptr<Pool>& known : pools) {
    std::shared_ptr<Pool> pool = known.lock();
    if (pool != nullptr && pool->metadata_device().number() == metadata) return pool;
  }
  return nullptr;
}

Pool::Pool(std::shared_ptr<PoolRegistry> registry, const Parts& parts)
    : registry_(std::move(registry)),
      device_(parts.device),
      number_(parts.device.number()),
      metadata_device_(parts.metadata),
      data_device_(parts.data),
      block_sectors_(parts.block_sectors),
      last_commit_(scheduler().Now()) {}

Pool::~Pool() {
  CancelTimer(&commit_timer_);
  CancelTimer(&no_space_timer_);
  if (metadata_ != nullptr && registry_->has_power) metadata_->Close();
}

int Pool::Find(const std::shared_ptr<PoolRegistry>& registry, const Parts& parts,
               std::shared_ptr<Pool>* pool, bool* created) {
  *created = false;
  const sys::DeviceNumber data = parts.data.number();
  if (std::shared_ptr<Pool> known = registry->FindByMetadata(parts.metadata.number());
      known != nullptr) {
    if (known->number_ != parts.device.number()) return -EBUSY;
    if (known->data_device_.number() != data) return -EBUSY;
    *pool = std::move(known);
    return 0;
  }
  if (registry->FindByDevice(parts.device.number()) != nullptr) return -EINVAL;
  std::shared_ptr<Pool> made(new Pool(registry, parts));
  const int error = PoolMetadata::Open(made->metadata_device_, parts.block_sectors,
                                       /*format=*/!parts.read_only, &made->metadata_);
  if (error != 0) return error;
  // Before the metadata is written, so that no committed mapping leads to data that is lost.
  made->metadata_->RegisterPreCommit([self = made.get()] { return self->data_device_.Flush(); });
  auto& pools = registry->pools;
  pools.erase(std::remove_if(pools.begin(), pools.end(),
                             [](const std::weak_ptr<Pool>& known) { return known.expired(); }),
              pools.end());
  pools.push_back(made);
  *created = true;
  *pool = std::move(made);
  return 0;
}

void Pool::Bind(PoolBinding& binding) {
  const PoolMode new_mode = binding.adjusted.mode;
  binding.adjusted.mode = mode();
  binding_ = &binding;
  features_ = binding.adjusted;
  low_water_blocks_ = binding.low_water_blocks;
  SetMode(new_mode);
}

void Pool::Unbind(const PoolBinding& binding) {
  if (binding_ == &binding) binding_ = nullptr;
}

void Pool::RemoveThin(const ActiveThin& thin) {
  thins_.erase(std::remove(thins_.begin(), thins_.end(), &thin), thins_.end());
}

void Pool::Presuspend() {
  is_suspended_ = true;
  const std::vector<ActiveThin*> thins = thins_;
  for (ActiveThin* const thin : thins) thin->device.InternalSuspend();
}

void Pool::PresuspendUndo() {
  const std::vector<ActiveThin*> thins = thins_;
  for (ActiveThin* const thin : thins) thin->device.InternalResume();
  is_suspended_ = false;
}

void Pool::Postsuspend() {
  CancelTimer(&commit_timer_);
  CancelTimer(&no_space_timer_);
  Commit();
}

void Pool::Resume() {
  FinishWaiting(/*result=*/0);
  const std::vector<ActiveThin*> thins = thins_;
  for (ActiveThin* const thin : thins) thin->device.InternalResume();
  is_low_water_triggered_ = false;
  is_suspended_ = false;
  CommitWhenDue();
}

Scheduler::TimerId Pool::After(absl::Duration delay, void (Pool::*action)()) {
  return scheduler().After(delay, [known = weak_from_this(), action] {
    const std::shared_ptr<Pool> pool = known.lock();
    if (pool != nullptr) ((*pool).*action)();
  });
}

void Pool::CancelTimer(std::optional<Scheduler::TimerId>* timer) {
  if (timer->has_value()) scheduler().Cancel(**timer);
  timer->reset();
}

}  // namespace dmkit::model
