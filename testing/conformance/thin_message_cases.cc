// SPDX-License-Identifier: Apache-2.0
// Messages of pools: what each does, and every errno.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/conformance/thin_fixture.h"

namespace dmkit::conformance {
namespace {

class ThinMessage : public ThinTest {
 protected:
  void SetUp() override {
    ThinTest::SetUp();
    PutMetaBetween();
    MakePool();
  }
  static constexpr const char* kNoIds[] = {"x", "-1", "0x1", "1x", "1.0", "18446744073709551616"};
};

TEST_F(ThinMessage, UnknownWordGivesEinval) {
  for (const char* text : {"create_thi 1", "trim", "create_thinx 1", "deletex 1"}) {
    EXPECT_EQ(Send(text), -EINVAL) << text;
  }
}

TEST_F(ThinMessage, WrongNumberOfArgumentsGivesEinval) {
  for (const char* text :
       {"create_thin", "create_thin 1 2", "create_snap 1", "create_snap 1 2 3", "delete",
        "delete 1 2", "set_transaction_id 0", "set_transaction_id 0 1 2", "reserve_metadata_snap 1",
        "release_metadata_snap 1"}) {
    EXPECT_EQ(Send(text), -EINVAL) << text;
  }
}

TEST_F(ThinMessage, WordsAreTakenInAnyCase) {
  EXPECT_EQ(Send("CREATE_thin 1"), 0);
  EXPECT_EQ(Send("Create_Snap 2 1"), 0);
  EXPECT_EQ(Send("DELETE 1"), 0);
}

TEST_F(ThinMessage, IdsAreDecimalNumbersUpTo16777215) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  for (const char* id : kNoIds) {
    EXPECT_EQ(Send(absl::StrCat("create_thin ", id)), -EINVAL) << id;
    EXPECT_EQ(Send(absl::StrCat("delete ", id)), -EINVAL) << id;
    EXPECT_EQ(Send(absl::StrCat("create_snap ", id, " 1")), -EINVAL) << id;
    EXPECT_EQ(Send(absl::StrCat("create_snap 2 ", id)), -EINVAL) << id;
  }
  EXPECT_EQ(Send("create_thin 16777216"), -EINVAL);
  EXPECT_EQ(Send("create_thin 16777215"), 0);
}

TEST_F(ThinMessage, IdsMayHaveAPlusAndZeros) {
  EXPECT_EQ(Send("create_thin +5"), 0);
  EXPECT_EQ(Send("create_thin 003"), 0);
  EXPECT_EQ(Send("create_thin 5"), -EEXIST);
  EXPECT_EQ(Send("create_thin 3"), -EEXIST);
}

TEST_F(ThinMessage, CreateThinOfAnIdInUseGivesEexist) {
  EXPECT_EQ(Send("create_thin 0"), 0);
  EXPECT_EQ(Send("create_thin 0"), -EEXIST);
}

TEST_F(ThinMessage, CreateSnapOfAnIdInUseGivesEexistWhateverItsOrigin) {
  ASSERT_EQ(Send("create_thin 0"), 0);
  EXPECT_EQ(Send("create_snap 0 99"), -EEXIST);
  EXPECT_EQ(Send("create_snap 0 0"), -EEXIST);
}

TEST_F(ThinMessage, CreateSnapOfAMissingOriginGivesEnodata) {
  EXPECT_EQ(Send("create_snap 1 99"), -ENODATA);
  EXPECT_EQ(Send("delete 1"), -ENODATA);
}

TEST_F(ThinMessage, CreateSnapLooksAtBothIdsFirst) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  EXPECT_EQ(Send("create_snap 1 x"), -EINVAL);
}

TEST_F(ThinMessage, CreateSnapTakesTheMappingsOfItsOrigin) {
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 3 * kBlock, 1, 'a'), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  UseThin("s", "2");
  EXPECT_EQ(Info("s"), "128 511");
  EXPECT_EQ(UsedData(), "1/16");
}

TEST_F(ThinMessage, CreateSnapDoesNotAskForASuspendedOrigin) {
  MakeThin("a", "1");
  EXPECT_EQ(Send("create_snap 2 1"), 0);
}

TEST_F(ThinMessage, CreateSnapMovesTheTimeOfTheMetadata) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  EXPECT_EQ(U32(Superblock(), 44), 0u);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  EXPECT_EQ(U32(Superblock(), 44), 1u);
  ASSERT_EQ(Send("create_snap 3 2"), 0);
  EXPECT_EQ(U32(Superblock(), 44), 2u);
}

TEST_F(ThinMessage, DeleteOfAMissingIdGivesEnodata) { EXPECT_EQ(Send("delete 1"), -ENODATA); }

TEST_F(ThinMessage, DeleteOfAThinInUseGivesEbusy) {
  MakeThin("a", "1");
  EXPECT_EQ(Send("delete 1"), -EBUSY);
  ASSERT_EQ(Remove("a"), 0);
  EXPECT_EQ(Send("delete 1"), 0);
}

TEST_F(ThinMessage, DeleteOfAThinOfAnInactiveTableGivesEbusy) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", kBlock, "thin", ThinLine("1")), 0);
  EXPECT_EQ(Send("delete 1"), -EBUSY);
  ASSERT_EQ(Clear("a"), 0);
  EXPECT_EQ(Send("delete 1"), 0);
}

TEST_F(ThinMessage, DeleteFreesBlocksAndId) {
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
  ASSERT_EQ(Remove("a"), 0);
  EXPECT_EQ(UsedData(), "2/16");
  ASSERT_EQ(Send("delete 1"), 0);
  EXPECT_EQ(UsedData(), "0/16");
  EXPECT_EQ(Send("create_thin 1"), 0);
}

TEST_F(ThinMessage, DeleteOfAnOriginLeavesItsSnapshot) {
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  ASSERT_EQ(Remove("a"), 0);
  ASSERT_EQ(Send("delete 1"), 0);
  UseThin("s", "2");
  EXPECT_EQ(Read("s", 0, 2), "a.");
}

TEST_F(ThinMessage, SetTransactionIdNeedsTheCurrentOne) {
  EXPECT_EQ(Send("set_transaction_id 1 2"), -EINVAL);
  EXPECT_EQ(Send("set_transaction_id 0 2"), 0);
  EXPECT_EQ(Send("set_transaction_id 0 3"), -EINVAL);
  EXPECT_EQ(Word(0), "2");
}

TEST_F(ThinMessage, SetTransactionIdTakesAny64BitsAlsoLess) {
  EXPECT_EQ(Send("set_transaction_id 0 18446744073709551615"), 0);
  EXPECT_EQ(Word(0), "18446744073709551615");
  EXPECT_EQ(Send("set_transaction_id 18446744073709551615 3"), 0);
  EXPECT_EQ(Send("set_transaction_id 3 3"), 0);
  EXPECT_EQ(Word(0), "3");
}

TEST_F(ThinMessage, SetTransactionIdTakesDecimalNumbers) {
  for (const char* id : kNoIds) {
    EXPECT_EQ(Send(absl::StrCat("set_transaction_id 0 ", id)), -EINVAL) << id;
    EXPECT_EQ(Send(absl::StrCat("set_transaction_id ", id, " 1")), -EINVAL) << id;
  }
  EXPECT_EQ(Send("set_transaction_id 00 +7"), 0);
  EXPECT_EQ(Word(0), "7");
}

TEST_F(ThinMessage, ReserveOfASecondMetadataSnapshotGivesEbusy) {
  EXPECT_EQ(Send("reserve_metadata_snap"), 0);
  EXPECT_EQ(Send("reserve_metadata_snap"), -EBUSY);
}

TEST_F(ThinMessage, ReleaseWithoutAMetadataSnapshotGivesEinval) {
  EXPECT_EQ(Send("release_metadata_snap"), -EINVAL);
  ASSERT_EQ(Send("reserve_metadata_snap"), 0);
  EXPECT_EQ(Send("release_metadata_snap"), 0);
  EXPECT_EQ(Send("release_metadata_snap"), -EINVAL);
}

TEST_F(ThinMessage, MetadataSnapshotIsShownUntilItIsReleased) {
  EXPECT_EQ(Word(3), "-");
  ASSERT_EQ(Send("reserve_metadata_snap"), 0);
  const std::string root = Word(3);
  EXPECT_NE(root, "-");
  EXPECT_EQ(absl::StrCat(U64(Superblock(), 56)), root);
  ASSERT_EQ(Send("release_metadata_snap"), 0);
  EXPECT_EQ(Word(3), "-");
}

TEST_F(ThinMessage, MetadataSnapshotOutlivesThePool) {
  ASSERT_EQ(Send("reserve_metadata_snap"), 0);
  const std::string root = Word(3);
  ASSERT_EQ(Remove("pool"), 0);
  MakePool();
  EXPECT_EQ(Word(3), root);
  EXPECT_EQ(Send("release_metadata_snap"), 0);
}

TEST_F(ThinMessage, MetadataSnapshotIsASuperblockThatHoldsNone) {
  ASSERT_EQ(Send("set_transaction_id 0 5"), 0);
  ASSERT_EQ(Send("reserve_metadata_snap"), 0);
  ASSERT_EQ(Send("set_transaction_id 5 6"), 0);
  const uint64_t root = U64(Superblock(), 56);
  const std::string bytes = ReadBytes(meta_disk_.path, root * kMetadataBlock, kMetadataBlock);
  EXPECT_EQ(U64(bytes, 8), root);
  EXPECT_EQ(U64(bytes, 32), 27022010u);
  EXPECT_EQ(U64(bytes, 48), 5u);
  EXPECT_EQ(U64(bytes, 56), 0u);
  // The roots of both space maps.
  EXPECT_EQ(bytes.substr(64, 256), std::string(256, '\0'));
}

TEST_F(ThinMessage, SuspendedPoolTakesThem) {
  ASSERT_EQ(Suspend("pool"), 0);
  EXPECT_EQ(Send("create_thin 1"), 0);
  EXPECT_EQ(Send("create_snap 2 1"), 0);
  EXPECT_EQ(Send("delete 1"), 0);
}

TEST_F(ThinMessage, PoolThatWasNeverResumedGivesEinval) {
  ASSERT_EQ(Remove("pool"), 0);
  ASSERT_EQ(Create("pool"), 0);
  ASSERT_EQ(LoadPool(), 0);
  EXPECT_EQ(Send("create_thin 1"), -EINVAL);
}

TEST_F(ThinMessage, ReadOnlyPoolGivesEopnotsuppWhateverTheyAre) {
  ASSERT_EQ(ReloadPool(16, "1 read_only"), 0);
  for (const char* text : {"create_thin 1", "delete 9", "set_transaction_id 0 1",
                           "reserve_metadata_snap", "trim", "create_thin"}) {
    EXPECT_EQ(Send(text), -EOPNOTSUPP) << text;
  }
}

TEST_F(ThinMessage, FailedPoolGivesEopnotsuppWhateverTheyAre) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  LoseMeta();
  Info("pool");
  EXPECT_EQ(Send("create_thin 2"), -EOPNOTSUPP);
  EXPECT_EQ(Send("trim"), -EOPNOTSUPP);
}

TEST_F(ThinMessage, PoolOutOfDataSpaceTakesThem) {
  ASSERT_EQ(ReloadPool(16, "1 error_if_no_space"), 0);
  MakeThin("a", "1", 32);
  ASSERT_EQ(Write("a", 0, 16 * kBlock, 'a'), 0);
  ASSERT_EQ(Write("a", 16 * kBlock, 1, 'a'), -ENOSPC);
  EXPECT_EQ(Send("create_thin 2"), 0);
  EXPECT_EQ(Send("create_snap 3 1"), 0);
}

TEST_F(ThinMessage, SectorBehindThePoolGivesEinval) {
  EXPECT_EQ(Message("pool", "create_thin 1", 16 * kBlock), -EINVAL);
  EXPECT_EQ(Message("pool", "create_thin 1", 16 * kBlock - 1), 0);
}

TEST_F(ThinMessage, ThinsTakeNone) {
  MakeThin("a", "1");
  EXPECT_EQ(Message("a", "create_thin 2"), -EINVAL);
}

TEST_F(ThinMessage, HaveNoAnswerAndAreNoEvent) {
  DmRequest request(4096);
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, request.Name("pool").Message(0, "create_thin 1")), 0);
  EXPECT_FALSE(request.Has(DM_DATA_OUT_FLAG));
  EXPECT_EQ(request.data_size(), kHeaderSize);
  EXPECT_EQ(Events(), 0u);
}

TEST_F(ThinMessage, AreCommittedWhenTheyReturn) {
  ASSERT_EQ(Send("set_transaction_id 0 77"), 0);
  EXPECT_EQ(U64(Superblock(), 48), 77u);
}

TEST_F(ThinMessage, SucceedThoughTheirCommitFails) {
  FailMetaWrites();
  EXPECT_EQ(Send("create_thin 33"), 0);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
  EXPECT_EQ(Send("create_thin 34"), -EOPNOTSUPP);
}

TEST_F(ThinMessage, ReadThatFailsIsTheirAnswer) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  ASSERT_EQ(Remove("pool"), 0);
  MakePool();
  LoseMeta();
  EXPECT_EQ(Send("create_thin 2"), -EIO);
}

}  // namespace
}  // namespace dmkit::conformance
