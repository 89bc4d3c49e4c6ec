// SPDX-License-Identifier: Apache-2.0
// The rules of raid arguments. Pure values.

#include "dm/targets/raid_arguments.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "dm/targets/target_words.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr RaidTypeFacts kTypes[] = {
    {RaidType::kRaid0, "raid0", 0, 0, 2},
    {RaidType::kRaid1, "raid1", 1, 0, 2},
    {RaidType::kRaid10Far, "raid10_far", 10, 0, 2},
    {RaidType::kRaid10Offset, "raid10_offset", 10, 0, 2},
    {RaidType::kRaid10Near, "raid10_near", 10, 0, 2},
    {RaidType::kRaid10, "raid10", 10, 0, 2},
    {RaidType::kRaid4, "raid4", 4, 1, 2},
    {RaidType::kRaid5N, "raid5_n", 5, 1, 2},
    {RaidType::kRaid5Ls, "raid5_ls", 5, 1, 2},
    {RaidType::kRaid5Rs, "raid5_rs", 5, 1, 2},
    {RaidType::kRaid5La, "raid5_la", 5, 1, 2},
    {RaidType::kRaid5Ra, "raid5_ra", 5, 1, 2},
    {RaidType::kRaid6Zr, "raid6_zr", 6, 2, 4},
    {RaidType::kRaid6Nr, "raid6_nr", 6, 2, 4},
    {RaidType::kRaid6Nc, "raid6_nc", 6, 2, 4},
    {RaidType::kRaid6N6, "raid6_n_6", 6, 2, 4},
    {RaidType::kRaid6Ls6, "raid6_ls_6", 6, 2, 4},
    {RaidType::kRaid6Rs6, "raid6_rs_6", 6, 2, 4},
    {RaidType::kRaid6La6, "raid6_la_6", 6, 2, 4},
    {RaidType::kRaid6Ra6, "raid6_ra_6", 6, 2, 4},
};

constexpr size_t kMaxMembers = 253;
constexpr uint64_t kMaxInt = 2147483647;
constexpr uint64_t kMaxWriteBehind = 32767;
constexpr uint64_t kMaxRegions = uint64_t{1} << 21;
constexpr uint64_t kReshapeSpaceMin = 32;
constexpr uint64_t kPage = 8;

absl::Status Refused(absl::string_view why) { return RefusedArguments("raid", why); }

bool IsRaid456(const RaidTypeFacts& facts) { return facts.level >= 4 && facts.level <= 6; }

// The first option that is given and that a set of this level has no use for.
absl::string_view StrayOption(const RaidArguments& a, const RaidTypeFacts& facts) {
  const bool is_raid0 = facts.level == 0;
  const bool is_raid1 = facts.level == 1;
  const bool is_raid10 = facts.level == 10;
  const struct {
    bool is_given;
    bool is_taken;
    absl::string_view name;
  } kOptions[] = {
      {a.sync == RaidSync::kSync, !is_raid0, "sync"},
      // Of raid6 nobody can be sure that both syndromes were written.
      {a.sync == RaidSync::kNoSync, !is_raid0 && facts.level != 6, "nosync"},
      {!a.rebuild.empty(), !is_raid0, "rebuild"},
      {a.daemon_sleep.has_value(), !is_raid0, "daemon_sleep"},
      {a.min_recovery_rate.has_value(), !is_raid0, "min_recovery_rate"},
      {a.max_recovery_rate.has_value(), !is_raid0, "max_recovery_rate"},
      {!a.write_mostly.empty(), is_raid1, "write_mostly"},
      {a.max_write_behind.has_value(), is_raid1, "max_write_behind"},
      {a.stripe_cache.has_value(), IsRaid456(facts), "stripe_cache"},
      {a.region_size.has_value(), !is_raid0, "region_size"},
      {a.raid10_copies.has_value(), is_raid10, "raid10_copies"},
      {a.raid10_format.has_value(), is_raid10, "raid10_format"},
      {a.raid10_use_near_sets, is_raid10, "raid10_use_near_sets"},
      {a.delta_disks.has_value(), !is_raid0, "delta_disks"},
      {a.journal_device.has_value(), IsRaid456(facts), "journal_dev"},
      {a.journal_mode.has_value(), IsRaid456(facts), "journal_mode"},
  };
  for (const auto& option : kOptions) {
    if (option.is_given && !option.is_taken) return option.name;
  }
  return "";
}

absl::Status CheckMembers(const RaidArguments& a, const RaidTypeFacts& facts) {
  // A set of one parity device and one other is one that is about to grow, or has lost the rest.
  const size_t least = facts.level == 6 ? facts.minimum_devices : facts.parity_devices + 1;
  if (a.members.size() < least || a.members.size() > kMaxMembers) {
    return Refused(absl::StrCat(a.members.size(), " members; ", facts.name, " takes ", least,
                                " to ", kMaxMembers));
  }
  size_t missing = 0;
  for (const RaidMember& member : a.members) {
    if (member.data.has_value()) continue;
    if (member.metadata.has_value()) return Refused("a member has metadata and no data");
    ++missing;
  }
  const bool has_parity = facts.parity_devices != 0 || facts.level == 0;
  const size_t spare = has_parity ? facts.parity_devices : a.members.size() - 1;
  if (missing > spare) {
    return Refused(absl::StrCat(missing, " of ", a.members.size(), " members are missing; ",
                                facts.name, " can spare ", spare));
  }
  return absl::OkStatus();
}

absl::Status CheckIndexes(absl::string_view option, const std::vector<uint32_t>& indexes,
                          size_t members) {
  for (size_t i = 0; i < indexes.size(); ++i) {
    if (indexes[i] >= members) {
      return Refused(absl::StrCat(option, " ", indexes[i], ", of ", members, " members from 0 on"));
    }
    if (i > 0 && indexes[i] <= indexes[i - 1]) {
      return Refused(absl::StrCat(option, " ", indexes[i], " is there twice or out of its order"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSync(const RaidArguments& a) {
  DMKIT_RETURN_IF_ERROR(CheckIndexes("rebuild", a.rebuild, a.members.size()));
  DMKIT_RETURN_IF_ERROR(CheckIndexes("write_mostly", a.write_mostly, a.members.size()));
  if (!a.rebuild.empty() && a.sync != RaidSync::kAsFound) {
    return Refused("rebuild excludes sync and nosync");
  }
  for (uint32_t index : a.rebuild) {
    if (!a.members[index].data.has_value()) {
      return Refused(absl::StrCat("rebuild ", index, ", which is missing"));
    }
  }
  if (!a.write_mostly.empty() && a.write_mostly.size() == a.members.size()) {
    return Refused("write_mostly of all members");
  }
  const uint32_t max_rate = a.max_recovery_rate.value_or(0);
  if (max_rate != 0 && a.min_recovery_rate.value_or(0) > max_rate) {
    return Refused("min_recovery_rate is above max_recovery_rate");
  }
  return absl::OkStatus();
}

// Numbers that the kernel reads as an int.
absl::Status CheckRanges(const RaidArguments& a) {
  const struct {
    uint64_t value;
    uint64_t max;
    absl::string_view name;
  } kNumbers[] = {
      {a.chunk.count(), kMaxInt, "chunk size"},
      {a.daemon_sleep.value_or(0), kMaxInt, "daemon_sleep"},
      {a.min_recovery_rate.value_or(0), kMaxInt, "min_recovery_rate"},
      {a.max_recovery_rate.value_or(0), kMaxInt, "max_recovery_rate"},
      {a.max_write_behind.value_or(sys::Sectors(0)).count(), kMaxWriteBehind, "max_write_behind"},
      {a.stripe_cache.value_or(0), kMaxInt, "stripe_cache"},
      {a.region_size.value_or(sys::Sectors(0)).count(), kMaxInt, "region_size"},
      {a.data_offset.value_or(sys::Sectors(0)).count(), kMaxInt, "data_offset"},
  };
  for (const auto& number : kNumbers) {
    if (number.value > number.max) {
      return Refused(
          absl::StrCat(number.name, " ", number.value, "; it can be ", number.max, " at most"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const RaidArguments& a, const RaidTypeFacts& facts) {
  DMKIT_RETURN_IF_ERROR(CheckRanges(a));
  const uint64_t chunk = facts.level == 1 ? 0 : a.chunk.count();
  if (facts.level != 1 && (!IsPowerOfTwo(chunk) || chunk < 8)) {
    return Refused(
        absl::StrCat("a chunk of ", chunk, " sectors; it must be a power of two from 8 on"));
  }
  const uint64_t region = a.region_size.value_or(sys::Sectors(0)).count();
  if (region != 0 && (!IsPowerOfTwo(region) || region < chunk)) {
    return Refused(absl::StrCat("regions of ", region,
                                " sectors; they must be a power of two and hold a chunk"));
  }
  const uint64_t offset = a.data_offset.value_or(sys::Sectors(0)).count();
  if (offset != 0 && (offset < kReshapeSpaceMin || offset % kPage != 0)) {
    return Refused(absl::StrCat("data_offset ", offset, "; it must be 0 or a multiple of ", kPage,
                                " from ", kReshapeSpaceMin, " on"));
  }
  return absl::OkStatus();
}

absl::Status CheckReshape(const RaidArguments& a, const RaidTypeFacts& facts) {
  if (a.delta_disks.has_value()) {
    const int64_t delta = *a.delta_disks;
    const int64_t most = static_cast<int64_t>(kMaxMembers) - facts.minimum_devices;
    if (delta == 0 || delta > most || delta < -most) {
      return Refused(
          absl::StrCat("delta_disks ", delta, "; it must be 1 to ", most, " or as much below 0"));
    }
    if (facts.level == 10 && delta < 0) return Refused("raid10 cannot lose members");
  }
  if (facts.level != 10) return absl::OkStatus();
  const uint32_t copies = a.raid10_copies.value_or(2);
  if (copies < 2 || copies > a.members.size()) {
    return Refused(absl::StrCat(copies, " copies on ", a.members.size(), " members"));
  }
  if (a.raid10_use_near_sets &&
      a.raid10_format.value_or(Raid10Format::kNear) == Raid10Format::kNear) {
    return Refused("raid10_use_near_sets needs raid10_format offset or far");
  }
  return absl::OkStatus();
}

}  // namespace

const RaidTypeFacts& FactsOf(RaidType type) {
  for (const RaidTypeFacts& facts : kTypes) {
    if (facts.type == type) return facts;
  }
  DMKIT_CHECK(false);
  return kTypes[0];
}

std::optional<RaidType> RaidTypeNamed(absl::string_view name) {
  for (const RaidTypeFacts& facts : kTypes) {
    if (facts.name == name) return facts.type;
  }
  return std::nullopt;
}

absl::Status CheckRaidArguments(const RaidArguments& arguments) {
  const RaidTypeFacts& facts = FactsOf(arguments.type);
  const absl::string_view stray = StrayOption(arguments, facts);
  if (!stray.empty()) return Refused(absl::StrCat(facts.name, " takes no ", stray));
  if (arguments.journal_mode.has_value() && !arguments.journal_device.has_value()) {
    return Refused("journal_mode needs journal_dev");
  }
  DMKIT_RETURN_IF_ERROR(CheckMembers(arguments, facts));
  DMKIT_RETURN_IF_ERROR(CheckSync(arguments));
  DMKIT_RETURN_IF_ERROR(CheckSizes(arguments, facts));
  return CheckReshape(arguments, facts);
}

absl::Status CheckRaidLength(const RaidArguments& arguments, sys::Sectors length) {
  const RaidTypeFacts& facts = FactsOf(arguments.type);
  const uint64_t region = arguments.region_size.value_or(sys::Sectors(0)).count();
  if (region != 0 && (region > length.count() || region < length.count() / kMaxRegions)) {
    return Refused(absl::StrCat("regions of ", region, " sectors in ", length.count(),
                                "; there must be 1 to ", kMaxRegions, " of them"));
  }
  if (facts.level == 1) return absl::OkStatus();
  if (arguments.members.size() <= facts.parity_devices) {
    return Refused(absl::StrCat(arguments.members.size(), " members hold no data"));
  }
  uint64_t spread = length.count();
  const uint64_t copies = facts.level == 10 ? arguments.raid10_copies.value_or(2) : 1;
  const uint64_t devices = arguments.members.size() - facts.parity_devices;
  if (__builtin_mul_overflow(spread, copies, &spread) || spread % devices != 0) {
    return Refused(absl::StrCat(length.count(), " sectors cannot be spread evenly over ", devices,
                                " devices"));
  }
  return absl::OkStatus();
}

}  // namespace dmkit::dm
