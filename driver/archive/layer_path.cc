// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/layer_path.h"

#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

// The kernel takes 4096 at once, and any length by and by.
constexpr size_t kPathMax = 64 << 10;
constexpr size_t kShownMax = 80;

absl::Status TooLong(absl::string_view name) {
  return sys::ErrnoStatus(ENAMETOOLONG,
                          absl::StrCat("name of ", name.size(), " bytes ",
                                       sys::Printable(name.substr(0, kShownMax)), "..."));
}

}  // namespace

absl::StatusOr<LayerPath> ParseLayerPath(absl::string_view name) {
  if (name.size() >= kPathMax) return TooLong(name);
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
      continue;
    }
    if (parts.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("name ", sys::Printable(name), ": its \"..\" leaves the layer's root"));
    }
    parts.pop_back();
  }
  LayerPath path;
  if (parts.empty()) return path;
  path.base = std::string(parts.back());
  parts.pop_back();
  path.parent = absl::StrJoin(parts, "/");
  return path;
}

}  // namespace dmkit::driver
