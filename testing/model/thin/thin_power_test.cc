// SPDX-License-Identifier: Apache-2.0
// What of a pool is left when the power goes, and that the metadata is whole then; and long
// histories beside a plain memory of what thin devices hold.

#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "testing/model/thin/thin_check.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::IsEmpty;

class ThinPowerTest : public ThinTest {
 protected:
  void SetUp() override {
    MakePool();
    MakeThin("a", "1");
  }
  void Restart(Unsynced unsynced = Unsynced::kLost) {
    LosePower(unsynced);
    EXPECT_THAT(CheckThinMetadata(*metadata_), IsEmpty());
    MakePool();
  }
};

TEST_P(ThinPowerTest, WhatWasNotFlushedIsGone) {
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  Restart();
  UseThin("a", "1");
  EXPECT_EQ(Read("a", 0, 1), ".");
  EXPECT_EQ(Info("a"), "0 -");
}

TEST_P(ThinPowerTest, WhatWasFlushedIsThere) {
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(Flush("a"), 0);
  ASSERT_EQ(Write("a", kBlock, kBlock, 'b'), 0);
  Restart();
  UseThin("a", "1");
  EXPECT_EQ(Read("a", kBlock - 1, 2), "a.");
}

TEST_P(ThinPowerTest, WriteWithFuaIsThere) {
  ASSERT_EQ(Write("a", 0, kBlock, 'a', /*fua=*/true), 0);
  ASSERT_EQ(Write("a", kBlock, 1, 'b', /*fua=*/true), 0);
  ASSERT_EQ(Write("a", kBlock + 1, 1, 'c', /*fua=*/true), 0);
  Restart();
  UseThin("a", "1");
  EXPECT_EQ(Read("a", kBlock - 1, 4), "abc.");
}

TEST_P(ThinPowerTest, EachSecondIsCommitted) {
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  Advance(absl::Milliseconds(1500));
  ASSERT_EQ(Write("a", kBlock, kBlock, 'b'), 0);
  Restart();
  UseThin("a", "1");
  EXPECT_EQ(Read("a", kBlock - 1, 2), "a.");
}

TEST_P(ThinPowerTest, SuspendOfThePoolCommits) {
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  Restart();
  UseThin("a", "1");
  EXPECT_EQ(Read("a", 0, 1), "a");
}

TEST_P(ThinPowerTest, SnapshotIsAsItWasTaken) {
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  ASSERT_EQ(Write("a", 0, kBlock, 'b'), 0);
  Restart(Unsynced::kSomeKept);
  UseThin("a", "1");
  UseThin("s", "2");
  EXPECT_EQ(Read("s", 0, 1), "a");
  EXPECT_EQ(Read("a", 0, 1), "a");
}

TEST_P(ThinPowerTest, DeadPoolWritesNothingAtItsEnd) {
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  int writes = 0;
  metadata_->SetFault([&writes](const Io& io) {
    writes += io.kind == IoKind::kRead ? 0 : 1;
    return 0;
  });
  LosePower();
  EXPECT_EQ(writes, 0);
}

TEST_P(ThinPowerTest, PowerLossInACommitLeavesTheLastOneOrThisOne) {
  for (int last = 1; last < 12; ++last) {
    ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
    ASSERT_EQ(Flush("a"), 0);
    ASSERT_EQ(Write("a", kBlock, kBlock, 'b'), 0);
    int writes = 0;
    // From the last one on nothing reaches the disk.
    metadata_->SetFault([&writes, last](const Io& io) {
      return io.kind != IoKind::kRead && ++writes >= last ? -EIO : 0;
    });
    Flush("a");
    metadata_->SetFault(nullptr);
    Restart(Unsynced::kSomeKept);
    UseThin("a", "1");
    EXPECT_EQ(Read("a", 0, 1), "a") << last;
    const std::string second = Read("a", kBlock, 1);
    EXPECT_TRUE(second == "." || second == "b") << last << ": " << second;
    ASSERT_EQ(machine_.Remove("a"), 0);
    ASSERT_EQ(Send("delete 1"), 0);
    MakeThin("a", "1");
  }
}

// Ids and what their devices hold, a letter for each sector.
class ThinHistoryTest : public ThinTest {
 protected:
  static constexpr uint64_t kSectors = 8 * kBlock;

  uint64_t Roll(uint64_t sides) { return random_() % sides; }
  std::string NameOf(uint32_t id) { return absl::StrCat("thin", id); }
  void Use(uint32_t id) { UseThin(NameOf(id), absl::StrCat(id), kSectors / kBlock); }

  void Add() {
    const uint32_t id = next_id_++;
    if (held_.empty() || Roll(3) == 0) {
      ASSERT_EQ(Send(absl::StrCat("create_thin ", id)), 0);
      held_[id] = std::string(kSectors, '.');
    } else {
      // As user space has to: the origin is suspended meanwhile.
      const auto origin = std::next(held_.begin(), static_cast<int>(Roll(held_.size())));
      ASSERT_EQ(machine_.Suspend(NameOf(origin->first)), 0);
      ASSERT_EQ(Send(absl::StrCat("create_snap ", id, " ", origin->first)), 0);
      ASSERT_EQ(machine_.Resume(NameOf(origin->first)), 0);
      held_[id] = origin->second;
    }
    Use(id);
  }

  void Delete() {
    if (held_.size() < 2) return;
    const auto gone = std::next(held_.begin(), static_cast<int>(Roll(held_.size())));
    ASSERT_EQ(machine_.Remove(NameOf(gone->first)), 0);
    ASSERT_EQ(Send(absl::StrCat("delete ", gone->first)), 0);
    held_.erase(gone);
  }

  void WriteSome() {
    const auto written = std::next(held_.begin(), static_cast<int>(Roll(held_.size())));
    uint64_t from = Roll(kSectors);
    uint64_t length = 1 + Roll(3 * kBlock);
    if (Roll(2) == 0) {
      from = from / kBlock * kBlock;
      length = (length + kBlock - 1) / kBlock * kBlock;
    }
    length = std::min(length, kSectors - from);
    const bool discards = Roll(4) == 0;
    const char fill = static_cast<char>('a' + Roll(26));
    if (!discards) {
      ASSERT_EQ(Write(NameOf(written->first), from, length, fill), 0);
      written->second.replace(from, length, length, fill);
      return;
    }
    ASSERT_EQ(Discard(NameOf(written->first), from, length), 0);
    const uint64_t begin = (from + kBlock - 1) / kBlock * kBlock;
    const uint64_t end = std::max(begin, (from + length) / kBlock * kBlock);
    written->second.replace(begin, end - begin, end - begin, '.');
  }

  void Compare() {
    for (const auto& [id, bytes] : held_) {
      EXPECT_EQ(Read(NameOf(id), 0, kSectors), bytes) << id;
    }
  }

  void LosePowerAndCompare() {
    for (const auto& [id, bytes] : held_) ASSERT_EQ(Flush(NameOf(id)), 0);
    LosePower(Unsynced::kSomeKept);
    EXPECT_THAT(CheckThinMetadata(*metadata_), IsEmpty());
    MakePool(512);
    for (const auto& [id, bytes] : held_) Use(id);
    Compare();
  }

  std::mt19937 random_{1};
  uint32_t next_id_ = 1;
  std::map<uint32_t, std::string> held_;
};

TEST_P(ThinHistoryTest, DevicesHoldWhatWasWrittenToThem) {
  MakePool(512);
  for (int step = 0; step < 1500; ++step) {
    const uint64_t kind = Roll(20);
    if (held_.empty() || (kind == 0 && held_.size() < 8)) {
      Add();
    } else if (kind == 1) {
      Delete();
    } else if (kind == 2) {
      LosePowerAndCompare();
    } else if (kind == 3) {
      Advance(absl::Milliseconds(700));
    } else {
      WriteSome();
    }
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
  Compare();
}

DMKIT_ON_BOTH_KERNELS(ThinPowerTest);
DMKIT_ON_BOTH_KERNELS(ThinHistoryTest);

}  // namespace
}  // namespace dmkit::model
