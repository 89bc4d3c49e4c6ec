// SPDX-License-Identifier: Apache-2.0
// The list of misc devices.

#include "testing/model/char_devices.h"

#include <algorithm>
#include <utility>

namespace dmkit::model {

void CharDevices::Register(MiscDevice device) {
  devices_.insert(devices_.begin(), std::move(device));
}

void CharDevices::Unregister(uint32_t minor) {
  devices_.erase(
      std::remove_if(devices_.begin(), devices_.end(),
                     [minor](const MiscDevice& device) { return device.minor == minor; }),
      devices_.end());
}

const MiscDevice* CharDevices::Find(sys::DeviceNumber device) const {
  if (device.major != kMiscMajor) return nullptr;
  for (const MiscDevice& known : devices_) {
    if (known.minor == device.minor) return &known;
  }
  return nullptr;
}

}  // namespace dmkit::model
