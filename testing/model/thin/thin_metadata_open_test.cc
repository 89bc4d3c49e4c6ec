// SPDX-License-Identifier: Apache-2.0
// Opening and formatting metadata, and its size.

#include <cerrno>

#include "testing/model/thin/metadata_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::IsEmpty;

class MetadataOpenTest : public MetadataTest {
 protected:
  // Opens after `change` was made to the superblock of an empty pool.
  template <typename Change>
  int OpenWith(const Change& change, bool seal = true) {
    EXPECT_EQ(machine_.Open(), 0);
    EXPECT_EQ(machine_.metadata().Close(), 0);
    auto block = machine_.ReadBlock(0);
    change(block.data());
    if (seal) {
      machine_.SealBlock(0, BlockKind::kSuperblock, block);
    } else {
      machine_.WriteBlock(0, block);
    }
    return machine_.Open();
  }
};

TEST_F(MetadataOpenTest, BlankDeviceIsFormattedAtOnce) {
  ASSERT_EQ(machine_.Open(), 0);
  const auto block = machine_.ReadBlock(0);
  EXPECT_EQ(Get64(block.data() + SuperblockAt::kMagic), kSuperblockMagic);
  EXPECT_EQ(Get64(block.data() + SuperblockAt::kMetadataBlocks), 1024u);
  EXPECT_THAT(machine_.Check(), IsEmpty());
  EXPECT_TRUE(machine_.disk().contents().is_synced());
}

TEST_F(MetadataOpenTest, BlankDeviceThatMustNotBeFormattedIsEperm) {
  EXPECT_EQ(machine_.Open(/*format=*/false), -EPERM);
  EXPECT_EQ(machine_.disk().contents().allocated(), 0u);
}

TEST_F(MetadataOpenTest, OneStrayByteInTheFirstBlockIsEnotblkOrEilseq) {
  auto block = machine_.ReadBlock(0);
  block[1000] = 1;
  machine_.WriteBlock(0, block);
  EXPECT_EQ(machine_.Open(), -EILSEQ);
  block[8] = 1;
  machine_.WriteBlock(0, block);
  EXPECT_EQ(machine_.Open(), -ENOTBLK);
}

TEST_F(MetadataOpenTest, WrongPlaceIsEnotblkBeforeAllElse) {
  EXPECT_EQ(OpenWith([](char* b) {
              Put64(b + kPlaceAt, 5);
              Put64(b + SuperblockAt::kMagic, 1);
            }),
            -ENOTBLK);
}

TEST_F(MetadataOpenTest, WrongMagicIsEilseq) {
  EXPECT_EQ(OpenWith([](char* b) { Put64(b + SuperblockAt::kMagic, 1); }), -EILSEQ);
}

TEST_F(MetadataOpenTest, WrongChecksumIsEilseq) {
  EXPECT_EQ(OpenWith([](char* b) { b[4095] = 1; }, /*seal=*/false), -EILSEQ);
}

TEST_F(MetadataOpenTest, OtherDataBlockSizeIsEinval) {
  EXPECT_EQ(OpenWith([](char* b) { Put32(b + SuperblockAt::kDataBlockSectors, 256); }), -EINVAL);
}

TEST_F(MetadataOpenTest, UnknownIncompatibleFeatureIsEinval) {
  EXPECT_EQ(OpenWith([](char* b) { Put32(b + SuperblockAt::kIncompatFlags, 4); }), -EINVAL);
}

TEST_F(MetadataOpenTest, FeatureThatForbidsWritingIsEinvalUnlessTheDeviceIsReadOnly) {
  const auto change = [](char* b) { Put32(b + SuperblockAt::kCompatReadOnlyFlags, 1); };
  EXPECT_EQ(OpenWith(change), -EINVAL);
  machine_.disk().SetReadOnly(true);
  EXPECT_EQ(machine_.Open(), 0);
}

TEST_F(MetadataOpenTest, UnknownCompatibleFeatureAndVersionAreNoError) {
  EXPECT_EQ(OpenWith([](char* b) {
              Put32(b + SuperblockAt::kCompatFlags, 8);
              Put32(b + SuperblockAt::kVersion, 7);
            }),
            0);
}

TEST_F(MetadataOpenTest, NeedsCheckIsReadAndStays) {
  ASSERT_EQ(OpenWith([](char* b) { Put32(b + SuperblockAt::kFlags, kNeedsCheckFlag); }), 0);
  EXPECT_TRUE(machine_.metadata().needs_check());
  ASSERT_EQ(machine_.metadata().CreateThin(1), 0);
  ASSERT_EQ(machine_.metadata().Commit(), 0);
  ASSERT_EQ(machine_.Reopen(), 0);
  EXPECT_TRUE(machine_.metadata().needs_check());
}

TEST_F(MetadataOpenTest, DamagedIndexOfTheMetadataMapIsEilseq) {
  ASSERT_EQ(machine_.Open(), 0);
  ASSERT_EQ(machine_.metadata().Close(), 0);
  const auto superblock = machine_.ReadBlock(0);
  const uint64_t index =
      Get64(superblock.data() + SuperblockAt::kMetadataSpaceMap + SpaceMapRootAt::kBitmapRoot);
  auto block = machine_.ReadBlock(index);
  block[100] ^= 1;
  machine_.WriteBlock(index, block);
  EXPECT_EQ(machine_.Open(), -EILSEQ);
}

TEST_F(MetadataOpenTest, UnreadableDeviceIsItsOwnError) {
  machine_.disk().SetFault([](const Io&) { return -EIO; });
  EXPECT_EQ(machine_.Open(), -EIO);
}

TEST(MetadataSizeTest, FewerThanFourBlocksAreEinvalAndFewerThanEightEnospc) {
  for (uint64_t blocks = 1; blocks < 4; ++blocks) {
    EXPECT_EQ(MetadataMachine(blocks).Open(), -EINVAL) << blocks;
  }
  for (uint64_t blocks = 4; blocks < 8; ++blocks) {
    EXPECT_EQ(MetadataMachine(blocks).Open(), -ENOSPC) << blocks;
  }
}

TEST(MetadataSizeTest, EightBlocksOpenAndHaveNoRoomForData) {
  MetadataMachine machine(8);
  ASSERT_EQ(machine.Open(), 0);
  EXPECT_EQ(machine.metadata().ResizeDataDev(512), -ENOSPC);
}

TEST(MetadataSizeTest, TenBlocksCannotCommitDataAndSixteenCan) {
  MetadataMachine ten(10);
  ASSERT_EQ(ten.Open(), 0);
  ASSERT_EQ(ten.metadata().ResizeDataDev(512), 0);
  EXPECT_EQ(ten.metadata().Commit(), -ENOSPC);
  MetadataMachine sixteen(16);
  ASSERT_EQ(sixteen.Open(), 0);
  ASSERT_EQ(sixteen.metadata().ResizeDataDev(512), 0);
  EXPECT_EQ(sixteen.metadata().Commit(), 0);
}

// Figures of a real kernel: 110/1024 when made, 111/1024 with 256 blocks of data.
TEST_F(MetadataOpenTest, UsedBlocksCountTheReserveAsTheKernelDoes) {
  ASSERT_EQ(machine_.Open(), 0);
  EXPECT_EQ(machine_.UsedMetadata(), 110u);
  ASSERT_EQ(machine_.metadata().ResizeDataDev(256), 0);
  ASSERT_EQ(machine_.metadata().Commit(), 0);
  EXPECT_EQ(machine_.UsedMetadata(), 111u);
}

// A real kernel: from 118/1024 to 220/2048.
TEST_F(MetadataOpenTest, GrowthInsideOneBitmapCostsNothingButTheReserve) {
  machine_.Make(256);
  EXPECT_EQ(machine_.UsedMetadata(), 111u);
  machine_.disk().Resize(2048 * kMetadataBlockBytes);
  ASSERT_EQ(machine_.metadata().ResizeMetadataDev(2048), 0);
  ASSERT_EQ(machine_.metadata().Commit(), 0);
  EXPECT_EQ(machine_.UsedMetadata(), 111u + 102);
  EXPECT_THAT(machine_.Check(), IsEmpty());
}

TEST(MetadataSizeTest, MoreThanTheFormatHoldsIsLeftUnused) {
  MetadataMachine machine(kMaxMetadataBlocks + 100);
  ASSERT_EQ(machine.Open(), 0);
  uint64_t blocks = 0;
  ASSERT_EQ(machine.metadata().MetadataDevSize(&blocks), 0);
  EXPECT_EQ(blocks, 4161600u);
  EXPECT_EQ(machine.metadata().ResizeMetadataDev(kMaxMetadataBlocks + 1), -EINVAL);
}

TEST_F(MetadataOpenTest, DataGrowsAndDoesNotShrink) {
  machine_.Make(256);
  EXPECT_EQ(machine_.metadata().ResizeDataDev(255), -EINVAL);
  EXPECT_EQ(machine_.metadata().ResizeDataDev(256), 0);
  ASSERT_EQ(machine_.metadata().ResizeDataDev(50000), 0);
  uint64_t blocks = 0;
  ASSERT_EQ(machine_.metadata().DataDevSize(&blocks), 0);
  EXPECT_EQ(blocks, 256u) << "counts when it is committed";
  ASSERT_EQ(machine_.metadata().Commit(), 0);
  ASSERT_EQ(machine_.metadata().DataDevSize(&blocks), 0);
  EXPECT_EQ(blocks, 50000u);
  EXPECT_THAT(machine_.Check(), IsEmpty());
}

TEST_F(MetadataOpenTest, MetadataGrowsAndDoesNotShrink) {
  machine_.Make();
  EXPECT_EQ(machine_.metadata().ResizeMetadataDev(1023), -EINVAL);
  machine_.disk().Resize(40000 * kMetadataBlockBytes);
  ASSERT_EQ(machine_.metadata().ResizeMetadataDev(40000), 0);
  ASSERT_EQ(machine_.metadata().Commit(), 0);
  EXPECT_THAT(machine_.Check(), IsEmpty());
  ASSERT_EQ(machine_.metadata().CreateThin(1), 0);
  ASSERT_EQ(machine_.metadata().Commit(), 0);
  ASSERT_EQ(machine_.Reopen(), 0);
  uint64_t blocks = 0;
  ASSERT_EQ(machine_.metadata().MetadataDevSize(&blocks), 0);
  EXPECT_EQ(blocks, 40000u);
  EXPECT_THAT(machine_.Check(), IsEmpty());
}

TEST_F(MetadataOpenTest, NothingIsWrittenBeforeTheFirstChange) {
  machine_.Make();
  ASSERT_EQ(machine_.Reopen(), 0);
  ThinDevice* device = nullptr;
  EXPECT_EQ(machine_.metadata().OpenThinDevice(1, &device), -ENODATA);
  machine_.disk().SetFault([](const Io& io) { return io.kind == IoKind::kRead ? 0 : -EIO; });
  EXPECT_EQ(machine_.metadata().Commit(), 0);
  EXPECT_EQ(machine_.metadata().CreateThin(1), 0);
  EXPECT_EQ(machine_.metadata().Commit(), -EIO);
}

}  // namespace
}  // namespace dmkit::model
