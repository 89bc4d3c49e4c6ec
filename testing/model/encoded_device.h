// SPDX-License-Identifier: Apache-2.0
// Device numbers as ioctls have them. Bytes of other layouts are their decoders' business.

#ifndef DMKIT_TESTING_MODEL_ENCODED_DEVICE_H_
#define DMKIT_TESTING_MODEL_ENCODED_DEVICE_H_

#include <cstdint>

#include "sys/device_number.h"

namespace dmkit::model {

// huge_encode_dev() and its opposite, which looks at 32 bits only.
inline uint64_t EncodeDevice(sys::DeviceNumber device) {
  return (device.minor & 0xff) | (uint64_t{device.major} << 8) |
         (uint64_t{device.minor & ~0xffu} << 12);
}
inline sys::DeviceNumber DecodeDevice(uint64_t encoded) {
  const auto device = static_cast<uint32_t>(encoded);
  return {(device & 0xfff00) >> 8, (device & 0xff) | ((device >> 12) & 0xfff00)};
}

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_ENCODED_DEVICE_H_
