// SPDX-License-Identifier: Apache-2.0
// Tests of what is asked of programs and of mount, with scripted ones; the devices are image files.

#include "driver/filesystem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::FaultyHost;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using std::string_literals::operator""s;

using Argv = std::vector<std::string>;

constexpr char kUuidText[] = "00112233-4455-6677-8899-aabbccddeeff";

// Records what is run. `on_run` answers, and may change the device as the program would.
class ScriptedProcesses : public sys::Processes {
 public:
  absl::StatusOr<sys::ProcessResult> Run(const Argv& argv, absl::Duration) override {
    runs.push_back(argv);
    return on_run(argv);
  }
  absl::StatusOr<std::string> Find(absl::string_view program) override {
    if (missing.count(std::string(program)) != 0) {
      return sys::ErrnoStatus(ENOENT, absl::StrCat("find ", program));
    }
    return absl::StrCat("/usr/sbin/", program);
  }
  int32_t ProcessId() override { return 1; }
  uint32_t EffectiveUserId() override { return 0; }
  absl::Status LockMemory() override { return absl::OkStatus(); }
  absl::Status UnlockMemory() override { return absl::OkStatus(); }

  std::vector<Argv> runs;
  std::set<std::string> missing;
  std::function<absl::StatusOr<sys::ProcessResult>(const Argv&)> on_run = [](const Argv&) {
    return sys::ProcessResult{};
  };
};

class ScriptedMounts : public sys::Mounts {
 public:
  explicit ScriptedMounts(sys::Dir* root) : root_(root) {}
  absl::StatusOr<std::unique_ptr<sys::Dir>> Mount(const sys::MountRequest& request) override {
    requests.push_back(request);
    if (error != 0) return sys::ErrnoStatus(error, "mount");
    return root_->OpenDir("/");
  }
  absl::Status Unmount(absl::string_view target, sys::UnmountMode) override {
    unmounted.emplace_back(target);
    return absl::OkStatus();
  }

  std::vector<sys::MountRequest> requests;
  std::vector<std::string> unmounted;
  int error = 0;

 private:
  sys::Dir* root_;
};

class FilesystemTest : public ::testing::Test {
 protected:
  FilesystemTest() : mounts_(linux_.host().root) {
    host_ = linux_.host();
    host_.processes = &processes_;
    host_.mounts = &mounts_;
    Plant(1 << 20, "");
  }

  std::unique_ptr<sys::File> OpenDevice() {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    return *host_.root->OpenFile(device_, options);
  }
  // Writes `bytes` at `offset` of the device.
  void Plant(uint64_t offset, absl::string_view bytes) {
    const std::unique_ptr<sys::File> file = OpenDevice();
    EXPECT_THAT(file->WriteAt(offset, bytes), IsOk());
    EXPECT_THAT(file->Truncate(uint64_t{1} << 20), IsOk());
  }
  static std::string UuidBytes() {
    return "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"s;
  }
  void PlantExt() {
    Plant(1024 + 0x38, "\x53\xef");
    Plant(1024 + 0x68, UuidBytes());
  }
  void PlantXfs() {
    Plant(0, "XFSB");
    Plant(32, UuidBytes());
  }
  // mkfs that does its work.
  void MakeWorks() {
    processes_.on_run = [this](const Argv& argv) {
      if (argv[0] == "mkfs.ext4") PlantExt();
      if (argv[0] == "mkfs.xfs") PlantXfs();
      return sys::ProcessResult{};
    };
  }
  void ProgramsFail(int exit_status, std::string output) {
    processes_.on_run = [exit_status, output = std::move(output)](const Argv&) {
      return sys::ProcessResult{exit_status, output};
    };
  }
  absl::StatusOr<std::string> Make(FilesystemType type, const Argv& args = {}) {
    return MakeFilesystem(host_, type, device_, args);
  }

  sys::TempDir temp_;
  std::string device_ = temp_.path() + "/device";
  sys::LinuxHost linux_;
  ScriptedProcesses processes_;
  ScriptedMounts mounts_;
  sys::Host host_;
};

TEST_F(FilesystemTest, NamesAreTheKernelsAndParseBack) {
  for (const FilesystemType type : {FilesystemType::kExt4, FilesystemType::kXfs}) {
    EXPECT_THAT(ParseFilesystem(FilesystemName(type)), IsOkAndHolds(type));
  }
  EXPECT_EQ(FilesystemName(FilesystemType::kExt4), "ext4");
  EXPECT_EQ(FilesystemName(FilesystemType::kXfs), "xfs");
  for (const char* name : {"", "ext", "ext2", "XFS", "ext4 ", "btrfs"}) {
    EXPECT_THAT(ParseFilesystem(name), FailsWithCode(absl::StatusCode::kInvalidArgument)) << name;
  }
}

TEST_F(FilesystemTest, MissingProgramIsNamedWithItsPackage) {
  processes_.missing = {"mkfs.ext4", "resize2fs", "mkfs.xfs", "xfs_growfs"};
  const struct {
    absl::Status status;
    const char* program;
    const char* package;
  } kCases[] = {
      {CheckMakeProgram(host_, FilesystemType::kExt4), "mkfs.ext4", "e2fsprogs"},
      {CheckGrowProgram(host_, FilesystemType::kExt4), "resize2fs", "e2fsprogs"},
      {CheckMakeProgram(host_, FilesystemType::kXfs), "mkfs.xfs", "xfsprogs"},
      {CheckGrowProgram(host_, FilesystemType::kXfs), "xfs_growfs", "xfsprogs"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(c.status, FailsWithErrno(ENOENT));
    EXPECT_THAT(std::string(c.status.message()), HasSubstr(c.program));
    EXPECT_THAT(std::string(c.status.message()), HasSubstr(c.package));
  }
  processes_.missing.clear();
  EXPECT_THAT(CheckMakeProgram(host_, FilesystemType::kExt4), IsOk());
  EXPECT_THAT(CheckGrowProgram(host_, FilesystemType::kXfs), IsOk());
}

TEST_F(FilesystemTest, Ext4IsMadeWithDockersArgumentsThenTheUsers) {
  MakeWorks();
  EXPECT_THAT(Make(FilesystemType::kExt4, {"-O ^has_journal", "-v"}), IsOkAndHolds(kUuidText));
  EXPECT_THAT(processes_.runs,
              ElementsAre(ElementsAre("mkfs.ext4", "-q", "-E",
                                      "nodiscard,lazy_itable_init=0,lazy_journal_init=0",
                                      "-O ^has_journal", "-v", device_)));
}

TEST_F(FilesystemTest, XfsIsMadeWithoutDiscardAndWithoutForce) {
  MakeWorks();
  EXPECT_THAT(Make(FilesystemType::kXfs, {"-i", "size=1024"}), IsOkAndHolds(kUuidText));
  EXPECT_THAT(processes_.runs,
              ElementsAre(ElementsAre("mkfs.xfs", "-q", "-K", "-i", "size=1024", device_)));
}

TEST_F(FilesystemTest, UsersExtendedOptionsKeepOursInFront) {
  MakeWorks();
  EXPECT_THAT(Make(FilesystemType::kExt4, {"-E", "stride=16", "-E", "resize=9"}), IsOk());
  const std::string ours = "nodiscard,lazy_itable_init=0,lazy_journal_init=0";
  EXPECT_THAT(processes_.runs[0],
              ElementsAre("mkfs.ext4", "-q", "-E", ours, "-E", ours + ",stride=16", "-E",
                          ours + ",resize=9", device_));
  for (const char* arg : {"-Estride=16", "-E stride=16"}) {
    Plant(1024, std::string(1024, '\0'));
    EXPECT_THAT(Make(FilesystemType::kExt4, {arg}), IsOk());
    EXPECT_EQ(processes_.runs.back()[4], "-E" + ours + ",stride=16");
  }
}

TEST_F(FilesystemTest, OldMke2fsIsAskedAgainWithoutLazyJournalInit) {
  processes_.on_run = [this](const Argv& argv) {
    if (absl::StrContains(argv[3], "lazy_journal_init")) {
      return sys::ProcessResult{1,
                                "mke2fs 1.41\n\nBad option(s) specified: lazy_journal_init\n\n"
                                "Extended options are separated by commas\n"};
    }
    PlantExt();
    return sys::ProcessResult{};
  };
  EXPECT_THAT(Make(FilesystemType::kExt4, {"-E", "stride=16"}), IsOkAndHolds(kUuidText));
  ASSERT_THAT(processes_.runs, SizeIs(2));
  EXPECT_THAT(processes_.runs[1],
              ElementsAre("mkfs.ext4", "-q", "-E", "nodiscard,lazy_itable_init=0", "-E",
                          "nodiscard,lazy_itable_init=0,stride=16", device_));
}

TEST_F(FilesystemTest, OtherFailuresOfMke2fsAreNotRetried) {
  for (const char* output :
       {"",
        "Bad option(s) specified: foo\n\nValid extended options are:\n\tlazy_journal_init=<0>\n",
        "Bad option(s) specified: lazy_journal_init,foo\n", "No space left on device\n"}) {
    processes_.runs.clear();
    ProgramsFail(1, output);
    EXPECT_THAT(Make(FilesystemType::kExt4), FailsWithCode(absl::StatusCode::kUnknown)) << output;
    EXPECT_THAT(processes_.runs, SizeIs(1)) << output;
  }
}

TEST_F(FilesystemTest, FailureCarriesTheDeviceTheStatusAndTheWords) {
  ProgramsFail(32, "line one\n\x1b[31mdevice is small\b\b\b\n\n");
  const std::string message(Make(FilesystemType::kXfs).status().message());
  EXPECT_THAT(message, HasSubstr(device_));
  EXPECT_THAT(message, HasSubstr("exit status 32"));
  EXPECT_THAT(message, HasSubstr("line one | "));
  EXPECT_THAT(message, HasSubstr("device is small"));
  EXPECT_THAT(message, Not(HasSubstr("\x1b")));
}

TEST_F(FilesystemTest, MissingMkfsFailsBeforeTheDeviceIsTouched) {
  processes_.missing = {"mkfs.ext4"};
  EXPECT_THAT(Make(FilesystemType::kExt4), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.runs, IsEmpty());
}

TEST_F(FilesystemTest, DeviceWithASignatureIsRefusedAndNamed) {
  PlantXfs();
  for (const FilesystemType type : {FilesystemType::kExt4, FilesystemType::kXfs}) {
    const absl::Status status = Make(type, {"-F", "-f"}).status();
    EXPECT_THAT(status, FailsWithCode(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(std::string(status.message()), HasSubstr("xfs"));
  }
  EXPECT_THAT(processes_.runs, IsEmpty());
}

TEST_F(FilesystemTest, MissingDeviceIsEnoentAndNothingRuns) {
  EXPECT_THAT(MakeFilesystem(host_, FilesystemType::kExt4, device_ + "-not", {}),
              FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.runs, IsEmpty());
}

TEST_F(FilesystemTest, SuccessThatLeftNoSuchFilesystemIsDataLoss) {
  EXPECT_THAT(Make(FilesystemType::kExt4), FailsWithCode(absl::StatusCode::kDataLoss));
  processes_.on_run = [this](const Argv&) {
    PlantXfs();
    return sys::ProcessResult{};
  };
  EXPECT_THAT(Make(FilesystemType::kExt4), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_F(FilesystemTest, EveryCallOfMakeFailsOnceAndTheErrorComesOut) {
  MakeWorks();
  for (uint64_t call = 1;; ++call) {
    Plant(0, std::string(4096, '\0'));
    FaultyHost faulty(host_);
    faulty.SetPlan(FaultyHost::FailCall(call, EIO));
    const absl::StatusOr<std::string> uuid =
        MakeFilesystem(faulty.host(), FilesystemType::kXfs, device_, {});
    EXPECT_EQ(faulty.open_handles(), 0U) << "call " << call;
    if (uuid.ok()) break;
    EXPECT_THAT(uuid, FailsWithErrno(EIO)) << "call " << call;
    ASSERT_LT(call, 100U);
  }
}

TEST_F(FilesystemTest, Ext4GrowsByItsNodeAndXfsByItsMountPoint) {
  EXPECT_THAT(GrowFilesystem(host_, FilesystemType::kExt4, device_, "/mnt/a"), IsOk());
  EXPECT_THAT(GrowFilesystem(host_, FilesystemType::kXfs, device_, "/mnt/a"), IsOk());
  EXPECT_THAT(processes_.runs,
              ElementsAre(ElementsAre("resize2fs", device_), ElementsAre("xfs_growfs", "/mnt/a")));
}

TEST_F(FilesystemTest, FailureToGrowNamesDeviceAndMountPoint) {
  ProgramsFail(1, "no space");
  const absl::Status status = GrowFilesystem(host_, FilesystemType::kXfs, device_, "/mnt/a");
  EXPECT_THAT(status, FailsWithCode(absl::StatusCode::kUnknown));
  EXPECT_THAT(std::string(status.message()), HasSubstr(device_));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/mnt/a"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no space"));
  processes_.missing = {"xfs_growfs"};
  EXPECT_THAT(GrowFilesystem(host_, FilesystemType::kXfs, device_, "/mnt/a"),
              FailsWithErrno(ENOENT));
}

TEST_F(FilesystemTest, MountPassesSourceTargetTypeFlagsAndData) {
  const MountOptions options = *ParseMountOptions("noatime,commit=30");
  EXPECT_THAT(MountFilesystem(host_, FilesystemType::kExt4, "/dev/dm-3", "/mnt/a", options),
              IsOk());
  ASSERT_THAT(mounts_.requests, SizeIs(1));
  EXPECT_EQ(mounts_.requests[0].source, "/dev/dm-3");
  EXPECT_EQ(mounts_.requests[0].target, "/mnt/a");
  EXPECT_EQ(mounts_.requests[0].filesystem, "ext4");
  EXPECT_EQ(mounts_.requests[0].flags, uint64_t{MS_NOATIME});
  EXPECT_EQ(mounts_.requests[0].data, "commit=30");
}

TEST_F(FilesystemTest, XfsAlwaysGetsNouuidOnce) {
  const struct {
    const char* given;
    const char* data;
  } kCases[] = {
      {"", "nouuid"},
      {"noatime", "nouuid"},
      {"logbsize=32k", "nouuid,logbsize=32k"},
      {"logbsize=32k,nouuid", "logbsize=32k,nouuid"},
      {"nouuidx", "nouuid,nouuidx"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(MountFilesystem(host_, FilesystemType::kXfs, "/dev/dm-3", "/mnt/a",
                                *ParseMountOptions(c.given)),
                IsOk());
    EXPECT_EQ(mounts_.requests.back().data, c.data);
  }
}

// The image has no number in sysfs.
TEST_F(FilesystemTest, RetriesThatCannotBeSetTakeAMountBackAndLeaveAMountedOneAlone) {
  MountOptions options;
  options.xfs_nospace_max_retries = 5;
  EXPECT_FALSE(MountFilesystem(host_, FilesystemType::kXfs, device_, "/mnt/a", options).ok());
  EXPECT_THAT(mounts_.requests, SizeIs(1));
  EXPECT_THAT(mounts_.unmounted, ElementsAre("/mnt/a"));
  options.flags = MS_REMOUNT;
  EXPECT_FALSE(MountFilesystem(host_, FilesystemType::kXfs, device_, "/mnt/a", options).ok());
  EXPECT_THAT(mounts_.requests, SizeIs(1));
  EXPECT_THAT(mounts_.unmounted, SizeIs(1));
}

TEST_F(FilesystemTest, FailedMountKeepsTheErrnoAndSaysWhereToLook) {
  const struct {
    int error;
    const char* hint;
  } kCases[] = {
      {EINVAL, "dmesg"}, {EUCLEAN, "dmesg"}, {ENODEV, "CONFIG_XFS_FS"}, {EBUSY, "in use"}};
  for (const auto& c : kCases) {
    mounts_.error = c.error;
    const absl::Status status =
        MountFilesystem(host_, FilesystemType::kXfs, "/dev/dm-3", "/mnt/a", {}).status();
    EXPECT_THAT(status, FailsWithErrno(c.error));
    EXPECT_THAT(std::string(status.message()), HasSubstr("/dev/dm-3"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("/mnt/a"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.hint));
  }
}

}  // namespace
}  // namespace dmkit::driver
