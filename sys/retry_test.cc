// SPDX-License-Identifier: Apache-2.0
// Tests of the repeating of calls, on a clock that only moves when it is slept on.

#include "sys/retry.h"

#include <cerrno>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

class FakeClock : public Clock {
 public:
  absl::Time Now() override { return now_; }
  void Sleep(absl::Duration duration) override {
    sleeps.push_back(duration);
    now_ += duration;
  }
  std::vector<absl::Duration> sleeps;

 private:
  absl::Time now_ = absl::UnixEpoch();
};

TEST(RetryWhileTest, SuccessIsNotRepeated) {
  FakeClock clock;
  int calls = 0;
  EXPECT_THAT(RetryWhile(clock, EBUSY, absl::Seconds(5),
                         [&] {
                           ++calls;
                           return absl::OkStatus();
                         }),
              IsOk());
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(clock.sleeps.empty());
}

TEST(RetryWhileTest, AnotherErrnoIsNotRepeated) {
  FakeClock clock;
  int calls = 0;
  EXPECT_THAT(RetryWhile(clock, EBUSY, absl::Seconds(5),
                         [&] {
                           ++calls;
                           return ErrnoStatus(EPERM, "x");
                         }),
              FailsWithErrno(EPERM));
  EXPECT_EQ(calls, 1);
}

TEST(RetryWhileTest, AnErrorWithoutErrnoIsNotRepeated) {
  FakeClock clock;
  const auto attempt = [] { return absl::FailedPreconditionError("busy, but not the kernel's"); };
  EXPECT_THAT(RetryWhile(clock, EBUSY, absl::Seconds(5), attempt),
              FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(clock.sleeps.empty());
}

TEST(RetryWhileTest, ReturnsTheValueOfTheAttemptThatWorked) {
  FakeClock clock;
  int calls = 0;
  const auto attempt = [&]() -> absl::StatusOr<int> {
    if (++calls < 4) return ErrnoStatus(EBUSY, "x");
    return calls;
  };
  EXPECT_THAT(RetryWhile(clock, EBUSY, absl::Seconds(5), attempt), IsOkAndHolds(4));
  EXPECT_THAT(clock.sleeps, ::testing::ElementsAre(absl::Milliseconds(1), absl::Milliseconds(2),
                                                   absl::Milliseconds(4)));
}

TEST(RetryWhileTest, GivesUpAtTheDeadlineAndNotAfter) {
  FakeClock clock;
  const absl::Time start = clock.Now();
  EXPECT_THAT(RetryWhile(clock, EBUSY, absl::Seconds(5), [] { return ErrnoStatus(EBUSY, "x"); }),
              FailsWithErrno(EBUSY));
  EXPECT_EQ(clock.Now() - start, absl::Seconds(5));
  for (const absl::Duration sleep : clock.sleeps) EXPECT_LE(sleep, absl::Milliseconds(100));
}

TEST(RetryWhileTest, WithoutPatienceThereIsOneAttempt) {
  for (const absl::Duration patience : {absl::ZeroDuration(), absl::Seconds(-1)}) {
    FakeClock clock;
    int calls = 0;
    EXPECT_THAT(RetryWhile(clock, EBUSY, patience,
                           [&] {
                             ++calls;
                             return ErrnoStatus(EBUSY, "x");
                           }),
                FailsWithErrno(EBUSY));
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(clock.sleeps.empty());
  }
}

}  // namespace
}  // namespace dmkit::sys
