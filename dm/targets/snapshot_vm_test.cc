// SPDX-License-Identifier: Apache-2.0
// Snapshots on a real kernel: from the first chunk to a full store, and back into the origin.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/targets/plain_status.h"
#include "dm/targets/snapshot.h"
#include "dm/targets/targets_vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::IsOk;
using State = SnapshotStatus::State;

constexpr sys::Sectors kLength{4096};

class SnapshotVmTest : public testing::TargetsVmTest {
 protected:
  SnapshotArguments Arguments(SnapshotStore kind) {
    SnapshotArguments arguments;
    arguments.origin = origin_;
    arguments.store = store_;
    arguments.kind = kind;
    arguments.chunk = sys::Sectors(8);
    return arguments;
  }
  TableLine LineOf(const SnapshotArguments& arguments) {
    return SnapshotTarget::Create(arguments)->Line({}, kLength);
  }

  const sys::DeviceNumber origin_ = Piece("origin", {1, 0}, 0, kLength.count());
  const sys::DeviceNumber store_ = Piece("store", {1, 1}, 0, 512);
};

TEST_F(SnapshotVmTest, EachKindOfStoreIsReadBackAndFills) {
  for (SnapshotStore kind : {SnapshotStore::kTransient, SnapshotStore::kPersistent,
                             SnapshotStore::kPersistentOverflow}) {
    ASSERT_THAT(Write(store_, std::string(65536, '\0')), IsOk());
    SnapshotArguments arguments = Arguments(kind);
    arguments.discard_zeroes_cow = true;
    arguments.discard_passdown_origin = kind == SnapshotStore::kPersistent;
    const SnapshotTarget target = SnapshotTarget::Create(arguments).value();
    const std::string table = Table("snapshot", target.Line({}, kLength));
    EXPECT_EQ(table, target.Params());
    EXPECT_EQ(SnapshotTarget::Parse(table).value(), target);

    const auto empty = ParseSnapshotStatus(Status("snapshot"));
    ASSERT_THAT(empty, IsOk());
    EXPECT_EQ(empty->state, State::kActive);
    EXPECT_EQ(empty->total, sys::Sectors(512));
    EXPECT_EQ(empty->allocated, empty->metadata);
    EXPECT_THAT(Write(NumberOf("snapshot"), std::string(8192, 'd')), IsOk());
    const auto used = ParseSnapshotStatus(Status("snapshot"));
    EXPECT_EQ(used->allocated, sys::Sectors(used->metadata.count() + 16));

    EXPECT_FALSE(Write(NumberOf("snapshot"), std::string(size_t{512} << 10, 'f')).ok());
    EXPECT_EQ(ParseSnapshotStatus(Status("snapshot"))->state,
              kind == SnapshotStore::kPersistentOverflow ? State::kOverflow : State::kInvalid);
    Remove("snapshot");
  }
}

TEST_F(SnapshotVmTest, APersistentStoreKnowsItsChunkSize) {
  SnapshotArguments arguments = Arguments(SnapshotStore::kPersistent);
  Table("snapshot", LineOf(arguments));
  Remove("snapshot");
  arguments.chunk = sys::Sectors(0);
  EXPECT_EQ(SnapshotTarget::Parse(Table("snapshot", LineOf(arguments)))->arguments().chunk,
            sys::Sectors(8));
}

TEST_F(SnapshotVmTest, ATableThatWaitsForTheStoreShowsNoChunkSize) {
  const SnapshotArguments arguments = Arguments(SnapshotStore::kPersistent);
  Table("snapshot", LineOf(arguments));
  ASSERT_THAT(dm_.Load(TestName("snapshot"), {LineOf(arguments)}, {}), IsOk());
  const auto waiting = dm_.Table(TestName("snapshot"), {false, true});
  EXPECT_EQ(SnapshotTarget::Parse(waiting->targets.at(0).text)->arguments().chunk, sys::Sectors(0));
}

TEST_F(SnapshotVmTest, AMergeBringsTheChunksToTheOrigin) {
  const SnapshotOriginTarget origin(origin_);
  EXPECT_EQ(Table("over", origin.Line({}, kLength)), origin.Params());
  EXPECT_EQ(SnapshotOriginTarget::Parse(origin.Params()).value(), origin);
  EXPECT_EQ(ParsePlainStatus(Status("over")), PlainStatus());
  const SnapshotArguments arguments = Arguments(SnapshotStore::kPersistent);
  Table("snapshot", LineOf(arguments));
  ASSERT_THAT(Write(NumberOf("snapshot"), std::string(8192, 'd')), IsOk());
  EXPECT_EQ(Read(NumberOf("over"), 8192), std::string(8192, '\0'));
  Remove("snapshot");

  const SnapshotMergeTarget merge = SnapshotMergeTarget::Create(arguments).value();
  ASSERT_THAT(dm_.Suspend(TestName("over"), {}), IsOk());
  ASSERT_THAT(dm_.Load(TestName("over"), {merge.Line({}, kLength)}, {}), IsOk());
  ASSERT_THAT(dm_.Resume(TestName("over"), {}, {}), IsOk());
  EXPECT_EQ(SnapshotMergeTarget::Parse(dm_.Table(TestName("over"), {})->targets.at(0).text).value(),
            merge);
  EXPECT_TRUE(InTime([&] {
    const auto status = ParseSnapshotStatus(Status("over"));
    return status.ok() && status->state == State::kActive && status->allocated == status->metadata;
  })) << Status("over");
  Remove("over");
  EXPECT_EQ(Read(origin_, 8192), std::string(8192, 'd'));
}

TEST_F(SnapshotVmTest, WhatIsRefusedHereTheKernelRefuses) {
  const std::string origin = sys::FormatDeviceNumber(origin_);
  const std::string store = sys::FormatDeviceNumber(store_);
  ExpectRefused("snapshot", 4096, absl::StrCat(origin, " ", origin, " P 8"));
  for (absl::string_view end :
       {"N 0", "P 12", "P 4194304", "PX 8", "X 8", "P 8 1 discard_passdown_origin", "P 8 1 nosuch",
        "P 8 2 discard_zeroes_cow"}) {
    ExpectRefused("snapshot", 4096, absl::StrCat(origin, " ", store, " ", end));
    ExpectRefused("snapshot-merge", 4096, absl::StrCat(origin, " ", store, " ", end));
  }
  ExpectRefused("snapshot-merge", 4096, absl::StrCat(origin, " ", store, " N 8"));
  ExpectRefused("snapshot-origin", 4096, absl::StrCat(origin, " 0"));
}

}  // namespace
}  // namespace dmkit::dm
