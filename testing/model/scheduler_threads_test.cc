// SPDX-License-Identifier: Apache-2.0
// Calls of several threads that wait for one another.

#include <gtest/gtest.h>

#include <cerrno>
#include <thread>

#include "testing/model/scheduler.h"

namespace dmkit::model {
namespace {

class SchedulerThreadsTest : public ::testing::Test {
 protected:
  SchedulerThreadsTest() {
    const Scheduler::Call call(scheduler_, 1);
    scheduler_.SetBlocking(Blocking::kSleep);
  }

  // Runs `end` as soon as another thread waits for `flag_`; what that wait gave.
  int WaitUntil(const std::function<void()>& end) {
    int result = 1;
    std::thread waiter([this, &result] {
      const Scheduler::Call call(scheduler_, 7);
      is_waiting_ = true;
      result = scheduler_.Wait(WaitKind::kInterruptible, "a test", [this] { return flag_; });
    });
    while (true) {
      const Scheduler::Call call(scheduler_, 1);
      if (!is_waiting_) continue;
      end();
      break;
    }
    waiter.join();
    return result;
  }

  Scheduler scheduler_{absl::UnixEpoch()};
  bool is_waiting_ = false;
  bool flag_ = false;
};

TEST_F(SchedulerThreadsTest, SleepEndsWhenAnotherThreadChangesSomething) {
  EXPECT_EQ(WaitUntil([this] { flag_ = true; }), 0);
}

TEST_F(SchedulerThreadsTest, SleepEndsBySignal) {
  EXPECT_EQ(WaitUntil([this] { scheduler_.Interrupt(7); }), -EINTR);
}

TEST_F(SchedulerThreadsTest, PowerLossWaitsForTheSleepersToReturn) {
  EXPECT_EQ(WaitUntil([this] { scheduler_.LosePower(); }), -EINTR);
}

TEST_F(SchedulerThreadsTest, AWaitThatBeginsWhileThePowerGoesEndsToo) {
  int second = 0;
  std::thread waiter([this, &second] {
    const Scheduler::Call call(scheduler_, 7);
    is_waiting_ = true;
    const auto never = [] { return false; };
    scheduler_.Wait(WaitKind::kUninterruptible, "the first", never);
    second = scheduler_.Wait(WaitKind::kUninterruptible, "the second", never);
  });
  while (true) {
    const Scheduler::Call call(scheduler_, 1);
    if (!is_waiting_) continue;
    scheduler_.LosePower();
    break;
  }
  waiter.join();
  EXPECT_EQ(second, -EINTR);
}

}  // namespace
}  // namespace dmkit::model
