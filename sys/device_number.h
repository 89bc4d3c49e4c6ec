// SPDX-License-Identifier: Apache-2.0
// Device numbers as values. Nothing here looks at a device.

#ifndef DMKIT_SYS_DEVICE_NUMBER_H_
#define DMKIT_SYS_DEVICE_NUMBER_H_

#include <cstdint>
#include <string>

namespace dmkit::sys {

// A device number as user space writes it, "major:minor".
struct DeviceNumber {
  uint32_t major = 0;
  uint32_t minor = 0;
  friend bool operator==(DeviceNumber a, DeviceNumber b) {
    return a.major == b.major && a.minor == b.minor;
  }
  friend bool operator!=(DeviceNumber a, DeviceNumber b) { return !(a == b); }
};

// "major:minor" in decimal.
std::string FormatDeviceNumber(DeviceNumber device);

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_DEVICE_NUMBER_H_
