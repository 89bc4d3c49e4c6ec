// SPDX-License-Identifier: Apache-2.0
// Tests of the delay target's line and status.

#include "dm/targets/delay.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;

const DelayTarget::Way kRead = {{7, 0}, sys::Sectors(8), 100};
const DelayTarget::Way kWrite = {{7, 1}, sys::Sectors(0), 0};
const DelayTarget::Way kFlush = {{253, 300}, sys::Sectors(~uint64_t{0}), 4294967295};

TEST(DelayTest, ParsingGivesBackWhatWasPrinted) {
  for (const DelayTarget& target :
       {DelayTarget(kRead), DelayTarget(kRead, kWrite), DelayTarget(kRead, kWrite, kFlush)}) {
    EXPECT_EQ(DelayTarget::Parse(target.Params()).value(), target);
  }
  EXPECT_EQ(DelayTarget(kRead).Params(), "7:0 8 100");
  EXPECT_EQ(DelayTarget(kRead, kWrite, kFlush).Params(),
            "7:0 8 100 7:1 0 0 253:300 18446744073709551615 4294967295");
}

TEST(DelayTest, WhatHasNoWayOfItsOwnGoesWithTheOneBefore) {
  EXPECT_EQ(DelayTarget(kRead).write(), kRead);
  EXPECT_EQ(DelayTarget(kRead).flush(), kRead);
  EXPECT_EQ(DelayTarget(kRead, kWrite).write(), kWrite);
  EXPECT_EQ(DelayTarget(kRead, kWrite).flush(), kWrite);
  EXPECT_EQ(DelayTarget(kRead, kWrite, kFlush).flush(), kFlush);
  EXPECT_NE(DelayTarget(kRead), DelayTarget(kRead, kRead)) << "the kernel shows which was given";
}

TEST(DelayTest, ALineHasTheTargetsType) {
  const TableLine line = DelayTarget(kRead).Line(sys::Sectors(1), sys::Sectors(2));
  EXPECT_EQ(line.type.text(), "delay");
  EXPECT_EQ(line.start, sys::Sectors(1));
  EXPECT_EQ(line.length, sys::Sectors(2));
  EXPECT_EQ(line.params, "7:0 8 100");
}

TEST(DelayTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text :
       {"", "7:0", "7:0 0", "7:0 0 1 7:1", "7:0 0 1 7:1 0", "7:0 0 1 7:1 0 1 7:2",
        "7:0 0 1 7:1 0 1 7:2 0", "7:0 0 1 7:1 0 1 7:2 0 1 7:3 0 1", "7:0 0 -1", "7:0 0 4294967296",
        "7:0 x 1", "loop0 0 1", "7:0 0  1", " 7:0 0 1"}) {
    EXPECT_THAT(DelayTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(DelayTest, StatusCountsWhatIsDelayed) {
  const auto status = ParseDelayStatus("1 0 4294967295");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(*status, (DelayStatus{1, 0, 4294967295, ""}));
  EXPECT_EQ(ParseDelayStatus("1 2 3 4 x")->unknown_tail, "4 x");
}

TEST(DelayTest, AStatusThatIsNotOneIsRefused) {
  for (absl::string_view text :
       {"", "1", "1 2", "1 2 -", "1 2 4294967296", "1  2 3", "1 2 3  4", "a b c"}) {
    EXPECT_THAT(ParseDelayStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
