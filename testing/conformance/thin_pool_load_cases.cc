// SPDX-License-Identifier: Apache-2.0
// The pool object that a load makes or finds, and the metadata that it reads or formats.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/conformance/thin_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr size_t kFlagsAt = 4;
constexpr size_t kPlaceAt = 8;
constexpr size_t kMagicAt = 32;
constexpr size_t kCompatReadOnlyAt = 356;
constexpr size_t kIncompatAt = 360;

class ThinPoolLoad : public ThinTest {
 protected:
  void SetUp() override {
    ThinTest::SetUp();
    ASSERT_EQ(Create("pool"), 0);
    ASSERT_EQ(Create("other"), 0);
  }
  int LoadOther(const std::string& metadata, const std::string& data) {
    return Load("other", kBlock, "thin-pool", absl::StrCat(metadata, " ", data, " 128 0"));
  }
  bool IsBlank() { return Superblock() == std::string(kSuperblockBytes, '\0'); }
  // Metadata that nobody has open.
  void Format() {
    ASSERT_EQ(LoadPool(), 0);
    ASSERT_EQ(Remove("pool"), 0);
    ASSERT_EQ(Create("pool"), 0);
  }
  // Flips bits of the superblock's byte at `at`.
  std::string Changed(size_t at) {
    std::string bytes = Superblock();
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    return bytes;
  }
};

class ThinTinyMetadata : public ThinTest {
 protected:
  // What a load says with so many blocks for metadata.
  int LoadWithBlocks(uint64_t blocks) {
    metadata_ = Device(blocks * kMetadataBlock).number;
    EXPECT_EQ(Create("pool"), 0);
    return LoadPool();
  }
};

TEST_F(ThinPoolLoad, FormatsBlankMetadata) {
  ASSERT_EQ(LoadPool(), 0);
  const std::string bytes = Superblock();
  EXPECT_EQ(U64(bytes, kMagicAt), 27022010u);
  EXPECT_EQ(U32(bytes, 40), 2u);     // version
  EXPECT_EQ(U32(bytes, 44), 0u);     // time
  EXPECT_EQ(U64(bytes, 48), 0u);     // transaction
  EXPECT_EQ(U64(bytes, 56), 0u);     // held root
  EXPECT_EQ(U64(bytes, 64), 0u);     // blocks of data
  EXPECT_EQ(U32(bytes, 336), 128u);  // sectors of a block
  EXPECT_EQ(U32(bytes, 340), 8u);
  EXPECT_EQ(U64(bytes, 344), kMetadataSize);
}

TEST_F(ThinPoolLoad, FormatsAlsoWhenItFailsLater) {
  EXPECT_EQ(LoadPool(513), -EINVAL);
  EXPECT_EQ(U64(Superblock(), kMagicAt), 27022010u);
}

TEST_F(ThinPoolLoad, BlankMetadataOfAReadOnlyPoolGivesEperm) {
  EXPECT_EQ(LoadPool(16, "1 read_only"), -EPERM);
  EXPECT_TRUE(IsBlank());
}

TEST_F(ThinPoolLoad, StrayByteGivesEilseq) {
  std::string bytes(kSuperblockBytes, '\0');
  bytes[4095] = 1;
  WriteSuperblock(bytes);
  EXPECT_EQ(LoadPool(), -EILSEQ);
  EXPECT_EQ(Superblock(), bytes);
}

TEST_F(ThinPoolLoad, BytesBehindTheFirst4096AreNotLookedAt) {
  ASSERT_EQ(WriteBytes(meta_disk_.path, 8, std::string(kSectorBytes, 'x')), 0);
  EXPECT_EQ(LoadPool(), 0);
}

TEST_F(ThinPoolLoad, WrongMagicGivesEilseq) {
  Format();
  SealSuperblock(Changed(kMagicAt));
  EXPECT_EQ(LoadPool(), -EILSEQ);
}

TEST_F(ThinPoolLoad, WrongChecksumGivesEilseq) {
  Format();
  WriteSuperblock(Changed(0));
  EXPECT_EQ(LoadPool(), -EILSEQ);
  WriteSuperblock(Changed(0));
  EXPECT_EQ(LoadPool(), 0);
}

TEST_F(ThinPoolLoad, SuperblockOfAnotherPlaceGivesEnotblk) {
  Format();
  SealSuperblock(Changed(kPlaceAt));
  EXPECT_EQ(LoadPool(), -ENOTBLK);
}

TEST_F(ThinPoolLoad, PlaceIsLookedAtBeforeMagicAndChecksum) {
  WriteSuperblock(std::string(kSuperblockBytes, 'x'));
  EXPECT_EQ(LoadPool(), -ENOTBLK);
}

TEST_F(ThinPoolLoad, UnknownIncompatibleFeatureGivesEinval) {
  Format();
  SealSuperblock(Changed(kIncompatAt));
  EXPECT_EQ(LoadPool(), -EINVAL);
}

TEST_F(ThinPoolLoad, UnknownFeatureThatAllowsReadingGivesEinvalOnAWritableDevice) {
  Format();
  SealSuperblock(Changed(kCompatReadOnlyAt));
  EXPECT_EQ(LoadPool(), -EINVAL);
  EXPECT_EQ(LoadPool(16, "1 read_only"), -EINVAL);
}

TEST_F(ThinPoolLoad, OtherBlockSizeThanTheMetadataHasGivesEinval) {
  Format();
  EXPECT_EQ(Load("pool", kBlock, "thin-pool", absl::StrCat(metadata_, " ", data_, " 256 0")),
            -EINVAL);
  EXPECT_EQ(LoadPool(), 0);
}

TEST_F(ThinPoolLoad, FormattedMetadataIsKept) {
  ASSERT_EQ(LoadPool(), 0);
  ASSERT_EQ(Resume("pool"), 0);
  ASSERT_EQ(Send("create_thin 7"), 0);
  ASSERT_EQ(Remove("pool"), 0);
  MakePool();
  EXPECT_EQ(Send("create_thin 7"), -EEXIST);
}

TEST_F(ThinPoolLoad, FormattedMetadataServesAReadOnlyPool) {
  ASSERT_EQ(LoadPool(), 0);
  ASSERT_EQ(Resume("pool"), 0);
  ASSERT_EQ(Remove("pool"), 0);
  ASSERT_EQ(Create("pool"), 0);
  ASSERT_EQ(LoadPool(16, "1 read_only"), 0);
  EXPECT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space -");
  EXPECT_EQ(UsedData(), "0/16");
}

TEST_F(ThinPoolLoad, ReadOnlyPoolOfMetadataThatWasNeverResumedFails) {
  Format();
  ASSERT_EQ(LoadPool(16, "1 read_only"), 0);
  EXPECT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Info("pool"), "Fail");
}

TEST_F(ThinPoolLoad, MetadataOfAnotherPoolGivesEbusy) {
  ASSERT_EQ(LoadPool(), 0);
  EXPECT_EQ(LoadOther(metadata_, data_), -EBUSY);
  EXPECT_EQ(LoadOther(metadata_, Device(512 * kBlock).number), -EBUSY);
}

TEST_F(ThinPoolLoad, DataOfAnotherPoolIsAccepted) {
  ASSERT_EQ(LoadPool(), 0);
  EXPECT_EQ(LoadOther(Device(kMetadataSize * kMetadataBlock).number, data_), 0);
}

TEST_F(ThinPoolLoad, OtherDataOfTheSamePoolGivesEbusy) {
  ASSERT_EQ(LoadPool(), 0);
  data_ = Device(512 * kBlock).number;
  EXPECT_EQ(LoadPool(), -EBUSY);
}

TEST_F(ThinPoolLoad, OtherMetadataOfTheSamePoolGivesEinval) {
  ASSERT_EQ(LoadPool(), 0);
  ASSERT_EQ(Resume("pool"), 0);
  metadata_ = Device(kMetadataSize * kMetadataBlock).number;
  EXPECT_EQ(LoadPool(), -EINVAL);
  data_ = Device(512 * kBlock).number;
  EXPECT_EQ(LoadPool(), -EINVAL);
}

TEST_F(ThinPoolLoad, BlockSizeOfAReloadIsIgnored) {
  ASSERT_EQ(LoadPool(), 0);
  ASSERT_EQ(Resume("pool"), 0);
  ASSERT_EQ(Load("pool", 16 * kBlock, "thin-pool", absl::StrCat(metadata_, " ", data_, " 256 5")),
            0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(TableLine("pool"), absl::StrCat(metadata_, " ", data_, " 128 5 0 "));
  EXPECT_EQ(UsedData(), "0/16");
}

TEST_F(ThinPoolLoad, BlockSizeOfAReloadMustStillBeOne) {
  ASSERT_EQ(LoadPool(), 0);
  EXPECT_EQ(Load("pool", kBlock, "thin-pool", absl::StrCat(metadata_, " ", data_, " 129 0")),
            -EINVAL);
}

TEST_F(ThinPoolLoad, IgnoreDiscardCannotBeAdded) {
  ASSERT_EQ(LoadPool(), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(LoadPool(16, "1 ignore_discard"), -EINVAL);
  EXPECT_EQ(LoadPool(16, "1 no_discard_passdown"), 0);
}

TEST_F(ThinPoolLoad, IgnoreDiscardCannotBeTakenBack) {
  ASSERT_EQ(LoadPool(16, "1 ignore_discard"), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(LoadPool(), -EINVAL);
  EXPECT_EQ(LoadPool(16, "1 ignore_discard"), 0);
}

TEST_F(ThinPoolLoad, PoolObjectLivesFromTheLoadToTheClear) {
  ASSERT_EQ(LoadPool(), 0);
  EXPECT_EQ(LoadOther(metadata_, data_), -EBUSY);
  ASSERT_EQ(Clear("pool"), 0);
  EXPECT_EQ(LoadOther(metadata_, data_), 0);
}

TEST_F(ThinPoolLoad, PoolObjectOfAFailedLoadIsGone) {
  EXPECT_EQ(LoadPool(513), -EINVAL);
  EXPECT_EQ(LoadOther(metadata_, data_), 0);
}

TEST_F(ThinPoolLoad, PoolObjectLivesAsLongAsAThin) {
  ASSERT_EQ(LoadPool(), 0);
  ASSERT_EQ(Resume("pool"), 0);
  MakeThin("a", "1");
  ASSERT_EQ(Load("pool", 16 * kBlock, "error", ""), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(LoadOther(metadata_, data_), -EBUSY);
  ASSERT_EQ(Remove("a"), 0);
  EXPECT_EQ(LoadOther(metadata_, data_), 0);
}

TEST_F(ThinPoolLoad, NeedsCheckOnDiskMakesThePoolReadOnly) {
  Format();
  std::string bytes = Superblock();
  bytes[kFlagsAt] = 1;
  SealSuperblock(bytes);
  ASSERT_EQ(LoadPool(), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
  EXPECT_EQ(Events(), 1u);
  // Nothing to be had: it does not grow.
  EXPECT_EQ(UsedData(), "0/0");
}

TEST_F(ThinTinyMetadata, OneBlockGivesEinval) { EXPECT_EQ(LoadWithBlocks(1), -EINVAL); }

TEST_F(ThinTinyMetadata, FourBlocksGiveEnospc) { EXPECT_EQ(LoadWithBlocks(4), -ENOSPC); }

TEST_F(ThinTinyMetadata, EightBlocksAreLoadedAndResumeGivesEnospc) {
  EXPECT_EQ(LoadWithBlocks(8), 0);
  EXPECT_EQ(Resume("pool"), -ENOSPC);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
}

TEST_F(ThinTinyMetadata, TenBlocksAreResumedReadOnly) {
  EXPECT_EQ(LoadWithBlocks(10), 0);
  EXPECT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
}

TEST_F(ThinTinyMetadata, SixteenBlocksWork) {
  EXPECT_EQ(LoadWithBlocks(16), 0);
  EXPECT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Mode(), kReadyMode);
  EXPECT_EQ(Send("create_thin 1"), 0);
}

}  // namespace
}  // namespace dmkit::conformance
