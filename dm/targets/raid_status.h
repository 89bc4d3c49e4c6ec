// SPDX-License-Identifier: Apache-2.0
// The status of a raid target. Pure text, no system calls. Mirrors drivers/md/dm-raid.c:
// raid_status(), __raid_dev_status(), decipher_sync_action(), rs_get_progress(); read in v6.1 and
// v6.12.

#ifndef DMKIT_DM_TARGETS_RAID_STATUS_H_
#define DMKIT_DM_TARGETS_RAID_STATUS_H_

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/units.h"

namespace dmkit::dm {

// The values are the kernel's characters.
enum class RaidHealth : char {
  kInSync = 'A',     // of a journal: alive, and writes go through it
  kNotInSync = 'a',  // of a journal: alive, and it holds writes back
  kDead = 'D',
  kMissing = '-',  // of a journal: there is none
};

// What md does to the set at this moment.
enum class RaidAction { kFrozen, kReshape, kResync, kCheck, kRepair, kRecover, kIdle, kUndefined };
// "frozen", "reshape", ...: the kernel's words.
absl::string_view RaidActionName(RaidAction action);

struct RaidStatus {
  std::string type;      // as the set is now, under the last name that the kernel has for it
  uint32_t devices = 0;  // as md counts them; during a reshape `health` may have others
  std::vector<RaidHealth> health;  // of each member
  // What the action has done of each device; of a set that is idle, how much is in sync. Never over
  // the total.
  sys::Sectors progress;
  sys::Sectors total;
  RaidAction action = RaidAction::kIdle;
  uint64_t mismatches = 0;   // that the last check found, in sectors
  sys::Sectors data_offset;  // where the data of each device starts
  RaidHealth journal = RaidHealth::kMissing;
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const {
    return std::tie(type, devices, health, progress, total, action, mismatches, data_offset,
                    journal, unknown_tail);
  }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood, and when it
// is empty, which is what the kernel prints of a layout that it has no name for.
absl::StatusOr<RaidStatus> ParseRaidStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_RAID_STATUS_H_
