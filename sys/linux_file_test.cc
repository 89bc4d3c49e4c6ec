// SPDX-License-Identifier: Apache-2.0
// Tests of open files on this machine. None needs privileges.

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_internal.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

constexpr uint64_t kHuge = ~uint64_t{0};

class LinuxFileTest : public ::testing::Test {
 protected:
  LinuxFileTest() : dir_(*linux_.host().root->OpenDir(temp_.path())) {}

  std::unique_ptr<File> Make(absl::string_view name) {
    OpenOptions options;
    options.access = Access::kReadWrite;
    options.create = true;
    return *dir_->OpenFile(name, options);
  }
  absl::StatusOr<std::string> Read(File& file, uint64_t offset, size_t size) {
    std::string buffer(size, '?');
    const absl::StatusOr<size_t> got = file.ReadAt(offset, absl::MakeSpan(buffer));
    if (!got.ok()) return got.status();
    buffer.resize(*got);
    return buffer;
  }

  TempDir temp_;
  LinuxHost linux_;
  std::unique_ptr<Dir> dir_;
};

TEST_F(LinuxFileTest, ReadsWhatWasWritten) {
  const auto file = Make("file");
  EXPECT_THAT(file->WriteAt(0, "hello world"), IsOk());
  EXPECT_THAT(file->WriteAt(6, "there"), IsOk());
  EXPECT_THAT(Read(*file, 0, 100), IsOkAndHolds("hello there"));
  EXPECT_THAT(Read(*file, 6, 3), IsOkAndHolds("the"));
  EXPECT_THAT(file->Sync(), IsOk());
}

TEST_F(LinuxFileTest, ReadingPastTheEndGivesNothing) {
  const auto file = Make("file");
  EXPECT_THAT(Read(*file, 0, 10), IsOkAndHolds(""));
  EXPECT_THAT(Read(*file, uint64_t{1} << 40, 10), IsOkAndHolds(""));
  EXPECT_THAT(Read(*file, 0, 0), IsOkAndHolds(""));
}

TEST_F(LinuxFileTest, APipeIsReadFromFrontToBack) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  const auto file = linux_.host().root->OpenFile(absl::StrCat("/proc/self/fd/", ends[0]), {});
  ASSERT_THAT(file, IsOk());
  ASSERT_EQ(write(ends[1], "0 8 zero", 8), 8);
  close(ends[0]);
  close(ends[1]);
  EXPECT_THAT(Read(**file, 0, 4), IsOkAndHolds("0 8 "));
  EXPECT_THAT(Read(**file, 4, 100), IsOkAndHolds("zero"));
  EXPECT_THAT(Read(**file, 8, 100), IsOkAndHolds(""));
}

TEST_F(LinuxFileTest, GapsAndGrowthAreZerosThatTakeNoSpace) {
  const auto file = Make("file");
  ASSERT_THAT(file->Truncate(uint64_t{1} << 30), IsOk());
  ASSERT_THAT(file->WriteAt(100, "x"), IsOk());
  EXPECT_THAT(Read(*file, 98, 4), IsOkAndHolds(std::string("\0\0x\0", 4)));
  const auto stat = file->Stat();
  ASSERT_THAT(stat, IsOk());
  EXPECT_EQ(stat->size_bytes, uint64_t{1} << 30);
  EXPECT_LT(stat->allocated_bytes, uint64_t{1} << 20);
}

TEST_F(LinuxFileTest, TruncateCutsOff) {
  const auto file = Make("file");
  ASSERT_THAT(file->WriteAt(0, "hello"), IsOk());
  ASSERT_THAT(file->Truncate(2), IsOk());
  EXPECT_THAT(Read(*file, 0, 10), IsOkAndHolds("he"));
}

TEST_F(LinuxFileTest, OffsetsThatTheKernelCannotExpressAreRefused) {
  const auto file = Make("file");
  EXPECT_THAT(Read(*file, kHuge, 1), FailsWithErrno(EINVAL));
  EXPECT_THAT(Read(*file, kHuge >> 1, 1), FailsWithErrno(EINVAL));
  EXPECT_THAT(Read(*file, (kHuge >> 1) + 1, 0), FailsWithErrno(EINVAL));
  EXPECT_THAT(file->WriteAt(kHuge, "x"), FailsWithErrno(EFBIG));
  EXPECT_THAT(file->WriteAt(kHuge >> 1, "x"), FailsWithErrno(EFBIG));
  EXPECT_THAT(file->Truncate(kHuge), FailsWithErrno(EFBIG));
  EXPECT_THAT(file->Truncate((kHuge >> 1) + 1), FailsWithErrno(EFBIG));
}

TEST_F(LinuxFileTest, AReadOnlyHandleDoesNotWrite) {
  Make("file");
  const auto file = dir_->OpenFile("file", OpenOptions());
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT((*file)->WriteAt(0, "x"), FailsWithErrno(EBADF));
  EXPECT_THAT((*file)->Truncate(1), FailsWithErrno(EINVAL));
}

TEST_F(LinuxFileTest, AFullDeviceIsEnospc) {
  OpenOptions options;
  options.access = Access::kReadWrite;
  const auto file = linux_.host().root->OpenFile("dev/full", options);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT((*file)->WriteAt(0, "x"), FailsWithErrno(ENOSPC));
}

TEST_F(LinuxFileTest, StatTellsTheFile) {
  const auto file = Make("file");
  ASSERT_THAT(file->WriteAt(0, "hello"), IsOk());
  const auto stat = file->Stat();
  const auto by_name = dir_->Stat("file");
  ASSERT_THAT(stat, IsOk());
  ASSERT_THAT(by_name, IsOk());
  EXPECT_EQ(stat->type, FileType::kRegular);
  EXPECT_EQ(stat->mode, 0600u);
  EXPECT_EQ(stat->uid, geteuid());
  EXPECT_EQ(stat->links, 1u);
  EXPECT_EQ(stat->size_bytes, 5u);
  EXPECT_EQ(stat->inode, by_name->inode);
  EXPECT_EQ(stat->device, by_name->device);
  EXPECT_EQ(stat->rdevice, DeviceNumber());
  EXPECT_GT(stat->modified, absl::UnixEpoch());
}

TEST_F(LinuxFileTest, IoctlPassesTheArgumentBothWays) {
  const auto file = Make("file");
  ASSERT_THAT(file->WriteAt(0, "hello"), IsOk());
  int left = -1;
  char argument[sizeof(left)];
  EXPECT_THAT(file->Ioctl(FIONREAD, absl::MakeSpan(argument)), IsOkAndHolds(0));
  std::memcpy(&left, argument, sizeof(left));
  EXPECT_EQ(left, 5);
}

TEST_F(LinuxFileTest, IoctlOfTheWrongKindIsEnotty) {
  const auto file = Make("file");
  char argument[64] = {};
  EXPECT_THAT(file->Ioctl(TIOCGWINSZ, absl::MakeSpan(argument)), FailsWithErrno(ENOTTY));
  EXPECT_THAT(file->IoctlValue(_IO(0xfd, 99), 0), FailsWithErrno(ENOTTY));
}

TEST_F(LinuxFileTest, IoctlArgumentsShorterThanTheRequestSaysAreNotPassed) {
  const auto file = Make("file");
  char argument[64] = {};
  const unsigned long request = _IOWR(0xfd, 0, char[65]);
  EXPECT_THAT(file->Ioctl(request, absl::MakeSpan(argument)), FailsWithErrno(EINVAL));
  EXPECT_THAT(file->Ioctl(request, absl::Span<char>()), FailsWithErrno(EINVAL));
}

TEST_F(LinuxFileTest, OneOpenFileExcludesAnother) {
  const auto first = Make("file");
  const auto second = Make("file");
  EXPECT_THAT(first->TryLock(LockMode::kExclusive), IsOkAndHolds(true));
  EXPECT_THAT(first->TryLock(LockMode::kExclusive), IsOkAndHolds(true));
  EXPECT_THAT(second->TryLock(LockMode::kExclusive), IsOkAndHolds(false));
  EXPECT_THAT(second->TryLock(LockMode::kShared), IsOkAndHolds(false));
  EXPECT_THAT(first->Unlock(), IsOk());
  EXPECT_THAT(second->TryLock(LockMode::kExclusive), IsOkAndHolds(true));
}

TEST_F(LinuxFileTest, SharedLocksAreShared) {
  const auto first = Make("file");
  auto second = Make("file");
  const auto third = Make("file");
  EXPECT_THAT(first->TryLock(LockMode::kShared), IsOkAndHolds(true));
  EXPECT_THAT(second->TryLock(LockMode::kShared), IsOkAndHolds(true));
  EXPECT_THAT(third->TryLock(LockMode::kExclusive), IsOkAndHolds(false));
  EXPECT_THAT(first->Unlock(), IsOk());
  EXPECT_THAT(third->TryLock(LockMode::kExclusive), IsOkAndHolds(false));
  second.reset();
  EXPECT_THAT(third->TryLock(LockMode::kExclusive), IsOkAndHolds(true));
}

class WaitReadableTest : public LinuxFileTest {
 protected:
  WaitReadableTest() {
    EXPECT_THAT(dir_->MakeNode("fifo", FileType::kFifo, {}, 0600), IsOk());
    // Both ends in one: without a writer there would be an end of file, which is readable.
    writer_ =
        internal::UniqueFd(open((temp_.path() + "/fifo").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    OpenOptions options;
    options.nonblock = true;
    reader_ = *dir_->OpenFile("fifo", options);
  }
  internal::UniqueFd writer_;
  std::unique_ptr<File> reader_;
};

TEST_F(WaitReadableTest, IsTrueWhenThereIsSomething) {
  ASSERT_EQ(write(writer_.get(), "x", 1), 1);
  EXPECT_THAT(reader_->WaitReadable(absl::InfiniteFuture()), IsOkAndHolds(true));
  EXPECT_THAT(reader_->WaitReadable(absl::InfinitePast()), IsOkAndHolds(true));
}

TEST_F(WaitReadableTest, IsFalseWhenTheDeadlineHasPassed) {
  EXPECT_THAT(reader_->WaitReadable(linux_.host().clock->Now()), IsOkAndHolds(false));
  EXPECT_THAT(reader_->WaitReadable(absl::UnixEpoch()), IsOkAndHolds(false));
  EXPECT_THAT(reader_->WaitReadable(absl::InfinitePast()), IsOkAndHolds(false));
}

void Nothing(int) {}

TEST_F(WaitReadableTest, SignalsDoNotEndIt) {
  struct sigaction action = {};
  action.sa_handler = Nothing;  // and no SA_RESTART
  struct sigaction before = {};
  ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
  struct itimerval often = {};
  often.it_interval.tv_usec = 2000;
  often.it_value.tv_usec = 2000;
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  Clock& clock = *linux_.host().clock;
  const absl::Time deadline = clock.Now() + absl::Milliseconds(30);
  EXPECT_THAT(reader_->WaitReadable(deadline), IsOkAndHolds(false));
  EXPECT_GE(clock.Now(), deadline);
  const struct itimerval never = {};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
}

TEST_F(WaitReadableTest, AnEndOfFileIsReadable) {
  writer_.Reset();
  internal::UniqueFd gone(
      open((temp_.path() + "/fifo").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  gone.Reset();
  EXPECT_THAT(reader_->WaitReadable(absl::InfiniteFuture()), IsOkAndHolds(true));
}

}  // namespace
}  // namespace dmkit::sys
