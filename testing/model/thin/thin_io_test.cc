// SPDX-License-Identifier: Apache-2.0
// What thin devices hold, byte by byte: provisioning, snapshots, external origins, discards.

#include <cerrno>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

class ThinIoTest : public ThinTest {
 protected:
  // Blocks of the pool that are in use.
  std::string Used() {
    const std::string info = Info("pool");
    const size_t slash = info.rfind("/16 ");
    return info.substr(info.rfind(' ', slash) + 1, slash - info.rfind(' ', slash) - 1);
  }
  // Lets the data disk hold old bytes everywhere.
  void SoilData() {
    ASSERT_EQ(data_->Write(0, std::string(data_->sectors() * kSectorBytes, 'o')), 0);
  }
};

TEST_P(ThinIoTest, WhatWasNeverWrittenReadsAsZeroes) {
  SoilData();
  MakePool();
  MakeThin("a", "1");
  EXPECT_EQ(Read("a", kBlock - 2, 4), "....");
  EXPECT_EQ(Info("a"), "0 -");
}

TEST_P(ThinIoTest, FirstWriteZeroesTheRestOfTheBlock) {
  SoilData();
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 3, 2, 'a'), 0);
  EXPECT_EQ(Read("a", 0, 7), "...aa..");
  EXPECT_EQ(Read("a", kBlock - 1, 2), "..");
}

TEST_P(ThinIoTest, SkippedZeroingShowsOldBytes) {
  SoilData();
  MakePool(16, "1 skip_block_zeroing");
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 3, 2, 'a'), 0);
  EXPECT_EQ(Read("a", 0, 7), "oooaaoo");
}

TEST_P(ThinIoTest, WriteOfAWholeBlockZeroesNothing) {
  MakePool();
  MakeThin("a", "1");
  int zeroed = 0;
  data_->SetFault([&zeroed](const Io& io) {
    zeroed += io.kind == IoKind::kWriteZeroes ? 1 : 0;
    return 0;
  });
  ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
  EXPECT_EQ(zeroed, 0);
  ASSERT_EQ(Write("a", 2 * kBlock, kBlock - 1, 'a'), 0);
  EXPECT_EQ(zeroed, 1);
}

TEST_P(ThinIoTest, WriteOverSeveralBlocks) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", kBlock - 1, kBlock + 2, 'a'), 0);
  EXPECT_EQ(Read("a", kBlock - 2, 3), ".aa");
  EXPECT_EQ(Read("a", 2 * kBlock - 1, 3), "aa.");
  EXPECT_EQ(Info("a"), "384 383");
  EXPECT_EQ(Used(), "3");
}

TEST_P(ThinIoTest, ZeroesAreWrittenLikeBytes) {
  MakePool();
  MakeThin("a", "1");
  Io io;
  io.kind = IoKind::kWriteZeroes;
  io.length = 2 * kBlock * kSectorBytes;
  {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    EXPECT_EQ(machine_.device("a").Submit(io), 0);
  }
  EXPECT_EQ(Info("a"), "256 255");
}

TEST_P(ThinIoTest, SnapshotAndOriginAreIsolatedBothWays) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  UseThin("s", "2");
  EXPECT_EQ(Read("s", 0, 2), "aa");
  EXPECT_EQ(Used(), "2");
  // A write of a part copies the rest.
  ASSERT_EQ(Write("a", 1, 1, 'b'), 0);
  EXPECT_EQ(Read("a", 0, 3), "aba");
  EXPECT_EQ(Read("s", 0, 3), "aaa");
  EXPECT_EQ(Used(), "3");
  ASSERT_EQ(Write("s", kBlock, 1, 'c'), 0);
  EXPECT_EQ(Read("a", kBlock, 2), "aa");
  EXPECT_EQ(Read("s", kBlock, 2), "ca");
  EXPECT_EQ(Used(), "4");
  EXPECT_EQ(Info("a"), "256 255");
  EXPECT_EQ(Info("s"), "256 255");
}

TEST_P(ThinIoTest, SnapshotsOfSnapshots) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, '1'), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  ASSERT_EQ(Send("create_snap 3 2"), 0);
  UseThin("b", "2");
  UseThin("c", "3");
  ASSERT_EQ(Write("b", 0, kBlock, '2'), 0);
  ASSERT_EQ(Write("c", 1, 1, '3'), 0);
  EXPECT_EQ(Read("a", 0, 3), "111");
  EXPECT_EQ(Read("b", 0, 3), "222");
  EXPECT_EQ(Read("c", 0, 3), "131");
  EXPECT_EQ(Used(), "3");
}

TEST_P(ThinIoTest, WriteOfAWholeSharedBlockCopiesNothing) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  int reads = 0;
  data_->SetFault([&reads](const Io& io) {
    reads += io.kind == IoKind::kRead ? 1 : 0;
    return 0;
  });
  ASSERT_EQ(Write("a", 0, kBlock, 'b'), 0);
  EXPECT_EQ(reads, 0);
  EXPECT_EQ(Used(), "2");
}

TEST_P(ThinIoTest, DeletedSnapshotFreesWhatWasItsOwn) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  ASSERT_EQ(Write("a", 0, kBlock, 'b'), 0);
  EXPECT_EQ(Used(), "3");
  ASSERT_EQ(Send("delete 2"), 0);
  EXPECT_EQ(Used(), "2");
  EXPECT_EQ(Read("a", 0, 1), "b");
  EXPECT_EQ(Read("a", kBlock, 1), "a");
}

TEST_P(ThinIoTest, ExternalOriginIsReadUntilABlockIsWritten) {
  ASSERT_EQ(machine_.disk->Write(0, std::string(8192 * kSectorBytes, 'e')), 0);
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  machine_.Activate("a", 16 * kBlock, "thin", ThinLine("1 8:0"));
  EXPECT_EQ(Read("a", 0, 3), "eee");
  EXPECT_EQ(Info("a"), "0 -");
  ASSERT_EQ(Write("a", 1, 1, 'a'), 0);
  EXPECT_EQ(Read("a", 0, 3), "eae");
  EXPECT_EQ(Read("a", kBlock - 1, 2), "ee");
  EXPECT_EQ(Info("a"), "128 127");
  // What the origin gets later shows where it was not copied.
  ASSERT_EQ(machine_.disk->Write(0, std::string(kBlock * 2 * kSectorBytes, 'f')), 0);
  EXPECT_EQ(Read("a", kBlock - 1, 2), "ef");
  ASSERT_EQ(Discard("a", 0, kBlock), 0);
  EXPECT_EQ(Read("a", 0, 3), "fff");
}

TEST_P(ThinIoTest, BehindTheEndOfTheOriginAreZeroes) {
  SoilData();
  // Ends in the middle of a block.
  machine_.disk->Resize((kBlock + 4) * kSectorBytes);
  ASSERT_EQ(machine_.disk->Write(0, std::string((kBlock + 4) * kSectorBytes, 'e')), 0);
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  machine_.Activate("a", 16 * kBlock, "thin", ThinLine("1 8:0"));
  EXPECT_EQ(Read("a", kBlock + 2, 4), "ee..");
  EXPECT_EQ(Read("a", 3 * kBlock, 2), "..");
  ASSERT_EQ(Write("a", kBlock, 1, 'a'), 0);
  EXPECT_EQ(Read("a", kBlock, 6), "aeee..");
  EXPECT_EQ(Read("a", 2 * kBlock - 1, 1), ".");
  ASSERT_EQ(Write("a", 3 * kBlock + 1, 1, 'a'), 0);
  EXPECT_EQ(Read("a", 3 * kBlock, 3), ".a.");
}

TEST_P(ThinIoTest, SizeOfTheOriginIsThatOfTheLastResume) {
  machine_.disk->Resize(kBlock * kSectorBytes);
  MakePool();
  ASSERT_EQ(Send("create_thin 1"), 0);
  machine_.Activate("a", 16 * kBlock, "thin", ThinLine("1 8:0"));
  machine_.disk->Resize(2 * kBlock * kSectorBytes);
  ASSERT_EQ(machine_.disk->Write(kBlock * kSectorBytes, std::string(kSectorBytes, 'n')), 0);
  EXPECT_EQ(Read("a", kBlock, 1), ".");
  ASSERT_EQ(machine_.Suspend("a"), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(Read("a", kBlock, 1), "n");
}

TEST_P(ThinIoTest, DiscardUnmapsWholeBlocksOnly) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 4 * kBlock, 'a'), 0);
  EXPECT_EQ(Discard("a", 1, kBlock), 0);
  EXPECT_EQ(Discard("a", 0, kBlock - 1), 0);
  EXPECT_EQ(Info("a"), "512 511");
  EXPECT_EQ(Discard("a", kBlock - 1, 2 * kBlock + 2), 0);
  EXPECT_EQ(Info("a"), "256 511");
  EXPECT_EQ(Read("a", kBlock - 1, 2), "a.");
  EXPECT_EQ(Read("a", 3 * kBlock - 1, 2), ".a");
  EXPECT_EQ(Used(), "2");
}

TEST_P(ThinIoTest, DiscardReachesTheDataDeviceWhereNobodyElseUsesIt) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 4 * kBlock, 'a'), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  ASSERT_EQ(Write("a", kBlock, kBlock, 'b'), 0);
  uint64_t discarded = 0;
  data_->SetFault([&discarded](const Io& io) {
    discarded += io.kind == IoKind::kDiscard ? io.length : 0;
    return 0;
  });
  ASSERT_EQ(Discard("a", 0, 4 * kBlock), 0);
  EXPECT_EQ(discarded, kBlock * kSectorBytes);
  EXPECT_EQ(Info("a"), "0 -");
  UseThin("s", "2");
  EXPECT_EQ(Read("s", 0, 1) + Read("s", kBlock, 1) + Read("s", 3 * kBlock, 1), "aaa");
  EXPECT_EQ(Used(), "4");
}

TEST_P(ThinIoTest, DataDeviceThatFailsDiscardsIsNoMatter) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
  data_->SetFault([](const Io& io) { return io.kind == IoKind::kDiscard ? -EIO : 0; });
  EXPECT_EQ(Discard("a", 0, 2 * kBlock), 0);
  EXPECT_EQ(Info("a"), "0 -");
}

TEST_P(ThinIoTest, DiscardWithoutPassdownStaysInThePool) {
  MakePool(16, "1 no_discard_passdown");
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 2 * kBlock, 'a'), 0);
  int discards = 0;
  data_->SetFault([&discards](const Io& io) {
    discards += io.kind == IoKind::kDiscard ? 1 : 0;
    return 0;
  });
  EXPECT_EQ(Discard("a", 0, 2 * kBlock), 0);
  EXPECT_EQ(discards, 0);
  EXPECT_EQ(Used(), "0");
}

TEST_P(ThinIoTest, ReadOnlyPoolServesWhatIsMapped) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(ReloadPool(16, "1 read_only"), 0);
  EXPECT_EQ(Read("a", 0, 1) + Read("a", kBlock, 1), "a.");
  EXPECT_EQ(Write("a", 0, 1, 'b'), 0);
  EXPECT_EQ(Write("a", kBlock, 1, 'b'), -EIO);
  EXPECT_EQ(Discard("a", 0, kBlock), 0);
  EXPECT_EQ(Read("a", 0, 2), "ba");
}

TEST_P(ThinIoTest, PoolItselfIsTheDataDevice) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  EXPECT_EQ(Read("pool", 0, 1), "a");
}

DMKIT_ON_BOTH_KERNELS(ThinIoTest);

}  // namespace
}  // namespace dmkit::model
