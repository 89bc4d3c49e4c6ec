// SPDX-License-Identifier: Apache-2.0
// Tests of processes, permissions, made-up files and power losses.

#include <cerrno>

#include "testing/model/files/vfs_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(VfsTest, DescriptorsAreTheLowestFreeFromThree) {
  Put("/f", "x");
  auto a = Open("/f");
  const auto b = Open("/f");
  const auto other = user().OpenFile("/f", sys::OpenOptions());
  EXPECT_EQ(a->descriptor(), 3);
  EXPECT_EQ(b->descriptor(), 4);
  EXPECT_EQ(Errno(other.status()), EACCES);
  a.reset();
  EXPECT_EQ(Open("/f")->descriptor(), 3);
  EXPECT_THAT(vfs_.OpenHandles(), ElementsAre("process 1 descriptor 4: /f"));
}

TEST_F(VfsTest, EndedProcessLeavesHandlesThatAnswerEbadf) {
  Put("/f", "x");
  const auto file = Open("/f", Writing());
  EXPECT_THAT(file->TryLock(sys::LockMode::kExclusive), sys::IsOkAndHolds(true));
  const auto dir = root().OpenDir("/tmp");
  vfs_.EndProcess(1);
  vfs_.EndProcess(1);
  EXPECT_THAT(vfs_.OpenHandles(), IsEmpty());
  char byte = 0;
  EXPECT_EQ(Errno(file->ReadAt(0, absl::MakeSpan(&byte, 1)).status()), EBADF);
  EXPECT_EQ(Errno(file->WriteAt(0, "y")), EBADF);
  EXPECT_EQ(Errno(file->Truncate(0)), EBADF);
  EXPECT_EQ(Errno(file->Sync()), EBADF);
  EXPECT_EQ(Errno(file->Stat().status()), EBADF);
  EXPECT_EQ(Errno(file->IoctlValue(1, 0).status()), EBADF);
  EXPECT_EQ(Errno(file->WaitReadable(absl::InfinitePast()).status()), EBADF);
  EXPECT_EQ(Errno(file->TryLock(sys::LockMode::kShared).status()), EBADF);
  EXPECT_EQ(Errno(file->Unlock()), EBADF);
  EXPECT_EQ(Errno((*dir)->OpenFile("x", Creating()).status()), EBADF);
  EXPECT_EQ(Errno((*dir)->List(".").status()), EBADF);
  EXPECT_EQ(Errno((*dir)->Space().status()), EBADF);
  EXPECT_EQ(Errno((*dir)->Sync()), EBADF);
  // The next process of that number, which has the lock's file to itself.
  const auto again = Open("/f");
  EXPECT_EQ(again->descriptor(), 3);
  EXPECT_THAT(again->TryLock(sys::LockMode::kExclusive), sys::IsOkAndHolds(true));
}

TEST_F(VfsTest, UserOfAProcessCountsAtItsStart) {
  EXPECT_EQ(vfs_.AddProcess(1, 1000).effective_user(), 0U);
  vfs_.EndProcess(1);
  EXPECT_EQ(vfs_.AddProcess(1, 1000).effective_user(), 1000U);
  EXPECT_EQ(Errno(root().MakeDir("/d", 0755)), EACCES);
  vfs_.EndProcess(1);
  EXPECT_EQ(Errno(root().MakeDir("/d", 0755)), EACCES) << "started anew as the same user";
}

TEST_F(VfsTest, PermissionsBindOrdinaryUsers) {
  EXPECT_THAT(root().MakeDir("/closed", 0700), sys::IsOk());
  EXPECT_THAT(root().MakeDir("/open", 0755), sys::IsOk());
  Put("/closed/f", "x");
  Put("/open/f", "x");
  EXPECT_THAT(root().SetMode("/open/f", 0644), sys::IsOk());
  EXPECT_EQ(Errno(user().Stat("/closed/f").status()), EACCES);
  EXPECT_EQ(Errno(user().List("/closed").status()), EACCES);
  EXPECT_EQ(Errno(user().OpenDir("/closed").status()), EACCES);
  EXPECT_THAT(user().OpenFile("/open/f", sys::OpenOptions()), sys::IsOk());
  EXPECT_EQ(Errno(user().OpenFile("/open/f", Writing()).status()), EACCES);
  EXPECT_EQ(Errno(user().OpenFile("/open/new", Creating()).status()), EACCES);
  EXPECT_EQ(Errno(user().MakeDir("/open/d", 0755)), EACCES);
  EXPECT_EQ(Errno(user().MakeSymlink("x", "/open/l")), EACCES);
  EXPECT_EQ(Errno(user().Unlink("/open/f")), EACCES);
  EXPECT_EQ(Errno(user().RemoveDir("/open")), EACCES);
  EXPECT_EQ(Errno(user().Rename("/open/f", "/tmp/f")), EXDEV);
  EXPECT_EQ(Errno(user().Rename("/open/f", "/open/g")), EACCES);
  EXPECT_EQ(Errno(user().SetMode("/open/f", 0666)), EPERM);
  EXPECT_EQ(Errno(user().SetOwner("/open/f", 1000, 1000)), EPERM);
  EXPECT_EQ(Errno(user().MakeNode("/tmp/n", sys::FileType::kBlockDevice, {8, 0}, 0600)), EPERM);
  EXPECT_EQ(Errno(user().OpenFile("/dev/sda", sys::OpenOptions()).status()), EACCES);
}

TEST_F(VfsTest, StickyDirectoryKeepsOthersFilesSafe) {
  Put("/tmp/roots", "x");
  EXPECT_THAT(user().OpenFile("/tmp/own", Creating()), sys::IsOk());
  EXPECT_EQ(Errno(user().Unlink("/tmp/roots")), EPERM);
  EXPECT_EQ(Errno(user().Rename("/tmp/own", "/tmp/roots")), EPERM);
  EXPECT_THAT(user().SetMode("/tmp/own", 0600), sys::IsOk());
  EXPECT_EQ(root().Stat("/tmp/own")->uid, 1000U);
  EXPECT_THAT(user().Unlink("/tmp/own"), sys::IsOk());
}

TEST_F(VfsTest, DirectIoNeedsAlignment) {
  sys::OpenOptions options = Creating();
  options.direct = true;
  const auto file = Open("/direct", options);
  EXPECT_THAT(file->WriteAt(0, std::string(1024, 'x')), sys::IsOk());
  EXPECT_EQ(Errno(file->WriteAt(1, std::string(512, 'x'))), EINVAL);
  EXPECT_EQ(Errno(file->WriteAt(0, "x")), EINVAL);
  char byte = 0;
  EXPECT_EQ(Errno(file->ReadAt(0, absl::MakeSpan(&byte, 1)).status()), EINVAL);
  options.create = false;
  EXPECT_EQ(OpenErrno("/proc/misc", options), EINVAL);
}

TEST_F(VfsTest, TmpfsHasDirectIoOnNewKernelsOnly) {
  sys::OpenOptions options = Creating();
  options.direct = true;
  EXPECT_EQ(OpenErrno("/tmp/direct", options), 0);
  Core old_core(Linux61(), 1);
  Vfs old_vfs(old_core, Vfs::Options());
  EXPECT_EQ(Errno(old_vfs.RootOf(1).OpenFile("/tmp/direct", options).status()), EINVAL);
  old_vfs.EndProcess(1);
}

TEST_F(VfsTest, FullFilesystemIsEnospc) {
  const auto space = *(*root().OpenDir("/tmp"))->Space();
  EXPECT_EQ(space.total_bytes, space.available_bytes);
  Put("/tmp/f", std::string(5000, 'x'));
  EXPECT_EQ((*root().OpenDir("/tmp"))->Space()->available_bytes, space.total_bytes - 8192);
}

TEST_F(VfsTest, WaitForAPartnerOfAFifoIsAHang) {
  EXPECT_THAT(root().MakeNode("/fifo", sys::FileType::kFifo, {}, 0600), sys::IsOk());
  EXPECT_EQ(OpenErrno("/fifo"), EINTR);
  EXPECT_THAT(core_.scheduler.Hangs(), ElementsAre(HasSubstr("/fifo")));
  const auto fifo = Open("/fifo", Writing());
  const absl::Time before = core_.scheduler.Now();
  EXPECT_THAT(fifo->WaitReadable(before + absl::Seconds(5)), sys::IsOkAndHolds(false));
  EXPECT_GE(core_.scheduler.Now(), before + absl::Seconds(5));
  EXPECT_EQ(Errno(fifo->WaitReadable(absl::InfiniteFuture()).status()), EINTR);
}

TEST_F(VfsTest, ProcSaysWhatIsMountedAndWhoAsks) {
  EXPECT_THAT(root().ReadLink("/proc/self"), sys::IsOkAndHolds("1"));
  EXPECT_THAT(user().ReadLink("/proc/self"), sys::IsOkAndHolds("2"));
  EXPECT_THAT(root().ReadLink("/proc/self/cwd"), sys::IsOkAndHolds("/"));
  EXPECT_THAT(Names("/proc"), Contains("2"));
  EXPECT_THAT(Text("/proc/mounts"), HasSubstr("/dev/root / ext4 rw,relatime 0 0\n"));
  EXPECT_THAT(Text("/proc/mounts"), HasSubstr("devtmpfs /dev devtmpfs rw"));
  EXPECT_THAT(Text("/proc/self/mountinfo"), HasSubstr(" 259:0 / / rw,relatime - ext4 /dev/root"));
  EXPECT_EQ(Text("/proc/sys/kernel/osrelease"), absl::StrCat(Linux612().kernel_release, "\n"));
  EXPECT_EQ(Text("/proc/sys/kernel/random/boot_id").size(), 37U);
  EXPECT_NE(Text("/proc/sys/kernel/random/uuid"), Text("/proc/sys/kernel/random/uuid"));
  EXPECT_THAT(Text("/proc/devices"), HasSubstr("Block devices:\n"));
  EXPECT_EQ(Text("/proc/3/mounts"), "ENOENT");
  EXPECT_EQ(Errno(user().List("/proc/1/fd").status()), EACCES);
}

TEST_F(VfsTest, MadeUpFilesCannotBeMadeOrRemoved) {
  for (const char* const path : {"/proc/misc", "/sys/block/sda/size"}) {
    EXPECT_EQ(Errno(root().Unlink(path)), EPERM) << path;
    EXPECT_EQ(Errno(root().Rename(path, absl::StrCat(path, "2"))), EPERM) << path;
  }
  EXPECT_EQ(Errno(root().RemoveDir("/sys/dev")), EPERM);
  EXPECT_EQ(Errno(root().Unlink("/proc/no")), ENOENT);
  EXPECT_EQ(Errno(root().MakeDir("/proc/no", 0755)), ENOENT);
  EXPECT_EQ(Errno(root().MakeDir("/sys/no", 0755)), EPERM);
  EXPECT_EQ(OpenErrno("/sys/block/sda/size", Writing()), EACCES);
  EXPECT_EQ(Errno(root().SetMode("/sys/block", 0700)), EPERM);
  EXPECT_EQ(Errno(root().SetOwner("/sys/block", 1, 1)), EPERM);
}

TEST_F(VfsTest, PowerLossKeepsWhatWasSynced) {
  const std::string boot_id = Text("/proc/sys/kernel/random/boot_id");
  Put("/lost", "x");
  Put("/run/f", "x");
  Put("/tmp/f", "x");
  const auto kept = Open("/kept", Creating());
  EXPECT_THAT(kept->WriteAt(0, "kept"), sys::IsOk());
  EXPECT_THAT(kept->Sync(), sys::IsOk());
  EXPECT_THAT(root().Sync(), sys::IsOk());
  EXPECT_THAT(kept->WriteAt(0, "more than that"), sys::IsOk());
  EXPECT_THAT(root().Unlink("/lost"), sys::IsOk());
  EXPECT_THAT(root().RemoveDir("/mnt"), sys::IsOk());
  vfs_.EndProcess(1);
  vfs_.EndProcess(2);
  vfs_.LosePower(Unsynced::kLost);
  EXPECT_EQ(Text("/kept"), "kept");
  EXPECT_EQ(Text("/lost"), "") << "its name was synced, its contents were not";
  EXPECT_EQ(Text("/run/f"), "ENOENT");
  EXPECT_EQ(Text("/tmp/f"), "ENOENT");
  EXPECT_THAT(Names("/"), Contains("mnt"));
  EXPECT_THAT(Names("/dev"), ElementsAre("null", "sda", "zero"));
  EXPECT_NE(Text("/proc/sys/kernel/random/boot_id"), boot_id);
}

}  // namespace
}  // namespace dmkit::model
