// SPDX-License-Identifier: Apache-2.0
// Thin devices: making, deleting, opening.

#include "testing/model/thin/thin_metadata.h"

#include <cerrno>
#include <memory>
#include <utility>

#include "testing/model/thin/thin_metadata_objects.h"

namespace dmkit::model {
namespace {

ThinState DecodeDetails(uint32_t id, const char* details) {
  ThinState state;
  state.id = id;
  state.mapped_blocks = Get64(details);
  state.transaction_id = Get64(details + 8);
  state.creation_time = Get32(details + 16);
  state.snapshotted_time = Get32(details + 20);
  return state;
}

void EncodeDetails(const ThinState& state, char* details) {
  Put64(details, state.mapped_blocks);
  Put64(details + 8, state.transaction_id);
  Put32(details + 16, state.creation_time);
  Put32(details + 20, state.snapshotted_time);
}

}  // namespace

PoolMetadata::Lock::Lock(PoolMetadata& metadata) : metadata_(metadata) {
  if (metadata_.is_locked_) {
    error_ = metadata_.device_.core().scheduler.Wait(WaitKind::kUninterruptible,
                                                     "metadata of a pool: locked",
                                                     [this] { return !metadata_.is_locked_; });
  }
  if (error_ == 0) metadata_.is_locked_ = true;
}

int PoolMetadata::Lock::error() const {
  if (error_ != 0) return error_;
  return metadata_.fail_io_ ? -EINVAL : 0;
}

// __open_device() without its count.
int PoolMetadata::FindDevice(uint32_t id, ThinDevice** device) {
  const auto known = devices_.find(id);
  if (known != devices_.end()) {
    *device = known->second.get();
    return 0;
  }
  char details[kDetailsBytes];
  const int result = objects_->details.Lookup(roots_.details, id, details);
  if (result != 0) return result;
  auto found = std::make_unique<ThinDevice>();
  found->state_ = DecodeDetails(id, details);
  *device = devices_.emplace(id, std::move(found)).first->second.get();
  return 0;
}

// Whether `id` may be made: 0 or -EEXIST.
int PoolMetadata::CheckUnused(uint32_t id) {
  const int result = objects_->details.Lookup(roots_.details, id, nullptr);
  if (result == 0) return -EEXIST;
  return result == -ENODATA ? 0 : result;
}

ThinDevice& PoolMetadata::AddDevice(const ThinState& state) {
  auto made = std::make_unique<ThinDevice>();
  made->state_ = state;
  ThinDevice& device = *devices_.emplace(state.id, std::move(made)).first->second;
  MarkChanged(device);
  return device;
}

void PoolMetadata::MarkChanged(ThinDevice& device) {
  device.changed_ = true;
  changed_.insert(device.id());
}

int PoolMetadata::CreateThin(uint32_t id) {
  Lock lock(*this);
  int result = lock.Change();
  if (result == 0) result = CheckUnused(id);
  if (result != 0) return result;
  // One that is not committed, or whose creation was aborted.
  if (devices_.count(id) != 0) return -EEXIST;
  uint64_t root = 0;
  result = objects_->blocks.Empty(&root);
  char value[8];
  Put64(value, root);
  if (result == 0) result = objects_->devices.Insert(&roots_.mappings, id, value, nullptr);
  if (result == 0) AddDevice({id, 0, transaction_id_, time_, time_});
  return result;
}

int PoolMetadata::CreateSnap(uint32_t id, uint32_t origin) {
  Lock lock(*this);
  int result = lock.Change();
  if (result == 0) result = CheckUnused(id);
  char root[8];
  if (result == 0) result = objects_->devices.Lookup(roots_.mappings, origin, root);
  if (result != 0) return result;
  if (devices_.count(id) != 0) return -EEXIST;
  result = objects_->transaction.Inc(Get64(root));
  if (result == 0) result = objects_->devices.Insert(&roots_.mappings, id, root, nullptr);
  if (result != 0) return result;
  ++time_;
  ThinDevice* from = nullptr;
  result = FindDevice(origin, &from);
  if (result != 0) return result;
  from->state_.snapshotted_time = time_;
  MarkChanged(*from);
  AddDevice({id, from->state_.mapped_blocks, transaction_id_, time_, time_});
  return 0;
}

int PoolMetadata::DeleteThinDevice(uint32_t id) {
  Lock lock(*this);
  int result = lock.Change();
  ThinDevice* device = nullptr;
  if (result == 0) result = FindDevice(id, &device);
  if (result != 0) return result;
  if (device->opens_ > 0) return -EBUSY;
  changed_.erase(id);
  devices_.erase(id);
  result = objects_->details.Remove(&roots_.details, id);
  return result == 0 ? objects_->devices.Remove(&roots_.mappings, id) : result;
}

int PoolMetadata::OpenThinDevice(uint32_t id, ThinDevice** device) {
  Lock lock(*this);
  int result = lock.error();
  if (result == 0) result = FindDevice(id, device);
  if (result == 0) ++(*device)->opens_;
  return result;
}

void PoolMetadata::CloseThinDevice(ThinDevice& device) { --device.opens_; }

int PoolMetadata::ListThins(std::vector<ThinState>* thins) {
  Lock lock(*this);
  const int error = lock.error();
  if (error != 0) return error;
  std::map<uint32_t, ThinState> found;
  const int result =
      objects_->details.Walk(roots_.details, [&found](uint64_t id, const char* details) {
        found[static_cast<uint32_t>(id)] = DecodeDetails(static_cast<uint32_t>(id), details);
        return 0;
      });
  if (result != 0) return result;
  for (const uint32_t id : changed_) found[id] = devices_[id]->state_;
  for (const auto& [id, state] : found) thins->push_back(state);
  return 0;
}

int PoolMetadata::WriteChangedDetails() {
  while (!changed_.empty()) {
    const uint32_t id = *changed_.begin();
    ThinDevice& device = *devices_[id];
    char details[kDetailsBytes];
    EncodeDetails(device.state_, details);
    const int result = objects_->details.Insert(&roots_.details, id, details, nullptr);
    if (result != 0) return result;
    device.changed_ = false;
    changed_.erase(id);
    if (device.opens_ == 0) devices_.erase(id);
  }
  return 0;
}

}  // namespace dmkit::model
