// SPDX-License-Identifier: Apache-2.0
// The programs on disks and mounts of the model.

#include "testing/model/programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sys/status_matchers.h"
#include "testing/model/core.h"
#include "testing/model/disk.h"
#include "testing/model/files/block_filesystem.h"
#include "testing/model/files/vfs.h"
#include "testing/model/profile.h"
#include "testing/model/scheduler.h"

namespace dmkit::model {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kUuid[] = "6f3a1c52-98e0-4d11-a1b2-0123456789ab";
constexpr uint64_t kMiB = uint64_t{1} << 20;

class OnlyAnId : public sys::Processes {
 public:
  absl::StatusOr<sys::ProcessResult> Run(const std::vector<std::string>&, absl::Duration) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<std::string> Find(absl::string_view) override {
    return absl::UnimplementedError("");
  }
  int32_t ProcessId() override { return 1; }
  uint32_t EffectiveUserId() override { return 0; }
  absl::Status LockMemory() override { return absl::OkStatus(); }
  absl::Status UnlockMemory() override { return absl::OkStatus(); }
};

class ProgramsTest : public ::testing::Test {
 protected:
  ProgramsTest() {
    for (const char* kind : {"ext4", "xfs"}) vfs_.RegisterKind(kind, BlockFilesystemKind(kind));
    small_ = std::make_unique<Disk>(core_, sys::DeviceNumber{8, 0}, "sda", 16 * kMiB);
    large_ = std::make_unique<Disk>(core_, sys::DeviceNumber{8, 16}, "sdb", 300 * kMiB);
    vfs_.AddProcess(1, 0);
    host_.root = &vfs_.RootOf(1);
    host_.mounts = &vfs_.MountsOf(1);
    host_.processes = &processes_;
  }
  ~ProgramsTest() override {
    const Scheduler::Call call(core_.scheduler, 2);
    vfs_.EndProcess(1);
    vfs_.LosePower(Unsynced::kLost);
  }

  sys::ProcessResult Run(const std::string& line) {
    const std::vector<std::string> argv = absl::StrSplit(line, ' ');
    std::string path;
    return (*programs_.Find(argv[0], &path))(host_, argv);
  }
  void ExpectSuccess(const std::string& line) {
    const sys::ProcessResult result = Run(line);
    EXPECT_EQ(result.exit_status, 0) << line << ": " << result.output;
  }
  void ExpectFailure(const std::string& line, const std::string& words) {
    const sys::ProcessResult result = Run(line);
    EXPECT_EQ(result.exit_status, 1) << line;
    EXPECT_THAT(result.output, HasSubstr(words)) << line;
  }
  absl::Status Mount(const std::string& source, const std::string& kind) {
    return host_.mounts->Mount({source, "/mnt", kind, 0, ""}).status();
  }
  absl::Status Unmount() { return host_.mounts->Unmount("/mnt", sys::UnmountMode::kNormal); }
  std::string BytesAt(const Disk& disk, uint64_t offset, size_t length) {
    std::string bytes(length, '\0');
    disk.contents().Read(offset, absl::MakeSpan(&bytes[0], length));
    return bytes;
  }

  Core core_{Linux612(), 1};
  Vfs vfs_{core_, Vfs::Options{}};
  std::unique_ptr<Disk> small_, large_;
  OnlyAnId processes_;
  Programs programs_{core_};
  sys::Host host_;
};

TEST_F(ProgramsTest, ProgramsAreFoundByNameAndByPath) {
  std::string path;
  ASSERT_NE(programs_.Find("mkfs.ext4", &path), nullptr);
  EXPECT_EQ(path, "/usr/sbin/mkfs.ext4");
  EXPECT_NE(programs_.Find("/usr/sbin/xfs_growfs", &path), nullptr);
  EXPECT_EQ(programs_.Find("/bin/xfs_growfs", &path), nullptr);
  EXPECT_EQ(programs_.Find("mkfs.btrfs", &path), nullptr);
  programs_.Install("/bin/mkfs.btrfs", [](const sys::Host&, const std::vector<std::string>&) {
    return sys::ProcessResult{7, ""};
  });
  EXPECT_EQ(Run("mkfs.btrfs").exit_status, 7);
  programs_.Uninstall("mkfs.btrfs");
  EXPECT_EQ(programs_.Find("mkfs.btrfs", &path), nullptr);
}

TEST_F(ProgramsTest, MkfsExt4MakesAFilesystemThatCanBeMounted) {
  const sys::ProcessResult result = Run(absl::StrCat(
      "mkfs.ext4 -q -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 -U ", kUuid, " /dev/sda"));
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_THAT(result.output, IsEmpty());
  EXPECT_EQ(BytesAt(*small_, 1024 + 0x38, 2), "\x53\xef");
  EXPECT_EQ(BytesAt(*small_, 1024 + 0x68, 4), "\x6f\x3a\x1c\x52");
  EXPECT_THAT(Mount("/dev/sda", "ext4"), IsOk());
  EXPECT_THAT(Unmount(), IsOk());
}

TEST_F(ProgramsTest, MkfsExt4MakesUpAUuid) {
  ExpectSuccess("mkfs.ext4 /dev/sda");
  const std::string uuid = BytesAt(*small_, 1024 + 0x68, 16);
  ExpectSuccess("mkfs.ext4 /dev/sda");
  EXPECT_NE(BytesAt(*small_, 1024 + 0x68, 16), uuid);
}

TEST_F(ProgramsTest, MkfsExt4RefusesWithItsWords) {
  ExpectFailure("mkfs.ext4", "Usage: mkfs.ext4");
  ExpectFailure("mkfs.ext4 -Y /dev/sda", "invalid option -- 'Y'");
  ExpectFailure("mkfs.ext4 /dev/sda -L", "option requires an argument -- 'L'");
  ExpectFailure("mkfs.ext4 -E nodiscard,no_such_option /dev/sda",
                "\nBad option(s) specified: no_such_option\n");
  ExpectFailure("mkfs.ext4 -U x /dev/sda", "Invalid UUID");
  ExpectFailure("mkfs.ext4 /dev/none", "No such file or directory while trying to determine");
  small_->Resize(kMiB - 4096);
  ExpectFailure("mkfs.ext4 /dev/sda", "Not enough space to build proposed filesystem");
  EXPECT_EQ(small_->contents().allocated(), 0u);
}

TEST_F(ProgramsTest, MkfsRefusesADeviceInUse) {
  ExpectSuccess("mkfs.ext4 /dev/sda");
  ExpectSuccess("mkfs.xfs /dev/sdb");
  ASSERT_THAT(Mount("/dev/sda", "ext4"), IsOk());
  ExpectFailure("mkfs.ext4 /dev/sda", "/dev/sda is mounted; will not make a filesystem here!");
  ASSERT_THAT(Unmount(), IsOk());
  ASSERT_THAT(Mount("/dev/sdb", "xfs"), IsOk());
  ExpectFailure("mkfs.xfs -f /dev/sdb", "/dev/sdb contains a mounted filesystem");
  ASSERT_THAT(Unmount(), IsOk());
  Opener opener;
  opener.claim = this;
  BlockHandle handle;
  ASSERT_EQ(small_->Open(opener, &handle), 0);
  ExpectFailure("mkfs.ext4 /dev/sda", "is apparently in use by the system");
  ExpectFailure("mkfs.xfs -f /dev/sda", "cannot open /dev/sda: Device or resource busy");
}

TEST_F(ProgramsTest, DryRunsWriteNothing) {
  ExpectSuccess("mkfs.ext4 -n /dev/sda");
  ExpectSuccess("mkfs.xfs -N /dev/sdb");
  EXPECT_EQ(small_->contents().allocated(), 0u);
  EXPECT_EQ(large_->contents().allocated(), 0u);
}

TEST_F(ProgramsTest, MkfsSaysWhenTheDeviceFails) {
  small_->SetFault([](const Io& io) { return io.kind == IoKind::kRead ? 0 : -EIO; });
  ExpectFailure("mkfs.ext4 /dev/sda", "Input/output error while writing out");
}

TEST_F(ProgramsTest, MkfsXfsNeeds300MegabytesAndForceOverAFilesystem) {
  ExpectFailure("mkfs.xfs /dev/sda", "Filesystem must be larger than 300MB.");
  ExpectSuccess(absl::StrCat("mkfs.xfs -q -K -m uuid=", kUuid, " /dev/sdb"));
  EXPECT_EQ(BytesAt(*large_, 0, 4), "XFSB");
  EXPECT_EQ(BytesAt(*large_, 32, 4), "\x6f\x3a\x1c\x52");
  ExpectFailure("mkfs.xfs /dev/sdb", "appears to contain an existing filesystem (xfs)");
  ExpectSuccess("mkfs.ext4 -q /dev/sdb");
  ExpectFailure("mkfs.xfs /dev/sdb", "appears to contain an existing filesystem (ext4)");
  ExpectSuccess("mkfs.xfs -f /dev/sdb");
  ExpectFailure("mkfs.xfs", "no device name given");
  EXPECT_THAT(Mount("/dev/sdb", "xfs"), IsOk());
  EXPECT_THAT(Unmount(), IsOk());
}

TEST_F(ProgramsTest, AnImageFileWillDo) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = true;
  ASSERT_THAT((*host_.root->OpenFile("/image", options))->Truncate(8 * kMiB), IsOk());
  // O_EXCL without O_CREAT means nothing for a file.
  ExpectSuccess("mkfs.ext4 -q /image");
}

TEST_F(ProgramsTest, Resize2fsGrowsAMountedFilesystemAndGrowingAgainIsNoError) {
  ExpectFailure("resize2fs /dev/sda", "Bad magic number in super-block");
  ExpectSuccess("mkfs.ext4 /dev/sda");
  ExpectFailure("resize2fs /dev/sda", "Please run 'e2fsck -f /dev/sda' first.");
  ExpectFailure("resize2fs /dev/none", "No such file or directory while opening");
  ExpectFailure("resize2fs", "Usage");
  ASSERT_THAT(Mount("/dev/sda", "ext4"), IsOk());
  small_->Resize(32 * kMiB);
  EXPECT_THAT(Run("resize2fs /dev/sda").output, HasSubstr("is now 8192 (4k) blocks long."));
  EXPECT_THAT(Run("resize2fs /dev/sda").output, HasSubstr("already 8192 (4k) blocks long."));
  EXPECT_EQ((*host_.root->OpenDir("/mnt"))->Space()->total_bytes, 32 * kMiB - 4096);
  ExpectFailure("xfs_growfs /mnt", "/mnt is not a mounted XFS filesystem");
}

TEST_F(ProgramsTest, XfsGrowfsGrowsTheFilesystemAtAMountPoint) {
  ExpectSuccess("mkfs.xfs /dev/sdb");
  ExpectFailure("xfs_growfs /mnt", "/mnt is not a mounted XFS filesystem");
  ASSERT_THAT(Mount("/dev/sdb", "xfs"), IsOk());
  ExpectFailure("resize2fs /dev/sdb", "Bad magic number");
  large_->Resize(400 * kMiB);
  EXPECT_THAT(Run("xfs_growfs /mnt").output, HasSubstr("data blocks changed from 76800 to 102400"));
  ExpectSuccess("xfs_growfs /mnt");
  ASSERT_THAT(host_.root->MakeDir("/mnt/d", 0755), IsOk());
  ExpectFailure("xfs_growfs /mnt/d", "/mnt/d is not a mounted XFS filesystem");
  EXPECT_EQ(Run("xfs_growfs").exit_status, 2);
}

// What the namespace makes of filesystems on devices, from mount to power loss.
TEST_F(ProgramsTest, FilesLiveThroughUnmountAndPowerLossAsFarAsTheyWereSynced) {
  ExpectSuccess("mkfs.ext4 /dev/sda");
  ASSERT_THAT(Mount("/dev/sda", "ext4"), IsOk());
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = true;
  {
    const auto file = host_.root->OpenFile("/mnt/a", options);
    ASSERT_THAT(file.status(), IsOk());
    ASSERT_THAT((*file)->WriteAt(0, "hello"), IsOk());
    EXPECT_THAT(Unmount(), FailsWithErrno(EBUSY));
  }
  ASSERT_THAT(Unmount(), IsOk());
  EXPECT_THAT(host_.root->Stat("/mnt/a").status(), FailsWithErrno(ENOENT));
  EXPECT_EQ(small_->open_count(), 0u);
  ASSERT_THAT(Mount("/dev/sda", "ext4"), IsOk());
  char seen[5];
  EXPECT_EQ(*(*host_.root->OpenFile("/mnt/a", {}))->ReadAt(0, absl::MakeSpan(seen)), 5u);
  EXPECT_EQ(absl::string_view(seen, 5), "hello");
  {
    const auto file = host_.root->OpenFile("/mnt/a", options);
    ASSERT_THAT((*file)->WriteAt(0, "synced"), IsOk());
    ASSERT_THAT((*file)->Sync(), IsOk());
    ASSERT_THAT((*file)->WriteAt(0, "lost"), IsOk());
  }
  {
    const Scheduler::Call call(core_.scheduler, 2);
    vfs_.EndProcess(1);
    vfs_.LosePower(Unsynced::kLost);
    small_->LosePower(Unsynced::kLost);
    vfs_.AddProcess(1, 0);
  }
  ASSERT_THAT(Mount("/dev/sda", "ext4"), IsOk());
  char again[6];
  EXPECT_EQ(*(*host_.root->OpenFile("/mnt/a", {}))->ReadAt(0, absl::MakeSpan(again)), 6u);
  EXPECT_EQ(absl::string_view(again, 6), "synced");
}

}  // namespace
}  // namespace dmkit::model
