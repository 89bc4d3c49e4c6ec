// SPDX-License-Identifier: Apache-2.0
// The words of a mirror's status. Pure text.

#include "dm/targets/mirror_status.h"

#include <cstddef>

#include "dm/targets/target_words.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

absl::Status TakeHealth(TargetWords& words, std::vector<MirrorStatus::Leg>& legs) {
  if (!words.TakeIf("1")) return words.NotUnderstood("number of health words", words.Peek());
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view health,
                         words.Letters("health of the legs", "AFDSRU", legs.size()));
  for (size_t i = 0; i < legs.size(); ++i) legs[i].health = static_cast<MirrorHealth>(health[i]);
  return absl::OkStatus();
}

absl::StatusOr<MirrorLogStatus> TakeLog(TargetWords& words) {
  MirrorLogStatus log;
  const absl::string_view count_word = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, words.Number32("number of words of the log"));
  if (count == 0 || count > words.left()) {
    return words.NotUnderstood("number of words of the log", count_word);
  }
  const size_t left_behind = words.left() - count;
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view type, words.Word("kind of log"));
  log.type = std::string(type);
  if (type == "disk") {
    if (count < 3) return words.NotUnderstood("number of words of the log", count_word);
    DMKIT_ASSIGN_OR_RETURN(log.disk, words.Device("device of the log"));
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view health,
                           words.Letters("health of the log", "AFD", 1));
    log.health = static_cast<MirrorLogHealth>(health[0]);
  }
  while (words.left() > left_behind) {
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, words.Word("what the log tells"));
    log.unknown_words.emplace_back(word);
  }
  return log;
}

}  // namespace

absl::StatusOr<MirrorStatus> ParseMirrorStatus(absl::string_view text) {
  TargetWords words("mirror status", text);
  MirrorStatus status;
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, words.Number32("number of legs"));
  for (uint32_t i = 0; i < count; ++i) {
    MirrorStatus::Leg leg;
    DMKIT_ASSIGN_OR_RETURN(leg.device, words.Device("device of a leg"));
    status.legs.push_back(leg);
  }
  DMKIT_ASSIGN_OR_RETURN(const TargetWords::Usage in_sync, words.Ratio("regions in sync"));
  status.regions_in_sync = in_sync.used;
  status.regions = in_sync.total;
  DMKIT_RETURN_IF_ERROR(TakeHealth(words, status.legs));
  if (sys::ParseUnsigned(words.Peek()).has_value()) {
    DMKIT_ASSIGN_OR_RETURN(status.log, TakeLog(words));
  }
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
