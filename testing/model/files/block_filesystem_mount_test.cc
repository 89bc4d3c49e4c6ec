// SPDX-License-Identifier: Apache-2.0
// What can be mounted, and freezing.

#include "testing/model/files/block_filesystem_fixture.h"

namespace dmkit::model {
namespace {

class BlockMountTest : public BlockFilesystemTest {};

TEST_F(BlockMountTest, NothingOrAnotherKindIsEinvalAndClosesTheDevice) {
  EXPECT_EQ(Mount(), -EINVAL);
  ASSERT_EQ(MakeFilesystem(disk, "ext4", kTestUuid), 0);
  EXPECT_EQ(MountDisk(disk, "xfs", &mounted), -EINVAL);
  EXPECT_EQ(disk.open_count(), 0u);
  EXPECT_EQ(disk.filesystem(), nullptr);
}

TEST_F(BlockMountTest, FilesystemLargerThanItsDeviceIsEinval) {
  ASSERT_EQ(MakeFilesystem(disk, "ext4", kTestUuid), 0);
  disk.Resize(kDiskBytes - 4096);
  EXPECT_EQ(Mount(), -EINVAL);
  disk.Resize(0);
  EXPECT_EQ(Mount(), -EINVAL);
}

TEST_F(BlockMountTest, DamagedMetadataIsEuclean) {
  ASSERT_EQ(MakeFilesystem(disk, "ext4", kTestUuid), 0);
  for (const uint64_t block : {1u, 2u}) {
    std::string bytes(4096, '\0');
    ASSERT_EQ(disk.Read(block * 4096, absl::MakeSpan(&bytes[0], 4096)), 0);
    std::string damaged = bytes;
    damaged[100] = static_cast<char>(damaged[100] ^ 1);
    ASSERT_EQ(disk.Write(block * 4096, damaged), 0);
    disk.LosePageCache();
    EXPECT_EQ(Mount(), -EUCLEAN) << block;
    ASSERT_EQ(disk.Write(block * 4096, bytes), 0);
    disk.LosePageCache();
  }
  EXPECT_EQ(Mount(), 0);
}

TEST_F(BlockMountTest, UnreadableDeviceIsEio) {
  ASSERT_EQ(MakeFilesystem(disk, "ext4", kTestUuid), 0);
  disk.LosePageCache();
  disk.SetFault([](const Io& io) { return io.kind == IoKind::kRead ? -EIO : 0; });
  EXPECT_EQ(Mount(), -EIO);
}

TEST_F(BlockMountTest, WordsAreCheckedPerKind) {
  ASSERT_EQ(MakeFilesystem(disk, "ext4", kTestUuid), 0);
  for (const char* bad : {"nouuid", "errors", "errors=never", "commit=x", "commit", "discard=1",
                          "noatime", "data=", "logbsize=32k"}) {
    EXPECT_EQ(Mount(bad), -EINVAL) << bad;
  }
  ASSERT_EQ(Mount("discard,errors=remount-ro,commit=30,,data=ordered,nobarrier"), 0);
  EXPECT_EQ(mounted->ShownOptions(), ",relatime,discard");
}

TEST_F(BlockMountTest, XfsRefusesAMountedUuidButWithNouuid) {
  Disk one(core, {8, 16}, "sdb", uint64_t{300} << 20);
  Disk two(core, {8, 32}, "sdc", uint64_t{300} << 20);
  ASSERT_EQ(MakeFilesystem(one, "xfs", kTestUuid), 0);
  ASSERT_EQ(MakeFilesystem(two, "xfs", kTestUuid), 0);
  std::shared_ptr<Filesystem> first, second;
  EXPECT_EQ(MountDisk(one, "xfs", &first, "norecovery"), -EINVAL) << "and writable";
  EXPECT_EQ(MountDisk(one, "xfs", &first, "errors=panic"), -EINVAL);
  ASSERT_EQ(MountDisk(one, "xfs", &first, "logbsize=256k"), 0);
  EXPECT_EQ(MountDisk(two, "xfs", &second), -EINVAL);
  ASSERT_EQ(MountDisk(two, "xfs", &second, "nouuid"), 0);
  EXPECT_EQ(second->ShownOptions(),
            ",relatime,nouuid,attr2,inode64,logbufs=8,logbsize=32k,noquota");
  first->Release();
  second->Release();
  ASSERT_EQ(MountDisk(two, "xfs", &second, "norecovery", /*read_only=*/true), 0);
  second->Release();
}

TEST_F(BlockMountTest, ReadOnlyMountRefusesChangesAndWritesNothing) {
  Start();
  Unmount();
  disk.SetFault([](const Io& io) { return io.kind == IoKind::kRead ? 0 : -EIO; });
  ASSERT_EQ(Mount("", /*read_only=*/true), 0);
  EXPECT_TRUE(mounted->is_read_only());
  EXPECT_EQ(WriteFile("a", 0, "a"), -EROFS);
  EXPECT_EQ(Sync(), 0);
  EXPECT_EQ(disk.Freeze(), 0);
  disk.Thaw();
  Unmount();
}

TEST_F(BlockMountTest, ARemountMakesItWritableAndBackWithEverythingWritten) {
  Start();
  Unmount();
  ASSERT_EQ(Mount("", /*read_only=*/true), 0);
  EXPECT_EQ(mounted->Remount(false), 0);
  EXPECT_EQ(WriteFile("a", 0, "a"), 0);
  ASSERT_EQ(disk.Freeze(), 0);
  EXPECT_EQ(mounted->Remount(true), -EBUSY);
  disk.Thaw();
  EXPECT_EQ(WriteFile("b", 0, "b"), 0);
  EXPECT_EQ(mounted->Remount(true), 0);
  EXPECT_EQ(WriteFile("c", 0, "c"), -EROFS);
  disk.SetReadOnly(true);
  EXPECT_EQ(mounted->Remount(false), -EACCES);
  disk.SetReadOnly(false);
  LosePower();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(Content("b"), "b");
}

TEST_F(BlockMountTest, AFreezeWritesBackAndLetsNothingThroughUntilTheThaw) {
  Start();
  ASSERT_EQ(WriteFile("a", 0, "a"), 0);
  ASSERT_EQ(disk.Freeze(), 0);
  EXPECT_EQ(WriteFile("b", 0, "b"), -EDEADLK) << "nothing will thaw it";
  EXPECT_EQ(core.scheduler.Hangs().back(), "change of ext4 on sda: frozen");
  EXPECT_EQ(Sync(), 0) << "nothing is dirty";
  LosePower();
  disk.Thaw();
  ASSERT_EQ(Mount(), 0);
  EXPECT_EQ(Content("a"), "a");
}

TEST_F(BlockMountTest, AChangeGoesOnWhenATimerThaws) {
  Start();
  ASSERT_EQ(disk.Freeze(), 0);
  core.scheduler.After(absl::Seconds(5), [this] { disk.Thaw(); });
  EXPECT_EQ(WriteFile("b", 0, "b"), 0);
}

TEST_F(BlockMountTest, AFrozenDeviceCannotBeMounted) {
  ASSERT_EQ(MakeFilesystem(disk, "ext4", kTestUuid), 0);
  ASSERT_EQ(disk.Freeze(), 0);
  EXPECT_EQ(Mount(), -EBUSY);
  disk.Thaw();
  EXPECT_EQ(Mount(), 0);
}

TEST_F(BlockMountTest, AFrozenFilesystemKeepsTheDeviceUntilTheThaw) {
  Start();
  ASSERT_EQ(disk.Freeze(), 0);
  Unmount();
  EXPECT_EQ(disk.open_count(), 1u);
  disk.Thaw();
  core.scheduler.RunQueue();
  EXPECT_EQ(disk.open_count(), 0u);
  EXPECT_EQ(disk.filesystem(), nullptr);
}

TEST_F(BlockMountTest, APowerLossDropsWhatAFreezeKept) {
  Start();
  ASSERT_EQ(disk.Freeze(), 0);
  Unmount();
  DropFrozenFilesystems(core);
  EXPECT_EQ(disk.open_count(), 0u);
  disk.Thaw();
}

}  // namespace
}  // namespace dmkit::model
