// SPDX-License-Identifier: Apache-2.0
// Suspend and resume of pools: growth, refused shrinking, and what becomes of the thin devices.

#include <cerrno>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

class PoolResumeTest : public ThinTest {
 protected:
  bool IsInternallySuspended(absl::string_view name) {
    return (machine_.Status(name).flags() & kInternalSuspendFlag) != 0;
  }
  // "4/16" of data, from INFO.
  bool HasData(absl::string_view used_and_all) {
    return absl::StrContains(Info("pool"), absl::StrCat(" ", used_and_all, " "));
  }
};

TEST_P(PoolResumeTest, LongerTableGrowsThePool) {
  MakePool(16);
  EXPECT_TRUE(HasData("0/16"));
  ASSERT_EQ(ReloadPool(512), 0);
  EXPECT_TRUE(HasData("0/512"));
}

TEST_P(PoolResumeTest, LengthIsCutToWholeBlocks) {
  machine_.Activate("pool", 16 * kBlock + 127, "thin-pool", PoolLine());
  EXPECT_TRUE(HasData("0/16"));
}

TEST_P(PoolResumeTest, ShrinkingIsEinvalAndLeavesThePoolSuspended) {
  MakePool(16);
  MakeThin("a", "1");
  // A sector less is a block less.
  ASSERT_EQ(machine_.Load("pool", 16 * kBlock - 1, "thin-pool", PoolLine()), 0);
  EXPECT_EQ(machine_.Resume("pool"), -EINVAL);
  EXPECT_NE(machine_.Status("pool").flags() & kSuspendFlag, 0u);
  EXPECT_TRUE(IsInternallySuspended("a"));
  // The new table is the live one: only another one helps.
  EXPECT_EQ(machine_.Resume("pool"), -EINVAL);
  EXPECT_EQ(Line("pool"), "8:32 8:48 128 0 0 ");
  ASSERT_EQ(LoadPool(16), 0);
  EXPECT_EQ(machine_.Resume("pool"), 0);
  EXPECT_FALSE(IsInternallySuspended("a"));
  EXPECT_EQ(Write("a", 0, 1, 'a'), 0);
}

TEST_P(PoolResumeTest, ResumePicksUpGrownMetadata) {
  MakePool();
  metadata_->Resize(uint64_t{2048} * 4096);
  EXPECT_TRUE(absl::StrContains(Info("pool"), "/1024 "));
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_TRUE(absl::StrContains(Info("pool"), "/2048 "));
  EXPECT_TRUE(absl::EndsWith(Info("pool"), " 512 "));
  ASSERT_EQ(machine_.Remove("pool"), 0);
  MakePool();
  EXPECT_TRUE(absl::StrContains(Info("pool"), "/2048 "));
}

TEST_P(PoolResumeTest, ShrunkMetadataIsEinval) {
  MakePool();
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  metadata_->Resize(uint64_t{1023} * 4096);
  EXPECT_EQ(machine_.Resume("pool"), -EINVAL);
}

TEST_P(PoolResumeTest, MetadataBeyondTheMaximumIsNotUsed) {
  metadata_->Resize(uint64_t{40000000} * kSectorBytes);
  MakePool();
  EXPECT_TRUE(absl::StrContains(Info("pool"), "/4161600 ")) << Info("pool");
}

TEST_P(PoolResumeTest, TinyMetadataDevices) {
  const struct {
    uint64_t blocks;
    int load;
  } cases[] = {{1, -EINVAL}, {4, -ENOSPC}, {16, 0}};
  for (const auto& each : cases) {
    metadata_->Resize(0);
    metadata_->Resize(each.blocks * 4096);
    ASSERT_EQ(machine_.Create("pool"), 0);
    EXPECT_EQ(LoadPool(16), each.load) << each.blocks;
    if (each.load == 0) {
      EXPECT_EQ(machine_.Resume("pool"), 0) << each.blocks;
      EXPECT_TRUE(absl::StartsWith(Mode(), "rw ")) << each.blocks;
    }
    ASSERT_EQ(machine_.Remove("pool"), 0);
  }
}

TEST_P(PoolResumeTest, ModeOfTheTableIsTakenOverWithAnEvent) {
  MakePool();
  EXPECT_EQ(Events(), 0u);
  ASSERT_EQ(ReloadPool(16, "1 read_only"), 0);
  EXPECT_EQ(Events(), 1u);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space -");
  ASSERT_EQ(ReloadPool(16), 0);
  EXPECT_EQ(Events(), 2u);
  EXPECT_EQ(Mode(), "rw discard_passdown queue_if_no_space -");
}

// Both kernels do that: the growth is not committed, and counted again.
TEST_P(PoolResumeTest, GrowthOfAReadOnlyPoolIsAddedTwiceWhenItIsWritable) {
  MakePool(32);
  ASSERT_EQ(ReloadPool(64, "1 read_only"), 0);
  EXPECT_TRUE(HasData("0/32"));
  ASSERT_EQ(ReloadPool(64), 0);
  EXPECT_TRUE(HasData("0/96"));
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  EXPECT_EQ(machine_.Resume("pool"), -EINVAL);
}

TEST_P(PoolResumeTest, SuspendOfAPoolSuspendsItsThinDevices) {
  MakePool();
  MakeThin("a", "1");
  MakeThin("b", "2");
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  EXPECT_TRUE(IsInternallySuspended("a"));
  EXPECT_TRUE(IsInternallySuspended("b"));
  EXPECT_EQ(machine_.Suspend("a"), -EINTR);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_FALSE(IsInternallySuspended("a"));
  EXPECT_EQ(machine_.Suspend("a"), 0);
}

TEST_P(PoolResumeTest, ThinThatWasSuspendedByHandStaysSo) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(machine_.Suspend("a"), 0);
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  EXPECT_TRUE(IsInternallySuspended("a"));
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_FALSE(IsInternallySuspended("a"));
  EXPECT_NE(machine_.Status("a").flags() & kSuspendFlag, 0u);
  EXPECT_EQ(machine_.Resume("a"), 0);
}

TEST_P(PoolResumeTest, PoolObjectOutlivesAnErrorTable) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  ASSERT_EQ(machine_.Load("pool", 16 * kBlock, "error", ""), 0);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_TRUE(IsInternallySuspended("a"));
  // Nothing has the disks open now, though the pool object is there.
  EXPECT_EQ(metadata_->open_count(), 0u);
  EXPECT_EQ(Info("a"), "128 127");
  ASSERT_EQ(LoadPool(16), 0);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_FALSE(IsInternallySuspended("a"));
  EXPECT_EQ(Read("a", 0, 2), "a.");
}

TEST_P(PoolResumeTest, LastThinOfAPoolWithoutATableCommitsIt) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(machine_.Load("pool", 16 * kBlock, "error", ""), 0);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  ASSERT_EQ(machine_.Remove("a"), 0);
  ASSERT_EQ(machine_.Remove("pool"), 0);
  MakePool();
  UseThin("a", "1");
  EXPECT_EQ(Read("a", 0, 1), "a");
}

TEST_P(PoolResumeTest, RemoveOfAPoolThatIsInUseIsEbusy) {
  MakePool();
  MakeThin("a", "1");
  EXPECT_EQ(machine_.Remove("pool"), -EBUSY);
  ASSERT_EQ(machine_.Remove("a"), 0);
  EXPECT_EQ(machine_.Remove("pool"), 0);
}

TEST_P(PoolResumeTest, LowWaterIsSaidAgainAfterEachResume) {
  machine_.Activate("pool", 4 * kBlock, "thin-pool", "8:32 8:48 128 4");
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  ASSERT_EQ(Write("a", kBlock, 1, 'a'), 0);
  EXPECT_EQ(Events(), 1u);
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  ASSERT_EQ(Write("a", 2 * kBlock, 1, 'a'), 0);
  EXPECT_EQ(Events(), 2u);
}

TEST_P(PoolResumeTest, UnchangedPoolWritesNothing) {
  MakePool();
  ASSERT_EQ(machine_.Remove("pool"), 0);
  int writes = 0;
  metadata_->SetFault([&writes](const Io& io) {
    writes += io.kind == IoKind::kRead ? 0 : 1;
    return 0;
  });
  MakePool();
  Info("pool");
  ASSERT_EQ(machine_.Remove("pool"), 0);
  EXPECT_EQ(writes, 0);
}

TEST_P(PoolResumeTest, ReloadMayChangeFeatures) {
  MakePool();
  ASSERT_EQ(ReloadPool(16, "2 no_discard_passdown error_if_no_space"), 0);
  EXPECT_EQ(Mode(), "rw no_discard_passdown error_if_no_space -");
  ASSERT_EQ(ReloadPool(16), 0);
  EXPECT_EQ(Mode(), "rw discard_passdown queue_if_no_space -");
}

DMKIT_ON_BOTH_KERNELS(PoolResumeTest);

}  // namespace
}  // namespace dmkit::model
