// SPDX-License-Identifier: Apache-2.0
// Target types, and devices by number, name and uuid. Mirrors drivers/md/dm-target.c, and of
// drivers/md/dm-ioctl.c what concerns names; read in v6.1 and v6.12.

#include "testing/model/dm_core.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/algorithm/container.h"
#include "sys/status.h"
#include "testing/model/dm_control.h"
#include "testing/model/dm_targets.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kMinors = 1u << 20;

}  // namespace

DmCore::DmCore(Core& core, uint32_t major)
    : core_(core), major_(core.blocks.RegisterMajor(major, "device-mapper")) {
  RegisterType(MakeErrorType(profile()));
  RegisterType(MakeLinearType(profile()));
  RegisterType(MakeStripedType(profile()));
  RegisterModule({{"zero"}, {MakeZeroType(profile())}});
  MiscDevice control;
  control.minor = kDmControlMinor;
  control.name = "device-mapper";
  control.node_name = "mapper/control";
  control.open = [this](Process&, const OpenMode& mode, std::string path) {
    return std::make_shared<DmControl>(*this, mode, std::move(path));
  };
  core.chars.Register(std::move(control));
}

DmCore::~DmCore() {
  // Closing devices below shall queue nothing for an object that is gone.
  is_removal_queued_ = true;
  core_.chars.Unregister(kDmControlMinor);
  // Tables first: devices of other tables are open as long as these are there.
  for (auto& [name, device] : by_name_) device->DropTables();
  for (auto& [name, device] : by_name_) {
    if (device->is_added()) device->DeleteDisk();
  }
  core_.blocks.UnregisterMajor(major_);
}

void DmCore::RegisterType(std::shared_ptr<const TargetType> type) {
  types_.insert(types_.begin(), std::move(type));
}

void DmCore::RegisterModule(Module module) { modules_.push_back(std::move(module)); }

const TargetType* DmCore::FindType(absl::string_view name) {
  const auto find = [this, name]() -> const TargetType* {
    for (const auto& type : types_) {
      if (type->name() == name) return type.get();
    }
    return nullptr;
  };
  if (const TargetType* const known = find(); known != nullptr) return known;
  const auto module = std::find_if(modules_.begin(), modules_.end(), [name](const Module& each) {
    return absl::c_linear_search(each.names, name);
  });
  if (module == modules_.end()) return nullptr;
  const Module loaded = std::move(*module);
  modules_.erase(module);
  for (const auto& type : loaded.types) RegisterType(type);
  return find();
}

int DmCore::CreateDevice(std::optional<uint32_t> wanted, std::shared_ptr<DmDevice>* device) {
  uint32_t minor = 0;
  if (wanted.has_value()) {
    minor = *wanted;
    if (by_minor_.count(minor) != 0) return -ENXIO;
  } else if (!free_minors_.empty()) {
    minor = *free_minors_.begin();
  } else {
    while (by_minor_.count(next_minor_) != 0) ++next_minor_;
    if (next_minor_ == kMinors) return -ENXIO;
    minor = next_minor_++;
  }
  free_minors_.erase(minor);
  *device = std::make_shared<DmDevice>(*this, sys::DeviceNumber{major_, minor});
  by_minor_.emplace(minor, *device);
  return 0;
}

void DmCore::ForgetDevice(const DmDevice& device) {
  by_minor_.erase(device.number().minor);
  if (device.number().minor < next_minor_) free_minors_.insert(device.number().minor);
}

int DmCore::Insert(const std::shared_ptr<DmDevice>& device, absl::string_view name,
                   absl::string_view uuid) {
  if (FindByName(name) != nullptr) return -EBUSY;
  if (!uuid.empty() && FindByUuid(uuid) != nullptr) return -EBUSY;
  device->name = std::string(name);
  device->is_named = true;
  by_name_.emplace(device->name, device);
  if (uuid.empty()) return 0;
  device->uuid = std::string(uuid);
  by_uuid_.emplace(*device->uuid, device);
  return 0;
}

std::shared_ptr<DmDevice> DmCore::FindByName(absl::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : found->second;
}

std::shared_ptr<DmDevice> DmCore::FindByUuid(absl::string_view uuid) const {
  const auto found = by_uuid_.find(std::string(uuid));
  return found == by_uuid_.end() ? nullptr : found->second;
}

std::shared_ptr<DmDevice> DmCore::FindByNumber(sys::DeviceNumber number) const {
  if (number.major != major_) return nullptr;
  const auto found = by_minor_.find(number.minor);
  if (found == by_minor_.end()) return nullptr;
  const std::shared_ptr<DmDevice>& device = found->second;
  return device->is_named && !device->is_deleting() ? device : nullptr;
}

DmDevice* DmCore::DeviceOf(const BlockDevice& device) const {
  if (device.number().major != major_) return nullptr;
  const auto found = by_minor_.find(device.number().minor);
  return found == by_minor_.end() ? nullptr : found->second.get();
}

void DmCore::Rename(DmDevice& device, absl::string_view name) {
  auto node = by_name_.extract(device.name);
  device.name = std::string(name);
  node.key() = device.name;
  by_name_.insert(std::move(node));
}

void DmCore::SetUuid(DmDevice& device, absl::string_view uuid) {
  device.uuid = std::string(uuid);
  by_uuid_.emplace(*device.uuid, by_name_.at(device.name));
}

std::shared_ptr<DmTable> DmCore::Unlink(DmDevice& device) {
  device.is_named = false;
  if (device.uuid.has_value()) by_uuid_.erase(*device.uuid);
  by_name_.erase(device.name);
  if (device.live() != nullptr) device.live()->Event();
  return std::move(device.inactive);
}

void DmCore::Destroy(const std::shared_ptr<DmDevice>& device) {
  device->Destroy();
  ForgetDevice(*device);
}

void DmCore::RemoveAll(bool mark_deferred, bool only_deferred) {
  auto next = by_name_.begin();
  while (next != by_name_.end()) {
    const std::shared_ptr<DmDevice> device = next->second;
    if (device->LockForDeletion(mark_deferred, only_deferred) != 0) {
      ++next;
      continue;
    }
    Unlink(*device).reset();
    Destroy(device);
    // It may have been the last to hold another one open.
    next = by_name_.begin();
  }
}

void DmCore::QueueDeferredRemove() {
  if (std::exchange(is_removal_queued_, true)) return;
  core_.scheduler.Queue([this] {
    is_removal_queued_ = false;
    RemoveAll(/*mark_deferred=*/false, /*only_deferred=*/true);
  });
}

void DmCore::GlobalEvent() { ++global_event_; }

}  // namespace dmkit::model
