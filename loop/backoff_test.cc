// SPDX-License-Identifier: Apache-2.0
// How long the pauses are.

#include "loop/backoff.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "loop/scripted_host.h"

namespace dmkit::loop {
namespace {

TEST(BackoffTest, PausesDoubleUpToTheirMaximum) {
  testing::ScriptedClock clock;
  Backoff backoff(clock, absl::InfiniteFuture());
  absl::Time before = clock.Now();
  for (const int expected_ms : {1, 2, 4, 8, 16, 32, 64, 100, 100}) {
    EXPECT_TRUE(backoff.Wait());
    EXPECT_EQ(clock.Now() - before, absl::Milliseconds(expected_ms));
    before = clock.Now();
  }
}

TEST(BackoffTest, LastPauseEndsAtTheDeadline) {
  testing::ScriptedClock clock;
  const absl::Time deadline = clock.Now() + absl::Microseconds(2500);
  Backoff backoff(clock, deadline);
  EXPECT_TRUE(backoff.Wait());
  EXPECT_TRUE(backoff.Wait());
  EXPECT_EQ(clock.Now(), deadline);
  EXPECT_FALSE(backoff.Wait());
  EXPECT_EQ(clock.sleeps, 2);
}

TEST(BackoffTest, PastDeadlineNeverSleeps) {
  testing::ScriptedClock clock;
  Backoff backoff(clock, absl::InfinitePast());
  EXPECT_FALSE(backoff.Wait());
  EXPECT_EQ(clock.sleeps, 0);
}

}  // namespace
}  // namespace dmkit::loop
