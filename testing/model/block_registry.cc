// SPDX-License-Identifier: Apache-2.0
// Disks by number and by name.

#include "testing/model/block_registry.h"

#include <utility>

#include "sys/status.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kDynamicMajorMax = 254;
constexpr uint32_t kDynamicMajorMin = 234;

}  // namespace

uint32_t BlockRegistry::RegisterMajor(uint32_t wanted, std::string name) {
  uint32_t major = wanted;
  if (major == 0) {
    major = kDynamicMajorMax;
    while (major >= kDynamicMajorMin && majors_.count(major) != 0) --major;
    DMKIT_CHECK(major >= kDynamicMajorMin);
  }
  DMKIT_CHECK(majors_.emplace(major, std::move(name)).second);
  return major;
}

void BlockRegistry::UnregisterMajor(uint32_t major) {
  majors_.erase(major);
  probes_.erase(major);
}

void BlockRegistry::SetProbe(uint32_t major, std::function<void(uint32_t)> probe) {
  probes_[major] = std::move(probe);
}

BlockDevice* BlockRegistry::FindAdded(sys::DeviceNumber number) const {
  const auto found = devices_.find({number.major, number.minor});
  return found == devices_.end() ? nullptr : found->second;
}

BlockDevice* BlockRegistry::Find(sys::DeviceNumber number) {
  BlockDevice* const found = FindAdded(number);
  if (found != nullptr) return found;
  const auto probe = probes_.find(number.major);
  if (probe == probes_.end()) return nullptr;
  probe->second(number.minor);
  return FindAdded(number);
}

BlockDevice* BlockRegistry::FindByName(absl::string_view disk_name) const {
  const auto found = names_.find(std::string(disk_name));
  return found == names_.end() ? nullptr : found->second;
}

std::vector<BlockDevice*> BlockRegistry::List() const {
  std::vector<BlockDevice*> list;
  list.reserve(devices_.size());
  for (const auto& [number, device] : devices_) list.push_back(device);
  return list;
}

void BlockRegistry::Add(sys::DeviceNumber number, const std::string& disk_name,
                        BlockDevice* device) {
  DMKIT_CHECK(devices_.emplace(std::make_pair(number.major, number.minor), device).second);
  DMKIT_CHECK(names_.emplace(disk_name, device).second);
  if (listener_ != nullptr) listener_->DiskAdded(*device);
}

void BlockRegistry::Delete(sys::DeviceNumber number, const std::string& disk_name) {
  const auto found = devices_.find({number.major, number.minor});
  DMKIT_CHECK(found != devices_.end());
  if (listener_ != nullptr) listener_->DiskDeleted(*found->second);
  devices_.erase(found);
  names_.erase(disk_name);
}

}  // namespace dmkit::model
