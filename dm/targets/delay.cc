// SPDX-License-Identifier: Apache-2.0
// The words of a delay line. Pure text.

#include "dm/targets/delay.h"

#include "absl/strings/str_cat.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

absl::StatusOr<DelayTarget::Way> TakeWay(TargetWords& words) {
  DelayTarget::Way way;
  DMKIT_ASSIGN_OR_RETURN(way.device, words.Device("device"));
  DMKIT_ASSIGN_OR_RETURN(way.offset, words.SectorCount("offset"));
  DMKIT_ASSIGN_OR_RETURN(way.delay_ms, words.Number32("delay"));
  return way;
}

void AppendWay(const DelayTarget::Way& way, std::string& params) {
  absl::StrAppend(&params, params.empty() ? "" : " ", sys::FormatDeviceNumber(way.device), " ",
                  way.offset.count(), " ", way.delay_ms);
}

}  // namespace

absl::StatusOr<DelayTarget> DelayTarget::Parse(absl::string_view params) {
  TargetWords words("delay table", params);
  DMKIT_ASSIGN_OR_RETURN(const Way read, TakeWay(words));
  if (words.AtEnd()) return DelayTarget(read);
  DMKIT_ASSIGN_OR_RETURN(const Way write, TakeWay(words));
  if (words.AtEnd()) return DelayTarget(read, write);
  DMKIT_ASSIGN_OR_RETURN(const Way flush, TakeWay(words));
  DMKIT_RETURN_IF_ERROR(words.ExpectEnd());
  return DelayTarget(read, write, flush);
}

std::string DelayTarget::Params() const {
  std::string params;
  AppendWay(read_, params);
  if (write_.has_value()) AppendWay(*write_, params);
  if (flush_.has_value()) AppendWay(*flush_, params);
  return params;
}

TableLine DelayTarget::Line(sys::Sectors start, sys::Sectors length) const {
  return TableLine{start, length, TargetType::Create(kType).value(), Params()};
}

absl::StatusOr<DelayStatus> ParseDelayStatus(absl::string_view text) {
  TargetWords words("delay status", text);
  DelayStatus status;
  DMKIT_ASSIGN_OR_RETURN(status.reads, words.Number32("delayed reads"));
  DMKIT_ASSIGN_OR_RETURN(status.writes, words.Number32("delayed writes"));
  DMKIT_ASSIGN_OR_RETURN(status.flushes, words.Number32("delayed flushes"));
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
