// SPDX-License-Identifier: Apache-2.0
// Tests of what the kernel's raid constructor takes.

#include "dm/targets/raid_arguments.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;

constexpr RaidType kAllTypes[] = {
    RaidType::kRaid0,      RaidType::kRaid1,    RaidType::kRaid10Far, RaidType::kRaid10Offset,
    RaidType::kRaid10Near, RaidType::kRaid10,   RaidType::kRaid4,     RaidType::kRaid5N,
    RaidType::kRaid5Ls,    RaidType::kRaid5Rs,  RaidType::kRaid5La,   RaidType::kRaid5Ra,
    RaidType::kRaid6Zr,    RaidType::kRaid6Nr,  RaidType::kRaid6Nc,   RaidType::kRaid6N6,
    RaidType::kRaid6Ls6,   RaidType::kRaid6Rs6, RaidType::kRaid6La6,  RaidType::kRaid6Ra6,
};

RaidArguments Raid(RaidType type, uint32_t members) {
  RaidArguments arguments;
  arguments.type = type;
  arguments.chunk = sys::Sectors(FactsOf(type).level == 1 ? 0 : 8);
  for (uint32_t i = 0; i < members; ++i) {
    arguments.members.push_back({sys::DeviceNumber{253, 2 * i}, sys::DeviceNumber{253, 2 * i + 1}});
  }
  return arguments;
}

// An option, and the levels whose types take it.
struct Option {
  std::string name;
  std::function<void(RaidArguments&)> give;
  std::vector<uint32_t> levels;
};

const std::vector<Option>& Options() {
  static const auto* const kOptions = new std::vector<Option>{
      {"sync", [](RaidArguments& a) { a.sync = RaidSync::kSync; }, {1, 4, 5, 6, 10}},
      {"nosync", [](RaidArguments& a) { a.sync = RaidSync::kNoSync; }, {1, 4, 5, 10}},
      {"rebuild", [](RaidArguments& a) { a.rebuild = {3}; }, {1, 4, 5, 6, 10}},
      {"daemon_sleep", [](RaidArguments& a) { a.daemon_sleep = 2147483647; }, {1, 4, 5, 6, 10}},
      {"min_recovery_rate", [](RaidArguments& a) { a.min_recovery_rate = 9; }, {1, 4, 5, 6, 10}},
      {"max_recovery_rate", [](RaidArguments& a) { a.max_recovery_rate = 0; }, {1, 4, 5, 6, 10}},
      {"write_mostly",
       [](RaidArguments& a) {
         a.write_mostly = {0, 1, 3};
       },
       {1}},
      {"max_write_behind", [](RaidArguments& a) { a.max_write_behind = sys::Sectors(32767); }, {1}},
      {"stripe_cache", [](RaidArguments& a) { a.stripe_cache = 0; }, {4, 5, 6}},
      {"region_size", [](RaidArguments& a) { a.region_size = sys::Sectors(8); }, {1, 4, 5, 6, 10}},
      {"region_size 0",
       [](RaidArguments& a) { a.region_size = sys::Sectors(0); },
       {1, 4, 5, 6, 10}},
      {"raid10_copies", [](RaidArguments& a) { a.raid10_copies = 4; }, {10}},
      {"raid10_format", [](RaidArguments& a) { a.raid10_format = Raid10Format::kFar; }, {10}},
      {"raid10_use_near_sets",
       [](RaidArguments& a) {
         a.raid10_format = Raid10Format::kOffset;
         a.raid10_use_near_sets = true;
       },
       {10}},
      {"delta_disks", [](RaidArguments& a) { a.delta_disks = 2; }, {1, 4, 5, 6, 10}},
      {"delta_disks -1", [](RaidArguments& a) { a.delta_disks = -1; }, {1, 4, 5, 6}},
      {"data_offset",
       [](RaidArguments& a) { a.data_offset = sys::Sectors(32); },
       {0, 1, 4, 5, 6, 10}},
      {"data_offset 0",
       [](RaidArguments& a) { a.data_offset = sys::Sectors(0); },
       {0, 1, 4, 5, 6, 10}},
      {"journal_dev",
       [](RaidArguments& a) {
         a.journal_device = sys::DeviceNumber{7, 0};
       },
       {4, 5, 6}},
      {"journal_mode",
       [](RaidArguments& a) {
         a.journal_device = sys::DeviceNumber{7, 0};
         a.journal_mode = RaidJournalMode::kWriteBack;
       },
       {4, 5, 6}},
  };
  return *kOptions;
}

TEST(RaidArgumentsTest, EachTypeHasANameOfItsOwn) {
  for (RaidType type : kAllTypes) EXPECT_EQ(RaidTypeNamed(FactsOf(type).name), type);
  for (absl::string_view name : {"", "raid", "raid5", "raid6", "raid10_", "RAID1", "raid01", "1"}) {
    EXPECT_EQ(RaidTypeNamed(name), std::nullopt) << name;
  }
}

TEST(RaidArgumentsTest, EachTypeTakesFourMembersAndSparesWhatItsParityAllows) {
  for (RaidType type : kAllTypes) {
    const RaidTypeFacts& facts = FactsOf(type);
    EXPECT_THAT(CheckRaidArguments(Raid(type, 4)), IsOk()) << facts.name;
    for (uint32_t missing = 1; missing <= 4; ++missing) {
      RaidArguments arguments = Raid(type, 4);
      for (uint32_t i = 0; i < missing; ++i) arguments.members[i] = RaidMember();
      const bool has_copies = facts.level == 1 || facts.level == 10;
      EXPECT_EQ(CheckRaidArguments(arguments).ok(),
                has_copies ? missing < 4 : missing <= facts.parity_devices)
          << facts.name << " without " << missing;
    }
  }
}

TEST(RaidArgumentsTest, EachLevelTakesItsOwnOptionsAndNoOthers) {
  for (RaidType type : kAllTypes) {
    const RaidTypeFacts& facts = FactsOf(type);
    for (const Option& option : Options()) {
      RaidArguments arguments = Raid(type, 4);
      option.give(arguments);
      const bool is_taken =
          std::find(option.levels.begin(), option.levels.end(), facts.level) != option.levels.end();
      EXPECT_EQ(CheckRaidArguments(arguments).ok(), is_taken) << facts.name << " " << option.name;
    }
  }
}

TEST(RaidArgumentsTest, FewMembersAreEnoughForSome) {
  EXPECT_THAT(CheckRaidArguments(Raid(RaidType::kRaid0, 1)), IsOk());
  EXPECT_THAT(CheckRaidArguments(Raid(RaidType::kRaid1, 1)), IsOk());
  EXPECT_THAT(CheckRaidArguments(Raid(RaidType::kRaid4, 2)), IsOk());
  EXPECT_THAT(CheckRaidArguments(Raid(RaidType::kRaid5N, 253)), IsOk());
  EXPECT_THAT(CheckRaidArguments(Raid(RaidType::kRaid10, 2)), IsOk());
  RaidArguments data_only = Raid(RaidType::kRaid1, 2);
  data_only.members[0].metadata.reset();
  EXPECT_THAT(CheckRaidArguments(data_only), IsOk());
}

// Four members that are taken, and what spoils them.
struct BadArguments {
  std::string what;
  RaidType type;
  std::function<void(RaidArguments&)> change;
};

void ExpectRefused(const std::vector<BadArguments>& all) {
  for (const BadArguments& bad : all) {
    RaidArguments arguments = Raid(bad.type, 4);
    ASSERT_THAT(CheckRaidArguments(arguments), IsOk()) << bad.what;
    bad.change(arguments);
    EXPECT_THAT(CheckRaidArguments(arguments), FailsWithCode(absl::StatusCode::kInvalidArgument))
        << bad.what;
  }
}

TEST(RaidArgumentsTest, MembersAndChunksThatTheKernelRefusesAreRefused) {
  ExpectRefused({
      {"no members", RaidType::kRaid1, [](RaidArguments& a) { a.members.clear(); }},
      {"parity only", RaidType::kRaid5La, [](RaidArguments& a) { a.members.resize(1); }},
      {"three of raid6", RaidType::kRaid6Zr, [](RaidArguments& a) { a.members.resize(3); }},
      {"one of raid10", RaidType::kRaid10, [](RaidArguments& a) { a.members.resize(1); }},
      {"254 members", RaidType::kRaid1,
       [](RaidArguments& a) { a.members.resize(254, a.members[0]); }},
      {"metadata alone", RaidType::kRaid1, [](RaidArguments& a) { a.members[1].data.reset(); }},
      {"chunk 0", RaidType::kRaid0, [](RaidArguments& a) { a.chunk = sys::Sectors(0); }},
      {"chunk 4", RaidType::kRaid5N, [](RaidArguments& a) { a.chunk = sys::Sectors(4); }},
      {"chunk 24", RaidType::kRaid10, [](RaidArguments& a) { a.chunk = sys::Sectors(24); }},
      {"chunk 2^31", RaidType::kRaid0,
       [](RaidArguments& a) { a.chunk = sys::Sectors(2147483648); }},
  });
}

TEST(RaidArgumentsTest, ChoicesOfMembersThatTheKernelRefusesAreRefused) {
  ExpectRefused({
      {"rebuild 4", RaidType::kRaid1, [](RaidArguments& a) { a.rebuild = {4}; }},
      {"rebuild twice", RaidType::kRaid1,
       [](RaidArguments& a) {
         a.rebuild = {1, 1};
       }},
      {"rebuild out of order", RaidType::kRaid1,
       [](RaidArguments& a) {
         a.rebuild = {1, 0};
       }},
      {"rebuild of what is missing", RaidType::kRaid1,
       [](RaidArguments& a) {
         a.rebuild = {2};
         a.members[2] = RaidMember();
       }},
      {"rebuild and sync", RaidType::kRaid1,
       [](RaidArguments& a) {
         a.rebuild = {1};
         a.sync = RaidSync::kSync;
       }},
      {"rebuild and nosync", RaidType::kRaid5Ls,
       [](RaidArguments& a) {
         a.rebuild = {1};
         a.sync = RaidSync::kNoSync;
       }},
      {"write_mostly 4", RaidType::kRaid1, [](RaidArguments& a) { a.write_mostly = {4}; }},
      {"write_mostly of all", RaidType::kRaid1,
       [](RaidArguments& a) {
         a.write_mostly = {0, 1, 2, 3};
       }},
  });
}

TEST(RaidArgumentsTest, ValuesThatTheKernelRefusesAreRefused) {
  ExpectRefused({
      {"max_write_behind 32768", RaidType::kRaid1,
       [](RaidArguments& a) { a.max_write_behind = sys::Sectors(32768); }},
      {"daemon_sleep 2^31", RaidType::kRaid1,
       [](RaidArguments& a) { a.daemon_sleep = 2147483648; }},
      {"min_recovery_rate 2^31", RaidType::kRaid1,
       [](RaidArguments& a) { a.min_recovery_rate = 2147483648; }},
      {"min above max", RaidType::kRaid1,
       [](RaidArguments& a) {
         a.min_recovery_rate = 10;
         a.max_recovery_rate = 9;
       }},
      {"stripe_cache 2^31", RaidType::kRaid4,
       [](RaidArguments& a) { a.stripe_cache = 2147483648; }},
      {"region_size 24", RaidType::kRaid1,
       [](RaidArguments& a) { a.region_size = sys::Sectors(24); }},
      {"region_size below the chunk", RaidType::kRaid4,
       [](RaidArguments& a) { a.region_size = sys::Sectors(4); }},
      {"region_size 2^31", RaidType::kRaid1,
       [](RaidArguments& a) { a.region_size = sys::Sectors(2147483648); }},
  });
}

TEST(RaidArgumentsTest, ShapesThatTheKernelRefusesAreRefused) {
  ExpectRefused({
      {"one copy", RaidType::kRaid10, [](RaidArguments& a) { a.raid10_copies = 1; }},
      {"five copies", RaidType::kRaid10, [](RaidArguments& a) { a.raid10_copies = 5; }},
      {"near sets without a format", RaidType::kRaid10Far,
       [](RaidArguments& a) { a.raid10_use_near_sets = true; }},
      {"near sets of near", RaidType::kRaid10,
       [](RaidArguments& a) {
         a.raid10_format = Raid10Format::kNear;
         a.raid10_use_near_sets = true;
       }},
      {"delta_disks 0", RaidType::kRaid1, [](RaidArguments& a) { a.delta_disks = 0; }},
      {"delta_disks 252", RaidType::kRaid1, [](RaidArguments& a) { a.delta_disks = 252; }},
      {"delta_disks -250", RaidType::kRaid6Nc, [](RaidArguments& a) { a.delta_disks = -250; }},
      {"delta_disks INT_MIN", RaidType::kRaid1,
       [](RaidArguments& a) { a.delta_disks = INT32_MIN; }},
      {"data_offset 8", RaidType::kRaid0,
       [](RaidArguments& a) { a.data_offset = sys::Sectors(8); }},
      {"data_offset 36", RaidType::kRaid0,
       [](RaidArguments& a) { a.data_offset = sys::Sectors(36); }},
      {"data_offset 2^31", RaidType::kRaid0,
       [](RaidArguments& a) { a.data_offset = sys::Sectors(2147483648); }},
      {"journal_mode alone", RaidType::kRaid5N,
       [](RaidArguments& a) { a.journal_mode = RaidJournalMode::kWriteThrough; }},
  });
}

TEST(RaidArgumentsTest, LengthsAreSpreadEvenly) {
  const auto fits = [](const RaidArguments& arguments, uint64_t length) {
    return CheckRaidLength(arguments, sys::Sectors(length)).ok();
  };
  EXPECT_TRUE(fits(Raid(RaidType::kRaid1, 3), 7));
  EXPECT_TRUE(fits(Raid(RaidType::kRaid0, 3), 9));
  EXPECT_FALSE(fits(Raid(RaidType::kRaid0, 3), 10));
  EXPECT_TRUE(fits(Raid(RaidType::kRaid5Ls, 4), 9));
  EXPECT_FALSE(fits(Raid(RaidType::kRaid5Ls, 4), 8));
  EXPECT_TRUE(fits(Raid(RaidType::kRaid6Nr, 5), 9));
  EXPECT_FALSE(fits(Raid(RaidType::kRaid6Nr, 5), 10));
  EXPECT_TRUE(fits(Raid(RaidType::kRaid10, 5), 10));
  EXPECT_FALSE(fits(Raid(RaidType::kRaid10, 5), 11));
  EXPECT_FALSE(fits(Raid(RaidType::kRaid10, 4), ~uint64_t{0} - 1)) << "twice that is no number";
}

TEST(RaidArgumentsTest, RegionsFitIntoTheTargetAndTheBitmap) {
  RaidArguments arguments = Raid(RaidType::kRaid1, 2);
  arguments.region_size = sys::Sectors(1024);
  EXPECT_THAT(CheckRaidLength(arguments, sys::Sectors(1024)), IsOk());
  EXPECT_THAT(CheckRaidLength(arguments, sys::Sectors(uint64_t{1024} << 21)), IsOk());
  for (uint64_t length : {uint64_t{0}, uint64_t{1023}, uint64_t{1025} << 21, ~uint64_t{0}}) {
    EXPECT_THAT(CheckRaidLength(arguments, sys::Sectors(length)),
                FailsWithCode(absl::StatusCode::kInvalidArgument))
        << length;
  }
  arguments.region_size = sys::Sectors(0);
  EXPECT_THAT(CheckRaidLength(arguments, sys::Sectors(~uint64_t{0})), IsOk());
}

}  // namespace
}  // namespace dmkit::dm
