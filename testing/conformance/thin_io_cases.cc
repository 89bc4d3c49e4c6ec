// SPDX-License-Identifier: Apache-2.0
// What thin devices hold, byte by byte: provisioning, snapshots, external origins, discards.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "testing/conformance/thin_fixture.h"

namespace dmkit::conformance {
namespace {

class ThinIo : public ThinTest {};
class ThinSnapshot : public ThinTest {
 protected:
  // Id 1 with two blocks of a's, and its snapshot.
  void MakeSnapshot() {
    MakePool();
    MakeThin("a", "1");
    ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
    ASSERT_EQ(Send("create_snap 2 1"), 0);
    UseThin("s", "2");
  }
};
class ThinDiscard : public ThinTest {
 protected:
  void MakeFull(absl::string_view more = "") {
    MakePool(16, more);
    MakeThin("a", "1");
    ASSERT_EQ(Write("a", 0, 4 * kBlock, 'a'), 0);
  }
};
class ThinOrigin : public ThinTest {
 protected:
  void MakeWithOrigin(uint64_t sectors) {
    origin_ = Device(sectors);
    ASSERT_EQ(WriteBytes(origin_.path, 0, std::string(sectors * kSectorBytes, 'e')), 0);
    MakePool();
    ASSERT_EQ(Send("create_thin 1"), 0);
    Activate("a", 16 * kBlock, "thin", ThinLine("1 ") + origin_.number);
  }
  ScratchDevice origin_;
};

TEST_F(ThinIo, UnmappedBlocksAreReadAsZerosAndStayUnmapped) {
  SoilData();
  MakePool();
  MakeThin("a", "1");
  EXPECT_EQ(Read("a", kBlock - 2, 4), "....");
  EXPECT_EQ(Info("a"), "0 -");
}

TEST_F(ThinIo, FirstWriteMapsOneBlock) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 5 * kBlock + 3, 1, 'a'), 0);
  EXPECT_EQ(Info("a"), "128 767");
  EXPECT_EQ(UsedData(), "1/16");
  ASSERT_EQ(Write("a", 5 * kBlock, 1, 'a'), 0);
  EXPECT_EQ(UsedData(), "1/16");
}

TEST_F(ThinIo, RestOfANewBlockIsZeroed) {
  SoilData();
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 3, 2, 'a'), 0);
  EXPECT_EQ(Read("a", 0, 7), "...aa..");
  EXPECT_EQ(Read("a", kBlock - 1, 1), ".");
}

TEST_F(ThinIo, SkippedZeroingShowsOldBytes) {
  SoilData();
  MakePool(16, "1 skip_block_zeroing");
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 3, 2, 'a'), 0);
  EXPECT_EQ(Read("a", 0, 7), "oooaaoo");
  EXPECT_EQ(Read("a", kBlock, 1), ".");
}

TEST_F(ThinIo, WriteOverSeveralBlocksMapsEach) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", kBlock - 1, kBlock + 2, 'a'), 0);
  EXPECT_EQ(Read("a", kBlock - 2, 3), ".aa");
  EXPECT_EQ(Read("a", 2 * kBlock - 1, 3), "aa.");
  EXPECT_EQ(UsedData(), "3/16");
}

TEST_F(ThinIo, BlocksAreTakenFromTheStartOfTheDataDevice) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 9 * kBlock, kBlock, 'a'), 0);
  ASSERT_EQ(Write("a", 2 * kBlock, kBlock, 'b'), 0);
  EXPECT_EQ(ReadBytes(data_disk_.path, 0, 1), std::string(kSectorBytes, 'a'));
  EXPECT_EQ(ReadBytes(data_disk_.path, kBlock, 1), std::string(kSectorBytes, 'b'));
}

TEST_F(ThinIo, FreedBlocksAreTakenWhenThoseBehindAreGone) {
  MakePool(4);
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 3 * kBlock, 'a'), 0);
  ASSERT_EQ(Discard("a", 0, kBlock), 0);
  ASSERT_EQ(Send("set_transaction_id 0 1"), 0);
  ASSERT_EQ(Send("set_transaction_id 1 2"), 0);
  ASSERT_EQ(Write("a", 5 * kBlock, kBlock, 'b'), 0);
  ASSERT_EQ(Write("a", 6 * kBlock, kBlock, 'c'), 0);
  EXPECT_EQ(ReadBytes(data_disk_.path, 3 * kBlock, 1), std::string(kSectorBytes, 'b'));
  EXPECT_EQ(ReadBytes(data_disk_.path, 0, 1), std::string(kSectorBytes, 'c'));
}

TEST_F(ThinIo, PoolItselfIsTheDataDevice) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  EXPECT_EQ(Read("pool", 0, 1), "a");
  ASSERT_EQ(Write("pool", 1, 1, 'p'), 0);
  EXPECT_EQ(Read("a", 0, 3), "apa");
}

TEST_F(ThinIo, FlushCommits) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 3 * kBlock, 'a'), 0);
  ASSERT_EQ(Flush("a"), 0);
  EXPECT_EQ(U64(Superblock(), 72), 3u);
}

TEST_F(ThinIo, CountsOfBlocksAreOnDiskWithTheirBitsSwapped) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 4 * kBlock, 'a'), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  const auto counts = [this] {
    const uint64_t index = U64(Superblock(), 80);
    const std::string node = ReadBytes(meta_disk_.path, index * kMetadataBlock, kMetadataBlock);
    const uint64_t bitmap = U64(node, 32 + 8 * size_t{U32(node, 20)});
    return ReadBytes(meta_disk_.path, bitmap * kMetadataBlock, kMetadataBlock).substr(16, 2);
  };
  EXPECT_EQ(counts(), std::string("\xaa\0", 2));
  ASSERT_EQ(Write("a", 4 * kBlock, kBlock, 'b'), 0);
  ASSERT_EQ(Flush("a"), 0);
  EXPECT_EQ(counts(), std::string("\x55\x02", 2));
}

TEST_F(ThinIo, BufferedReadsOfLiveMetadataAreOld) {
  MakePool();
  const auto file = Open(meta_disk_.path);
  const auto transaction = [&] {
    std::string bytes(kSuperblockBytes, '?');
    EXPECT_TRUE(file->ReadAt(0, absl::MakeSpan(&bytes[0], bytes.size())).ok());
    return U64(bytes, 48);
  };
  EXPECT_EQ(transaction(), 0u);
  ASSERT_EQ(Send("set_transaction_id 0 5"), 0);
  EXPECT_EQ(transaction(), 0u);
  EXPECT_EQ(U64(Superblock(), 48), 5u);
}

TEST_F(ThinIo, WriteOfAReadOnlyPoolNeedsAMappedBlock) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(ReloadPool(16, "1 read_only"), 0);
  EXPECT_EQ(Write("a", 0, 1, 'b'), 0);
  EXPECT_EQ(Write("a", kBlock, 1, 'b'), -EIO);
  EXPECT_EQ(Discard("a", 0, kBlock), 0);
  EXPECT_EQ(Read("a", 0, 2), "ba");
}

TEST_F(ThinSnapshot, HoldsWhatItsOriginHeldAndTakesNoBlocks) {
  MakeSnapshot();
  EXPECT_EQ(Read("s", 0, 2), "aa");
  EXPECT_EQ(UsedData(), "2/16");
}

TEST_F(ThinSnapshot, DoesNotSeeWritesOfItsOrigin) {
  MakeSnapshot();
  ASSERT_EQ(Write("a", 1, 1, 'b'), 0);
  EXPECT_EQ(Read("a", 0, 3), "aba");
  EXPECT_EQ(Read("s", 0, 3), "aaa");
}

TEST_F(ThinSnapshot, OriginDoesNotSeeItsWrites) {
  MakeSnapshot();
  ASSERT_EQ(Write("s", kBlock, 1, 'c'), 0);
  EXPECT_EQ(Read("s", kBlock, 2), "ca");
  EXPECT_EQ(Read("a", kBlock, 2), "aa");
}

TEST_F(ThinSnapshot, WriteOfASharedBlockTakesOneOfThePool) {
  MakeSnapshot();
  ASSERT_EQ(Write("a", 1, 1, 'b'), 0);
  EXPECT_EQ(UsedData(), "3/16");
  EXPECT_EQ(Info("a"), "256 255");
  EXPECT_EQ(Info("s"), "256 255");
  // It is the origin's own now.
  ASSERT_EQ(Write("a", 2, 1, 'b'), 0);
  EXPECT_EQ(UsedData(), "3/16");
}

TEST_F(ThinSnapshot, WriteOfAWholeSharedBlockTakesOneToo) {
  MakeSnapshot();
  ASSERT_EQ(Write("a", 0, kBlock, 'b'), 0);
  EXPECT_EQ(UsedData(), "3/16");
  EXPECT_EQ(Read("s", 0, 1), "a");
}

TEST_F(ThinSnapshot, NewBlocksOfTheOriginAreNotShared) {
  MakeSnapshot();
  ASSERT_EQ(Write("a", 5 * kBlock, 1, 'b'), 0);
  EXPECT_EQ(Read("s", 5 * kBlock, 1), ".");
  EXPECT_EQ(Info("s"), "256 255");
}

TEST_F(ThinSnapshot, OfASnapshotIsOneOfBoth) {
  MakeSnapshot();
  ASSERT_EQ(Send("create_snap 3 2"), 0);
  UseThin("t", "3");
  ASSERT_EQ(Write("s", 0, kBlock, '2'), 0);
  ASSERT_EQ(Write("t", 1, 1, '3'), 0);
  EXPECT_EQ(Read("a", 0, 3), "aaa");
  EXPECT_EQ(Read("s", 0, 3), "222");
  EXPECT_EQ(Read("t", 0, 3), "a3a");
}

TEST_F(ThinSnapshot, DeletedOneFreesOnlyWhatWasItsOwn) {
  MakeSnapshot();
  ASSERT_EQ(Write("s", 0, kBlock, 'b'), 0);
  EXPECT_EQ(UsedData(), "3/16");
  ASSERT_EQ(Remove("s"), 0);
  ASSERT_EQ(Send("delete 2"), 0);
  EXPECT_EQ(UsedData(), "2/16");
  EXPECT_EQ(Read("a", 0, 1), "a");
}

TEST_F(ThinSnapshot, BlockStaysSharedAfterTheOtherIsDeleted) {
  MakeSnapshot();
  ASSERT_EQ(Remove("s"), 0);
  ASSERT_EQ(Send("delete 2"), 0);
  EXPECT_EQ(UsedData(), "2/16");
  // By time, not by count: it is copied, and the old one is free then.
  ASSERT_EQ(Write("a", 0, 1, 'b'), 0);
  EXPECT_EQ(Read("a", 0, 2), "ba");
  EXPECT_EQ(UsedData(), "2/16");
}

TEST_F(ThinDiscard, UnmapsWholeBlocks) {
  MakeFull();
  EXPECT_EQ(Discard("a", kBlock, 2 * kBlock), 0);
  EXPECT_EQ(Info("a"), "256 511");
  EXPECT_EQ(Read("a", kBlock - 1, 2), "a.");
  EXPECT_EQ(Read("a", 3 * kBlock - 1, 2), ".a");
  EXPECT_EQ(UsedData(), "2/16");
}

TEST_F(ThinDiscard, OfPartsOfBlocksDoesNothing) {
  MakeFull();
  EXPECT_EQ(Discard("a", 1, kBlock), 0);
  EXPECT_EQ(Discard("a", 0, kBlock - 1), 0);
  EXPECT_EQ(Info("a"), "512 511");
  EXPECT_EQ(Read("a", 0, kBlock), std::string(kBlock, 'a'));
}

TEST_F(ThinDiscard, OfMoreThanABlockUnmapsTheWholeOnesInIt) {
  MakeFull();
  EXPECT_EQ(Discard("a", kBlock - 1, 2 * kBlock + 2), 0);
  EXPECT_EQ(Info("a"), "256 511");
  EXPECT_EQ(Read("a", kBlock - 1, 2), "a.");
}

TEST_F(ThinDiscard, OfUnmappedBlocksIsSuccess) {
  MakeFull();
  EXPECT_EQ(Discard("a", 8 * kBlock, 4 * kBlock), 0);
  EXPECT_EQ(Info("a"), "512 511");
}

TEST_F(ThinDiscard, WithIgnoreDiscardGivesEopnotsupp) {
  MakeFull("1 ignore_discard");
  EXPECT_EQ(Discard("a", 0, kBlock), -EOPNOTSUPP);
  EXPECT_EQ(Info("a"), "512 511");
}

TEST_F(ThinDiscard, ReachesTheDataDevice) {
  MakeFull();
  ASSERT_EQ(Discard("a", 0, kBlock), 0);
  EXPECT_EQ(ReadBytes(data_disk_.path, 0, 1), std::string(kSectorBytes, '\0'));
}

TEST_F(ThinDiscard, WithoutPassdownLeavesTheDataDeviceAlone) {
  MakeFull("1 no_discard_passdown");
  ASSERT_EQ(Discard("a", 0, kBlock), 0);
  EXPECT_EQ(UsedData(), "3/16");
  EXPECT_EQ(ReadBytes(data_disk_.path, 0, 1), std::string(kSectorBytes, 'a'));
}

TEST_F(ThinDiscard, OfSharedBlocksLeavesThemToTheOther) {
  MakeFull();
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  ASSERT_EQ(Discard("a", 0, 4 * kBlock), 0);
  EXPECT_EQ(Info("a"), "0 -");
  UseThin("s", "2");
  EXPECT_EQ(Read("s", 0, 1) + Read("s", 3 * kBlock, 1), "aa");
  EXPECT_EQ(UsedData(), "4/16");
}

TEST_F(ThinOrigin, IsReadUntilABlockIsWritten) {
  MakeWithOrigin(4 * kBlock);
  EXPECT_EQ(Read("a", 0, 3), "eee");
  EXPECT_EQ(Info("a"), "0 -");
  ASSERT_EQ(Write("a", 1, 1, 'a'), 0);
  EXPECT_EQ(Read("a", 0, 3), "eae");
  EXPECT_EQ(Read("a", kBlock - 1, 2), "ee");
  EXPECT_EQ(Info("a"), "128 127");
}

TEST_F(ThinOrigin, ShowsItsChangesWhereNothingWasWritten) {
  MakeWithOrigin(4 * kBlock);
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  ASSERT_EQ(WriteBytes(origin_.path, 0, std::string(2 * kBlock * kSectorBytes, 'f')), 0);
  EXPECT_EQ(Read("a", kBlock - 1, 2), "ef");
}

TEST_F(ThinOrigin, IsReadAgainAfterADiscard) {
  MakeWithOrigin(4 * kBlock);
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(Discard("a", 0, kBlock), 0);
  EXPECT_EQ(Read("a", 0, 2), "ee");
}

TEST_F(ThinOrigin, HasZerosBehindItsEnd) {
  MakeWithOrigin(kBlock + 8);
  EXPECT_EQ(Read("a", kBlock + 6, 4), "ee..");
  EXPECT_EQ(Read("a", 3 * kBlock, 2), "..");
}

TEST_F(ThinOrigin, PartOfABlockIsCopiedToItsEnd) {
  SoilData();
  MakeWithOrigin(kBlock + 8);
  ASSERT_EQ(Write("a", kBlock, 1, 'a'), 0);
  EXPECT_EQ(Read("a", kBlock, 10), "aeeeeeee..");
  EXPECT_EQ(Read("a", 2 * kBlock - 1, 1), ".");
}

TEST_F(ThinOrigin, SizeIsThatOfTheLastResume) {
  const ScratchDevice disk = Device(2 * kBlock);
  ASSERT_EQ(WriteBytes(disk.path, 0, std::string(2 * kBlock * kSectorBytes, 'e')), 0);
  Activate("origin", kBlock, "linear", disk.number + " 0");
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  Activate("a", 16 * kBlock, "thin", ThinLine("1 ") + Number("origin"));
  ASSERT_EQ(Load("origin", 2 * kBlock, "linear", disk.number + " 0"), 0);
  ASSERT_EQ(Resume("origin"), 0);
  EXPECT_EQ(Read("a", kBlock, 1), ".");
  ASSERT_EQ(Suspend("a"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Read("a", kBlock, 1), "e");
}

}  // namespace
}  // namespace dmkit::conformance
