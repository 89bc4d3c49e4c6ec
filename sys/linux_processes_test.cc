// SPDX-License-Identifier: Apache-2.0
// Tests of running programs on this machine.

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
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

using ::testing::EndsWith;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

// Never reached by a test that passes.
constexpr absl::Duration kLong = absl::Minutes(10);

class LinuxProcessesTest : public ::testing::Test {
 protected:
  LinuxProcessesTest()
      : processes_(*linux_.host().processes), dir_(*linux_.host().root->OpenDir(temp_.path())) {}

  absl::StatusOr<ProcessResult> Shell(const std::string& script, absl::Duration timeout = kLong) {
    return processes_.Run({"sh", "-c", script}, timeout);
  }
  std::string Path(absl::string_view name) { return absl::StrCat(temp_.path(), "/", name); }
  void MakeProgram(absl::string_view name, absl::string_view contents) {
    ASSERT_THAT(ReplaceFile(*dir_, name, contents), IsOk());
    ASSERT_THAT(dir_->SetMode(name, 0700), IsOk());
  }

  TempDir temp_;
  LinuxHost linux_;
  Processes& processes_;
  std::unique_ptr<Dir> dir_;
};

TEST_F(LinuxProcessesTest, CollectsOutputAndErrorsTogether) {
  const auto result = Shell("echo one; echo two >&2; echo three");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->output, "one\ntwo\nthree\n");
  EXPECT_EQ(result->exit_status, 0);
}

TEST_F(LinuxProcessesTest, PassesArgumentsAsTheyAre) {
  const auto result = processes_.Run({"printf", "%s|", "a b", "", "$HOME", "*", "-n"}, kLong);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->output, "a b||$HOME|*|-n|");
}

TEST_F(LinuxProcessesTest, TellsTheExitStatus) {
  EXPECT_EQ(Shell("exit 0")->exit_status, 0);
  EXPECT_EQ(Shell("exit 1")->exit_status, 1);
  EXPECT_EQ(Shell("exit 127")->exit_status, 127);
  EXPECT_EQ(Shell("exit 255")->exit_status, 255);
  EXPECT_EQ(Shell("kill -TERM $$")->exit_status, 128 + SIGTERM);
  EXPECT_EQ(Shell("kill -KILL $$")->exit_status, 128 + SIGKILL);
}

TEST_F(LinuxProcessesTest, InputIsEmpty) {
  const auto result = processes_.Run({"cat"}, kLong);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->output, "");
}

TEST_F(LinuxProcessesTest, EnvironmentIsMinimal) {
  ASSERT_EQ(setenv("DMKIT_TEST_VARIABLE", "seen", 1), 0);
  const auto result = processes_.Run({"env"}, kLong);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->output, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
}

TEST_F(LinuxProcessesTest, TheCallersPathDoesNotMatter) {
  const char* const path = getenv("PATH");
  const std::string before = path == nullptr ? "" : path;
  ASSERT_EQ(setenv("PATH", temp_.path().c_str(), 1), 0);
  MakeProgram("true", "#!/bin/sh\nexit 3\n");
  EXPECT_EQ(processes_.Run({"true"}, kLong)->exit_status, 0);
  setenv("PATH", before.c_str(), 1);
}

TEST_F(LinuxProcessesTest, LongOutputKeepsItsEnd) {
  const auto result = Shell("head -c 300000 /dev/zero | tr '\\0' a; echo; echo the end");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->output.size(), 65536u);
  EXPECT_THAT(result->output, EndsWith("aaa\nthe end\n"));
}

TEST_F(LinuxProcessesTest, AProgramThatClosesItsOutputIsWaitedFor) {
  const auto result = Shell("exec >&- 2>&-; sleep 0.05; exit 4");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_status, 4);
}

TEST_F(LinuxProcessesTest, ABackgroundProgramIsNotWaitedFor) {
  const auto result = Shell("sleep 1000 & echo $!");
  ASSERT_THAT(result, IsOk());
  int pid = 0;
  ASSERT_TRUE(absl::SimpleAtoi(result->output, &pid)) << result->output;
  EXPECT_EQ(kill(pid, SIGKILL), 0) << "it has ended already";
}

TEST_F(LinuxProcessesTest, SignalsAreAsAProgramExpectsThem) {
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before = {};
  ASSERT_EQ(sigaction(SIGPIPE, &ignore, &before), 0);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &term, nullptr), 0);
  EXPECT_EQ(Shell("kill -PIPE $$")->exit_status, 128 + SIGPIPE);
  EXPECT_EQ(Shell("kill -TERM $$")->exit_status, 128 + SIGTERM);
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGTERM), 1) << "our own mask was changed";
  EXPECT_EQ(sigismember(&now, SIGINT), 0) << "our own mask was changed";
  pthread_sigmask(SIG_UNBLOCK, &term, nullptr);
  sigaction(SIGPIPE, &before, nullptr);
}

TEST_F(LinuxProcessesTest, RefusesWhatCannotRun) {
  MakeProgram("garbage",
              "\x7f"
              "ELFx");
  MakeProgram("no-interpreter", "#!/nonexistent/interpreter\n");
  ASSERT_THAT(ReplaceFile(*dir_, "plain", "#!/bin/sh\n"), IsOk());
  EXPECT_THAT(processes_.Run({"dmkit-no-such-program"}, kLong), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.Run({Path("missing")}, kLong), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.Run({""}, kLong), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.Run({Path("no-interpreter")}, kLong), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.Run({Path("garbage")}, kLong), FailsWithErrno(ENOEXEC));
  EXPECT_THAT(processes_.Run({Path("plain")}, kLong), FailsWithErrno(EACCES));
  EXPECT_THAT(processes_.Run({temp_.path()}, kLong), FailsWithErrno(EACCES));
  EXPECT_THAT(processes_.Run({Path("plain/x")}, kLong), FailsWithErrno(ENOTDIR));
  EXPECT_THAT(processes_.Run({}, kLong), FailsWithErrno(EINVAL));
  EXPECT_THAT(processes_.Run({std::string("true\0x", 6)}, kLong), FailsWithErrno(EINVAL));
  EXPECT_THAT(processes_.Run({"true", std::string("a\0b", 3)}, kLong), FailsWithErrno(EINVAL));
}

TEST_F(LinuxProcessesTest, ErrorsNameTheProgram) {
  EXPECT_THAT(std::string(processes_.Run({"dmkit-no-such-program"}, kLong).status().message()),
              HasSubstr("dmkit-no-such-program"));
}

TEST_F(LinuxProcessesTest, KillsWhatRunsTooLong) {
  for (const absl::Duration timeout :
       {absl::Milliseconds(50), absl::ZeroDuration(), absl::Seconds(-1)}) {
    EXPECT_THAT(processes_.Run({"sleep", "1000"}, timeout), FailsWithErrno(ETIMEDOUT));
  }
  EXPECT_THAT(Shell("trap '' TERM HUP INT; sleep 1000", absl::Milliseconds(50)),
              FailsWithErrno(ETIMEDOUT));
  EXPECT_THAT(processes_.Run({"yes"}, absl::Milliseconds(50)), FailsWithErrno(ETIMEDOUT));
}

TEST_F(LinuxProcessesTest, KillsTheChildrenOfWhatRunsTooLong) {
  ASSERT_THAT(dir_->MakeNode("fifo", FileType::kFifo, {}, 0600), IsOk());
  const int reader = open(Path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  // The shell and its child hold the other end: it is closed when both are gone. A slow machine may
  // need a second attempt to get as far as the line.
  char byte = 0;
  for (absl::Duration timeout = absl::Milliseconds(200); byte != 'x'; timeout *= 2) {
    const auto result =
        Shell(absl::StrCat("exec 9>", Path("fifo"), "; sleep 1000 & echo x >&9; wait"), timeout);
    ASSERT_THAT(result, FailsWithErrno(ETIMEDOUT));
    if (read(reader, &byte, 1) != 1) byte = 0;
  }
  ssize_t got = -1;
  for (int i = 0; i < 5000 && got != 0; ++i) {
    got = read(reader, &byte, 1);
    if (got != 0) absl::SleepFor(absl::Milliseconds(2));
  }
  EXPECT_EQ(got, 0) << "somebody still holds the FIFO";
  close(reader);
}

TEST_F(LinuxProcessesTest, LeavesNoDescriptorsAndNoZombies) {
  const auto count = [this] { return linux_.host().root->List("/proc/self/fd")->size(); };
  const size_t before = count();
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(processes_.Run({"true"}, kLong), IsOk());
    EXPECT_THAT(processes_.Run({"dmkit-no-such-program"}, kLong), FailsWithErrno(ENOENT));
  }
  EXPECT_THAT(processes_.Run({"sleep", "1000"}, absl::ZeroDuration()), FailsWithErrno(ETIMEDOUT));
  EXPECT_EQ(count(), before);
  EXPECT_THAT(ReadFile(*linux_.host().root, "/proc/thread-self/children", 4096),
              testing::AnyOf(IsOkAndHolds(""), FailsWithErrno(ENOENT)));
}

TEST_F(LinuxProcessesTest, WorksWithoutStandardStreams) {
  EXPECT_EXIT(
      {
        close(0);
        close(1);
        close(2);
        const auto result = Shell("echo one; echo two >&2; cat");
        _exit(result.ok() && result->output == "one\ntwo\n" ? 0 : 1);
      },
      ExitedWithCode(0), "");
}

TEST_F(LinuxProcessesTest, AStatusThatSomebodyElseTookIsEchild) {
  EXPECT_EXIT(
      {
        signal(SIGCHLD, SIG_IGN);
        _exit(GetErrno(processes_.Run({"true"}, kLong).status()) == ECHILD ? 0 : 1);
      },
      ExitedWithCode(0), "");
}

// Makes one system call fail as on a kernel that has it not yet.
bool TakeAway(long number) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {4, code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(LinuxProcessesTest, WorksOnKernelsWithoutPidfd) {
  EXPECT_EXIT(
      {
        if (!TakeAway(SYS_pidfd_open)) _exit(2);
        if (syscall(SYS_pidfd_open, getpid(), 0) != -1) _exit(3);
        const auto result = Shell("exec >&- 2>&-; sleep 0.05; exit 4");
        if (!result.ok() || result->exit_status != 4) _exit(4);
        const auto late = processes_.Run({"sleep", "1000"}, absl::Milliseconds(30));
        _exit(GetErrno(late.status()) == ETIMEDOUT ? 0 : 6);
      },
      ExitedWithCode(0), "");
}

TEST_F(LinuxProcessesTest, FindsWhatRunWouldRun) {
  MakeProgram("tool", "#!/bin/sh\n");
  EXPECT_THAT(processes_.Find("sh"), IsOkAndHolds(EndsWith("bin/sh")));
  EXPECT_THAT(processes_.Find(Path("tool")), IsOkAndHolds(Path("tool")));
  EXPECT_THAT(processes_.Find("tool"), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.Find(""), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.Find("."), FailsWithErrno(ENOENT));
  EXPECT_THAT(processes_.Find(temp_.path()), FailsWithErrno(EACCES));
  EXPECT_THAT(processes_.Find(absl::string_view("sh\0x", 4)), FailsWithErrno(EINVAL));
}

TEST_F(LinuxProcessesTest, KnowsItself) {
  EXPECT_EQ(processes_.ProcessId(), getpid());
  EXPECT_EQ(processes_.EffectiveUserId(), geteuid());
}

TEST_F(LinuxProcessesTest, LocksMemoryWhereItMay) {
  const absl::Status locked = processes_.LockMemory();
  EXPECT_THAT(locked, testing::AnyOf(IsOk(), FailsWithErrno(ENOMEM), FailsWithErrno(EPERM)));
  EXPECT_THAT(processes_.UnlockMemory(), IsOk());
}

}  // namespace
}  // namespace dmkit::sys
