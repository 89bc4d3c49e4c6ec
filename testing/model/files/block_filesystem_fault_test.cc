// SPDX-License-Identifier: Apache-2.0
// Io errors and power losses in the middle of a write-back.

#include "testing/model/files/block_filesystem_fixture.h"

namespace dmkit::model {
namespace {

class BlockFaultTest : public BlockFilesystemTest {
 protected:
  // Lets `count` writes and flushes through, and fails all later ones.
  void FailAfter(int count, int error = -EIO) {
    left_ = count;
    disk.SetFault([this, error](const Io& io) {
      if (io.kind == IoKind::kRead) return 0;
      return left_-- > 0 ? 0 : error;
    });
  }

  int left_ = 0;
};

TEST_F(BlockFaultTest, AFailedWriteBackIsEioAndThenErofsUntilMountedAnew) {
  Start();
  ASSERT_EQ(WriteFile("a", 0, "a"), 0);
  FailAfter(0);
  EXPECT_EQ(Sync(), -EIO);
  disk.SetFault(nullptr);
  EXPECT_TRUE(mounted->is_read_only());
  EXPECT_EQ(Sync(), -EROFS);
  EXPECT_EQ(WriteFile("b", 0, "b"), -EROFS);
  EXPECT_EQ(Content("a"), "a") << "reading goes on";
  EXPECT_EQ(mounted->Remount(false), -EROFS);
  GrownBlocks blocks;
  EXPECT_EQ(GrowMounted(disk, "ext4", &blocks), -EROFS);
  Unmount();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(Content("a"), "(none)");
  EXPECT_EQ(WriteFile("b", 0, "b"), 0);
}

TEST_F(BlockFaultTest, ADeviceWithoutSpaceIsEnospc) {
  Start();
  ASSERT_EQ(WriteFile("a", 0, "a"), 0);
  FailAfter(0, -ENOSPC);
  EXPECT_EQ(Sync(), -ENOSPC);
  EXPECT_TRUE(mounted->is_read_only());
  disk.SetFault(nullptr);
}

TEST_F(BlockFaultTest, AFailedFreezeFreezesNothing) {
  Start();
  ASSERT_EQ(WriteFile("a", 0, "a"), 0);
  FailAfter(0);
  EXPECT_EQ(disk.Freeze(), -EIO);
  disk.SetFault(nullptr);
  EXPECT_EQ(WriteFile("b", 0, "b"), -EROFS) << "not waiting";
}

TEST_F(BlockFaultTest, AWriteBackThatWasBrokenOffIsDoneByTheNext) {
  Start();
  for (int count = 0; count < 6; ++count) {
    const std::string name = "f" + std::to_string(count);
    ASSERT_EQ(WriteFile(name, 0, name), 0);
    FailAfter(count, -EINTR);
    EXPECT_EQ(Sync(), -EINTR) << count;
    disk.SetFault(nullptr);
    ASSERT_EQ(Sync(), 0);
    LosePower();
    ASSERT_EQ(Mount(), 0);
    EXPECT_EQ(Content(name), name);
  }
}

// The power goes after each write of a write-back, with every choice of what the disk kept: either
// all of the change is there, or nothing.
TEST_F(BlockFaultTest, APowerLossInAWriteBackLeavesTheOldOrTheNew) {
  ASSERT_EQ(MakeFilesystem(disk, "ext4", kTestUuid), 0);
  ASSERT_EQ(Mount(), 0);
  ASSERT_EQ(WriteFile("kept", 0, std::string(50000, 'k')), 0);
  ASSERT_EQ(WriteFile("old", 0, std::string(50000, 'o')), 0);
  ASSERT_EQ(Sync(), 0);
  int completed = 0;
  for (int count = 0; completed < 3; ++count) {
    ASSERT_LT(count, 100);
    const bool has_old = Find("old") != nullptr;
    const std::string from = has_old ? "old" : "new";
    const std::string to = has_old ? "new" : "old";
    ASSERT_EQ(mounted->BeginChange(0, false), 0);
    ASSERT_EQ(tree().Rename({tree().root(), from}, {tree().root(), to}), 0);
    ASSERT_EQ(WriteFile("more", 0, std::string(30000, 'm')), 0);
    FailAfter(count);
    if (Sync() == 0) ++completed;
    disk.SetFault(nullptr);
    LosePower(count % 3 == 0   ? Unsynced::kLost
              : count % 3 == 1 ? Unsynced::kSomeKept
                               : Unsynced::kKept);
    ASSERT_EQ(Mount(), 0) << count;
    EXPECT_EQ(Content("kept"), std::string(50000, 'k'));
    const bool is_done = Find(to) != nullptr;
    EXPECT_NE(Find(from) != nullptr, is_done) << count;
    EXPECT_EQ(Content(is_done ? to : from), std::string(50000, 'o'));
    EXPECT_EQ(Content("more"), is_done ? std::string(30000, 'm') : "(none)");
    if (is_done) {
      ASSERT_EQ(Remove("more"), 0);
    }
    ASSERT_EQ(Sync(), 0);
  }
}

}  // namespace
}  // namespace dmkit::model
