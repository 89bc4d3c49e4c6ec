// SPDX-License-Identifier: Apache-2.0
// Modes of a pool: no room for data, none for metadata, metadata that cannot be written; and the
// events of all that.

#include <cerrno>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

class PoolModeTest : public ThinTest {
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
  absl::Time Now() {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    return machine_.core.scheduler.Now();
  }
};

TEST_P(PoolModeTest, FullPoolLetsAWriteWaitAMinuteAndThenFail) {
  FillPool();
  const absl::Time start = Now();
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  EXPECT_GE(Now() - start, absl::Seconds(60));
  EXPECT_LT(Now() - start, absl::Seconds(61));
  EXPECT_EQ(Mode(), "out_of_data_space discard_passdown error_if_no_space -");
  EXPECT_EQ(Line("pool"), "8:32 8:48 128 0 0 ");
  // From now on nothing waits.
  EXPECT_EQ(Write("b", 4 * kBlock, 1, 'x'), -ENOSPC);
  EXPECT_LT(Now() - start, absl::Seconds(61));
}

TEST_P(PoolModeTest, ACommitThatIsDueOnSuspendedMetadataEndsThePool) {
  machine_.Activate("metadata", 8192, "linear", "8:32 0");
  machine_.Activate("pool", 4 * kBlock, "thin-pool",
                    absl::StrCat(machine_.Number("metadata"), " 8:48 128 0"));
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(machine_.Suspend("metadata"), 0);
  Advance(absl::Seconds(2));
  EXPECT_EQ(Info("pool"), "Fail");
  const Scheduler::Call call(machine_.core.scheduler, 1);
  EXPECT_FALSE(machine_.core.scheduler.Hangs().empty());
}

TEST_P(PoolModeTest, TimeoutIsAParameter) {
  pools_->SetNoSpaceTimeout(absl::Seconds(5));
  FillPool();
  const absl::Time start = Now();
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  EXPECT_LT(Now() - start, absl::Seconds(6));
}

TEST_P(PoolModeTest, WithoutATimeoutAWriteWaitsForEver) {
  pools_->SetNoSpaceTimeout(absl::ZeroDuration());
  FillPool();
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), -EDEADLK);
  ASSERT_EQ(machine_.core.scheduler.Hangs().size(), 1u);
  EXPECT_TRUE(absl::StrContains(machine_.core.scheduler.Hangs()[0], "no space in its pool"));
  EXPECT_EQ(Mode(), "out_of_data_space discard_passdown queue_if_no_space -");
}

TEST_P(PoolModeTest, ErrorIfNoSpaceFailsAtOnce) {
  FillPool("1 error_if_no_space");
  const absl::Time start = Now();
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  EXPECT_LT(Now() - start, absl::Seconds(1));
}

TEST_P(PoolModeTest, FullPoolServesWhatIsThere) {
  FillPool("1 error_if_no_space");
  ASSERT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  EXPECT_EQ(Write("a", 1, 1, 'y'), 0);
  EXPECT_EQ(Read("a", 0, 3), "aya");
  EXPECT_EQ(Read("a", 4 * kBlock, 2), "..");
  EXPECT_EQ(Flush("a"), 0);
  EXPECT_EQ(Send("create_snap 3 1"), 0);
  // Shared now: a write needs room.
  EXPECT_EQ(Write("a", 1, 1, 'z'), -ENOSPC);
  EXPECT_EQ(Read("a", 0, 3), "aya");
}

TEST_P(PoolModeTest, FlushOfAFullPoolNeedsAMappedFirstBlock) {
  FillPool("1 error_if_no_space");
  ASSERT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  MakeThin("c", "3");
  EXPECT_EQ(Flush("c"), -ENOSPC);
  EXPECT_EQ(Flush("a"), 0);
}

TEST_P(PoolModeTest, DeletedThinMakesRoom) {
  FillPool("1 error_if_no_space");
  ASSERT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  ASSERT_EQ(machine_.Remove("b"), 0);
  ASSERT_EQ(Send("delete 2"), 0);
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), 0);
}

TEST_P(PoolModeTest, DiscardMakesRoomWithTheNextCommit) {
  FillPool("1 error_if_no_space");
  ASSERT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  ASSERT_EQ(Discard("b", 0, kBlock), 0);
  EXPECT_EQ(Mode(), "out_of_data_space discard_passdown error_if_no_space -");
  Advance(absl::Seconds(2));
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), 0);
}

TEST_P(PoolModeTest, DiscardThatComesWithACommitMakesRoomOnlyWithAnotherOne) {
  FillPool("1 error_if_no_space");
  ASSERT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  Advance(absl::Seconds(2));
  ASSERT_EQ(Discard("b", 0, kBlock), 0);
  EXPECT_TRUE(absl::StrContains(Info("pool", kNoFlushFlag), " 3/4 - out_of_data_space "));
  Advance(absl::Seconds(3));
  EXPECT_TRUE(absl::StrContains(Info("pool", kNoFlushFlag), " 3/4 - out_of_data_space "));
  ASSERT_EQ(Send("set_transaction_id 0 1"), 0);
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
}

TEST_P(PoolModeTest, BlockFreedInThisTransactionIsNotGivenBeforeACommit) {
  FillPool();
  ASSERT_EQ(Discard("b", 0, kBlock), 0);
  const absl::Time start = Now();
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), 0);
  // It has waited for the commit that comes each second.
  EXPECT_GT(Now() - start, absl::Milliseconds(900));
  EXPECT_EQ(Mode(), "rw discard_passdown queue_if_no_space -");
}

TEST_P(PoolModeTest, EventsOfAPoolThatFillsUpAndGrows) {
  machine_.Activate("pool", 4 * kBlock, "thin-pool", "8:32 8:48 128 2");
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(Write("a", 1 * kBlock, kBlock, 'a'), 0);
  EXPECT_EQ(Events(), 0u);
  // Two are free: the mark. It is said once.
  ASSERT_EQ(Write("a", 2 * kBlock, kBlock, 'a'), 0);
  EXPECT_EQ(Events(), 1u);
  ASSERT_EQ(Write("a", 3 * kBlock, kBlock, 'a'), 0);
  EXPECT_EQ(Events(), 1u);
  // Out of space, and the timeout.
  ASSERT_EQ(Write("a", 4 * kBlock, kBlock, 'a'), -ENOSPC);
  EXPECT_EQ(Events(), 3u);
  ASSERT_EQ(machine_.Load("pool", 8 * kBlock, "thin-pool", "8:32 8:48 128 5"), 0);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_EQ(Events(), 4u);
  EXPECT_EQ(Mode(), "rw discard_passdown queue_if_no_space -");
  ASSERT_EQ(Write("a", 4 * kBlock, kBlock, 'a'), 0);
  EXPECT_EQ(Events(), 5u);
}

TEST_P(PoolModeTest, LowWaterOfZeroIsSaidWhenThePoolIsFull) {
  FillPool("1 error_if_no_space");
  EXPECT_EQ(Events(), 0u);
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  EXPECT_EQ(Events(), 2u);
}

TEST_P(PoolModeTest, ResumeOfTheSameTableStaysOutOfSpaceAndWaitsAgain) {
  FillPool();
  ASSERT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  const uint32_t events = Events();
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_EQ(Mode(), "out_of_data_space discard_passdown queue_if_no_space -");
  EXPECT_EQ(Events(), events);
  const absl::Time start = Now();
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  EXPECT_GT(Now() - start, absl::Seconds(59));
}

TEST_P(PoolModeTest, ResumeOfAReloadedTableTriesToWriteFirst) {
  FillPool("1 error_if_no_space");
  ASSERT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  const uint32_t events = Events();
  ASSERT_EQ(ReloadPool(4, "1 error_if_no_space"), 0);
  EXPECT_EQ(Mode(), "rw discard_passdown error_if_no_space -");
  EXPECT_EQ(Events(), events + 1);
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  EXPECT_EQ(Events(), events + 3);
}

TEST_P(PoolModeTest, SuspendStopsTheTimer) {
  FillPool("1 error_if_no_space");
  ASSERT_EQ(ReloadPool(4), 0);
  pools_->SetNoSpaceTimeout(absl::Hours(1));
  EXPECT_EQ(Write("a", 4 * kBlock, 1, 'x'), -ENOSPC);
  const uint32_t events = Events();
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  Advance(absl::Hours(2));
  EXPECT_EQ(Events(), events);
}

TEST_P(PoolModeTest, FailedCommitTakesThePoolBackAndMakesItReadOnly) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(Flush("a"), 0);
  ASSERT_EQ(Write("a", kBlock, kBlock, 'b'), 0);
  FailMetadata(true);
  EXPECT_EQ(Flush("a"), -EIO);
  EXPECT_EQ(Events(), 1u);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
  // What was committed is there; what was not, is not.
  EXPECT_EQ(Read("a", 0, 1), "a");
  EXPECT_EQ(Read("a", kBlock, 1), ".");
  EXPECT_EQ(Write("a", 1, 1, 'c'), 0);
  EXPECT_EQ(Write("a", kBlock, 1, 'c'), -EIO);
  EXPECT_EQ(Discard("a", 0, kBlock), 0);
  EXPECT_EQ(Read("a", 0, 2), "ac");
  // As in the kernel, which forgot that the device had changed before the commit failed.
  EXPECT_EQ(Flush("a"), 0);
}

TEST_P(PoolModeTest, NeedsCheckIsStillThereWhenThePoolIsOpenedAgain) {
  MakePool();
  int writes = 0;
  metadata_->SetFault(
      [&writes](const Io& io) { return io.kind == IoKind::kWrite && ++writes == 1 ? -EIO : 0; });
  ASSERT_EQ(Send("create_thin 1"), 0);
  ASSERT_EQ(machine_.Remove("pool"), 0);
  MakePool();
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
  EXPECT_EQ(Events(), 1u);
  // No table brings it back, and it does not grow.
  ASSERT_EQ(ReloadPool(32), 0);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
  EXPECT_TRUE(absl::StrContains(Info("pool"), " 0/16 - ro "));
}

TEST_P(PoolModeTest, PoolWhoseMetadataIsGoneFailsForGood) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  metadata_->SetFault([](const Io&) { return -EIO; });
  EXPECT_EQ(Flush("a"), -EIO);
  EXPECT_EQ(Info("pool"), "Fail");
  EXPECT_EQ(Read("a", 0, 1), "error -5");
  EXPECT_EQ(Write("a", 0, 1, 'x'), -EIO);
  EXPECT_EQ(Flush("a"), -EIO);
  EXPECT_EQ(Discard("a", 0, kBlock), -EIO);
  EXPECT_EQ(Send("create_thin 2"), -EOPNOTSUPP);
  metadata_->SetFault(nullptr);
  // Its resume says nothing of that.
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  EXPECT_EQ(machine_.Resume("pool"), 0);
  EXPECT_EQ(Info("pool"), "Fail");
  EXPECT_EQ(machine_.Load("x", 128, "thin", ThinLine("1")), -ENXIO);
  ASSERT_EQ(machine_.Create("x"), 0);
  EXPECT_EQ(machine_.Load("x", 128, "thin", ThinLine("1")), -EINVAL);
}

TEST_P(PoolModeTest, DataThatCannotBeFlushedFailsTheCommit) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  data_->SetFault([](const Io& io) { return io.kind == IoKind::kFlush ? -EIO : 0; });
  EXPECT_EQ(Flush("a"), -EIO);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
  // Changes of it are lost: no flush may claim anything else.
  data_->SetFault(nullptr);
  EXPECT_EQ(Flush("a"), -EIO);
}

TEST_P(PoolModeTest, DataThatCannotBeWrittenFailsTheWriteOnly) {
  MakePool();
  MakeThin("a", "1");
  data_->SetFault([](const Io& io) { return io.kind == IoKind::kRead ? 0 : -EIO; });
  EXPECT_EQ(Write("a", 0, 1, 'a'), -EIO);
  EXPECT_EQ(Write("a", 0, kBlock, 'a'), -EIO);
  data_->SetFault(nullptr);
  EXPECT_EQ(Mode(), "rw discard_passdown queue_if_no_space -");
  EXPECT_EQ(Read("a", 0, 1), ".");
  // Both blocks are taken all the same.
  EXPECT_TRUE(absl::StrContains(Info("pool"), " 2/16 "));
  EXPECT_EQ(Info("a"), "0 -");
}

TEST_P(PoolModeTest, PoolWithoutRoomForMetadataIsReadOnlyUntilItGrows) {
  metadata_->Resize(uint64_t{128} * 4096);
  MakePool(512);
  int made = 0;
  while (made < 1000 && Send(absl::StrCat("create_thin ", made)) == 0) ++made;
  ASSERT_LT(made, 1000);
  EXPECT_TRUE(absl::StartsWith(Mode(), "ro ")) << Mode();
  EXPECT_TRUE(absl::EndsWith(Mode(), " -")) << Mode();
  EXPECT_EQ(Send("create_thin 2000"), -EOPNOTSUPP);
  metadata_->Resize(uint64_t{256} * 4096);
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_EQ(Mode(), "rw discard_passdown queue_if_no_space -");
  EXPECT_EQ(Send("create_thin 2000"), 0);
}

DMKIT_ON_BOTH_KERNELS(PoolModeTest);

}  // namespace
}  // namespace dmkit::model
