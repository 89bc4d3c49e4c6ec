// SPDX-License-Identifier: Apache-2.0
// Tests of the linear target's line.

#include "dm/targets/linear.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;

TEST(LinearTest, ParsingGivesBackWhatWasPrinted) {
  for (const LinearTarget& target : {LinearTarget({7, 0}, sys::Sectors(0)),
                                     LinearTarget({253, 300}, sys::Sectors(~uint64_t{0}))}) {
    EXPECT_EQ(LinearTarget::Parse(target.Params()).value(), target);
  }
  EXPECT_EQ(LinearTarget({1, 0}, sys::Sectors(8)).Params(), "1:0 8");
}

TEST(LinearTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text :
       {"", "7:0", "7:0 0 0", "7:0  0", " 7:0 0", "7:0 0 ", "7 0", "/dev/loop0 0", "7:0 -1",
        "7:0 0x8", "7:0 18446744073709551616", "7: 0"}) {
    EXPECT_THAT(LinearTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(LinearTest, ALineHasTheTargetsType) {
  const TableLine line =
      LinearTarget({7, 0}, sys::Sectors(8)).Line(sys::Sectors(1), sys::Sectors(2));
  EXPECT_EQ(line.type.text(), "linear");
  EXPECT_EQ(line.start, sys::Sectors(1));
  EXPECT_EQ(line.length, sys::Sectors(2));
  EXPECT_EQ(line.params, "7:0 8");
}

}  // namespace
}  // namespace dmkit::dm
