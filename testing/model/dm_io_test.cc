// SPDX-License-Identifier: Apache-2.0
// Bytes through tables.

#include <cerrno>
#include <string>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

class DmIoTest : public DmTest {
 protected:
  // Eight sectors' worth of `c`.
  static std::string Block(char c) { return std::string(8 * kSectorBytes, c); }

  int Write(BlockDevice& device, uint64_t sector, absl::string_view bytes) {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    return device.Write(sector * kSectorBytes, bytes);
  }
  std::string Read(BlockDevice& device, uint64_t sector, uint64_t sectors) {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    std::string bytes(sectors * kSectorBytes, '?');
    const int error = device.Read(sector * kSectorBytes, absl::MakeSpan(&bytes[0], bytes.size()));
    return error == 0 ? bytes : std::to_string(error);
  }
};

TEST_P(DmIoTest, LinearMovesBytesByItsOffset) {
  machine_.Activate("a", 64, "linear", "8:0 100");
  ASSERT_EQ(Write(machine_.device("a"), 8, Block('x')), 0);
  EXPECT_EQ(Read(*machine_.disk, 108, 8), Block('x'));
  EXPECT_EQ(Read(machine_.device("a"), 8, 8), Block('x'));
  EXPECT_EQ(Read(machine_.device("a"), 60, 8), std::to_string(-EIO));
}

TEST_P(DmIoTest, IoIsCutWhereTargetsMeet) {
  DmBytes bytes(kStructBytes);
  ASSERT_EQ(machine_.Create("a"), 0);
  bytes.Name("a")
      .Target(0, 4, "linear", "8:0 0")
      .Target(4, 2, "zero", "")
      .Target(6, 10, "linear", "8:16 10");
  ASSERT_EQ(machine_.Call(kTableLoad, bytes), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  ASSERT_EQ(Write(machine_.device("a"), 0, Block('x')), 0);
  EXPECT_EQ(Read(*machine_.disk, 0, 8), std::string(2048, 'x') + std::string(2048, '\0'));
  EXPECT_EQ(Read(*machine_.small_disk, 10, 2), std::string(1024, 'x'));
  EXPECT_EQ(Read(machine_.device("a"), 0, 8),
            std::string(2048, 'x') + std::string(1024, '\0') + std::string(1024, 'x'));
}

TEST_P(DmIoTest, ErrorFailsEverythingButFlush) {
  machine_.Activate("a", 64, "error", "");
  EXPECT_EQ(Write(machine_.device("a"), 0, Block('x')), -EIO);
  EXPECT_EQ(Read(machine_.device("a"), 0, 8), std::to_string(-EIO));
  const Scheduler::Call call(machine_.core.scheduler, 1);
  EXPECT_EQ(machine_.device("a").Flush(), 0);
}

TEST_P(DmIoTest, StripedGoesRoundItsDevices) {
  machine_.Activate("a", 32, "striped", "2 8 8:0 0 8:16 16");
  std::string all;
  for (const char c : {'p', 'q', 'r', 's'}) all += Block(c);
  ASSERT_EQ(Write(machine_.device("a"), 0, all), 0);
  EXPECT_EQ(Read(*machine_.disk, 0, 16), Block('p') + Block('r'));
  EXPECT_EQ(Read(*machine_.small_disk, 16, 16), Block('q') + Block('s'));
  EXPECT_EQ(Read(machine_.device("a"), 4, 16), all.substr(2048, 8192));
}

TEST_P(DmIoTest, StripedCountsErrorsAndSendsEvents) {
  machine_.Activate("a", 32, "striped", "2 8 8:0 0 8:16 0");
  machine_.small_disk->SetFault([](const Io&) { return -EIO; });
  EXPECT_EQ(Read(machine_.device("a"), 8, 8), std::to_string(-EIO));
  EXPECT_EQ(machine_.Status("a").U32(kEventAt), 1u);
  EXPECT_EQ(machine_.Table("a", 0).Targets()[0], "0 32 striped 2 8:0 8:16 1 AD");
  for (int i = 0; i < 20; ++i) Read(machine_.device("a"), 8, 8);
  EXPECT_EQ(machine_.Status("a").U32(kEventAt), 14u);
}

TEST_P(DmIoTest, DiscardsDependOnTheTargets) {
  const auto discard = [this](absl::string_view name) {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    return machine_.device(name).Discard(0, 8 * kSectorBytes);
  };
  machine_.Activate("linear", 64, "linear", "8:0 0");
  ASSERT_EQ(Write(machine_.device("linear"), 0, Block('x')), 0);
  EXPECT_EQ(discard("linear"), 0);
  EXPECT_EQ(Read(*machine_.disk, 0, 8), Block('\0'));
  machine_.Activate("zero", 64, "zero", "");
  EXPECT_EQ(discard("zero"), is_6_1() ? -EOPNOTSUPP : 0);
  machine_.Activate("error", 64, "error", "");
  EXPECT_EQ(discard("error"), is_6_1() ? -EOPNOTSUPP : -EIO);
  machine_.small_disk->mutable_limits().max_discard_sectors = 0;
  machine_.Activate("striped", 64, "striped", "2 8 8:0 0 8:16 0");
  EXPECT_EQ(discard("striped"), -EOPNOTSUPP);
}

TEST_P(DmIoTest, IoOfASuspendedDeviceWaits) {
  machine_.Activate("a", 64, "linear", "8:0 0");
  ASSERT_EQ(machine_.Suspend("a"), 0);
  EXPECT_EQ(Write(machine_.device("a"), 0, Block('x')), -EDEADLK);
  EXPECT_EQ(machine_.core.scheduler.Hangs().back(), "io of dm-0: suspended");
  machine_.core.scheduler.After(absl::Seconds(1), [this] {
    DmBytes bytes(kStructBytes);
    EXPECT_EQ(machine_.device("a").Resume(), 0);
  });
  EXPECT_EQ(Write(machine_.device("a"), 0, Block('x')), 0);
}

TEST_P(DmIoTest, IoWithoutATableFailsEvenWhenSuspended) {
  ASSERT_EQ(machine_.Create("a"), 0);
  ASSERT_EQ(machine_.Load("a", 64, "zero", ""), 0);
  ASSERT_EQ(machine_.Suspend("a"), 0);
  EXPECT_EQ(Read(machine_.device("a"), 0, 8), std::to_string(-EIO));
  EXPECT_TRUE(machine_.core.scheduler.Hangs().empty());
}

TEST_P(DmIoTest, FlushReachesEveryDeviceOfTheTable) {
  machine_.Activate("a", 32, "striped", "2 8 8:0 0 8:16 0");
  ASSERT_EQ(Write(machine_.device("a"), 0, Block('x') + Block('y')), 0);
  EXPECT_FALSE(machine_.disk->contents().is_synced());
  {
    const Scheduler::Call call(machine_.core.scheduler, 1);
    ASSERT_EQ(machine_.device("a").Flush(), 0);
  }
  EXPECT_TRUE(machine_.disk->contents().is_synced());
  EXPECT_TRUE(machine_.small_disk->contents().is_synced());
}

TEST_P(DmIoTest, FilesystemIsFrozenByASuspendUnlessToldOtherwise) {
  class Filesystem : public MountedFilesystem {
   public:
    int Freeze() override {
      ++frozen;
      return error;
    }
    void Thaw() override { ++thawed; }
    int frozen = 0, thawed = 0, error = 0;
  };
  machine_.Activate("a", 64, "zero", "");
  Filesystem filesystem;
  machine_.device("a").SetFilesystem(&filesystem);
  for (const uint32_t flags : {kSkipLockFsFlag, kNoFlushFlag}) {
    ASSERT_EQ(machine_.Suspend("a", flags), 0);
    EXPECT_EQ(filesystem.frozen, 0);
    ASSERT_EQ(machine_.Resume("a"), 0);
  }
  ASSERT_EQ(machine_.Suspend("a"), 0);
  EXPECT_EQ(filesystem.frozen, 1);
  EXPECT_EQ(filesystem.thawed, 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(filesystem.thawed, 1);
  filesystem.error = -EIO;
  EXPECT_EQ(machine_.Suspend("a"), -EIO);
  EXPECT_EQ(machine_.Status("a").flags() & kSuspendFlag, 0u);
  machine_.device("a").SetFilesystem(nullptr);
}

DMKIT_ON_BOTH_KERNELS(DmIoTest);

}  // namespace
}  // namespace dmkit::model
