// SPDX-License-Identifier: Apache-2.0
// Tests of the raid target's line.

#include "dm/targets/raid.h"

#include <string>

#include "dm/targets/raid_arguments.h"
#include "dm/targets/read_back_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using testing::ParamsOf;

RaidArguments Raid(RaidType type, uint64_t chunk, uint32_t members) {
  RaidArguments arguments;
  arguments.type = type;
  arguments.chunk = sys::Sectors(chunk);
  for (uint32_t i = 0; i < members; ++i) {
    arguments.members.push_back({sys::DeviceNumber{8, 2 * i}, sys::DeviceNumber{8, 2 * i + 1}});
  }
  return arguments;
}

TEST(RaidTest, ParsingGivesBackWhatWasPrinted) {
  EXPECT_EQ(ParamsOf<RaidTarget>(Raid(RaidType::kRaid0, 128, 2)), "raid0 1 128 2 8:0 8:1 8:2 8:3");
  RaidArguments raid1 = Raid(RaidType::kRaid1, 0, 3);
  raid1.sync = RaidSync::kNoSync;
  raid1.daemon_sleep = 5000;
  raid1.min_recovery_rate = 1;
  raid1.max_recovery_rate = 2;
  raid1.write_mostly = {0, 2};
  raid1.region_size = sys::Sectors(1024);
  raid1.members[1] = RaidMember();
  EXPECT_EQ(ParamsOf<RaidTarget>(raid1),
            "raid1 14 0 nosync daemon_sleep 5000 min_recovery_rate 1 max_recovery_rate 2 "
            "write_mostly 0 write_mostly 2 region_size 1024 3 8:0 8:1 - - 8:4 8:5");
  RaidArguments raid10 = Raid(RaidType::kRaid10Far, 16, 4);
  raid10.rebuild = {0, 3};
  raid10.raid10_copies = 3;
  raid10.raid10_format = Raid10Format::kFar;
  raid10.raid10_use_near_sets = true;
  raid10.members[2].metadata.reset();
  EXPECT_EQ(ParamsOf<RaidTarget>(raid10),
            "raid10_far 10 16 rebuild 0 rebuild 3 raid10_copies 3 raid10_format far "
            "raid10_use_near_sets 4 8:0 8:1 8:2 8:3 - 8:5 8:6 8:7");
  RaidArguments raid6 = Raid(RaidType::kRaid6Ls6, 8, 5);
  raid6.sync = RaidSync::kSync;
  raid6.stripe_cache = 512;
  raid6.delta_disks = -1;
  raid6.data_offset = sys::Sectors(2048);
  raid6.journal_device = sys::DeviceNumber{7, 0};
  raid6.journal_mode = RaidJournalMode::kWriteBack;
  EXPECT_EQ(ParamsOf<RaidTarget>(raid6),
            "raid6_ls_6 12 8 sync stripe_cache 512 delta_disks -1 data_offset 2048 "
            "journal_dev 7:0 journal_mode writeback 5 8:0 8:1 8:2 8:3 8:4 8:5 8:6 8:7 8:8 8:9");
  raid6.journal_mode = RaidJournalMode::kWriteThrough;
  EXPECT_THAT(ParamsOf<RaidTarget>(raid6), ::testing::HasSubstr(" journal_mode writethrough "));
}

TEST(RaidTest, TheKernelPrintsHalfOfMaxWriteBehind) {
  RaidArguments arguments = Raid(RaidType::kRaid1, 0, 2);
  arguments.max_write_behind = sys::Sectors(512);
  EXPECT_EQ(RaidTarget::Create(arguments)->Params(),
            "raid1 3 0 max_write_behind 512 2 8:0 8:1 8:2 8:3");
  EXPECT_EQ(RaidTarget::Parse("raid1 3 0 max_write_behind 256 2 8:0 8:1 8:2 8:3")->arguments(),
            arguments);
}

TEST(RaidTest, TheKernelCountsNearSetsAndDoesNotShowThem) {
  RaidArguments arguments = Raid(RaidType::kRaid10, 8, 2);
  arguments.raid10_format = Raid10Format::kFar;
  EXPECT_EQ(RaidTarget::Parse("raid10 3 8 raid10_format far 2 8:0 8:1 8:2 8:3")->arguments(),
            arguments);
  arguments.raid10_use_near_sets = true;
  EXPECT_EQ(RaidTarget::Parse("raid10 4 8 raid10_format far 2 8:0 8:1 8:2 8:3")->arguments(),
            arguments);
}

TEST(RaidTest, NumbersThatMdHasMadeOfOthersAreUnderstood) {
  EXPECT_EQ(
      RaidTarget::Parse("raid1 3 0 daemon_sleep 1250000000000 1 - 8:1")->arguments().daemon_sleep,
      1250000000000u);
  EXPECT_EQ(RaidTarget::Parse("raid5_n 3 8 delta_disks 0 2 - 8:1 - 8:3")->arguments().delta_disks,
            0);
}

TEST(RaidTest, WhatTheKernelRefusesIsNotMade) {
  EXPECT_THAT(RaidTarget::Create(Raid(RaidType::kRaid0, 7, 2)),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(RaidTarget::Create(Raid(RaidType::kRaid4, 8, 0)),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
}

TEST(RaidTest, ALineIsSpreadEvenly) {
  const RaidTarget target = RaidTarget::Create(Raid(RaidType::kRaid0, 8, 3)).value();
  const auto line = target.Line(sys::Sectors(1), sys::Sectors(48));
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line->type.text(), "raid");
  EXPECT_EQ(line->start, sys::Sectors(1));
  EXPECT_EQ(line->length, sys::Sectors(48));
  EXPECT_EQ(line->params, target.Params());
  EXPECT_THAT(target.Line(sys::Sectors(0), sys::Sectors(49)),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
}

TEST(RaidTest, MembersOfParityAloneHaveNoLine) {
  for (const char* params : {"raid4 1 128 1 - 8:0", "raid6_zr 1 128 1 - 8:0"}) {
    const auto target = RaidTarget::Parse(params);
    ASSERT_TRUE(target.ok()) << target.status();
    EXPECT_THAT(target->Line(sys::Sectors(0), sys::Sectors(100)),
                FailsWithCode(absl::StatusCode::kInvalidArgument));
  }
}

TEST(RaidTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text : {"",
                                 "raid1",
                                 "raid1 1",
                                 "raid1 1 0",
                                 "raid1 1 0 0",
                                 "raid1 1 0 1",
                                 "raid1 1 0 1 8:0",
                                 "raid1 1 0 1 8:0 -",
                                 "raid1 1 0 1 8:0 8:1 8:2",
                                 "raid1 1 0 2 8:0 8:1",
                                 "raid1 0 0 1 - 8:1",
                                 "raid1 2 0 1 - 8:1",
                                 "raid1 3 0 1 - 8:1",
                                 "raid5 1 8 2 - 8:1 - 8:2",
                                 "RAID1 1 0 1 - 8:1",
                                 "raid1 2 0 resync 1 - 8:1",
                                 "raid1 3 0 sync nosync 1 - 8:1",
                                 "raid1 2 0 rebuild 1 - 8:1",
                                 "raid1 3 0 rebuild x 1 - 8:1",
                                 "raid1 5 0 region_size 8 rebuild 0 1 - 8:1",
                                 "raid1 3 0 max_write_behind 9223372036854775808 1 - 8:1",
                                 "raid1 3 0 region_size -8 1 - 8:1",
                                 "raid1 5 0 region_size 8 region_size 8 1 - 8:1",
                                 "raid10 3 8 raid10_format left 1 - 8:1",
                                 "raid10 5 8 raid10_format far 1 - 8:1",
                                 "raid5_n 3 8 delta_disks --1 1 - 8:1",
                                 "raid5_n 3 8 delta_disks 2147483648 1 - 8:1",
                                 "raid5_n 3 8 delta_disks +1 1 - 8:1",
                                 "raid5_n 3 8 journal_dev - 1 - 8:1",
                                 "raid5_n 5 8 journal_dev 7:0 journal_mode wt 1 - 8:1",
                                 "raid1  1 0 1 - 8:1",
                                 "raid1 1 0 4294967295 - 8:1"}) {
    EXPECT_THAT(RaidTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
