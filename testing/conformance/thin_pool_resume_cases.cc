// SPDX-License-Identifier: Apache-2.0
// Suspend and resume of pools: growth, refused shrinking, and what becomes of the thin devices.

#include <cerrno>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "testing/conformance/thin_fixture.h"

namespace dmkit::conformance {
namespace {

class ThinPoolResume : public ThinTest {
 protected:
  bool IsSuspended(absl::string_view name) { return (FlagsOf(name) & DM_SUSPEND_FLAG) != 0; }
};

TEST_F(ThinPoolResume, DataIsCountedFromTheFirstOneOn) {
  ASSERT_EQ(Create("pool"), 0);
  ASSERT_EQ(LoadPool(16), 0);
  EXPECT_EQ(UsedData(DM_QUERY_INACTIVE_TABLE_FLAG), "0/0");
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(UsedData(), "0/16");
}

TEST_F(ThinPoolResume, LongerTableGrowsThePool) {
  MakePool(16);
  ASSERT_EQ(LoadPool(512), 0);
  EXPECT_EQ(UsedData(), "0/16");
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(UsedData(), "0/512");
}

TEST_F(ThinPoolResume, LengthIsCutToWholeBlocks) {
  Activate("pool", 16 * kBlock + 127, "thin-pool", PoolLine());
  EXPECT_EQ(UsedData(), "0/16");
}

TEST_F(ThinPoolResume, ShrinkingGivesEinvalAndLeavesItSuspended) {
  MakePool(16);
  EXPECT_EQ(ReloadPool(15), -EINVAL);
  EXPECT_TRUE(IsSuspended("pool"));
  EXPECT_EQ(Resume("pool"), -EINVAL);
}

TEST_F(ThinPoolResume, SectorLessIsABlockLess) {
  MakePool(16);
  ASSERT_EQ(Load("pool", 16 * kBlock - 1, "thin-pool", PoolLine()), 0);
  EXPECT_EQ(Resume("pool"), -EINVAL);
}

TEST_F(ThinPoolResume, FailedOneLeavesTheNewTableLive) {
  MakePool(16);
  ASSERT_EQ(ReloadPool(15), -EINVAL);
  EXPECT_EQ(Table("pool"), Lines{absl::StrCat("0 1920 thin-pool ", PoolLine("0 "))});
  EXPECT_EQ(FlagsOf("pool") & DM_INACTIVE_PRESENT_FLAG, 0u);
}

TEST_F(ThinPoolResume, TableOfTheRightSizeMendsAFailedOne) {
  MakePool(16);
  MakeThin("a", "1");
  ASSERT_EQ(ReloadPool(15), -EINVAL);
  EXPECT_EQ(ReloadPool(16), 0);
  EXPECT_FALSE(IsInternallySuspended("a"));
  EXPECT_EQ(Write("a", 0, 1, 'a'), 0);
}

TEST_F(ThinPoolResume, FailedOneLeavesThinsInternallySuspended) {
  MakePool(16);
  MakeThin("a", "1");
  ASSERT_EQ(ReloadPool(15), -EINVAL);
  EXPECT_TRUE(IsInternallySuspended("a"));
  EXPECT_FALSE(IsSuspended("a"));
}

TEST_F(ThinPoolResume, GrownMetadataIsTakenByASuspendAndAResume) {
  PutMetaBetween(512);
  MakePool();
  ResizeMeta(1024);
  EXPECT_TRUE(absl::EndsWith(Word(1), "/512"));
  ASSERT_EQ(Suspend("pool"), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_TRUE(absl::EndsWith(Word(1), "/1024"));
}

TEST_F(ThinPoolResume, GrownMetadataIsFoundByALaterPool) {
  PutMetaBetween(512);
  MakePool();
  ASSERT_EQ(Remove("pool"), 0);
  ResizeMeta(1024);
  MakePool();
  EXPECT_TRUE(absl::EndsWith(Word(1), "/1024"));
}

TEST_F(ThinPoolResume, ShrunkMetadataGivesEinval) {
  PutMetaBetween(1024);
  MakePool();
  ASSERT_EQ(Suspend("pool"), 0);
  ResizeMeta(1023);
  EXPECT_EQ(Resume("pool"), -EINVAL);
  ResizeMeta(1024);
  EXPECT_EQ(Resume("pool"), 0);
}

TEST_F(ThinPoolResume, ReadOnlyTableIsTakenWithAnEvent) {
  MakePool();
  EXPECT_EQ(Events(), 0u);
  ASSERT_EQ(ReloadPool(16, "1 read_only"), 0);
  EXPECT_EQ(Events(), 1u);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space -");
  ASSERT_EQ(ReloadPool(16), 0);
  EXPECT_EQ(Events(), 2u);
  EXPECT_EQ(Mode(), kReadyMode);
}

TEST_F(ThinPoolResume, DiscardPassdownMayChange) {
  MakePool();
  ASSERT_EQ(ReloadPool(16, "1 no_discard_passdown"), 0);
  EXPECT_EQ(Mode(), "rw no_discard_passdown queue_if_no_space -");
  ASSERT_EQ(ReloadPool(16), 0);
  EXPECT_EQ(Mode(), kReadyMode);
  EXPECT_EQ(Events(), 0u);
}

TEST_F(ThinPoolResume, ErrorIfNoSpaceMayChange) {
  MakePool();
  ASSERT_EQ(ReloadPool(16, "1 error_if_no_space"), 0);
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
}

TEST_F(ThinPoolResume, GrowthWithAReadOnlyTableIsAddedTwice) {
  MakePool(32);
  ASSERT_EQ(ReloadPool(64, "1 read_only"), 0);
  EXPECT_EQ(UsedData(), "0/32");
  ASSERT_EQ(ReloadPool(64), 0);
  EXPECT_EQ(UsedData(), "0/96");
  ASSERT_EQ(Suspend("pool"), 0);
  EXPECT_EQ(Resume("pool"), -EINVAL);
}

TEST_F(ThinPoolResume, SuspendOfAPoolSuspendsItsThins) {
  MakePool();
  MakeThin("a", "1");
  MakeThin("b", "2");
  ASSERT_EQ(Suspend("pool"), 0);
  EXPECT_TRUE(IsInternallySuspended("a"));
  EXPECT_TRUE(IsInternallySuspended("b"));
  EXPECT_FALSE(IsSuspended("a"));
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_FALSE(IsInternallySuspended("a"));
  EXPECT_FALSE(IsInternallySuspended("b"));
}

TEST_F(ThinPoolResume, SuspendOfAnInternallySuspendedThinBlocks) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Suspend("pool"), 0);
  int result = 0;
  machine().Beside([&] { result = Suspend("a"); }, [&] { machine().Interrupt(); });
  EXPECT_EQ(result, -EINTR);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Suspend("a"), 0);
}

TEST_F(ThinPoolResume, ThinSuspendedByHandStaysSuspended) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Suspend("a"), 0);
  ASSERT_EQ(Suspend("pool"), 0);
  EXPECT_TRUE(IsInternallySuspended("a"));
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_FALSE(IsInternallySuspended("a"));
  EXPECT_TRUE(IsSuspended("a"));
  EXPECT_EQ(Resume("a"), 0);
}

TEST_F(ThinPoolResume, ThinWaitsForAPoolThatIsSuspended) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Suspend("pool"), 0);
  int result = 1;
  machine().Beside([&] { result = Write("a", 0, 1, 'a'); },
                   [&] {
                     EXPECT_EQ(result, 1);
                     EXPECT_EQ(Resume("pool"), 0);
                   });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(Read("a", 0, 2), "a.");
}

TEST_F(ThinPoolResume, ErrorTableSuspendsThinsUntilAPoolIsBack) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  ASSERT_EQ(Load("pool", 16 * kBlock, "error", ""), 0);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_TRUE(IsInternallySuspended("a"));
  EXPECT_EQ(Info("a"), "128 127");
  ASSERT_EQ(ReloadPool(16), 0);
  EXPECT_FALSE(IsInternallySuspended("a"));
  EXPECT_EQ(Read("a", 0, 2), "a.");
}

TEST_F(ThinPoolResume, RemoveOfAPoolWithThinsGivesEbusy) {
  MakePool();
  MakeThin("a", "1");
  EXPECT_EQ(Remove("pool"), -EBUSY);
  ASSERT_EQ(Remove("a"), 0);
  EXPECT_EQ(Remove("pool"), 0);
}

TEST_F(ThinPoolResume, LowWaterMarkComesWithTheTable) {
  MakePool();
  ASSERT_EQ(Load("pool", 16 * kBlock, "thin-pool", absl::StrCat(metadata_, " ", data_, " 128 5")),
            0);
  EXPECT_EQ(TableLine("pool"), PoolLine("0 "));
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(TableLine("pool"), absl::StrCat(metadata_, " ", data_, " 128 5 0 "));
}

TEST_F(ThinPoolResume, SuspendCommits) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  ASSERT_EQ(Suspend("pool"), 0);
  EXPECT_EQ(U64(Superblock(), 72), 1u);  // blocks of data in use
  EXPECT_EQ(Resume("pool"), 0);
}

TEST_F(ThinPoolResume, RemoveCommits) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(Remove("a"), 0);
  ASSERT_EQ(Remove("pool"), 0);
  MakePool();
  UseThin("a", "1");
  EXPECT_EQ(Info("a"), "128 127");
  EXPECT_EQ(Read("a", 127, 2), "a.");
}

TEST_F(ThinPoolResume, UnchangedPoolWritesNothing) {
  MakePool();
  ASSERT_EQ(Remove("pool"), 0);
  const std::string before = Superblock();
  PutMetaBetween();
  FailMetaWrites();
  MakePool();
  EXPECT_EQ(Mode(), kReadyMode);
  ASSERT_EQ(Remove("pool"), 0);
  EXPECT_EQ(Superblock(), before);
}

TEST_F(ThinPoolResume, OfAFailedPoolIsSuccess) {
  PutMetaBetween();
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  LoseMeta();
  EXPECT_EQ(Info("pool"), "Error");
  ASSERT_EQ(Suspend("pool"), 0);
  EXPECT_EQ(Resume("pool"), 0);
  MendMeta();
  ASSERT_EQ(Suspend("pool"), 0);
  EXPECT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Info("pool"), "Fail");
}

}  // namespace
}  // namespace dmkit::conformance
