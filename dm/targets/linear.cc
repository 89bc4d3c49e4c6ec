// SPDX-License-Identifier: Apache-2.0
// The words of a linear line. Pure text.

#include "dm/targets/linear.h"

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sys/text.h"

namespace dmkit::dm {

absl::StatusOr<LinearTarget> LinearTarget::Parse(absl::string_view params) {
  const std::vector<absl::string_view> words = absl::StrSplit(params, ' ');
  if (words.size() == 2) {
    const std::optional<sys::DeviceNumber> device = sys::ParseDeviceNumber(words[0]);
    const std::optional<uint64_t> offset = sys::ParseUnsigned(words[1]);
    if (device.has_value() && offset.has_value()) {
      return LinearTarget(*device, sys::Sectors(*offset));
    }
  }
  return absl::DataLossError(absl::StrCat("linear table \"", sys::Printable(params),
                                          "\": not MAJOR:MINOR and an offset in sectors"));
}

std::string LinearTarget::Params() const {
  return absl::StrCat(sys::FormatDeviceNumber(device_), " ", offset_.count());
}

TableLine LinearTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

}  // namespace dmkit::dm
