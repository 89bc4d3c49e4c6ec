// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/pool_watch.h"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/fake_stop_signals.h"
#include "sys/status_matchers.h"

namespace dmkit::driver::cli {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using thinp::PoolEvent;
using thinp::PoolEventKind;

class FakeClock : public sys::Clock {
 public:
  absl::Time Now() override { return now; }
  void Sleep(absl::Duration duration) override { now += duration; }
  absl::Time now = absl::UnixEpoch();
};

class PoolWatchTest : public ::testing::Test {
 protected:
  absl::StatusOr<uint64_t> Watch(const PoolWatchRequest& request) {
    const auto next = [this](absl::Time deadline) -> absl::StatusOr<std::vector<PoolEvent>> {
      deadlines_.push_back(deadline);
      if (next_error_ != 0) return sys::ErrnoStatus(next_error_, "fake");
      if (batches_.empty()) {
        clock_.now = std::max(clock_.now, deadline);
        return std::vector<PoolEvent>();
      }
      std::vector<PoolEvent> batch = std::move(batches_.front());
      batches_.erase(batches_.begin());
      return batch;
    };
    const auto tell = [this](const PoolEvent& event) {
      if (tell_error_ != 0) return sys::ErrnoStatus(tell_error_, "fake");
      told_.push_back(event.kind);
      return absl::OkStatus();
    };
    return WatchPool(request, clock_, &stop_, next, tell);
  }
  static PoolEvent Event(PoolEventKind kind) {
    PoolEvent event;
    event.kind = kind;
    return event;
  }

  FakeClock clock_;
  sys::FakeStopSignals stop_;
  std::vector<std::vector<PoolEvent>> batches_ = {
      {Event(PoolEventKind::kModeChanged), Event(PoolEventKind::kLowData)},
      {Event(PoolEventKind::kGone)}};
  int next_error_ = 0;
  int tell_error_ = 0;
  std::vector<absl::Time> deadlines_;
  std::vector<PoolEventKind> told_;
};

TEST_F(PoolWatchTest, EndsAfterSoManyEventsInTheMidstOfABatch) {
  PoolWatchRequest request;
  request.count = 1;
  EXPECT_THAT(Watch(request), IsOkAndHolds(1u));
  EXPECT_THAT(told_, ElementsAre(PoolEventKind::kModeChanged));
}

TEST_F(PoolWatchTest, TellsAllUntilTheTimeIsOver) {
  PoolWatchRequest request;
  request.timeout = absl::Milliseconds(1200);
  EXPECT_THAT(Watch(request), IsOkAndHolds(3u));
  EXPECT_THAT(told_, ElementsAre(PoolEventKind::kModeChanged, PoolEventKind::kLowData,
                                 PoolEventKind::kGone));
  EXPECT_EQ(clock_.now, absl::UnixEpoch() + absl::Milliseconds(1200));
}

TEST_F(PoolWatchTest, WithoutTimeItLooksOnce) {
  PoolWatchRequest request;
  request.timeout = absl::ZeroDuration();
  EXPECT_THAT(Watch(request), IsOkAndHolds(2u));
  EXPECT_THAT(deadlines_, ElementsAre(absl::UnixEpoch()));
}

TEST_F(PoolWatchTest, FewerEventsThanAskedForEndWithTheTime) {
  PoolWatchRequest request;
  request.count = 4;
  request.timeout = absl::Seconds(1);
  EXPECT_THAT(Watch(request), IsOkAndHolds(3u));
}

TEST_F(PoolWatchTest, NoWaitIsLongerThanASignalMayTake) {
  batches_.clear();
  stop_.answers_until_stop = 3;
  EXPECT_THAT(Watch(PoolWatchRequest()), IsOkAndHolds(0u));
  EXPECT_THAT(deadlines_,
              ElementsAre(absl::UnixEpoch() + kStopPatience, absl::UnixEpoch() + 2 * kStopPatience,
                          absl::UnixEpoch() + 3 * kStopPatience));
}

TEST_F(PoolWatchTest, ASignalBeforeTheFirstLookTellsNothing) {
  stop_.answers_until_stop = 0;
  EXPECT_THAT(Watch(PoolWatchRequest()), IsOkAndHolds(0u));
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(PoolWatchTest, AfterASignalTheNextOneEndsTheProcess) {
  ASSERT_TRUE(stop_.Hold().ok());
  stop_.on_release = [] { ADD_FAILURE() << "the first one did"; };
  PoolWatchRequest request;
  request.count = 1;
  EXPECT_THAT(Watch(request), IsOkAndHolds(1u));
  EXPECT_TRUE(stop_.held) << "none has come";
  stop_.answers_until_stop = 0;
  EXPECT_THAT(Watch(request), IsOkAndHolds(0u));
  EXPECT_FALSE(stop_.held);
}

TEST_F(PoolWatchTest, TheFirstErrorEndsIt) {
  next_error_ = EACCES;
  EXPECT_THAT(Watch(PoolWatchRequest()), FailsWithErrno(EACCES));
  next_error_ = 0;
  tell_error_ = EPIPE;
  EXPECT_THAT(Watch(PoolWatchRequest()), FailsWithErrno(EPIPE));
  stop_.error = EIO;
  EXPECT_THAT(Watch(PoolWatchRequest()), FailsWithErrno(EIO));
}

}  // namespace
}  // namespace dmkit::driver::cli
