// SPDX-License-Identifier: Apache-2.0
// Table lines of thin-pool: what is refused, and in which order.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/conformance/thin_fixture.h"

namespace dmkit::conformance {
namespace {

class ThinPoolTable : public ThinTest {
 protected:
  void SetUp() override {
    ThinTest::SetUp();
    ASSERT_EQ(Create("pool"), 0);
  }
  // Both devices, and what is given.
  int LoadWith(absl::string_view rest, uint64_t length = 16 * kBlock) {
    return Load("pool", length, "thin-pool", absl::StrCat(metadata_, " ", data_, " ", rest));
  }
  std::string InactiveLine() {
    return Info("pool", DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG);
  }
  bool IsBlank() { return Superblock() == std::string(kSuperblockBytes, '\0'); }
};

TEST_F(ThinPoolTable, LineNeedsFourWords) {
  EXPECT_EQ(Load("pool", kBlock, "thin-pool", ""), -EINVAL);
  EXPECT_EQ(Load("pool", kBlock, "thin-pool", metadata_), -EINVAL);
  EXPECT_EQ(LoadWith(""), -EINVAL);
  EXPECT_EQ(LoadWith("128"), -EINVAL);
  EXPECT_EQ(LoadWith("128 0"), 0);
}

TEST_F(ThinPoolTable, SameWordForBothDevicesGivesEinval) {
  data_ = metadata_;
  EXPECT_EQ(LoadPool(), -EINVAL);
  EXPECT_TRUE(IsBlank());
}

TEST_F(ThinPoolTable, SameDeviceInTwoSpellingsIsAccepted) {
  data_ = meta_disk_.path;
  EXPECT_EQ(LoadPool(), 0);
}

TEST_F(ThinPoolTable, FeatureCountIsADecimalNumberUpToFour) {
  for (const char* count : {"x", "-1", "0x1 read_only", "1x read_only",
                            "5 read_only read_only read_only read_only read_only"}) {
    EXPECT_EQ(LoadWith(absl::StrCat("128 0 ", count)), -EINVAL) << count;
  }
  EXPECT_EQ(LoadWith("128 0 0"), 0);
}

TEST_F(ThinPoolTable, FeatureCountOverTheWordsThatFollowGivesEinval) {
  EXPECT_EQ(LoadWith("128 0 1"), -EINVAL);
  EXPECT_EQ(LoadWith("128 0 2 skip_block_zeroing"), -EINVAL);
}

TEST_F(ThinPoolTable, UnknownFeatureGivesEinval) {
  for (const char* word : {"nosuch", "read_onlyx", "read", "error_if_no_space,"}) {
    EXPECT_EQ(LoadWith(absl::StrCat("128 0 1 ", word)), -EINVAL) << word;
  }
  EXPECT_TRUE(IsBlank());
}

TEST_F(ThinPoolTable, FeaturesAreTakenInAnyCase) {
  ASSERT_EQ(LoadWith("128 0 2 Skip_Block_Zeroing ERROR_IF_NO_SPACE"), 0);
  EXPECT_EQ(InactiveLine(),
            absl::StrCat(metadata_, " ", data_, " 128 0 2 skip_block_zeroing error_if_no_space "));
}

TEST_F(ThinPoolTable, FeatureGivenTwiceCountsOnce) {
  ASSERT_EQ(LoadWith("128 0 3 no_discard_passdown no_discard_passdown no_discard_passdown"), 0);
  EXPECT_EQ(InactiveLine(), absl::StrCat(metadata_, " ", data_, " 128 0 1 no_discard_passdown "));
}

TEST_F(ThinPoolTable, WordsBehindTheCountAreIgnored) {
  ASSERT_EQ(LoadWith("128 0 1 skip_block_zeroing junk read_only"), 0);
  EXPECT_EQ(InactiveLine(), absl::StrCat(metadata_, " ", data_, " 128 0 1 skip_block_zeroing "));
  EXPECT_EQ(LoadWith("128 0 0 junk"), 0);
}

TEST_F(ThinPoolTable, FeaturesAreListedInAFixedOrder) {
  ASSERT_EQ(LoadWith("128 9 4 error_if_no_space no_discard_passdown ignore_discard "
                     "skip_block_zeroing"),
            0);
  EXPECT_EQ(InactiveLine(), absl::StrCat(metadata_, " ", data_,
                                         " 128 9 4 skip_block_zeroing ignore_discard "
                                         "no_discard_passdown error_if_no_space "));
}

TEST_F(ThinPoolTable, DevicesAreListedByTheirNumbers) {
  ASSERT_EQ(Load("pool", kBlock, "thin-pool",
                 absl::StrCat(meta_disk_.path, " ", data_disk_.path, " 128 0")),
            0);
  EXPECT_EQ(InactiveLine(), absl::StrCat(metadata_, " ", data_, " 128 0 0 "));
}

TEST_F(ThinPoolTable, MissingDeviceGivesEnxio) {
  EXPECT_EQ(Load("pool", kBlock, "thin-pool", absl::StrCat("240:0 ", data_, " 128 0")), -ENXIO);
  EXPECT_EQ(Load("pool", kBlock, "thin-pool", absl::StrCat(metadata_, " 240:0 128 0")), -ENXIO);
  EXPECT_TRUE(IsBlank());
}

TEST_F(ThinPoolTable, FeaturesAreLookedAtBeforeTheDevices) {
  EXPECT_EQ(Load("pool", kBlock, "thin-pool", "240:0 240:1 128 0 1 nosuch"), -EINVAL);
}

TEST_F(ThinPoolTable, DevicesAreLookedAtBeforeTheNumbers) {
  EXPECT_EQ(Load("pool", kBlock, "thin-pool", absl::StrCat(metadata_, " 240:0 x x")), -ENXIO);
}

TEST_F(ThinPoolTable, NumbersAreLookedAtBeforeMetadataIsFormatted) {
  EXPECT_EQ(LoadWith("127 0"), -EINVAL);
  EXPECT_EQ(LoadWith("128 x"), -EINVAL);
  EXPECT_TRUE(IsBlank());
}

TEST_F(ThinPoolTable, BlockSizeIsAMultipleOf128) {
  for (const char* size : {"0", "1", "64", "127", "129", "192", "200"}) {
    EXPECT_EQ(LoadWith(absl::StrCat(size, " 0")), -EINVAL) << size;
  }
  EXPECT_EQ(LoadWith("384 0"), 0);
}

TEST_F(ThinPoolTable, LargestBlockSizeIs2097152) {
  EXPECT_EQ(LoadWith("2097280 0"), -EINVAL);
  EXPECT_EQ(LoadWith("2097152 0"), 0);
}

TEST_F(ThinPoolTable, BlockSizeIsADecimalNumber) {
  for (const char* size : {"x", "-128", "0x80", "128s", "128.", "18446744073709551744"}) {
    EXPECT_EQ(LoadWith(absl::StrCat(size, " 0")), -EINVAL) << size;
  }
  EXPECT_EQ(LoadWith("+0128 0"), 0);
}

TEST_F(ThinPoolTable, LowWaterIsADecimalNumberWithoutALimit) {
  for (const char* blocks : {"x", "-1", "0x1", "1x", "18446744073709551616"}) {
    EXPECT_EQ(LoadWith(absl::StrCat("128 ", blocks)), -EINVAL) << blocks;
  }
  ASSERT_EQ(LoadWith("128 18446744073709551615"), 0);
  EXPECT_EQ(InactiveLine(), absl::StrCat(metadata_, " ", data_, " 128 18446744073709551615 0 "));
  EXPECT_EQ(LoadWith("128 +7"), 0);
}

TEST_F(ThinPoolTable, ReadOnlyTableGivesEinval) {
  EXPECT_EQ(Load("pool", kBlock, "thin-pool", PoolLine(), DM_READONLY_FLAG), -EINVAL);
  EXPECT_TRUE(IsBlank());
}

TEST_F(ThinPoolTable, PoolMustBeTheOnlyTarget) {
  EXPECT_EQ(Load("pool",
                 {{0, kBlock, "thin-pool", PoolLine()}, {kBlock, kBlock, "thin-pool", PoolLine()}}),
            -EINVAL);
  EXPECT_EQ(Load("pool", {{0, kBlock, "thin-pool", PoolLine()}, {kBlock, 8, "zero", ""}}), -EINVAL);
  EXPECT_EQ(Load("pool", {{0, 8, "zero", ""}, {8, kBlock, "thin-pool", PoolLine()}}), -EINVAL);
}

TEST_F(ThinPoolTable, LengthOverTheDataDeviceGivesEinvalAtTheFirstLoad) {
  EXPECT_EQ(LoadPool(513), -EINVAL);
  EXPECT_EQ(LoadPool(512), 0);
}

TEST_F(ThinPoolTable, OnlyAnErrorTargetReplacesAPool) {
  ASSERT_EQ(LoadPool(), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Load("pool", 8, "zero", ""), -EINVAL);
  EXPECT_EQ(Load("pool", 8, "linear", data_ + " 0"), -EINVAL);
  EXPECT_EQ(Load("pool", 8, "error", ""), 0);
}

TEST_F(ThinPoolTable, AnyTargetReplacesAPoolThatWasNeverResumed) {
  ASSERT_EQ(LoadPool(), 0);
  EXPECT_EQ(Load("pool", 8, "zero", ""), 0);
  EXPECT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Table("pool"), Lines{"0 8 zero "});
}

TEST_F(ThinPoolTable, PoolMayReplaceAnyOtherTarget) {
  ASSERT_EQ(Load("pool", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(ReloadPool(16), 0);
  EXPECT_EQ(UsedData(), "0/16");
}

TEST_F(ThinPoolTable, DependsOnMetadataAndData) {
  ASSERT_EQ(LoadPool(), 0);
  ASSERT_EQ(Resume("pool"), 0);
  DmRequest request;
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, request.Name("pool")), 0);
  EXPECT_EQ(request.U32(kResultAt), 2u);
  EXPECT_EQ(request.U64(kResultAt + 8),
            EncodeDevice(data_disk_.device.major, data_disk_.device.minor));
  EXPECT_EQ(request.U64(kResultAt + 16),
            EncodeDevice(meta_disk_.device.major, meta_disk_.device.minor));
}

TEST_F(ThinPoolTable, VersionIs1220And1230Since612) {
  for (const char* type : {"thin-pool", "thin"}) {
    DmRequest request;
    ASSERT_EQ(Call(DM_GET_TARGET_VERSION_CMD, request.Name(type)), 0) << type;
    EXPECT_EQ(request.U32(kResultAt + 4), 1u);
    EXPECT_EQ(request.U32(kResultAt + 8), is_6_1() ? 22u : 23u);
    EXPECT_EQ(request.U32(kResultAt + 12), 0u);
  }
}

}  // namespace
}  // namespace dmkit::conformance
