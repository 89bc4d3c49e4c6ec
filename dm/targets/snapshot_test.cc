// SPDX-License-Identifier: Apache-2.0
// Tests of the lines and the status of snapshots.

#include "dm/targets/snapshot.h"

#include <string>

#include "dm/targets/read_back_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using testing::ParamsOf;
using State = SnapshotStatus::State;

constexpr absl::StatusCode kNotUnderstood = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kRefused = absl::StatusCode::kInvalidArgument;

SnapshotArguments Snapshot(SnapshotStore kind, uint64_t chunk) {
  SnapshotArguments arguments;
  arguments.origin = {253, 1};
  arguments.store = {7, 3};
  arguments.kind = kind;
  arguments.chunk = sys::Sectors(chunk);
  return arguments;
}

SnapshotArguments WithDiscards(bool zeroes_cow, bool passdown_origin) {
  SnapshotArguments arguments = Snapshot(SnapshotStore::kPersistent, 8);
  arguments.discard_zeroes_cow = zeroes_cow;
  arguments.discard_passdown_origin = passdown_origin;
  return arguments;
}

TEST(SnapshotTest, ParsingGivesBackWhatWasPrinted) {
  EXPECT_EQ(ParamsOf<SnapshotTarget>(Snapshot(SnapshotStore::kTransient, 8)), "253:1 7:3 N 8");
  EXPECT_EQ(ParamsOf<SnapshotTarget>(Snapshot(SnapshotStore::kPersistent, 1)), "253:1 7:3 P 1");
  EXPECT_EQ(ParamsOf<SnapshotTarget>(Snapshot(SnapshotStore::kPersistentOverflow, 2097152)),
            "253:1 7:3 PO 2097152");
  EXPECT_EQ(ParamsOf<SnapshotTarget>(Snapshot(SnapshotStore::kPersistent, 0)), "253:1 7:3 P 0");
  EXPECT_EQ(ParamsOf<SnapshotTarget>(WithDiscards(true, false)),
            "253:1 7:3 P 8 1 discard_zeroes_cow");
  EXPECT_EQ(ParamsOf<SnapshotTarget>(WithDiscards(true, true)),
            "253:1 7:3 P 8 2 discard_zeroes_cow discard_passdown_origin");
  EXPECT_EQ(ParamsOf<SnapshotMergeTarget>(Snapshot(SnapshotStore::kPersistent, 8)),
            "253:1 7:3 P 8");
}

TEST(SnapshotTest, ATableThatWaitsForAnotherOnesStoreShowsNoChunkSize) {
  EXPECT_EQ(SnapshotTarget::Parse("253:1 7:3 N 0")->arguments().chunk, sys::Sectors(0));
}

TEST(SnapshotTest, WhatTheKernelRefusesIsNotMade) {
  SnapshotArguments one_device = Snapshot(SnapshotStore::kPersistent, 8);
  one_device.store = one_device.origin;
  for (const SnapshotArguments& arguments :
       {one_device, Snapshot(SnapshotStore::kTransient, 0), Snapshot(SnapshotStore::kPersistent, 3),
        Snapshot(SnapshotStore::kTransient, 12), Snapshot(SnapshotStore::kPersistent, 4194304),
        Snapshot(SnapshotStore::kPersistent, uint64_t{1} << 32), WithDiscards(false, true)}) {
    EXPECT_THAT(SnapshotTarget::Create(arguments), FailsWithCode(kRefused));
    EXPECT_THAT(SnapshotMergeTarget::Create(arguments), FailsWithCode(kRefused));
  }
  EXPECT_THAT(SnapshotMergeTarget::Create(Snapshot(SnapshotStore::kTransient, 8)),
              FailsWithCode(kRefused));
}

TEST(SnapshotTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text : {"",
                                 "253:1",
                                 "253:1 7:3",
                                 "253:1 7:3 N",
                                 "253:1 7:3 X 8",
                                 "253:1 7:3 n 8",
                                 "253:1 7:3 OP 8",
                                 "253:1 7:3 N x",
                                 "253:1 7:3 N 12",
                                 "253:1 7:3 P 4194304",
                                 " 253:1 7:3 N 8",
                                 "253:1  7:3 N 8",
                                 "a 7:3 N 8",
                                 "253:1 b N 8",
                                 "253:1 7:3 N 8 0",
                                 "253:1 7:3 N 8 1",
                                 "253:1 7:3 N 8 discard_zeroes_cow",
                                 "253:1 7:3 N 8 2 discard_zeroes_cow",
                                 "253:1 7:3 N 8 1 discard_passdown_origin",
                                 "253:1 7:3 N 8 1 discard_zeroes_cow discard_passdown_origin",
                                 "253:1 7:3 N 8 2 discard_passdown_origin discard_zeroes_cow",
                                 "253:1 7:3 N 8 2 discard_zeroes_cow discard_zeroes_cow",
                                 "253:1 7:3 N 18446744073709551616"}) {
    EXPECT_THAT(SnapshotTarget::Parse(text), FailsWithCode(kNotUnderstood)) << text;
    EXPECT_THAT(SnapshotMergeTarget::Parse(text), FailsWithCode(kNotUnderstood)) << text;
  }
}

TEST(SnapshotTest, ALineHasTheTargetsType) {
  const SnapshotArguments arguments = Snapshot(SnapshotStore::kPersistent, 16);
  const TableLine line = SnapshotTarget::Create(arguments)->Line(sys::Sectors(1), sys::Sectors(64));
  EXPECT_EQ(line.type.text(), "snapshot");
  EXPECT_EQ(line.start, sys::Sectors(1));
  EXPECT_EQ(line.length, sys::Sectors(64));
  EXPECT_EQ(line.params, "253:1 7:3 P 16");
  const TableLine merge =
      SnapshotMergeTarget::Create(arguments)->Line(sys::Sectors(1), sys::Sectors(64));
  EXPECT_EQ(merge.type.text(), "snapshot-merge");
  EXPECT_EQ(merge.params, "253:1 7:3 P 16");
}

TEST(SnapshotOriginTest, ParsingGivesBackWhatWasPrinted) {
  const SnapshotOriginTarget target({253, 1048575});
  EXPECT_EQ(target.Params(), "253:1048575");
  EXPECT_EQ(SnapshotOriginTarget::Parse(target.Params()).value(), target);
  const TableLine line = target.Line(sys::Sectors(0), sys::Sectors(8));
  EXPECT_EQ(line.type.text(), "snapshot-origin");
  EXPECT_EQ(line.params, "253:1048575");
  for (absl::string_view text : {"", "253", "253:1 0", "/dev/loop0", "-", "253:1  "}) {
    EXPECT_THAT(SnapshotOriginTarget::Parse(text), FailsWithCode(kNotUnderstood)) << text;
  }
}

TEST(SnapshotStatusTest, AnActiveOneTellsTheUseOfItsStore) {
  const auto status = ParseSnapshotStatus("16/2048 8");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(*status, (SnapshotStatus{State::kActive, sys::Sectors(16), sys::Sectors(2048),
                                     sys::Sectors(8), ""}));
  EXPECT_EQ(ParseSnapshotStatus("2056/2048 8")->allocated, sys::Sectors(2056));
  EXPECT_EQ(ParseSnapshotStatus("16/2048 8 more words")->unknown_tail, "more words");
}

TEST(SnapshotStatusTest, OneThatIsLostTellsHow) {
  EXPECT_EQ(ParseSnapshotStatus("Invalid")->state, State::kInvalid);
  EXPECT_EQ(ParseSnapshotStatus("Merge failed")->state, State::kMergeFailed);
  EXPECT_EQ(ParseSnapshotStatus("Overflow")->state, State::kOverflow);
  EXPECT_EQ(ParseSnapshotStatus("Unknown")->state, State::kUnknown);
  EXPECT_EQ(ParseSnapshotStatus("Merge failed again")->unknown_tail, "again");
}

TEST(SnapshotStatusTest, AStatusThatIsNotOneIsRefused) {
  for (absl::string_view text : {"", " ", "16", "16/2048", "16/2048 x", "16 2048 8", "/2048 8",
                                 "16/ 8", "-16/2048 8", "Merge", "Merge  failed", "Merge 16/2048 8",
                                 "invalid", "Invalid  x", "Error", "16/2048  8"}) {
    EXPECT_THAT(ParseSnapshotStatus(text), FailsWithCode(kNotUnderstood)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
