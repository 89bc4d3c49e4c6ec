// SPDX-License-Identifier: Apache-2.0
// The number of a thin device in text: read_dev_id() of drivers/md/dm-thin.c.

#ifndef DMKIT_TESTING_MODEL_THIN_DEVICE_ID_H_
#define DMKIT_TESTING_MODEL_THIN_DEVICE_ID_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "testing/model/kernel_parse.h"

namespace dmkit::model {

inline constexpr uint64_t kDeviceIdMax = (1 << 24) - 1;

inline std::optional<uint32_t> ParseDeviceId(absl::string_view word) {
  const std::optional<uint64_t> id = KstrtoU64(word);
  if (!id.has_value() || *id > kDeviceIdMax) return std::nullopt;
  return static_cast<uint32_t>(*id);
}

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_DEVICE_ID_H_
