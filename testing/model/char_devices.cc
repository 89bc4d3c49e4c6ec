// SPDX-License-Identifier: Apache-2.0
// The list of misc devices.

#include "testing/model/char_devices.h"

#include <algorithm>
#include <utility>

namespace dmkit::model {

void CharDevices::Register(MiscDevice device) {
  devices_.insert(devices_.begin(), std::move(device));
  if (listener_ != nullptr) listener_(devices_.front(), true);
}

void CharDevices::Unregister(uint32_t minor) {
  const auto found =
      std::find_if(devices_.begin(), devices_.end(),
                   [minor](const MiscDevice& device) { return device.minor == minor; });
  if (found == devices_.end()) return;
  const MiscDevice device = std::move(*found);
  devices_.erase(found);
  if (listener_ != nullptr) listener_(device, false);
}

const MiscDevice* CharDevices::Find(sys::DeviceNumber device) const {
  if (device.major != kMiscMajor) return nullptr;
  for (const MiscDevice& known : devices_) {
    if (known.minor == device.minor) return &known;
  }
  return nullptr;
}

}  // namespace dmkit::model
