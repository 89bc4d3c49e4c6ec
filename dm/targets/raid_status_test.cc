// SPDX-License-Identifier: Apache-2.0
// Tests of the status of a raid target.

#include "dm/targets/raid_status.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::testing::ElementsAre;

TEST(RaidStatusTest, EveryFieldIsRead) {
  const auto status = ParseRaidStatus("raid6_zr 4 AaD- 2048/8192 recover 3 16 a");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->type, "raid6_zr");
  EXPECT_EQ(status->devices, 4u);
  EXPECT_THAT(status->health, ElementsAre(RaidHealth::kInSync, RaidHealth::kNotInSync,
                                          RaidHealth::kDead, RaidHealth::kMissing));
  EXPECT_EQ(status->progress, sys::Sectors(2048));
  EXPECT_EQ(status->total, sys::Sectors(8192));
  EXPECT_EQ(status->action, RaidAction::kRecover);
  EXPECT_EQ(status->mismatches, 3u);
  EXPECT_EQ(status->data_offset, sys::Sectors(16));
  EXPECT_EQ(status->journal, RaidHealth::kNotInSync);
  EXPECT_EQ(status->unknown_tail, "");
}

TEST(RaidStatusTest, EachActionHasItsWord) {
  for (const auto& [word, action] :
       {std::pair("frozen", RaidAction::kFrozen), std::pair("reshape", RaidAction::kReshape),
        std::pair("resync", RaidAction::kResync), std::pair("check", RaidAction::kCheck),
        std::pair("repair", RaidAction::kRepair), std::pair("recover", RaidAction::kRecover),
        std::pair("idle", RaidAction::kIdle), std::pair("undef", RaidAction::kUndefined)}) {
    const auto status = ParseRaidStatus(std::string("raid1 2 AA 8/8 ") + word + " 0 0 -");
    ASSERT_TRUE(status.ok()) << word;
    EXPECT_EQ(status->action, action);
  }
}

TEST(RaidStatusTest, WhatIsNotKnownIsKept) {
  const auto status = ParseRaidStatus("raid99 3 AA 0/0 idle 0 0 A new words");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->type, "raid99");
  EXPECT_EQ(status->devices, 3u) << "a reshape may be on the way";
  EXPECT_EQ(status->journal, RaidHealth::kInSync);
  EXPECT_EQ(status->unknown_tail, "new words");
}

TEST(RaidStatusTest, AStatusThatIsNotOneIsRefused) {
  for (absl::string_view text :
       {"", " ", "raid1", "raid1 2", "raid1 2 AA", "raid1 2 AA 8/8", "raid1 2 AA 8/8 idle",
        "raid1 2 AA 8/8 idle 0", "raid1 2 AA 8/8 idle 0 0", "raid1 2 AX 8/8 idle 0 0 -",
        "raid1 2 AA 9/8 idle 0 0 -", "raid1 2 AA 8 idle 0 0 -", "raid1 2 AA 8/8 sleeping 0 0 -",
        "raid1 2 AA 8/8 idle -1 0 -", "raid1 2 AA 8/8 idle 0 x -", "raid1 2 AA 8/8 idle 0 0 --",
        "raid1 2 AA 8/8 idle 0 0 X", "raid1 x AA 8/8 idle 0 0 -", "raid1  2 AA 8/8 idle 0 0 -"}) {
    EXPECT_THAT(ParseRaidStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
