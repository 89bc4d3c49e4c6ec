// SPDX-License-Identifier: Apache-2.0
// Status lines of pools and thin devices, to the byte.

#include <cerrno>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "testing/conformance/thin_fixture.h"

namespace dmkit::conformance {
namespace {

class ThinPoolStatus : public ThinTest {};
class ThinStatus : public ThinTest {
 protected:
  void SetUp() override {
    ThinTest::SetUp();
    PutMetaBetween();
    MakePool();
    MakeThin("a", "0016");
  }
};

TEST_F(ThinPoolStatus, OfAFreshPool) {
  MakePool();
  EXPECT_EQ(Info("pool"), "0 111/1024 0/16 - rw discard_passdown queue_if_no_space - 256 ");
}

TEST_F(ThinPoolStatus, BeforeTheFirstResume) {
  ASSERT_EQ(Create("pool"), 0);
  ASSERT_EQ(LoadPool(), 0);
  EXPECT_EQ(Info("pool", DM_QUERY_INACTIVE_TABLE_FLAG),
            "0 110/1024 0/0 - rw discard_passdown queue_if_no_space - 256 ");
}

TEST_F(ThinPoolStatus, TableEndsInASpace) {
  MakePool();
  EXPECT_EQ(TableLine("pool"), absl::StrCat(metadata_, " ", data_, " 128 0 0 "));
}

TEST_F(ThinPoolStatus, MeasurementIsEmpty) {
  MakePool();
  EXPECT_EQ(Info("pool", DM_IMA_MEASUREMENT_FLAG), "");
}

TEST_F(ThinPoolStatus, IgnoredDiscardsComeBeforePassdown) {
  MakePool(16, "2 ignore_discard no_discard_passdown");
  EXPECT_EQ(Mode(), "rw ignore_discard queue_if_no_space -");
}

TEST_F(ThinPoolStatus, PassdownThatWasNotWanted) {
  MakePool(16, "2 no_discard_passdown error_if_no_space");
  EXPECT_EQ(Mode(), "rw no_discard_passdown error_if_no_space -");
}

TEST_F(ThinPoolStatus, PassdownThatTheDataDeviceDoesNotTake) {
  Activate("below", 16 * kBlock, "thin-pool",
           absl::StrCat(Device(kMetadataSize * kMetadataBlock).number, " ", data_,
                        " 128 0 1 ignore_discard"));
  ASSERT_EQ(Message("below", "create_thin 1"), 0);
  Activate("disk", 16 * kBlock, "thin", Number("below") + " 1");
  data_ = Number("disk");
  MakePool();
  EXPECT_EQ(Mode(), "rw no_discard_passdown queue_if_no_space -");
  EXPECT_EQ(TableLine("pool"), PoolLine("0 "));
}

TEST_F(ThinPoolStatus, ReadOnlyIsInTheTableToo) {
  MakePool();
  ASSERT_EQ(ReloadPool(16, "1 read_only"), 0);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space -");
  EXPECT_EQ(TableLine("pool"), PoolLine("1 read_only "));
}

TEST_F(ThinPoolStatus, CountsDataThatIsNotCommitted) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  EXPECT_EQ(UsedData(DM_NOFLUSH_FLAG), "1/16");
  EXPECT_EQ(UsedData(), "1/16");
}

TEST_F(ThinPoolStatus, LowWaterOfMetadataIsAQuarterOfTheDevice) {
  PutMetaBetween(100);
  MakePool();
  EXPECT_EQ(Word(8), "25");
}

TEST_F(ThinPoolStatus, LowWaterOfMetadataIsAtMost1024) {
  metadata_ = Device(8192 * kMetadataBlock).number;
  MakePool();
  EXPECT_EQ(Word(8), "1024");
}

TEST_F(ThinPoolStatus, LowWaterOfMetadataFollowsTheDeviceAtOnce) {
  PutMetaBetween(512);
  MakePool();
  EXPECT_EQ(Word(8), "128");
  ResizeMeta(1024);
  EXPECT_EQ(Word(8), "256");
  EXPECT_TRUE(absl::EndsWith(Word(1), "/512"));
}

TEST_F(ThinPoolStatus, MetadataIsAtMost4161600Blocks) {
  metadata_ = Device(40000000).number;
  MakePool();
  EXPECT_TRUE(absl::EndsWith(Word(1), "/4161600")) << Word(1);
}

TEST_F(ThinPoolStatus, FailedOneSaysErrorOnceAndThenFail) {
  PutMetaBetween();
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  LoseMeta();
  EXPECT_EQ(Info("pool"), "Error");
  EXPECT_EQ(Info("pool"), "Fail");
}

TEST_F(ThinPoolStatus, TableOfAFailedOneIsWhole) {
  PutMetaBetween();
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  LoseMeta();
  ASSERT_EQ(Info("pool"), "Error");
  EXPECT_EQ(TableLine("pool"), PoolLine("0 "));
}

TEST_F(ThinPoolStatus, CommitsUnlessItHasNoflush) {
  PutMetaBetween();
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  FailMetaWrites();
  EXPECT_EQ(Mode(DM_NOFLUSH_FLAG), kReadyMode);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
}

TEST_F(ThinPoolStatus, DoesNotCommitASuspendedPool) {
  PutMetaBetween();
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  ASSERT_EQ(Suspend("pool"), 0);
  FailMetaWrites();
  EXPECT_EQ(Mode(), kReadyMode);
  MendMeta();
  EXPECT_EQ(Resume("pool"), 0);
}

TEST_F(ThinPoolStatus, TableDoesNotCommit) {
  PutMetaBetween();
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  FailMetaWrites();
  TableLine("pool");
  EXPECT_EQ(Mode(DM_NOFLUSH_FLAG), kReadyMode);
}

TEST_F(ThinStatus, OfANewThin) { EXPECT_EQ(Info("a"), "0 -"); }

TEST_F(ThinStatus, CountsSectorsAndNamesTheLast) {
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  EXPECT_EQ(Info("a"), "128 127");
  ASSERT_EQ(Write("a", 10 * kBlock, 1, 'a'), 0);
  EXPECT_EQ(Info("a"), "256 1407");
  ASSERT_EQ(Write("a", 3 * kBlock, 1, 'a'), 0);
  EXPECT_EQ(Info("a"), "384 1407");
}

TEST_F(ThinStatus, CountsWhatIsBehindItsEnd) {
  ASSERT_EQ(Write("a", 10 * kBlock, 1, 'a'), 0);
  ASSERT_EQ(Load("a", kBlock, "thin", ThinLine("16")), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Info("a"), "128 1407");
}

TEST_F(ThinStatus, TableIsPoolAndId) { EXPECT_EQ(TableLine("a"), Number("pool") + " 16"); }

TEST_F(ThinStatus, TableHasTheExternalOrigin) {
  const ScratchDevice origin = Device(kBlock);
  ASSERT_EQ(Load("a", kBlock, "thin", ThinLine("16 ") + origin.path), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(TableLine("a"), absl::StrCat(Number("pool"), " 16 ", origin.number));
}

TEST_F(ThinStatus, MeasurementIsEmpty) { EXPECT_EQ(Info("a", DM_IMA_MEASUREMENT_FLAG), ""); }

TEST_F(ThinStatus, OfAFailedPoolIsFailTheTableToo) {
  LoseMeta();
  ASSERT_EQ(Info("pool"), "Error");
  EXPECT_EQ(Info("a"), "Fail");
  EXPECT_EQ(TableLine("a"), "Fail");
}

TEST_F(ThinStatus, OfASuspendedPoolIsAsBefore) {
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  ASSERT_EQ(Suspend("pool"), 0);
  EXPECT_EQ(Info("a"), "128 127");
  EXPECT_EQ(Resume("pool"), 0);
}

}  // namespace
}  // namespace dmkit::conformance
