// SPDX-License-Identifier: Apache-2.0
// Tests of time and randomness on this machine.

#include <chrono>
#include <string>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

TEST(LinuxClockTest, WallTimeIsNow) {
  const LinuxHost linux_host;
  const auto before = std::chrono::system_clock::now();
  const absl::Time now = linux_host.host().clock->WallTime();
  EXPECT_LE(absl::FromChrono(before), now);
  EXPECT_LE(now, absl::FromChrono(std::chrono::system_clock::now()));
}

TEST(LinuxClockTest, NowGoesAsTheClockDoesThatNobodySets) {
  const LinuxHost linux_host;
  Clock& clock = *linux_host.host().clock;
  const auto outer_start = std::chrono::steady_clock::now();
  const absl::Time start = clock.Now();
  const auto inner_start = std::chrono::steady_clock::now();
  clock.Sleep(absl::Milliseconds(2));
  const auto inner_end = std::chrono::steady_clock::now();
  const absl::Time end = clock.Now();
  const auto outer_end = std::chrono::steady_clock::now();
  EXPECT_GE(end - start, absl::FromChrono(inner_end - inner_start));
  EXPECT_LE(end - start, absl::FromChrono(outer_end - outer_start));
}

TEST(LinuxClockTest, AllHostsOfAProcessHaveOneNow) {
  const LinuxHost one;
  const absl::Time before = one.host().clock->Now();
  const LinuxHost other;
  const absl::Time between = other.host().clock->Now();
  const absl::Time after = one.host().clock->Now();
  EXPECT_LE(before, between);
  EXPECT_LE(between, after);
}

TEST(LinuxClockTest, SleepTakesAtLeastItsTime) {
  const LinuxHost linux_host;
  const auto before = std::chrono::steady_clock::now();
  linux_host.host().clock->Sleep(absl::Milliseconds(5));
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(5));
}

TEST(LinuxClockTest, NoTimeIsNoSleep) {
  const LinuxHost linux_host;
  linux_host.host().clock->Sleep(absl::ZeroDuration());
  linux_host.host().clock->Sleep(absl::Seconds(-1000));
  linux_host.host().clock->Sleep(-absl::InfiniteDuration());
}

TEST(LinuxRandomTest, FillsTheWholeBuffer) {
  const LinuxHost linux_host;
  // More than the kernel gives in one go when a signal comes.
  std::string first(5000, '\0');
  std::string second(5000, '\0');
  ASSERT_THAT(linux_host.host().random->Fill(absl::MakeSpan(first)), IsOk());
  ASSERT_THAT(linux_host.host().random->Fill(absl::MakeSpan(second)), IsOk());
  EXPECT_NE(first, second);
  EXPECT_NE(first.substr(4900), std::string(100, '\0'));
}

TEST(LinuxRandomTest, FillsNothing) {
  const LinuxHost linux_host;
  EXPECT_THAT(linux_host.host().random->Fill(absl::Span<char>()), IsOk());
}

}  // namespace
}  // namespace dmkit::sys
