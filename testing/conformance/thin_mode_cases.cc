// SPDX-License-Identifier: Apache-2.0
// Modes of a pool: no room for data, none for metadata, metadata that cannot be written; and the
// events of all that.

#include <cerrno>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "testing/conformance/thin_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr char kNeedsCheck[] = "ro discard_passdown queue_if_no_space needs_check";
constexpr char kFullAndFails[] = "out_of_data_space discard_passdown error_if_no_space -";
constexpr char kFullAndWaits[] = "out_of_data_space discard_passdown queue_if_no_space -";
constexpr char kErrorIfNoSpace[] = "1 error_if_no_space";

class ThinOutOfSpace : public ThinTest {
 protected:
  // A pool of four blocks that are all taken, by ids 1 and 2 with two each.
  void FillPool(absl::string_view more = "") {
    MakePool(4, more);
    MakeThin("a", "1");
    MakeThin("b", "2");
    ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
    ASSERT_EQ(Write("b", 0, 2 * kBlock, 'b'), 0);
    ASSERT_EQ(Flush("b"), 0);
  }
  int WriteMore() { return Write("a", 4 * kBlock, 1, 'x'); }
  void OverfillPool() {
    FillPool(kErrorIfNoSpace);
    ASSERT_EQ(WriteMore(), -ENOSPC);
  }
  int LoadWithLowWater(uint64_t blocks, int mark) {
    return Load("pool", blocks * kBlock, "thin-pool",
                absl::StrCat(metadata_, " ", data_, " 128 ", mark, " ", kErrorIfNoSpace));
  }
};

class ThinBrokenMetadata : public ThinTest {
 protected:
  void SetUp() override {
    ThinTest::SetUp();
    PutMetaBetween();
    MakePool();
    MakeThin("a", "1");
    ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
    ASSERT_EQ(Flush("a"), 0);
  }
  void BreakCommit() {
    FailMetaWrites();
    ASSERT_EQ(Send("create_thin 9"), 0);
  }
  void Fail() {
    LoseMeta();
    ASSERT_EQ(Info("pool"), "Error");
  }
};

TEST_F(ThinOutOfSpace, WriteFailsAtOnceWithErrorIfNoSpace) {
  FillPool(kErrorIfNoSpace);
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
  EXPECT_EQ(WriteMore(), -ENOSPC);
  EXPECT_EQ(Mode(), kFullAndFails);
}

TEST_F(ThinOutOfSpace, WriteWaitsForTheTimeoutAndThenFails) {
  FillPool();
  SetNoSpaceTimeout(1);
  EXPECT_EQ(WriteMore(), -ENOSPC);
  EXPECT_EQ(Mode(), kFullAndFails);
  // The table keeps what it was given.
  EXPECT_EQ(TableLine("pool"), PoolLine("0 "));
  // From now on nothing waits.
  EXPECT_EQ(WriteMore(), -ENOSPC);
}

TEST_F(ThinOutOfSpace, WriteThatWaitsGoesOnInAPoolThatGrows) {
  FillPool();
  int result = 1;
  machine().Beside([&] { result = WriteMore(); },
                   [&] {
                     EXPECT_EQ(Mode(), kFullAndWaits);
                     EXPECT_EQ(ReloadPool(8), 0);
                   });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(Mode(), kReadyMode);
  EXPECT_EQ(UsedData(), "5/8");
}

TEST_F(ThinOutOfSpace, WriteThatWaitsGoesOnWhenAThinIsDeleted) {
  FillPool();
  ASSERT_EQ(Remove("b"), 0);
  int result = 1;
  machine().Beside([&] { result = WriteMore(); }, [&] { EXPECT_EQ(Send("delete 2"), 0); });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(Mode(), kReadyMode);
}

TEST_F(ThinOutOfSpace, WriteThatWaitsFailsWhenThePoolBecomesOneThatErrors) {
  FillPool();
  int result = 1;
  machine().Beside([&] { result = WriteMore(); },
                   [&] { EXPECT_EQ(ReloadPool(4, kErrorIfNoSpace), 0); });
  EXPECT_EQ(result, -ENOSPC);
}

TEST_F(ThinOutOfSpace, MappedBlocksAreServed) {
  OverfillPool();
  EXPECT_EQ(Write("a", 1, 1, 'y'), 0);
  EXPECT_EQ(Read("a", 0, 3), "aya");
  EXPECT_EQ(Flush("a"), 0);
}

TEST_F(ThinOutOfSpace, UnmappedBlocksAreReadAsZeros) {
  OverfillPool();
  EXPECT_EQ(Read("a", 4 * kBlock, 2), "..");
}

TEST_F(ThinOutOfSpace, SharedBlockNeedsRoom) {
  OverfillPool();
  ASSERT_EQ(Send("create_snap 3 1"), 0);
  EXPECT_EQ(Write("a", 1, 1, 'z'), -ENOSPC);
  EXPECT_EQ(Read("a", 0, 3), "aaa");
}

TEST_F(ThinOutOfSpace, FlushOfAThinWithoutBlocksFails) {
  OverfillPool();
  MakeThin("c", "3");
  EXPECT_EQ(Flush("c"), -ENOSPC);
}

TEST_F(ThinOutOfSpace, DeletedThinMakesRoom) {
  OverfillPool();
  ASSERT_EQ(Remove("b"), 0);
  ASSERT_EQ(Send("delete 2"), 0);
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
  EXPECT_EQ(WriteMore(), 0);
}

TEST_F(ThinOutOfSpace, DiscardMakesRoomWithTheNextCommits) {
  OverfillPool();
  ASSERT_EQ(Discard("b", 0, kBlock), 0);
  ASSERT_EQ(Send("set_transaction_id 0 1"), 0);
  ASSERT_EQ(Send("set_transaction_id 1 2"), 0);
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
  EXPECT_EQ(WriteMore(), 0);
}

TEST_F(ThinOutOfSpace, LowWaterIsAnEventOnce) {
  ASSERT_EQ(Create("pool"), 0);
  ASSERT_EQ(LoadWithLowWater(4, 2), 0);
  ASSERT_EQ(Resume("pool"), 0);
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
  EXPECT_EQ(Events(), 0u);
  // Two are free when the third is asked for.
  ASSERT_EQ(Write("a", 2 * kBlock, kBlock, 'a'), 0);
  EXPECT_EQ(Events(), 1u);
  ASSERT_EQ(Write("a", 3 * kBlock, kBlock, 'a'), 0);
  EXPECT_EQ(Events(), 1u);
}

TEST_F(ThinOutOfSpace, LowWaterIsAnEventAgainAfterAResume) {
  ASSERT_EQ(Create("pool"), 0);
  ASSERT_EQ(LoadWithLowWater(4, 4), 0);
  ASSERT_EQ(Resume("pool"), 0);
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  ASSERT_EQ(Write("a", kBlock, 1, 'a'), 0);
  EXPECT_EQ(Events(), 1u);
  ASSERT_EQ(Suspend("pool"), 0);
  ASSERT_EQ(Resume("pool"), 0);
  ASSERT_EQ(Write("a", 2 * kBlock, 1, 'a'), 0);
  EXPECT_EQ(Events(), 2u);
}

TEST_F(ThinOutOfSpace, LowWaterOfZeroIsAnEventOfTheFullPool) {
  FillPool(kErrorIfNoSpace);
  EXPECT_EQ(Events(), 0u);
  EXPECT_EQ(WriteMore(), -ENOSPC);
  // The mark, and the mode.
  EXPECT_EQ(Events(), 2u);
  EXPECT_EQ(WriteMore(), -ENOSPC);
  EXPECT_EQ(Events(), 2u);
}

TEST_F(ThinOutOfSpace, TimeoutIsAnEvent) {
  FillPool();
  SetNoSpaceTimeout(1);
  EXPECT_EQ(WriteMore(), -ENOSPC);
  EXPECT_EQ(Events(), 3u);
}

TEST_F(ThinOutOfSpace, GrowthEndsItWithAnEvent) {
  OverfillPool();
  const uint32_t events = Events();
  ASSERT_EQ(ReloadPool(8, kErrorIfNoSpace), 0);
  EXPECT_EQ(Events(), events + 1);
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
}

TEST_F(ThinOutOfSpace, SameTableStaysInItOverAResume) {
  OverfillPool();
  const uint32_t events = Events();
  ASSERT_EQ(Suspend("pool"), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Mode(), kFullAndFails);
  EXPECT_EQ(Events(), events);
}

TEST_F(ThinOutOfSpace, ReloadedTableTriesToWriteFirst) {
  OverfillPool();
  const uint32_t events = Events();
  ASSERT_EQ(ReloadPool(4, kErrorIfNoSpace), 0);
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
  EXPECT_EQ(Events(), events + 1);
  EXPECT_EQ(WriteMore(), -ENOSPC);
  EXPECT_EQ(Events(), events + 3);
}

TEST_F(ThinBrokenMetadata, FailedCommitMakesThePoolReadOnlyWithAnEvent) {
  BreakCommit();
  EXPECT_EQ(Mode(), kNeedsCheck);
  EXPECT_EQ(Events(), 1u);
}

TEST_F(ThinBrokenMetadata, FailedCommitTakesBackWhatWasNotCommitted) {
  BreakCommit();
  EXPECT_EQ(Read("a", 0, 1), "a");
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Load("b", kBlock, "thin", ThinLine("9")), -ENODATA);
}

TEST_F(ThinBrokenMetadata, ReadOnlyPoolServesWhatIsMapped) {
  BreakCommit();
  EXPECT_EQ(Write("a", 1, 1, 'c'), 0);
  EXPECT_EQ(Read("a", 0, 3), "aca");
  EXPECT_EQ(Read("a", kBlock, 1), ".");
}

TEST_F(ThinBrokenMetadata, ReadOnlyPoolFailsWritesThatNeedABlock) {
  BreakCommit();
  EXPECT_EQ(Write("a", kBlock, 1, 'c'), -EIO);
}

TEST_F(ThinBrokenMetadata, ReadOnlyPoolTakesDiscardsAndDoesNothing) {
  BreakCommit();
  EXPECT_EQ(Discard("a", 0, kBlock), 0);
  EXPECT_EQ(Read("a", 0, 1), "a");
}

TEST_F(ThinBrokenMetadata, NeedsCheckStaysWhenTheMetadataIsWell) {
  BreakCommit();
  MendMeta();
  EXPECT_EQ(ReloadPool(16), 0);
  EXPECT_EQ(Mode(), kNeedsCheck);
  EXPECT_EQ(Send("create_thin 2"), -EOPNOTSUPP);
}

TEST_F(ThinBrokenMetadata, NeedsCheckRefusesGrowthWithoutAWord) {
  BreakCommit();
  MendMeta();
  EXPECT_EQ(ReloadPool(32), 0);
  EXPECT_EQ(UsedData(), "1/16");
}

TEST_F(ThinBrokenMetadata, LostOneFailsThePool) {
  LoseMeta();
  EXPECT_EQ(Send("create_thin 9"), 0);
  EXPECT_EQ(Info("pool"), "Fail");
}

TEST_F(ThinBrokenMetadata, FailedPoolRefusesAllIo) {
  Fail();
  EXPECT_EQ(Read("a", 0, 1), "EIO");
  EXPECT_EQ(Read("a", kBlock, 1), "EIO");
  EXPECT_EQ(Write("a", 0, 1, 'x'), -EIO);
  EXPECT_EQ(Flush("a"), -EIO);
  EXPECT_EQ(Discard("a", 0, kBlock), -EIO);
}

TEST_F(ThinBrokenMetadata, FailedPoolTakesNoTable) {
  Fail();
  MendMeta();
  EXPECT_EQ(LoadPool(16), -EINVAL);
  EXPECT_EQ(Info("pool"), "Fail");
}

TEST_F(ThinBrokenMetadata, FailedPoolIsWellWhenItIsMadeAnew) {
  Fail();
  ASSERT_EQ(Remove("a"), 0);
  ASSERT_EQ(Remove("pool"), 0);
  MendMeta();
  MakePool();
  UseThin("a", "1");
  EXPECT_EQ(Mode(), kReadyMode);
  EXPECT_EQ(Read("a", 0, 1), "a");
}

TEST_F(ThinBrokenMetadata, DataThatCannotBeFlushedFailsACommit) {
  ASSERT_EQ(Remove("a"), 0);
  ASSERT_EQ(Remove("pool"), 0);
  Activate("data", 16 * kBlock, "linear", data_disk_.number + " 0");
  data_ = Number("data");
  MakePool();
  FailWritesOf("data", data_disk_, 16 * kBlock);
  EXPECT_EQ(Send("create_thin 2"), 0);
  EXPECT_EQ(Mode(), kNeedsCheck);
}

class ThinSmallMetadata : public ThinTest {
 protected:
  // Makes thin devices until there is no room for more.
  void FillMetadata() {
    PutMetaBetween(128);
    MakePool();
    int made = 0;
    while (made < 3000 && Send(absl::StrCat("create_thin ", made)) == 0) ++made;
    ASSERT_LT(made, 3000);
  }
};

TEST_F(ThinSmallMetadata, WithoutRoomThePoolIsReadOnly) {
  FillMetadata();
  EXPECT_EQ(Word(4), "ro");
  EXPECT_EQ(Word(7), "-");
}

TEST_F(ThinSmallMetadata, WithoutRoomMessagesGiveEopnotsupp) {
  FillMetadata();
  EXPECT_EQ(Send("create_thin 5000"), -EOPNOTSUPP);
  EXPECT_EQ(Send("delete 0"), -EOPNOTSUPP);
  EXPECT_EQ(Send("trim"), -EOPNOTSUPP);
}

TEST_F(ThinSmallMetadata, GrownMetadataMakesThePoolWritable) {
  FillMetadata();
  const uint32_t events = Events();
  ResizeMeta(256);
  ASSERT_EQ(Suspend("pool"), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Mode(), kReadyMode);
  EXPECT_GT(Events(), events);
  EXPECT_EQ(Send("create_thin 5000"), 0);
}

TEST_F(ThinSmallMetadata, LittleRoomIsAnEvent) {
  PutMetaBetween(64);
  MakePool();
  const uint32_t events = Events();
  int made = 0;
  while (made < 3000 && Events() == events) {
    ASSERT_EQ(Send(absl::StrCat("create_thin ", made++)), 0);
  }
  EXPECT_EQ(Mode(), kReadyMode);
  EXPECT_GT(Events(), events);
}

}  // namespace
}  // namespace dmkit::conformance
