// SPDX-License-Identifier: Apache-2.0
// What a raid target is made of, and whether the kernel would take it. Pure values, no text of
// tables. Mirrors drivers/md/dm-raid.c: raid_types[], raid_ctr(), parse_raid_params(),
// parse_dev_params(), validate_region_size(), rs_set_dev_and_array_sectors(); read in v6.1 and
// v6.12.

#ifndef DMKIT_DM_TARGETS_RAID_ARGUMENTS_H_
#define DMKIT_DM_TARGETS_RAID_ARGUMENTS_H_

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

// Level and layout. The layout of all types that start with kRaid10 is what raid10_format says,
// whatever the type says.
enum class RaidType {
  kRaid0,
  kRaid1,
  kRaid10Far,
  kRaid10Offset,
  kRaid10Near,
  kRaid10,
  kRaid4,    // first device has the parity
  kRaid5N,   // last device has it
  kRaid5Ls,  // it rotates: left or right, symmetric or asymmetric
  kRaid5Rs,
  kRaid5La,
  kRaid5Ra,
  kRaid6Zr,
  kRaid6Nr,
  kRaid6Nc,
  kRaid6N6,   // last two devices have parity and Q
  kRaid6Ls6,  // as raid5, and Q on a last device
  kRaid6Rs6,
  kRaid6La6,
  kRaid6Ra6,
};

struct RaidTypeFacts {
  RaidType type;
  absl::string_view name;  // the kernel's
  uint32_t level;          // 0, 1, 4, 5, 6 or 10
  uint32_t parity_devices;
  uint32_t minimum_devices;
};

const RaidTypeFacts& FactsOf(RaidType type);
// Nothing when the kernel has no type of that name.
std::optional<RaidType> RaidTypeNamed(absl::string_view name);

enum class RaidSync {
  kAsFound,  // what the superblocks say; a new set is synchronised
  kSync,     // all of it is synchronised
  kNoSync,   // a new set is held for synchronised
};

enum class Raid10Format { kNear, kOffset, kFar };
enum class RaidJournalMode { kWriteThrough, kWriteBack };

// Only a metadata device, without data, is not allowed. Neither: the device is missing.
struct RaidMember {
  std::optional<sys::DeviceNumber> metadata;  // superblock and bitmap
  std::optional<sys::DeviceNumber> data;
  auto Fields() const { return std::tie(metadata, data); }
};

struct RaidArguments {
  RaidType type = RaidType::kRaid1;
  // A power of two from 8 on. Of raid1 it is ignored and shown as 0.
  sys::Sectors chunk;
  RaidSync sync = RaidSync::kAsFound;
  std::vector<uint32_t> rebuild;  // indexes of members, ascending; not with a `sync`
  // Between cleanings of the bitmap, in jiffies. Of a set that has a bitmap it is shown as that
  // has it.
  std::optional<uint64_t> daemon_sleep;
  std::optional<uint32_t> min_recovery_rate;  // KiB per second and device; 0: no limit
  std::optional<uint32_t> max_recovery_rate;
  std::vector<uint32_t> write_mostly;  // of raid1: indexes of members, ascending; not all
  // Of raid1. At most 32767; the kernel keeps and prints half of it.
  std::optional<sys::Sectors> max_write_behind;
  std::optional<uint32_t> stripe_cache;  // of raid4/5/6: entries; raised to fit the chunk
  // Of the bitmap: a power of two, from the chunk to the target in size, at most 2^21 of them.
  // 0: 4 MiB, or more where that makes too many.
  std::optional<sys::Sectors> region_size;
  std::optional<uint32_t> raid10_copies;      // 2 unless given
  std::optional<Raid10Format> raid10_format;  // near unless given
  bool raid10_use_near_sets = false;          // with offset and far only
  std::optional<int32_t> delta_disks;         // members that a reshape adds; negative: removes
  std::optional<sys::Sectors> data_offset;    // room for a reshape: 0, or multiples of 8 from 32 on
  std::optional<sys::DeviceNumber> journal_device;  // of raid4/5/6: 4 MiB or more
  std::optional<RaidJournalMode> journal_mode;  // with a journal only; write-through unless given
  std::vector<RaidMember> members;

  auto Fields() const {
    return std::tie(type, chunk, sync, rebuild, daemon_sleep, min_recovery_rate, max_recovery_rate,
                    write_mostly, max_write_behind, stripe_cache, region_size, raid10_copies,
                    raid10_format, raid10_use_near_sets, delta_disks, data_offset, journal_device,
                    journal_mode, members);
  }
};

// INVALID_ARGUMENT, with the reason, for arguments that raid_ctr() would refuse whatever the
// devices hold.
absl::Status CheckRaidArguments(const RaidArguments& arguments);
// The same for a target of `length` with such arguments.
absl::Status CheckRaidLength(const RaidArguments& arguments, sys::Sectors length);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_RAID_ARGUMENTS_H_
