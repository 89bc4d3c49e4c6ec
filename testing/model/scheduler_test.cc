// SPDX-License-Identifier: Apache-2.0

#include "testing/model/scheduler.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace dmkit::model {
namespace {

class SchedulerTest : public ::testing::Test {
 protected:
  int Wait(const std::function<bool()>& ready, WaitKind kind = WaitKind::kInterruptible) {
    const Scheduler::Call call(scheduler_, 1);
    return scheduler_.Wait(kind, "a test", ready);
  }

  Scheduler scheduler_{absl::UnixEpoch()};
};

TEST_F(SchedulerTest, EachCallTakesAMicrosecond) {
  for (int i = 0; i < 3; ++i) const Scheduler::Call call(scheduler_, 1);
  EXPECT_EQ(scheduler_.Now(), absl::UnixEpoch() + absl::Microseconds(3));
}

TEST_F(SchedulerTest, QueuedWorkIsDoneBeforeTheCallReturns) {
  std::vector<int> order;
  {
    const Scheduler::Call call(scheduler_, 1);
    scheduler_.Queue([&] {
      order.push_back(1);
      scheduler_.Queue([&] { order.push_back(3); });
    });
    scheduler_.Queue([&] { order.push_back(2); });
    EXPECT_TRUE(order.empty());
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(SchedulerTest, TimersFireInTheOrderOfTheirTime) {
  std::vector<int> order;
  const Scheduler::Call call(scheduler_, 1);
  scheduler_.After(absl::Seconds(2), [&] { order.push_back(2); });
  scheduler_.After(absl::Seconds(1), [&] {
    order.push_back(1);
    scheduler_.After(absl::Milliseconds(1), [&] { order.push_back(11); });
  });
  const Scheduler::TimerId cancelled =
      scheduler_.After(absl::Seconds(1), [&] { order.push_back(9); });
  scheduler_.Cancel(cancelled);
  scheduler_.Cancel(cancelled);
  scheduler_.Advance(absl::Milliseconds(999));
  EXPECT_TRUE(order.empty());
  scheduler_.Advance(absl::Seconds(2));
  EXPECT_EQ(order, (std::vector<int>{1, 11, 2}));
}

TEST_F(SchedulerTest, WorkThatATimerQueuesIsDoneBeforeTheNextTimer) {
  std::vector<int> order;
  const Scheduler::Call call(scheduler_, 1);
  scheduler_.After(absl::Seconds(1), [&] { scheduler_.Queue([&] { order.push_back(1); }); });
  scheduler_.After(absl::Seconds(2), [&] { order.push_back(2); });
  scheduler_.Advance(absl::Seconds(3));
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST_F(SchedulerTest, WaitJumpsToTheTimerThatEndsIt) {
  bool done = false;
  scheduler_.After(absl::Minutes(1), [&] { done = true; });
  scheduler_.After(absl::Minutes(2), [&] { done = false; });
  EXPECT_EQ(Wait([&] { return done; }), 0);
  EXPECT_EQ(scheduler_.Now(), absl::UnixEpoch() + absl::Minutes(1));
}

TEST_F(SchedulerTest, WaitDoesQueuedWorkFirst) {
  bool done = false;
  const Scheduler::Call call(scheduler_, 1);
  scheduler_.Queue([&] { done = true; });
  EXPECT_EQ(scheduler_.Wait(WaitKind::kInterruptible, "a test", [&] { return done; }), 0);
}

TEST_F(SchedulerTest, WaitThatNothingEndsIsRefusedAndListed) {
  EXPECT_EQ(Wait([] { return false; }), -EINTR);
  EXPECT_EQ(Wait([] { return false; }, WaitKind::kUninterruptible), -EDEADLK);
  EXPECT_EQ(scheduler_.Hangs(), (std::vector<std::string>{"a test", "a test"}));
}

TEST_F(SchedulerTest, PowerLossForgetsTimersAndWork) {
  bool done = false;
  {
    const Scheduler::Call call(scheduler_, 1);
    scheduler_.After(absl::Seconds(1), [&] { done = true; });
    scheduler_.Queue([&] { done = true; });
    scheduler_.LosePower();
    scheduler_.Advance(absl::Minutes(1));
  }
  EXPECT_FALSE(done);
}

}  // namespace
}  // namespace dmkit::model
