// SPDX-License-Identifier: Apache-2.0
// Tests of mounts: every errno, who keeps one busy, and what lazy ones leave.

#include <sys/mount.h>

#include <cerrno>

#include "testing/model/files/vfs_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(VfsTest, MountClaimsItsDeviceUntilItIsUnmounted) {
  auto dir = Mount("/dev/sda", "/mnt");
  ASSERT_THAT(dir, sys::IsOk());
  EXPECT_EQ(disk_->Openers()[0].who, "mount /mnt");
  EXPECT_NE(disk_->claimed_by(), nullptr);
  Put("/mnt/f", "text");
  EXPECT_EQ(root().Stat("/mnt/f")->device, (sys::DeviceNumber{8, 0}));
  EXPECT_THAT((*dir)->Stat("f"), sys::IsOk());
  EXPECT_EQ((*dir)->Space()->available_bytes, 10U);
  EXPECT_THAT(MountLines(), ElementsAre("/mnt /dev/sda fake 8:0 users 1"));
  EXPECT_THAT(Text("/proc/mounts"), HasSubstr("/dev/sda /mnt fake rw,relatime 0 0\n"));
  EXPECT_EQ(Unmount("/mnt"), EBUSY);
  dir->reset();
  EXPECT_EQ(Unmount("/mnt"), 0);
  EXPECT_EQ(Unmount("/mnt"), EINVAL);
  EXPECT_THAT(log_, ElementsAre("mount", "release"));
  EXPECT_EQ(disk_->open_count(), 0U);
  EXPECT_THAT(vfs_.Mounts(), IsEmpty());
  EXPECT_EQ(Text("/mnt/f"), "ENOENT");
}

TEST_F(VfsTest, MountRefusesWithTheRightErrno) {
  Put("/f", "x");
  EXPECT_EQ(Errno(Mount("/dev/sda", "/no").status()), ENOENT);
  EXPECT_EQ(Errno(Mount("/dev/no", "/mnt").status()), ENOENT);
  EXPECT_EQ(Errno(Mount("", "/mnt").status()), EINVAL);
  EXPECT_EQ(Errno(Mount("/dev/null", "/mnt").status()), ENOTBLK);
  EXPECT_EQ(Errno(Mount("/f/x", "/mnt").status()), ENOTDIR);
  EXPECT_EQ(Errno(Mount("/dev/sda", "/f").status()), ENOTDIR);
  EXPECT_EQ(Errno(Mount("/dev/sda", "mnt").status()), EINVAL);
  EXPECT_EQ(Errno(Mount("/dev/sda", "").status()), EINVAL);
  EXPECT_EQ(Errno(Mount(absl::string_view("/dev/sda\0x", 10), "/mnt").status()), EINVAL);
  EXPECT_EQ(Errno(Mount("/dev/sda", "/mnt", 0, "bad").status()), EINVAL);
  EXPECT_EQ(Errno(Mount("/dev/sda", "/mnt", MS_BIND).status()), EINVAL);
  EXPECT_EQ(Errno(Mount("/dev/sda", "/mnt", MS_REMOUNT).status()), EINVAL);
  EXPECT_EQ(Errno(vfs_.MountsOf(2).Mount({"/dev/sda", "/mnt", "fake", 0, ""}).status()), EPERM);
  EXPECT_EQ(Errno(vfs_.MountsOf(1).Mount({"/dev/sda", "/mnt", "btrfs", 0, ""}).status()), ENODEV);
  EXPECT_THAT(root().MakeNode("/ghost", sys::FileType::kBlockDevice, {8, 48}, 0600), sys::IsOk());
  EXPECT_EQ(Errno(Mount("/ghost", "/mnt").status()), ENXIO);
  EXPECT_THAT(vfs_.Mounts(), IsEmpty());
  EXPECT_EQ(disk_->open_count(), 0U);
  disk_->SetReadOnly(true);
  EXPECT_EQ(Errno(Mount("/dev/sda", "/mnt").status()), EACCES);
  EXPECT_THAT(Mount("/dev/sda", "/mnt", MS_RDONLY), sys::IsOk());
  EXPECT_EQ(Unmount("/mnt"), 0);
}

TEST_F(VfsTest, FrozenDeviceCannotBeMounted) {
  ASSERT_EQ(disk_->Freeze(), 0);
  EXPECT_EQ(Errno(Mount("/dev/sda", "/mnt").status()), EBUSY);
  disk_->Thaw();
  EXPECT_THAT(Mount("/dev/sda", "/mnt"), sys::IsOk());
  EXPECT_EQ(Unmount("/mnt"), 0);
}

TEST_F(VfsTest, SecondMountSharesTheFilesystem) {
  EXPECT_THAT(root().MakeDir("/other", 0755), sys::IsOk());
  EXPECT_THAT(Mount("/dev/sda", "/mnt"), sys::IsOk());
  EXPECT_EQ(Errno(Mount("/dev/sda", "/mnt").status()), EBUSY) << "the same place again";
  EXPECT_EQ(Errno(Mount("/dev/sda", "/other", MS_RDONLY).status()), EBUSY);
  EXPECT_THAT(Mount("/dev/sda", "/other"), sys::IsOk());
  Put("/mnt/f", "shared");
  EXPECT_EQ(Text("/other/f"), "shared");
  EXPECT_EQ(Errno(root().Rename("/mnt/f", "/other/g")), EXDEV);
  EXPECT_EQ(disk_->open_count(), 1U);
  EXPECT_EQ(Unmount("/mnt"), 0);
  EXPECT_EQ(Text("/other/f"), "shared");
  EXPECT_THAT(log_, ElementsAre("mount"));
  EXPECT_EQ(Unmount("/other"), 0);
  EXPECT_THAT(log_, ElementsAre("mount", "release"));
}

TEST_F(VfsTest, UnmountRefusesWithTheRightErrno) {
  EXPECT_EQ(Unmount("/no"), ENOENT);
  EXPECT_EQ(Unmount("/mnt"), EINVAL);
  EXPECT_EQ(Unmount(""), ENOENT);
  EXPECT_EQ(Unmount("/"), EBUSY);
  EXPECT_EQ(Unmount("/", sys::UnmountMode::kDetach), EINVAL);
  EXPECT_EQ(Unmount(absl::string_view("/mnt\0", 5)), EINVAL);
  EXPECT_THAT(Mount("/dev/sda", "/mnt"), sys::IsOk());
  EXPECT_EQ(Errno(vfs_.MountsOf(2).Unmount("/mnt", sys::UnmountMode::kNormal)), EPERM);
  EXPECT_EQ(Unmount("/mnt/."), 0);
}

TEST_F(VfsTest, OpenFilesAndMountsOnTopKeepAMountBusy) {
  Disk second(core_, sys::DeviceNumber{8, 16}, "sdb", 65536);
  EXPECT_THAT(Mount("/dev/sda", "/mnt"), sys::IsOk());
  EXPECT_THAT(root().MakeDir("/mnt/on", 0755), sys::IsOk());
  EXPECT_THAT(Mount("/dev/sdb", "/mnt/on"), sys::IsOk());
  Put("/mnt/on/f", "x");
  EXPECT_EQ(Unmount("/mnt"), EBUSY);
  EXPECT_EQ(Errno(root().RemoveDir("/mnt/on")), EBUSY);
  EXPECT_EQ(Errno(root().Rename("/mnt/on", "/mnt/off")), EBUSY);
  EXPECT_THAT(root().Stat("/mnt/on/../on/f"), sys::IsOk());
  EXPECT_EQ(Unmount("/mnt/on"), 0);
  EXPECT_THAT(root().RemoveDir("/mnt/on"), sys::IsOk());
  auto file = Open("/mnt/f", Creating());
  EXPECT_THAT(root().Unlink("/mnt/f"), sys::IsOk());
  EXPECT_EQ(Unmount("/mnt"), EBUSY);
  EXPECT_THAT(root().ReadLink("/proc/self/fd/3"), sys::IsOkAndHolds("/mnt/f (deleted)"));
  file.reset();
  EXPECT_EQ(Unmount("/mnt"), 0);
}

TEST_F(VfsTest, LazyUnmountTakesTheNameAndWaitsForTheUsers) {
  Disk second(core_, sys::DeviceNumber{8, 16}, "sdb", 65536);
  auto dir = Mount("/dev/sda", "/mnt");
  ASSERT_THAT(dir, sys::IsOk());
  EXPECT_THAT(root().MakeDir("/mnt/on", 0755), sys::IsOk());
  EXPECT_THAT(Mount("/dev/sdb", "/mnt/on"), sys::IsOk());
  Put("/mnt/f", "text");
  EXPECT_EQ(Unmount("/mnt", sys::UnmountMode::kDetach), 0);
  EXPECT_EQ(second.open_count(), 0U) << "nobody used what was mounted on it";
  EXPECT_EQ(Text("/mnt/f"), "ENOENT");
  EXPECT_THAT(MountLines(), ElementsAre(" /dev/sda fake 8:0 users 1"));
  EXPECT_THAT(Text("/proc/mounts"), Not(HasSubstr("sda")));
  EXPECT_EQ(ReadAll(**(*dir)->OpenFile("f", sys::OpenOptions())), "text");
  EXPECT_THAT((*dir)->Stat("../f"), sys::IsOk()) << "its root has nothing above";
  EXPECT_EQ(disk_->open_count(), 1U);
  EXPECT_THAT(Mount("/dev/sda", "/mnt"), sys::IsOk()) << "it is the same filesystem still";
  EXPECT_EQ(Text("/mnt/f"), "text");
  EXPECT_EQ(Unmount("/mnt"), 0);
  EXPECT_EQ(disk_->open_count(), 1U);
  dir->reset();
  EXPECT_EQ(disk_->open_count(), 0U);
  EXPECT_THAT(vfs_.Mounts(), IsEmpty());
}

TEST_F(VfsTest, EndOfAProcessEndsItsLazyMounts) {
  auto dir = Mount("/dev/sda", "/mnt");
  ASSERT_THAT(dir, sys::IsOk());
  EXPECT_EQ(Unmount("/mnt", sys::UnmountMode::kDetach), 0);
  vfs_.EndProcess(1);
  EXPECT_EQ(disk_->open_count(), 0U);
}

TEST_F(VfsTest, ReadOnlyMountRefusesEveryChange) {
  EXPECT_THAT(Mount("/dev/sda", "/mnt"), sys::IsOk());
  Put("/mnt/f", "x");
  EXPECT_THAT(root().MakeDir("/mnt/d", 0755), sys::IsOk());
  const auto before = Open("/mnt/f", Writing());
  fake_->has_failed = true;
  const auto refused = [&](const absl::Status& status) { EXPECT_EQ(Errno(status), EROFS); };
  refused(before->WriteAt(0, "x"));
  refused(before->Truncate(0));
  refused(root().MakeDir("/mnt/x", 0755));
  refused(root().MakeSymlink("x", "/mnt/x"));
  refused(root().MakeNode("/mnt/x", sys::FileType::kFifo, {}, 0600));
  refused(root().Unlink("/mnt/f"));
  refused(root().Unlink("/mnt/no"));
  refused(root().RemoveDir("/mnt/d"));
  refused(root().Rename("/mnt/f", "/mnt/g"));
  refused(root().SetMode("/mnt/f", 0600));
  refused(root().SetOwner("/mnt/f", 1, 1));
  refused(root().OpenFile("/mnt/f", Writing()).status());
  refused(root().OpenFile("/mnt/x", Creating()).status());
  EXPECT_EQ(Errno(root().MakeDir("/mnt/d", 0755)), EEXIST);
  EXPECT_EQ(OpenErrno("/mnt/f"), 0);
  EXPECT_THAT(Text("/proc/mounts"), HasSubstr("/mnt fake ro,"));
}

TEST_F(VfsTest, MountWithReadOnlyFlagRefusesChangesAsWell) {
  EXPECT_THAT(Mount("/dev/sda", "/mnt", MS_RDONLY), sys::IsOk());
  EXPECT_FALSE(disk_->Openers()[0].write);
  EXPECT_EQ(Errno(root().MakeDir("/mnt/x", 0755)), EROFS);
  EXPECT_EQ(OpenErrno("/mnt/x", Creating()), EROFS);
  EXPECT_EQ(Unmount("/mnt"), 0);
}

TEST_F(VfsTest, ErrorsOfTheFilesystemReachTheCaller) {
  EXPECT_THAT(Mount("/dev/sda", "/mnt"), sys::IsOk());
  const auto file = Open("/mnt/f", Creating());
  fake_->change_error = -ENOSPC;
  EXPECT_EQ(Errno(file->WriteAt(0, "x")), ENOSPC);
  EXPECT_EQ(Errno(root().MakeDir("/mnt/d", 0755)), ENOSPC);
  EXPECT_EQ(OpenErrno("/mnt/g", Creating()), ENOSPC);
  EXPECT_THAT(file->Sync(), sys::IsOk());
  EXPECT_THAT((*root().OpenDir("/mnt"))->Sync(), sys::IsOk());
  EXPECT_THAT(log_, ElementsAre("mount", "sync file", "sync directory"));
}

TEST_F(VfsTest, NodevMountHasNoDevices) {
  EXPECT_THAT(Mount("/dev/sda", "/mnt", MS_NODEV), sys::IsOk());
  EXPECT_THAT(root().MakeNode("/mnt/n", sys::FileType::kBlockDevice, {8, 0}, 0600), sys::IsOk());
  EXPECT_EQ(OpenErrno("/mnt/n"), EACCES);
  EXPECT_EQ(Errno(Mount("/mnt/n", "/tmp").status()), EACCES);
  sys::DeviceNumber number;
  EXPECT_EQ(vfs_.FindBlockDevice("/mnt/n", &number), -EACCES);
  EXPECT_THAT(Text("/proc/mounts"), HasSubstr("/mnt fake rw,nodev,"));
}

TEST_F(VfsTest, TmpfsIsMountedWithASize) {
  sys::Mounts& mounts = vfs_.MountsOf(1);
  for (const char* const data :
       {"size=", "size=x", "size=1kk", "size=-1", "bad", "size=99999999999g"}) {
    EXPECT_EQ(Errno(mounts.Mount({"tmpfs", "/mnt", "tmpfs", 0, data}).status()), EINVAL) << data;
  }
  EXPECT_THAT(mounts.Mount({"tmpfs", "/mnt", "tmpfs", 0, "size=64k"}), sys::IsOk());
  const auto file = Open("/mnt/f", Creating());
  EXPECT_THAT(file->WriteAt(0, std::string(65536, 'x')), sys::IsOk());
  EXPECT_EQ(Errno(file->WriteAt(65536, "x")), ENOSPC);
  EXPECT_THAT(file->WriteAt(0, "in place"), sys::IsOk());
  EXPECT_EQ((*root().OpenDir("/mnt"))->Space()->available_bytes, 0U);
}

TEST_F(VfsTest, TmpfsIsNumberedAnewAfterAPowerLoss) {
  const auto mounted_number = [this] {
    const auto mounted = vfs_.MountsOf(1).Mount({"tmpfs", "/mnt", "tmpfs", 0, ""});
    EXPECT_THAT(mounted, sys::IsOk());
    return (*mounted)->Stat(".")->device;
  };
  const sys::DeviceNumber first = mounted_number();
  EXPECT_NE(mounted_number(), first);
  vfs_.LosePower(Unsynced::kKept);
  EXPECT_EQ(mounted_number(), first);
}

TEST_F(VfsTest, PowerLossDropsMountsWithoutAWriteBack) {
  Disk second(core_, sys::DeviceNumber{8, 16}, "sdb", 65536);
  EXPECT_THAT(Mount("/dev/sda", "/mnt"), sys::IsOk());
  auto dir = Mount("/dev/sdb", "/tmp");
  EXPECT_EQ(Unmount("/tmp", sys::UnmountMode::kDetach), 0);
  vfs_.EndProcess(1);
  EXPECT_THAT(log_, ElementsAre("mount", "mount", "release"));
  vfs_.LosePower(Unsynced::kKept);
  EXPECT_THAT(log_, ElementsAre("mount", "mount", "release", "lose power"));
  EXPECT_EQ(disk_->open_count(), 0U);
  EXPECT_THAT(vfs_.Mounts(), IsEmpty());
  EXPECT_EQ(Unmount("/mnt"), EINVAL);
}

}  // namespace
}  // namespace dmkit::model
