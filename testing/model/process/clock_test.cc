// SPDX-License-Identifier: Apache-2.0
// Virtual time and random bytes.

#include "testing/model/process/clock.h"

#include <gtest/gtest.h>

#include <string>

namespace dmkit::model {
namespace {

TEST(ModelClockTest, SleepMovesTimeByItsDurationAndACallByAMicrosecond) {
  Core core(Linux612(), 1);
  const Identity process{1, 0};
  ModelClock clock(core, process);
  const absl::Time start = clock.Now();
  EXPECT_EQ(clock.Now() - start, absl::Microseconds(1));
  clock.Sleep(absl::Hours(3));
  EXPECT_EQ(clock.Now() - start, absl::Hours(3) + absl::Microseconds(3));
}

TEST(ModelClockTest, SleepFiresTheTimersOnItsWay) {
  Core core(Linux612(), 1);
  const Identity process{1, 0};
  ModelClock clock(core, process);
  int fired = 0;
  core.scheduler.After(absl::Seconds(1), [&fired] { ++fired; });
  core.scheduler.After(absl::Seconds(3), [&fired] { ++fired; });
  clock.Sleep(absl::Seconds(2));
  EXPECT_EQ(fired, 1);
}

std::string SomeBytes(uint64_t seed) {
  Core core(Linux612(), seed);
  const Identity process{1, 0};
  ModelRandom random(core, process);
  std::string bytes(32, '\0');
  EXPECT_TRUE(random.Fill(absl::MakeSpan(&bytes[0], bytes.size())).ok());
  return bytes;
}

TEST(ModelRandomTest, TheSeedDecidesTheBytes) {
  EXPECT_EQ(SomeBytes(1), SomeBytes(1));
  EXPECT_NE(SomeBytes(1), SomeBytes(2));
}

}  // namespace
}  // namespace dmkit::model
