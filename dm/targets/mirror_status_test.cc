// SPDX-License-Identifier: Apache-2.0
// Tests of the status of a mirror.

#include "dm/targets/mirror_status.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::testing::ElementsAre;

TEST(MirrorStatusTest, ACoreLogTellsNothing) {
  const auto status = ParseMirrorStatus("2 253:0 253:1 3/4 1 AA 1 core");
  ASSERT_TRUE(status.ok());
  EXPECT_THAT(status->legs, ElementsAre(MirrorStatus::Leg{{253, 0}, MirrorHealth::kAlive},
                                        MirrorStatus::Leg{{253, 1}, MirrorHealth::kAlive}));
  EXPECT_EQ(status->regions_in_sync, 3u);
  EXPECT_EQ(status->regions, 4u);
  ASSERT_TRUE(status->log.has_value());
  EXPECT_EQ(*status->log, (MirrorLogStatus{"core", std::nullopt, MirrorLogHealth::kAlive, {}}));
  EXPECT_EQ(status->unknown_tail, "");
}

TEST(MirrorStatusTest, ADiskLogHasADeviceAndItsHealth) {
  const auto status = ParseMirrorStatus("2 7:0 7:1 4/4 1 AA 3 disk 7:2 D");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->log->disk, (sys::DeviceNumber{7, 2}));
  EXPECT_EQ(status->log->health, MirrorLogHealth::kFailed);
  EXPECT_EQ(ParseMirrorStatus("2 7:0 7:1 4/4 1 AA 3 disk 7:2 F")->log->health,
            MirrorLogHealth::kFlushFailed);
}

TEST(MirrorStatusTest, EachWayToFailHasItsCharacter) {
  const auto status = ParseMirrorStatus("6 7:0 7:1 7:2 7:3 7:4 7:5 0/9 1 AFDSRU 1 core");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->legs[0].health, MirrorHealth::kAlive);
  EXPECT_EQ(status->legs[1].health, MirrorHealth::kFlushFailed);
  EXPECT_EQ(status->legs[2].health, MirrorHealth::kWriteFailed);
  EXPECT_EQ(status->legs[3].health, MirrorHealth::kSyncFailed);
  EXPECT_EQ(status->legs[4].health, MirrorHealth::kReadFailed);
  EXPECT_EQ(status->legs[5].health, MirrorHealth::kUnclassified);
}

TEST(MirrorStatusTest, WhatIsNotKnownIsKept) {
  const auto status = ParseMirrorStatus("2 7:0 7:1 4/4 1 AA 4 clustered-disk 7:2 A x 5 more");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->log->type, "clustered-disk");
  EXPECT_EQ(status->log->disk, std::nullopt);
  EXPECT_THAT(status->log->unknown_words, ElementsAre("7:2", "A", "x"));
  EXPECT_EQ(status->unknown_tail, "5 more");
  EXPECT_THAT(ParseMirrorStatus("2 7:0 7:1 4/4 1 AA 4 disk 7:2 A x")->log->unknown_words,
              ElementsAre("x"));
}

TEST(MirrorStatusTest, ALogThatCannotBeAskedLeavesWhatTheKernelSays) {
  const auto status = ParseMirrorStatus("2 7:0 7:1 4/4 1 AA userspace 1 COM_FAILURE");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->log, std::nullopt);
  EXPECT_EQ(status->unknown_tail, "userspace 1 COM_FAILURE");
}

TEST(MirrorStatusTest, AStatusThatIsNotOneIsRefused) {
  for (absl::string_view text : {"",
                                 "2",
                                 "2 7:0 7:1",
                                 "2 7:0 7:1 4",
                                 "2 7:0 7:1 4/4",
                                 "2 7:0 7:1 4/4 AA 1 core",
                                 "2 7:0 7:1 4/4 2 AA 1 core",
                                 "2 7:0 7:1 4/4 1 A 1 core",
                                 "2 7:0 7:1 4/4 1 AAA 1 core",
                                 "2 7:0 7:1 4/4 1 AX 1 core",
                                 "2 7:0 7:1 4/4 1 aa 1 core",
                                 "1 7:0 7:1 4/4 1 AA 1 core",
                                 "2 7:0 7:1 x/4 1 AA 1 core",
                                 "2 7:0 7:1 4/4 1 AA 0 core",
                                 "2 7:0 7:1 4/4 1 AA 2 core",
                                 "2 7:0 7:1 4/4 1 AA 1",
                                 "2 7:0 7:1 4/4 1 AA 1 disk",
                                 "2 7:0 7:1 4/4 1 AA 2 disk 7:2",
                                 "2 7:0 7:1 4/4 1 AA 3 disk A 7:2",
                                 "2 7:0 7:1 4/4 1 AA 3 disk 7:2 X",
                                 "2 7:0 7:1 4/4 1 AA 3 disk 7:2 AA",
                                 "4294967295 7:0",
                                 "2 7:0  7:1 4/4 1 AA 1 core"}) {
    EXPECT_THAT(ParseMirrorStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
