// SPDX-License-Identifier: Apache-2.0
// The text of a device number; text.h reads it back.

#include "sys/device_number.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace dmkit::sys {

std::string FormatDeviceNumber(DeviceNumber device) {
  return absl::StrCat(device.major, ":", device.minor);
}

}  // namespace dmkit::sys
