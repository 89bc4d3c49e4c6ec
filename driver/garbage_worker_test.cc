// SPDX-License-Identifier: Apache-2.0

#include "driver/garbage_worker.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

// Time that passes only when somebody sleeps.
class VirtualClock : public sys::Clock {
 public:
  absl::Time Now() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return now_;
  }
  void Sleep(absl::Duration duration) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      now_ += duration;
    }
    sched_yield();
  }

 private:
  std::mutex mutex_;
  absl::Time now_ = absl::UnixEpoch();
};

void WaitForPasses(const GarbageWorker& worker, uint64_t passes) {
  while (worker.passes() < passes) sched_yield();
}

TEST(GarbageWorkerTest, PassesComeOnePeriodApartWithTheirPatience) {
  VirtualClock clock;
  std::mutex mutex;
  absl::Time last = absl::InfinitePast();
  absl::Duration shortest = absl::InfiniteDuration();
  absl::Duration patience;
  GarbageWorker worker(clock, {absl::Seconds(30), absl::Seconds(7)}, [&](absl::Duration given) {
    const std::lock_guard<std::mutex> lock(mutex);
    const absl::Time now = clock.Now();
    shortest = std::min(shortest, now - last);
    last = now;
    patience = given;
    return absl::OkStatus();
  });
  WaitForPasses(worker, 5);
  worker.Stop();
  EXPECT_GE(shortest, absl::Seconds(30));
  EXPECT_EQ(patience, absl::Seconds(7));
}

TEST(GarbageWorkerTest, StopWaitsForThePassUnderWayAndNoneFollows) {
  VirtualClock clock;
  std::atomic<bool> inside = false;
  std::atomic<bool> let_go = false;
  std::atomic<int> ended = 0;
  GarbageWorker worker(clock, {}, [&](absl::Duration) {
    inside = true;
    while (!let_go) sched_yield();
    ++ended;
    return absl::OkStatus();
  });
  while (!inside) sched_yield();
  std::thread stopper([&] { worker.Stop(); });
  let_go = true;
  stopper.join();
  const int passes = ended;
  EXPECT_GE(passes, 1);
  worker.Stop();
  EXPECT_EQ(ended, passes);
}

TEST(GarbageWorkerTest, PassThatFailsIsToldAndDoesNotEndTheWorker) {
  VirtualClock clock;
  GarbageWorker worker(clock, {absl::Milliseconds(1), absl::Seconds(1)},
                       [](absl::Duration) { return sys::ErrnoStatus(EIO, "no pool"); });
  WaitForPasses(worker, 2);
  EXPECT_THAT(worker.last(), sys::FailsWithErrno(EIO));
}

TEST(GarbageWorkerTest, DestructionStops) {
  VirtualClock clock;
  std::atomic<int> passes = 0;
  {
    const GarbageWorker worker(clock, {absl::ZeroDuration(), absl::Seconds(1)},
                               [&](absl::Duration) {
                                 ++passes;
                                 return absl::OkStatus();
                               });
    WaitForPasses(worker, 3);
  }
  const int ended = passes;
  sched_yield();
  EXPECT_EQ(passes, ended);
}

}  // namespace
}  // namespace dmkit::driver
