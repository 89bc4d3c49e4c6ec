// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/whiteout.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "driver/archive/layer_path.h"
#include "sys/text.h"

namespace dmkit::driver {

absl::StatusOr<Whiteout> ClassifyWhiteout(const LayerPath& place) {
  const std::string stashed = AufsLinkName(place);
  if (!stashed.empty()) return Whiteout{WhiteoutKind::kAufsLink, stashed};
  if (place.base == kOpaqueName) return Whiteout{WhiteoutKind::kOpaque, ""};
  if (absl::StartsWith(place.Join(), kAufsPrefix)) return Whiteout{WhiteoutKind::kAufsOther, ""};
  absl::string_view target = place.base;
  if (!absl::ConsumePrefix(&target, kWhiteoutPrefix)) return Whiteout{};
  if (target.empty() || target == "." || target == "..") {
    return absl::InvalidArgumentError(
        absl::StrCat("whiteout ", sys::Printable(place.Join()), ": it names no file"));
  }
  return Whiteout{WhiteoutKind::kRemove, std::string(target)};
}

std::string AufsLinkName(const LayerPath& place) {
  return place.parent == kAufsLinksName ? place.base : "";
}

}  // namespace dmkit::driver
