// SPDX-License-Identifier: Apache-2.0
// TABLE_STATUS and TABLE_DEPS: texts, records, and buffers that are too small.

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "testing/model/dm_fixture.h"
#include "testing/model/encoded_device.h"

namespace dmkit::model {
namespace {

using Lines = std::vector<std::string>;

class DmStatusTest : public DmTest {};

TEST_P(DmStatusTest, WithoutATableThereIsNoPayload) {
  ASSERT_EQ(machine_.Create("a"), 0);
  DmBytes bytes;
  bytes.Name("a").DataStart(444);
  EXPECT_EQ(machine_.Call(kTableStatus, bytes), 0);
  EXPECT_EQ(bytes.data_size(), 305u);
  EXPECT_EQ(bytes.U32(kTargetCountAt), 0u);
  EXPECT_EQ(bytes.U32(kDataStartAt), 444u);
  DmBytes missing;
  EXPECT_EQ(machine_.Call(kTableStatus, missing.Name("nosuch")), -ENXIO);
}

TEST_P(DmStatusTest, TextsOfTheSmallTargets) {
  DmBytes bytes(kStructBytes);
  ASSERT_EQ(machine_.Create("a"), 0);
  bytes.Name("a")
      .Target(0, 8, "linear", "8:0 3")
      .Target(8, 8, "error", "x")
      .Target(16, 8, "zero", "")
      .Target(24, 64, "striped", "2 8 8:0 5 8:16 0");
  ASSERT_EQ(machine_.Call(kTableLoad, bytes), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.Table("a").Targets(), (Lines{"0 8 linear 8:0 3", "8 8 error ", "16 8 zero ",
                                                  "24 64 striped 2 8 8:0 5 8:16 0"}));
  EXPECT_EQ(machine_.Table("a", 0).Targets(),
            (Lines{"0 8 linear ", "8 8 error ", "16 8 zero ", "24 64 striped 2 8:0 8:16 1 AA"}));
  const Lines ima = machine_.Table("a", kImaMeasurementFlag).Targets();
  EXPECT_EQ(ima[0], "0 8 linear target_name=linear,target_version=1.4.0,device_name=8:0,start=3;");
  EXPECT_EQ(ima[3],
            "24 64 striped target_name=striped,target_version=1.6.0,stripes=2,chunk_size=8,"
            "stripe_0_device_name=8:0,stripe_0_physical_start=5,stripe_0_status=A,"
            "stripe_1_device_name=8:16,stripe_1_physical_start=0,stripe_1_status=A;");
  // The table's text when both are asked for.
  EXPECT_EQ(machine_.Table("a", kStatusTableFlag | kImaMeasurementFlag).Targets()[0],
            "0 8 linear 8:0 3");
}

// Two targets with empty texts: they end at 353 and 401.
TEST_P(DmStatusTest, FullBufferIsOneWithoutRoomForTheAlignedEnd) {
  DmBytes load(kStructBytes);
  ASSERT_EQ(machine_.Create("a"), 0);
  load.Name("a").Target(0, 8, "zero", "").Target(8, 8, "zero", "");
  ASSERT_EQ(machine_.Call(kTableLoad, load), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  for (size_t size = 305; size <= 420; ++size) {
    DmBytes bytes(std::max<size_t>(size, kStructBytes));
    bytes.Name("a").Put32(kDataSizeAt, static_cast<uint32_t>(size));
    ASSERT_EQ(machine_.Call(kTableStatus, bytes), 0);
    const uint32_t expected = size <= 353 ? 305 : size <= 401 ? 353 : 401;
    EXPECT_EQ(bytes.data_size(), expected) << size;
    EXPECT_EQ((bytes.flags() & kBufferFullFlag) != 0, size < 408) << size;
    EXPECT_EQ(bytes.U32(kTargetCountAt), 2u) << size;
    EXPECT_EQ(bytes.U32(kDataStartAt), std::min(size, kStructBytes)) << size;
  }
}

TEST_P(DmStatusTest, TextThatFillsItsRoomMayHaveBeenCut) {
  machine_.Activate("a", 8, "linear", "8:0 0");
  // The text and its NUL are six bytes.
  for (size_t size = kStructBytes + 40; size <= kStructBytes + 48; ++size) {
    DmBytes bytes(size);
    ASSERT_EQ(machine_.Call(kTableStatus, bytes.Name("a").Flags(kStatusTableFlag)), 0);
    EXPECT_EQ(bytes.data_size(), size > kStructBytes + 46 ? kStructBytes + 46 : 305u) << size;
    EXPECT_EQ((bytes.flags() & kBufferFullFlag) != 0, size < kStructBytes + 48) << size;
  }
}

TEST_P(DmStatusTest, NextIsMeasuredFromTheFirstRecord) {
  DmBytes load(kStructBytes);
  ASSERT_EQ(machine_.Create("a"), 0);
  load.Name("a").Target(0, 8, "zero", "").Target(8, 8, "zero", "").Target(16, 8, "zero", "");
  ASSERT_EQ(machine_.Call(kTableLoad, load), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  const DmBytes bytes = machine_.Table("a");
  EXPECT_EQ(bytes.U32(kStructBytes + 20), 48u);
  EXPECT_EQ(bytes.U32(kStructBytes + 48 + 20), 96u);
  // The last one has one too.
  EXPECT_EQ(bytes.U32(kStructBytes + 96 + 20), 144u);
}

TEST_P(DmStatusTest, LastByteOfTheTypeDependsOnTheKernel) {
  machine_.Activate("a", 8, "zero", "");
  DmBytes bytes;
  ASSERT_EQ(machine_.Call(kTableStatus, bytes.Name("a").Poison()), 0);
  const char* const type = bytes.bytes().data() + kStructBytes + 24;
  EXPECT_EQ(std::string(type, 15), "zero" + std::string(11, '\0'));
  EXPECT_EQ(type[15], is_6_1() ? kPoison : '\0');
}

TEST_P(DmStatusTest, DepsAreTheDevicesOnceTheLastAddedFirst) {
  DmBytes load(kStructBytes), deps;
  ASSERT_EQ(machine_.Create("a"), 0);
  load.Name("a")
      .Target(0, 8, "linear", "8:16 0")
      .Target(8, 8, "linear", "8:0 0")
      .Target(16, 8, "linear", "8:16 8");
  ASSERT_EQ(machine_.Call(kTableLoad, load), 0);
  EXPECT_EQ(machine_.Call(kTableDeps, deps.Name("a").Flags(kQueryInactiveFlag).Poison()), 0);
  EXPECT_EQ(deps.data_size(), kStructBytes + 24);
  EXPECT_EQ(deps.U32(kStructBytes), 2u);
  EXPECT_EQ(deps.U32(kStructBytes + 4), 0x5a5a5a5au);
  EXPECT_EQ(deps.U64(kStructBytes + 8), EncodeDevice({8, 0}));
  EXPECT_EQ(deps.U64(kStructBytes + 16), EncodeDevice({8, 16}));
  for (size_t size = kStructBytes; size <= kStructBytes + 24; ++size) {
    DmBytes bytes(size);
    ASSERT_EQ(machine_.Call(kTableDeps, bytes.Name("a").Flags(kQueryInactiveFlag)), 0);
    EXPECT_EQ((bytes.flags() & kBufferFullFlag) != 0, size < kStructBytes + 24) << size;
    EXPECT_EQ(bytes.data_size(), size < kStructBytes + 24 ? 305u : kStructBytes + 24) << size;
  }
}

TEST_P(DmStatusTest, DepsWithoutATableAreEmptyAndWithoutDevicesAreACountOfZero) {
  ASSERT_EQ(machine_.Create("a"), 0);
  DmBytes none, zero, missing;
  EXPECT_EQ(machine_.Call(kTableDeps, none.Name("a")), 0);
  EXPECT_EQ(none.data_size(), 305u);
  machine_.Activate("b", 8, "zero", "");
  EXPECT_EQ(machine_.Call(kTableDeps, zero.Name("b")), 0);
  EXPECT_EQ(zero.data_size(), kStructBytes + 8);
  EXPECT_EQ(machine_.Call(kTableDeps, missing.Name("nosuch")), -ENXIO);
}

DMKIT_ON_BOTH_KERNELS(DmStatusTest);

}  // namespace
}  // namespace dmkit::model
