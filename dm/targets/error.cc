// SPDX-License-Identifier: Apache-2.0
// The line of an error target. Pure text.

#include "dm/targets/error.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "sys/text.h"

namespace dmkit::dm {

absl::StatusOr<ErrorTarget> ErrorTarget::Parse(absl::string_view params) {
  if (params.empty()) return ErrorTarget();
  return absl::DataLossError(
      absl::StrCat("error table \"", sys::Printable(params), "\": it shows no parameters"));
}

TableLine ErrorTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

}  // namespace dmkit::dm
