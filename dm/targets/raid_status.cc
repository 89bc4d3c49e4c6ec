// SPDX-License-Identifier: Apache-2.0
// The words of a raid status. Pure text.

#include "dm/targets/raid_status.h"

#include "dm/targets/target_words.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kHealthCharacters = "AaD-";

absl::StatusOr<std::vector<RaidHealth>> TakeHealth(TargetWords& words) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, words.Word("health of the members"));
  if (word.find_first_not_of(kHealthCharacters) != absl::string_view::npos) {
    return words.NotUnderstood("health of the members", word);
  }
  std::vector<RaidHealth> health;
  for (const char c : word) health.push_back(static_cast<RaidHealth>(c));
  return health;
}

absl::StatusOr<RaidAction> TakeAction(TargetWords& words) {
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, words.Word("action"));
  for (RaidAction action :
       {RaidAction::kFrozen, RaidAction::kReshape, RaidAction::kResync, RaidAction::kCheck,
        RaidAction::kRepair, RaidAction::kRecover, RaidAction::kIdle, RaidAction::kUndefined}) {
    if (word == RaidActionName(action)) return action;
  }
  return words.NotUnderstood("action", word);
}

}  // namespace

absl::string_view RaidActionName(RaidAction action) {
  switch (action) {
    case RaidAction::kFrozen:
      return "frozen";
    case RaidAction::kReshape:
      return "reshape";
    case RaidAction::kResync:
      return "resync";
    case RaidAction::kCheck:
      return "check";
    case RaidAction::kRepair:
      return "repair";
    case RaidAction::kRecover:
      return "recover";
    case RaidAction::kIdle:
      return "idle";
    case RaidAction::kUndefined:
      return "undef";
  }
  return "";
}

absl::StatusOr<RaidStatus> ParseRaidStatus(absl::string_view text) {
  TargetWords words("raid status", text);
  RaidStatus status;
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view type, words.Word("type"));
  status.type = std::string(type);
  DMKIT_ASSIGN_OR_RETURN(status.devices, words.Number32("number of devices"));
  DMKIT_ASSIGN_OR_RETURN(status.health, TakeHealth(words));
  DMKIT_ASSIGN_OR_RETURN(const TargetWords::Usage progress, words.UsedOfTotal("progress"));
  status.progress = sys::Sectors(progress.used);
  status.total = sys::Sectors(progress.total);
  DMKIT_ASSIGN_OR_RETURN(status.action, TakeAction(words));
  DMKIT_ASSIGN_OR_RETURN(status.mismatches, words.Number("mismatches"));
  DMKIT_ASSIGN_OR_RETURN(status.data_offset, words.SectorCount("data offset"));
  DMKIT_ASSIGN_OR_RETURN(const absl::string_view journal,
                         words.Letters("health of the journal", kHealthCharacters, 1));
  status.journal = static_cast<RaidHealth>(journal[0]);
  DMKIT_ASSIGN_OR_RETURN(status.unknown_tail, words.Tail());
  return status;
}

}  // namespace dmkit::dm
