// SPDX-License-Identifier: Apache-2.0
// Tests of what the files of the Linux host share.

#include "sys/linux_internal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::sys::internal {
namespace {

int OpenSomething() { return open("/", O_RDONLY | O_CLOEXEC); }
bool IsOpen(int fd) { return fcntl(fd, F_GETFD) != -1; }

TEST(UniqueFdTest, ClosesOnceAtTheEnd) {
  const int number = OpenSomething();
  {
    const UniqueFd fd(number);
    EXPECT_TRUE(fd.ok());
    EXPECT_EQ(fd.get(), number);
    EXPECT_TRUE(IsOpen(number));
  }
  EXPECT_FALSE(IsOpen(number));
}

TEST(UniqueFdTest, MovedFromOwnsNothing) {
  UniqueFd first(OpenSomething());
  const int number = first.get();
  UniqueFd second(std::move(first));
  // What a moved-from handle does is the claim.
  // NOLINTBEGIN(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
  EXPECT_FALSE(first.ok());
  first.Reset();
  // NOLINTEND(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
  EXPECT_TRUE(IsOpen(number));
  second.Reset();
  EXPECT_FALSE(IsOpen(number));
}

TEST(UniqueFdTest, AssignmentClosesTheOldOne) {
  UniqueFd fd(OpenSomething());
  const int old_number = fd.get();
  UniqueFd other(OpenSomething());
  const int new_number = other.get();
  fd = std::move(other);
  EXPECT_FALSE(IsOpen(old_number));
  EXPECT_TRUE(IsOpen(new_number));
}

TEST(UniqueFdTest, SelfMoveKeepsIt) {
  UniqueFd fd(OpenSomething());
  UniqueFd& same = fd;
  fd = std::move(same);
  EXPECT_TRUE(fd.ok());
  EXPECT_TRUE(IsOpen(fd.get()));
}

TEST(UniqueFdTest, ReleaseGivesTheNumberAway) {
  UniqueFd fd(OpenSomething());
  const int number = fd.Release();
  fd.Reset();
  EXPECT_TRUE(IsOpen(number));
  const UniqueFd last(number);
}

TEST(UniqueFdTest, ClosingKeepsErrno) {
  UniqueFd fd(OpenSomething());
  close(fd.get());  // so that the close of ours fails with EBADF
  errno = ENOSPC;
  fd.Reset();
  EXPECT_EQ(errno, ENOSPC);
}

TEST(RetryOnEintrTest, RepeatsInterruptedCallsOnly) {
  int calls = 0;
  EXPECT_EQ(RetryOnEintr([&] {
              errno = EINTR;
              return ++calls < 3 ? -1 : 7;
            }),
            7);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(RetryOnEintr([&] {
              ++calls;
              errno = EIO;
              return -1;
            }),
            -1);
  EXPECT_EQ(calls, 4);
}

TEST(CallStatusTest, TakesErrnoOnlyOfFailedCalls) {
  errno = EIO;
  EXPECT_THAT(CallStatus(0, "open", "/a"), IsOk());
  EXPECT_THAT(CallStatus(5, "open", "/a"), IsOk());
  errno = EBUSY;
  const absl::Status status = CallStatus(-1, "open", "/a");
  EXPECT_THAT(status, FailsWithErrno(EBUSY));
  EXPECT_EQ(status.message(), "open /a: Device or resource busy (EBUSY)");
}

TEST(KernelPathTest, RefusesANul) {
  EXPECT_THAT(KernelPath("open", "/a/b"), IsOkAndHolds("/a/b"));
  EXPECT_THAT(KernelPath("open", ""), IsOkAndHolds(""));
  EXPECT_THAT(KernelPath("open", absl::string_view("/a\0b", 4)), FailsWithErrno(EINVAL));
  EXPECT_THAT(KernelPath("open", absl::string_view("\0", 1)), FailsWithErrno(EINVAL));
  EXPECT_THAT(KernelPath("open", absl::string_view("a\0", 2)), FailsWithErrno(EINVAL));
}

TEST(DeadlineTest, PassedOnesHaveNothingLeft) {
  for (const absl::Duration timeout :
       {absl::ZeroDuration(), absl::Seconds(-1), -absl::InfiniteDuration()}) {
    const Deadline deadline(timeout);
    EXPECT_EQ(deadline.Left(), absl::ZeroDuration());
    EXPECT_EQ(deadline.LeftMilliseconds(absl::Seconds(1)), 0);
  }
}

TEST(DeadlineTest, FarOnesAreAskedForAgain) {
  for (const absl::Duration timeout : {absl::Hours(2), absl::InfiniteDuration()}) {
    const Deadline deadline(timeout);
    EXPECT_GT(deadline.Left(), absl::Hours(1));
    EXPECT_EQ(deadline.LeftMilliseconds(absl::Seconds(1)), 1000);
  }
}

}  // namespace
}  // namespace dmkit::sys::internal
