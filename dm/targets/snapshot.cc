// SPDX-License-Identifier: Apache-2.0
// The words of a snapshot line. Pure text.

#include "dm/targets/snapshot.h"

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sys/text.h"

namespace dmkit::dm {

absl::StatusOr<TransientSnapshotTarget> TransientSnapshotTarget::Parse(absl::string_view params) {
  const std::vector<absl::string_view> words = absl::StrSplit(params, ' ');
  if (words.size() == 4 && words[2] == "N") {
    const std::optional<sys::DeviceNumber> origin = sys::ParseDeviceNumber(words[0]);
    const std::optional<sys::DeviceNumber> store = sys::ParseDeviceNumber(words[1]);
    const std::optional<uint64_t> chunk = sys::ParseUnsigned(words[3]);
    if (origin.has_value() && store.has_value() && chunk.has_value()) {
      return TransientSnapshotTarget(*origin, *store, sys::Sectors(*chunk));
    }
  }
  return absl::DataLossError(absl::StrCat(
      "snapshot table \"", sys::Printable(params),
      "\": not the two devices as MAJOR:MINOR, the word N and a chunk size in sectors"));
}

std::string TransientSnapshotTarget::Params() const {
  return absl::StrCat(sys::FormatDeviceNumber(origin_), " ", sys::FormatDeviceNumber(store_), " N ",
                      chunk_.count());
}

TableLine TransientSnapshotTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

}  // namespace dmkit::dm
