// SPDX-License-Identifier: Apache-2.0
// The words of a striped line. Pure text.

#include "dm/targets/striped.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"

namespace dmkit::dm {

StripedTarget::StripedTarget(sys::Sectors chunk, std::vector<Stripe> stripes)
    : chunk_(chunk), stripes_(std::move(stripes)) {}

absl::StatusOr<StripedTarget> StripedTarget::Create(sys::Sectors chunk,
                                                    std::vector<Stripe> stripes) {
  if (stripes.empty()) return RefusedArguments(kType, "it needs a stripe");
  if (chunk.count() == 0 || chunk.count() > std::numeric_limits<uint32_t>::max()) {
    return RefusedArguments(
        kType, absl::StrCat("a chunk of ", chunk.count(), " sectors; it must be 1 to 4294967295"));
  }
  return StripedTarget(chunk, std::move(stripes));
}

absl::StatusOr<StripedTarget> StripedTarget::Parse(absl::string_view params) {
  TargetWords words("striped table", params);
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, words.Number32("number of stripes"));
  DMKIT_ASSIGN_OR_RETURN(const uint32_t chunk, words.Number32("chunk size"));
  if (count == 0 || chunk == 0) return words.NotUnderstood("number of stripes or chunk size", "0");
  std::vector<Stripe> stripes;
  for (uint32_t i = 0; i < count; ++i) {
    Stripe stripe;
    DMKIT_ASSIGN_OR_RETURN(stripe.device, words.Device("device of a stripe"));
    DMKIT_ASSIGN_OR_RETURN(stripe.offset, words.SectorCount("offset of a stripe"));
    stripes.push_back(stripe);
  }
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  return StripedTarget(sys::Sectors(chunk), std::move(stripes));
}

std::string StripedTarget::Params() const {
  std::string params = absl::StrCat(stripes_.size(), " ", chunk_.count());
  for (const Stripe& stripe : stripes_) {
    absl::StrAppend(&params, " ", sys::FormatDeviceNumber(stripe.device), " ",
                    stripe.offset.count());
  }
  return params;
}

absl::StatusOr<TableLine> StripedTarget::Line(sys::Sectors start, sys::Sectors length) const {
  if (length.count() % stripes_.size() != 0 ||
      length.count() / stripes_.size() % chunk_.count() != 0) {
    return RefusedArguments(
        kType, absl::StrCat(length.count(), " sectors are not whole chunks of ", chunk_.count(),
                            " on each of ", stripes_.size(), " stripes"));
  }
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<StripedStatus> ParseStripedStatus(absl::string_view text) {
  TargetWords words("striped status", text);
  StripedStatus status;
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, words.Number32("number of stripes"));
  for (uint32_t i = 0; i < count; ++i) {
    StripedStatus::Stripe stripe;
    DMKIT_ASSIGN_OR_RETURN(stripe.device, words.Device("device of a stripe"));
    status.stripes.push_back(stripe);
  }
  if (!words.TakeIf("1")) return words.NotUnderstood("number of health words", words.Peek());
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view health,
                         words.Letters("health of the stripes", "AD", count));
  for (size_t i = 0; i < health.size(); ++i) status.stripes[i].has_failed = health[i] == 'D';
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
