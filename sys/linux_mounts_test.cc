// SPDX-License-Identifier: Apache-2.0
// Tests of mounts on this machine: errors that need no privilege, and a filesystem in memory inside
// a mount namespace of its own, where that is allowed.

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

using ::testing::AnyOf;
using ::testing::ExitedWithCode;

class LinuxMountsTest : public ::testing::Test {
 protected:
  LinuxMountsTest() : mounts_(*linux_.host().mounts), root_(*linux_.host().root) {
    request_.source = "none";
    request_.target = temp_.path();
    request_.filesystem = "tmpfs";
    request_.flags = MS_NOSUID | MS_NODEV;
    request_.data = "size=1m";
  }

  TempDir temp_;
  LinuxHost linux_;
  Mounts& mounts_;
  Dir& root_;
  MountRequest request_;
};

TEST_F(LinuxMountsTest, RefusesTargetsThatAreNotThere) {
  request_.target = temp_.path() + "/missing";
  EXPECT_THAT(mounts_.Mount(request_), AnyOf(FailsWithErrno(ENOENT), FailsWithErrno(EPERM)));
  EXPECT_THAT(mounts_.Unmount(request_.target, UnmountMode::kNormal),
              AnyOf(FailsWithErrno(ENOENT), FailsWithErrno(EPERM)));
}

TEST_F(LinuxMountsTest, RefusesRelativeTargets) {
  for (const char* target : {"", "tmp", "./tmp", "../tmp"}) {
    request_.target = target;
    EXPECT_THAT(mounts_.Mount(request_), FailsWithErrno(EINVAL)) << target;
  }
}

TEST_F(LinuxMountsTest, RefusesANulInEveryText) {
  const std::string bad("/tmp\0x", 6);
  for (std::string MountRequest::*text : {&MountRequest::source, &MountRequest::target,
                                          &MountRequest::filesystem, &MountRequest::data}) {
    MountRequest request = request_;
    request.*text = bad;
    EXPECT_THAT(mounts_.Mount(request), FailsWithErrno(EINVAL));
  }
  EXPECT_THAT(mounts_.Unmount(bad, UnmountMode::kNormal), FailsWithErrno(EINVAL));
}

TEST_F(LinuxMountsTest, RefusesUnknownFilesystems) {
  request_.filesystem = "dmkit-no-such-filesystem";
  EXPECT_THAT(mounts_.Mount(request_), AnyOf(FailsWithErrno(ENODEV), FailsWithErrno(EPERM)));
}

TEST_F(LinuxMountsTest, UnmountOfAPlainDirectoryIsEinval) {
  for (const UnmountMode mode : {UnmountMode::kNormal, UnmountMode::kDetach}) {
    EXPECT_THAT(mounts_.Unmount(temp_.path(), mode),
                AnyOf(FailsWithErrno(EINVAL), FailsWithErrno(EPERM)));
  }
}

// Not through our File: these files take no offset.
bool Write(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written;
}

// Makes this user the root of a user namespace, with a user id that filesystems can store.
bool BecomeRoot() {
  const std::string users = absl::StrCat("0 ", geteuid(), " 1");
  const std::string groups = absl::StrCat("0 ", getegid(), " 1");
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && Write("/proc/self/uid_map", users) &&
         Write("/proc/self/setgroups", "deny") && Write("/proc/self/gid_map", groups);
}

// Gives this process mounts of its own, which end with it.
bool OwnMounts() {
  return (unshare(CLONE_NEWNS) == 0 || BecomeRoot()) &&
         mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// Gives up the capabilities that open files of any mode.
bool ObeyFileModes() {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  data[0].effective &= ~((1u << CAP_DAC_OVERRIDE) | (1u << CAP_DAC_READ_SEARCH));
  return syscall(SYS_capset, &header, data) == 0;
}

bool MayMount() {
  const pid_t child = fork();
  if (child == 0) _exit(OwnMounts() ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && status == 0;
}

// Ends a child process when a claim of its test does not hold.
void Claim(bool holds, const char* claim) {
  if (holds) return;
  fprintf(stderr, "not true: %s\n", claim);
  _exit(1);
}

// Each member function is the whole life of a child process.
class LinuxMountsDeathTest : public LinuxMountsTest {
 protected:
  void SetUp() override {
    if (!MayMount()) GTEST_SKIP() << "needs CAP_SYS_ADMIN or user namespaces";
  }

  [[noreturn]] void UseTheHandle() {
    Claim(OwnMounts(), "own mounts");
    auto mounted = mounts_.Mount(request_);
    Claim(mounted.ok(), "mount works");
    Claim((*mounted)->Space()->total_bytes == 1 << 20, "the space is the mounted one's");
    Claim(ReplaceFile(**mounted, "file", "x").ok(), "the handle can be written to");
    Claim(root_.Stat(temp_.path() + "/file").ok(), "the file is where it was mounted");
    const absl::Status busy = mounts_.Unmount(temp_.path(), UnmountMode::kNormal);
    Claim(GetErrno(busy) == EBUSY, "the handle keeps the mount busy");
    Claim(mounts_.Unmount(temp_.path(), UnmountMode::kDetach).ok(), "detaching works");
    Claim(root_.List(temp_.path())->empty(), "the mount point is empty again");
    Claim((*mounted)->Stat("file").ok(), "the handle still works");
    _exit(0);
  }

  [[noreturn]] void UnmountTwice() {
    Claim(OwnMounts(), "own mounts");
    Claim(mounts_.Mount(request_).ok(), "mount works");
    Claim(mounts_.Unmount(temp_.path(), UnmountMode::kNormal).ok(), "umount works");
    const absl::Status again = mounts_.Unmount(temp_.path(), UnmountMode::kNormal);
    Claim(GetErrno(again) == EINVAL, "it was one mount");
    _exit(0);
  }

  [[noreturn]] void MountWhatCannotBeOpened() {
    Claim(OwnMounts(), "own mounts");
    Claim(ObeyFileModes(), "root is not above file modes");
    request_.data = "size=1m,mode=0";
    const absl::Status failed = mounts_.Mount(request_).status();
    Claim(GetErrno(failed) == EACCES, "the error is that of opening");
    const absl::Status left = mounts_.Unmount(temp_.path(), UnmountMode::kNormal);
    Claim(GetErrno(left) == EINVAL, "nothing is mounted");
    _exit(0);
  }
};

TEST_F(LinuxMountsDeathTest, TheHandleIsTheRootOfTheMountedFilesystem) {
  EXPECT_EXIT(UseTheHandle(), ExitedWithCode(0), "");
}

TEST_F(LinuxMountsDeathTest, UnmountWorksOnceTheHandleIsClosed) {
  EXPECT_EXIT(UnmountTwice(), ExitedWithCode(0), "");
}

TEST_F(LinuxMountsDeathTest, AMountThatCannotBeOpenedIsUndone) {
  EXPECT_EXIT(MountWhatCannotBeOpened(), ExitedWithCode(0), "");
}

}  // namespace
}  // namespace dmkit::sys
