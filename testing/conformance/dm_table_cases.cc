// SPDX-License-Identifier: Apache-2.0
// What makes a table valid: the order of checks per target, sizes and alignment, references in
// circles, open counts and claims.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmTable : public DmTest {
 protected:
  void SetUp() override {
    DmTest::SetUp();
    ASSERT_EQ(Create("a"), 0);
  }
};

class DmOpen : public DmTest {};

TEST_F(DmTable, UnknownTypeGivesEinval) {
  EXPECT_EQ(Load("a", 8, "nosuch", ""), -EINVAL);
  EXPECT_EQ(Load("a", 8, "", ""), -EINVAL);
  EXPECT_EQ(Load("a", 8, "Zero", ""), -EINVAL);
}

TEST_F(DmTable, LengthOfZeroGivesEinval) { EXPECT_EQ(Load("a", 0, "zero", ""), -EINVAL); }

TEST_F(DmTable, FirstTargetMustStartAtZero) { EXPECT_EQ(Load("a", {{8, 8, "zero", ""}}), -EINVAL); }

TEST_F(DmTable, GapGivesEinval) {
  EXPECT_EQ(Load("a", {{0, 8, "zero", ""}, {9, 8, "zero", ""}}), -EINVAL);
}

TEST_F(DmTable, OverlapGivesEinval) {
  EXPECT_EQ(Load("a", {{0, 8, "zero", ""}, {7, 8, "zero", ""}}), -EINVAL);
  EXPECT_EQ(Load("a", {{0, 8, "zero", ""}, {0, 8, "zero", ""}}), -EINVAL);
}

TEST_F(DmTable, TargetsOutOfOrderGiveEinval) {
  EXPECT_EQ(Load("a", {{8, 8, "zero", ""}, {0, 8, "zero", ""}}), -EINVAL);
}

TEST_F(DmTable, GapIsLookedAtBeforeTheArguments) {
  // A device that is missing would be ENXIO.
  EXPECT_EQ(Load("a", {{8, 8, "linear", "240:0 0"}}), -EINVAL);
  EXPECT_EQ(Load("a", {{0, 8, "linear", "240:0 0"}}), -ENXIO);
}

TEST_F(DmTable, LargestEndIs18014398509481983Sectors) {
  constexpr uint64_t kEnd = (uint64_t{1} << 54) - 1;
  EXPECT_EQ(Load("a", kEnd, "zero", ""), 0);
  EXPECT_EQ(Load("a", kEnd + 1, "zero", ""), -EINVAL);
  EXPECT_EQ(Load("a", {{0, kEnd, "zero", ""}, {kEnd, 1, "zero", ""}}), -EINVAL);
}

TEST_F(DmTable, EndThatWrapsGivesEinval) {
  EXPECT_EQ(Load("a", {{0, 8, "zero", ""}, {8, ~uint64_t{0}, "zero", ""}}), -EINVAL);
  EXPECT_EQ(Load("a", ~uint64_t{0}, "zero", ""), -EINVAL);
}

TEST_F(DmTable, FirstOneThatIsTooLongGivesEinvalAtTheLoad) {
  const ScratchDevice disk = Device(64);
  EXPECT_EQ(Load("a", 65, "linear", disk.number + " 0"), -EINVAL);
  EXPECT_EQ(Load("a", 8, "linear", disk.number + " 57"), -EINVAL);
  EXPECT_EQ(Load("a", 8, "linear", disk.number + " 64"), -EINVAL);
  EXPECT_EQ(FlagsOf("a"), 0u);
  EXPECT_EQ(TakeUevents(), Lines()) << "there is no disk yet";
  EXPECT_EQ(Load("a", 64, "linear", disk.number + " 0"), 0);
}

TEST_F(DmTable, LaterOneThatIsTooLongIsLoaded) {
  const ScratchDevice disk = Device(64);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(Load("a", 65, "linear", disk.number + " 0"), 0);
  EXPECT_EQ(Resume("a"), -EINVAL);
}

TEST_F(DmTable, FirstOneMustSuitTheLogicalBlockSize) {
  ScratchOptions options;
  options.block_bytes = 4096;
  const ScratchDevice disk = Device(64, options);
  EXPECT_EQ(Load("a", 8, "linear", disk.number + " 1"), -EINVAL);
  EXPECT_EQ(Load("a", 9, "linear", disk.number + " 0"), -EINVAL);
  EXPECT_EQ(Load("a", 8, "linear", disk.number + " 8"), 0);
}

TEST_F(DmTable, TargetsMustMeetAtLogicalBlocks) {
  ScratchOptions options;
  options.block_bytes = 4096;
  const ScratchDevice disk = Device(64, options);
  EXPECT_EQ(Load("a", {{0, 4, "zero", ""}, {4, 8, "linear", disk.number + " 0"}}), -EINVAL);
  EXPECT_EQ(Load("a", {{0, 8, "zero", ""}, {8, 8, "linear", disk.number + " 0"}}), 0);
}

TEST_F(DmTable, WritableOneOnAReadOnlyDeviceIsLoaded) {
  ScratchOptions options;
  options.is_read_only = true;
  const ScratchDevice disk = Device(64, options);
  ASSERT_EQ(Load("a", 8, "linear", disk.number + " 0"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmTable, ThatNamesItsOwnDeviceGivesEinvalSince612) {
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Load("a", 8, "linear", Number("a") + " 0"), is_6_1() ? 0 : -EINVAL);
  EXPECT_EQ(Status("a").open_count(), is_6_1() ? 1u : 0u);
  EXPECT_EQ(Remove("a"), is_6_1() ? -EBUSY : 0);
  // The way out, where it was taken.
  EXPECT_EQ(Clear("a"), is_6_1() ? 0 : -ENXIO);
}

TEST_F(DmTable, DevicesMayNameEachOther) {
  ASSERT_EQ(Load("a", 64, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  Activate("b", 8, "linear", Number("a") + " 0");
  ASSERT_EQ(Load("a", 8, "linear", Number("b") + " 0"), 0);
  EXPECT_EQ(Remove("a"), -EBUSY);
  EXPECT_EQ(Remove("b"), -EBUSY);
  ASSERT_EQ(Clear("a"), 0);
  EXPECT_EQ(Remove("b"), 0);
  EXPECT_EQ(Remove("a"), 0);
}

TEST_F(DmTable, DeviceWithoutADiskCannotBeNamed) {
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Load("a", 8, "linear", Number("b") + " 0"), -ENXIO);
}

TEST_F(DmTable, DeviceWithoutASizePassesTheChecks) {
  ASSERT_EQ(Create("b"), 0);
  ASSERT_EQ(Load("b", 8, "zero", ""), 0);  // a disk, and no live table
  EXPECT_EQ(Load("a", 64, "linear", Number("b") + " 12345"), 0);
}

TEST_F(DmTable, DeviceWithAnExclusiveOwnerGivesEbusy) {
  const ScratchDevice disk = Device(64);
  sys::OpenOptions options;
  options.exclusive = true;
  auto file = host().root->OpenFile(disk.path, options);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(Load("a", 8, "linear", disk.number + " 0"), -EBUSY);
  file->reset();
  EXPECT_EQ(Load("a", 8, "linear", disk.number + " 0"), 0);
}

TEST_F(DmOpen, EachDescriptorCounts) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(Status("a").open_count(), 0u);
  auto first = Open(Node("a"));
  const auto second = Open(Node("a"), sys::Access::kReadWrite);
  EXPECT_EQ(Status("a").open_count(), 2u);
  first = nullptr;
  EXPECT_EQ(Status("a").open_count(), 1u);
}

TEST_F(DmOpen, TablesOfOneDeviceShareAnOpen) {
  Activate("a", 64, "zero", "");
  Activate("b", 8, "linear", Number("a") + " 0");
  ASSERT_EQ(Load("b", 8, "linear", Number("a") + " 8"), 0);
  EXPECT_EQ(Status("a").open_count(), 1u);
}

TEST_F(DmOpen, TablesOfOneDeviceInTwoModesCountTwice) {
  Activate("a", 64, "zero", "");
  Activate("b", 8, "linear", Number("a") + " 0");
  ASSERT_EQ(Load("b", 8, "linear", Number("a") + " 8", DM_READONLY_FLAG), 0);
  EXPECT_EQ(Status("a").open_count(), 2u);
}

TEST_F(DmOpen, TargetsOfOneTableShareAnOpen) {
  Activate("a", 64, "zero", "");
  Activate("b", {{0, 8, "linear", Number("a") + " 0"}, {8, 8, "linear", Number("a") + " 32"}});
  EXPECT_EQ(Status("a").open_count(), 1u);
}

TEST_F(DmOpen, DevicesMayShareTheOneBelow) {
  Activate("a", 64, "zero", "");
  Activate("b", 8, "linear", Number("a") + " 0");
  Activate("c", 8, "linear", Number("a") + " 0");
  EXPECT_EQ(Status("a").open_count(), 2u);
}

TEST_F(DmOpen, ExclusiveOpenOfADeviceInATableGivesEbusyFromTheLoadOn) {
  const ScratchDevice disk = Device(64);
  sys::OpenOptions options;
  options.exclusive = true;
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(OpenError(disk.path, options), 0);
  ASSERT_EQ(Load("a", 8, "linear", disk.number + " 0"), 0);
  EXPECT_EQ(OpenError(disk.path, options), -EBUSY);
  EXPECT_EQ(OpenError(disk.path), 0);
  ASSERT_EQ(Clear("a"), 0);
  EXPECT_EQ(OpenError(disk.path, options), 0);
}

TEST_F(DmOpen, ExclusiveOpenOfADeviceInUseByNobodyKeepsTablesOut) {
  Activate("a", 64, "zero", "");
  sys::OpenOptions options;
  options.exclusive = true;
  const auto file = host().root->OpenFile(Node("a"), options);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(Status("a").open_count(), 1u);
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Load("b", 8, "linear", Number("a") + " 0"), -EBUSY);
}

}  // namespace
}  // namespace dmkit::conformance
