// SPDX-License-Identifier: Apache-2.0
// Layer ids: what the user may call a layer. No file and device names are built here.

#ifndef DMKIT_DRIVER_LAYER_ID_H_
#define DMKIT_DRIVER_LAYER_ID_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver {

// The reserved name of the device that every layer descends from.
inline constexpr absl::string_view kBaseLayer = "base";
// The reserved name of the thin pool, which shares its prefix with the layers' devices.
inline constexpr absl::string_view kPoolName = "pool";
// A dm UUID has room for 128 bytes; "DMKIT-", the UUID of the store and a dash leave this much.
inline constexpr size_t kLayerIdBytesMax = 85;

// [A-Za-z0-9][A-Za-z0-9_.-]*, at most 85 bytes, neither "base" nor "pool".
class LayerId {
 public:
  // INVALID_ARGUMENT with the reason and what would be right.
  static absl::StatusOr<LayerId> Create(absl::string_view text);
  const std::string& text() const { return text_; }

 private:
  explicit LayerId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_LAYER_ID_H_
