// SPDX-License-Identifier: Apache-2.0
// The line of a zero target. Pure text.

#include "dm/targets/zero.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "sys/text.h"

namespace dmkit::dm {

absl::StatusOr<ZeroTarget> ZeroTarget::Parse(absl::string_view params) {
  if (params.empty()) return ZeroTarget();
  return absl::DataLossError(
      absl::StrCat("zero table \"", sys::Printable(params), "\": it has no parameters"));
}

TableLine ZeroTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

}  // namespace dmkit::dm
