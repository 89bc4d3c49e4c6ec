// SPDX-License-Identifier: Apache-2.0
// Tests of the snapshot target's line.

#include "dm/targets/snapshot.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;

TEST(SnapshotTest, ParsingGivesBackWhatWasPrinted) {
  for (const TransientSnapshotTarget& target :
       {TransientSnapshotTarget({253, 1}, {7, 3}, sys::Sectors(8)),
        TransientSnapshotTarget({0, 0}, {4095, 1048575}, sys::Sectors(~uint64_t{0}))}) {
    EXPECT_EQ(TransientSnapshotTarget::Parse(target.Params()).value(), target);
  }
  EXPECT_EQ(TransientSnapshotTarget({253, 1}, {7, 3}, sys::Sectors(8)).Params(), "253:1 7:3 N 8");
}

TEST(SnapshotTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text :
       {"", "253:1", "253:1 7:3", "253:1 7:3 N", "253:1 7:3 P 8", "253:1 7:3 n 8", "253:1 7:3 N x",
        "253:1 7:3 N 8 ", " 253:1 7:3 N 8", "253:1  7:3 N 8", "a 7:3 N 8", "253:1 b N 8",
        "253:1 7:3 N 8 1 discard_zeroes_cow", "253:1 7:3 N 18446744073709551616"}) {
    EXPECT_THAT(TransientSnapshotTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss))
        << text;
  }
}

TEST(SnapshotTest, ALineHasTheTargetsType) {
  const TableLine line = TransientSnapshotTarget({253, 1}, {7, 3}, sys::Sectors(16))
                             .Line(sys::Sectors(0), sys::Sectors(64));
  EXPECT_EQ(line.type.text(), "snapshot");
  EXPECT_EQ(line.start, sys::Sectors(0));
  EXPECT_EQ(line.length, sys::Sectors(64));
  EXPECT_EQ(line.params, "253:1 7:3 N 16");
}

}  // namespace
}  // namespace dmkit::dm
