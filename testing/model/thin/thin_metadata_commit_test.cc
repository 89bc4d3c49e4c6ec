// SPDX-License-Identifier: Apache-2.0
// Commit, abort, power loss, metadata snapshots, modes.

#include <cerrno>
#include <functional>
#include <vector>

#include "testing/model/thin/metadata_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::AnyOf;
using ::testing::IsEmpty;

// A pool with something of everything, committed.
void MakeOld(MetadataMachine& machine) {
  machine.Make();
  ASSERT_EQ(machine.metadata().CreateThin(1), 0);
  ASSERT_EQ(machine.Provision(1, 0, 700), 0);
  for (uint32_t id = 2; id < 6; ++id) ASSERT_EQ(machine.metadata().CreateSnap(id, 1), 0);
  ASSERT_EQ(machine.metadata().Commit(), 0);
  ASSERT_EQ(machine.metadata().ReserveMetadataSnap(), 0);
  ASSERT_EQ(machine.metadata().Commit(), 0);
}

// Changes a bit of everything.
void Change(MetadataMachine& machine) {
  PoolMetadata& metadata = machine.metadata();
  ASSERT_EQ(metadata.SetTransactionId(0, 1), 0);
  ASSERT_EQ(metadata.CreateThin(9), 0);
  ASSERT_EQ(machine.Provision(9, 50, 90), 0);
  ASSERT_EQ(machine.Provision(2, 100, 400), 0);
  ASSERT_EQ(machine.Discard(3, 10, 500), 0);
  ASSERT_EQ(metadata.DeleteThinDevice(4), 0);
  ASSERT_EQ(metadata.CreateSnap(8, 3), 0);
}

// Lets the first `count` writes and flushes through; everything fails from then on.
std::function<int(const Io&)> FailAfter(int count) {
  return [count](const Io& io) mutable {
    if (io.kind != IoKind::kRead && count > 0) {
      --count;
      return 0;
    }
    return io.kind != IoKind::kRead || count == 0 ? -EIO : 0;
  };
}

class MetadataCommitTest : public MetadataTest {
 protected:
  PoolMetadata& pool() { return machine_.metadata(); }
};

TEST(MetadataPowerLossTest, EveryCutOfACommitLeavesTheOldStateOrTheNewOne) {
  for (const Unsynced unsynced : {Unsynced::kLost, Unsynced::kSomeKept, Unsynced::kKept}) {
    bool is_committed = false;
    int cuts = 0;
    for (; !is_committed; ++cuts) {
      MetadataMachine machine;
      ASSERT_NO_FATAL_FAILURE(MakeOld(machine));
      const std::string before = machine.Describe();
      ASSERT_NO_FATAL_FAILURE(Change(machine));
      const std::string after = machine.Describe();
      machine.disk().SetFault(FailAfter(cuts));
      is_committed = machine.metadata().Commit() == 0;
      machine.LosePower(unsynced);
      EXPECT_THAT(machine.Check(), IsEmpty()) << cuts;
      ASSERT_EQ(machine.Open(false), 0) << cuts;
      EXPECT_THAT(machine.Describe(), AnyOf(before, after)) << cuts;
      if (is_committed) {
        EXPECT_EQ(machine.Describe(), after);
      }
    }
    EXPECT_GT(cuts, 10);
  }
}

TEST(MetadataPowerLossTest, EveryCutOfAFormatLeavesABlankDeviceOrAPool) {
  for (int cuts = 0;; ++cuts) {
    MetadataMachine machine;
    machine.disk().SetFault(FailAfter(cuts));
    const bool is_made = machine.Open() == 0;
    machine.LosePower(Unsynced::kSomeKept);
    EXPECT_THAT(machine.Check(), IsEmpty()) << cuts;
    EXPECT_EQ(machine.Open(), 0) << cuts;
    if (is_made) break;
  }
}

TEST(MetadataPowerLossTest, UncommittedChangesLeaveNoTrace) {
  MetadataMachine machine;
  ASSERT_NO_FATAL_FAILURE(MakeOld(machine));
  const std::string before = machine.Describe();
  ASSERT_NO_FATAL_FAILURE(Change(machine));
  machine.LosePower(Unsynced::kKept);
  ASSERT_EQ(machine.Open(false), 0);
  EXPECT_EQ(machine.Describe(), before);
}

TEST(MetadataAbortTest, EveryFailingWriteOfACommitCanBeAborted) {
  for (int writes = 0;; ++writes) {
    MetadataMachine machine;
    ASSERT_NO_FATAL_FAILURE(MakeOld(machine));
    const std::string before = machine.Describe();
    ASSERT_NO_FATAL_FAILURE(Change(machine));
    int seen = 0;
    machine.disk().SetFault(
        [&](const Io& io) { return io.kind == IoKind::kWrite && seen++ == writes ? -EIO : 0; });
    const int committed = machine.metadata().Commit();
    if (committed == 0) break;
    EXPECT_EQ(committed, -EIO);
    ASSERT_EQ(machine.metadata().Abort(), 0) << writes;
    ASSERT_EQ(machine.metadata().SetNeedsCheck(), 0);
    machine.metadata().SetReadOnly();
    ASSERT_EQ(machine.Reopen(), 0);
    EXPECT_TRUE(machine.metadata().needs_check());
    EXPECT_EQ(machine.Describe(), before) << writes;
    EXPECT_THAT(machine.Check(), IsEmpty());
  }
}

TEST_F(MetadataCommitTest, DataIsFlushedBeforeAnythingIsWritten) {
  machine_.Make();
  std::vector<std::string> order;
  pool().RegisterPreCommit([&order] {
    order.push_back("data");
    return 0;
  });
  machine_.disk().SetFault([&order](const Io& io) {
    if (io.kind == IoKind::kFlush) order.push_back("flush");
    if (io.kind == IoKind::kWrite) {
      const std::string what = io.offset == 0 ? "superblock" : "blocks";
      if (order.empty() || order.back() != what) order.push_back(what);
    }
    return 0;
  });
  ASSERT_EQ(pool().CreateThin(1), 0);
  EXPECT_THAT(order, IsEmpty());
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_THAT(order, ::testing::ElementsAre("data", "blocks", "flush", "superblock", "flush"));
}

TEST_F(MetadataCommitTest, FailedFlushOfDataFailsTheCommitAndWritesNothing) {
  machine_.Make();
  ASSERT_EQ(pool().CreateThin(1), 0);
  pool().RegisterPreCommit([] { return -ENXIO; });
  machine_.disk().SetFault([](const Io& io) {
    EXPECT_EQ(io.kind, IoKind::kRead);
    return 0;
  });
  EXPECT_EQ(pool().Commit(), -ENXIO);
}

TEST_F(MetadataCommitTest, AbortKeepsOpenDevicesAndTellsThatTheyLostChanges) {
  machine_.Make();
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(pool().CreateThin(2), 0);
  ASSERT_EQ(pool().Commit(), 0);
  ThinDevice* changed = nullptr;
  ThinDevice* untouched = nullptr;
  ASSERT_EQ(pool().OpenThinDevice(1, &changed), 0);
  ASSERT_EQ(pool().OpenThinDevice(2, &untouched), 0);
  ASSERT_EQ(machine_.Provision(1, 0, 4), 0);
  EXPECT_TRUE(pool().changed_this_transaction());
  ASSERT_EQ(pool().SetTransactionId(0, 5), 0);
  ASSERT_EQ(pool().Abort(), 0);
  EXPECT_TRUE(changed->aborted_changes());
  EXPECT_FALSE(untouched->aborted_changes());
  EXPECT_EQ(machine_.Mapped(1, 0), -1);
  EXPECT_EQ(machine_.FreeData(), 10000u);
  // What the kernel does not roll back.
  EXPECT_EQ(changed->state().mapped_blocks, 4u);
  uint64_t id = 0;
  ASSERT_EQ(pool().GetTransactionId(&id), 0);
  EXPECT_EQ(id, 5u);
}

TEST_F(MetadataCommitTest, AbortThatCannotReadFailsAllThatFollows) {
  machine_.Make();
  ASSERT_EQ(pool().CreateThin(1), 0);
  ThinDevice* device = nullptr;
  ASSERT_EQ(pool().OpenThinDevice(1, &device), 0);
  machine_.disk().SetFault([](const Io&) { return -EIO; });
  EXPECT_EQ(pool().Abort(), -EIO);
  EXPECT_TRUE(pool().fail_io());
  machine_.disk().SetFault(nullptr);
  uint64_t number = 0;
  bool shared = false;
  ThinLookup lookup;
  EXPECT_EQ(pool().Abort(), -EINVAL);
  EXPECT_EQ(pool().Commit(), -EINVAL);
  EXPECT_EQ(pool().CreateThin(2), -EINVAL);
  EXPECT_EQ(pool().DeleteThinDevice(1), -EINVAL);
  EXPECT_EQ(pool().FindBlock(*device, 0, &lookup), -EINVAL);
  EXPECT_EQ(pool().AllocDataBlock(&number), -EINVAL);
  EXPECT_EQ(pool().BlockIsShared(0, &shared), -EINVAL);
  EXPECT_EQ(pool().GetTransactionId(&number), -EINVAL);
  EXPECT_EQ(pool().GetMetadataSnap(&number), -EINVAL);
  EXPECT_EQ(pool().FreeBlockCount(&number), -EINVAL);
  EXPECT_EQ(pool().FreeMetadataBlockCount(&number), -EINVAL);
  EXPECT_EQ(pool().DataDevSize(&number), -EINVAL);
  EXPECT_EQ(pool().MetadataDevSize(&number), -EINVAL);
  EXPECT_EQ(pool().ResizeDataDev(20000), -EINVAL);
  EXPECT_EQ(pool().SetNeedsCheck(), -EINVAL);
  EXPECT_EQ(pool().ReserveMetadataSnap(), -EINVAL);
  pool().CloseThinDevice(*device);
  EXPECT_EQ(pool().Close(), 0);
}

TEST_F(MetadataCommitTest, NeedsCheckReachesTheDeviceWithCloseAndWithAnAbort) {
  machine_.Make();
  const auto flags = [this] { return Get32(machine_.ReadBlock(0).data() + SuperblockAt::kFlags); };
  ASSERT_EQ(pool().SetNeedsCheck(), 0);
  EXPECT_TRUE(pool().needs_check());
  EXPECT_EQ(flags(), 0u);
  ASSERT_EQ(pool().Abort(), 0);
  EXPECT_EQ(flags(), kNeedsCheckFlag);
  machine_.WriteBlock(0, {});
  ASSERT_NO_FATAL_FAILURE(machine_.Make());
  ASSERT_EQ(pool().SetNeedsCheck(), 0);
  pool().SetReadOnly();
  EXPECT_EQ(flags(), 0u);
  ASSERT_EQ(pool().Close(), 0);
  EXPECT_EQ(flags(), kNeedsCheckFlag);
}

TEST_F(MetadataCommitTest, ReadOnlyMetadataCanBeReadOnly) {
  ASSERT_NO_FATAL_FAILURE(MakeOld(machine_));
  pool().SetReadOnly();
  EXPECT_EQ(machine_.Mapped(1, 3), 3);
  EXPECT_EQ(pool().CreateThin(20), -EPERM);
  EXPECT_EQ(machine_.Provision(1, 900, 901), -EPERM);
  EXPECT_EQ(pool().SetNeedsCheck(), -EPERM);
  EXPECT_EQ(pool().Commit(), -EPERM);
  ASSERT_EQ(pool().Abort(), 0);
  EXPECT_EQ(pool().CreateThin(20), -EPERM) << "an abort does not make it writable";
  pool().SetReadWrite();
  EXPECT_EQ(pool().CreateThin(20), 0);
}

TEST_F(MetadataCommitTest, MetadataSnapshotIsOneAndStaysUntilReleased) {
  machine_.Make();
  EXPECT_EQ(pool().ReleaseMetadataSnap(), -EINVAL);
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(machine_.Provision(1, 0, 100), 0);
  ASSERT_EQ(pool().ReserveMetadataSnap(), 0);
  EXPECT_EQ(pool().ReserveMetadataSnap(), -EBUSY);
  ASSERT_EQ(pool().Commit(), 0);
  uint64_t held = 0;
  ASSERT_EQ(pool().GetMetadataSnap(&held), 0);
  const auto copy = machine_.ReadBlock(held);
  const auto roots = machine_.ReadBlock(Get64(copy.data() + SuperblockAt::kMappingRoot));
  for (uint32_t id = 2; id < 40; ++id) {
    ASSERT_EQ(pool().CreateSnap(id, 1), 0);
    ASSERT_EQ(machine_.Provision(id, 0, 50), 0);
    ASSERT_EQ(pool().Commit(), 0);
  }
  EXPECT_EQ(machine_.ReadBlock(held), copy);
  EXPECT_EQ(machine_.ReadBlock(Get64(copy.data() + SuperblockAt::kMappingRoot)), roots);
  EXPECT_EQ(Get64(copy.data() + SuperblockAt::kHeldRoot), 0u);
  EXPECT_THAT(machine_.Check(), IsEmpty());
  ASSERT_EQ(machine_.Reopen(), 0);
  uint64_t held_again = 0;
  ASSERT_EQ(pool().GetMetadataSnap(&held_again), 0);
  EXPECT_EQ(held_again, held);
  ASSERT_EQ(pool().ReleaseMetadataSnap(), 0);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_THAT(machine_.Check(), IsEmpty());
  for (uint32_t id = 1; id < 40; ++id) ASSERT_EQ(pool().DeleteThinDevice(id), 0);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_EQ(machine_.UsedMetadata(), 111u);
}

TEST_F(MetadataCommitTest, FullMetadataIsEnospcAndCanBeAborted) {
  MetadataMachine small(24);
  small.Make();
  uint32_t id = 0;
  int result = 0;
  while (result == 0) {
    ++id;
    result = small.metadata().CreateThin(id);
    if (result == 0) result = small.metadata().Commit();
  }
  EXPECT_EQ(result, -ENOSPC);
  ASSERT_EQ(small.metadata().Abort(), 0);
  EXPECT_THAT(small.Check(), IsEmpty());
}

TEST_F(MetadataCommitTest, ThresholdIsToldOnceUntilThereIsMoreAgain) {
  machine_.Make();
  int calls = 0;
  uint64_t free = 0;
  ASSERT_EQ(pool().FreeMetadataBlockCount(&free), 0);
  constexpr uint64_t kReserve = 102;
  ASSERT_EQ(pool().RegisterMetadataThreshold(free + kReserve - 30, [&calls] { ++calls; }), 0);
  for (int round = 1; round <= 2; ++round) {
    for (uint32_t id = 0; id < 20; ++id) ASSERT_EQ(pool().CreateThin(id), 0);
    EXPECT_EQ(calls, round - 1);
    for (uint32_t id = 20; id < 60; ++id) ASSERT_EQ(pool().CreateThin(id), 0);
    EXPECT_EQ(calls, round);
    ASSERT_EQ(pool().Commit(), 0);
    for (uint32_t id = 0; id < 60; ++id) ASSERT_EQ(pool().DeleteThinDevice(id), 0);
    ASSERT_EQ(pool().Commit(), 0);
    EXPECT_EQ(calls, round);
  }
}

}  // namespace
}  // namespace dmkit::model
