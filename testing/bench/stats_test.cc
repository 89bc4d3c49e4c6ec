// SPDX-License-Identifier: Apache-2.0

#include "testing/bench/stats.h"

#include "gtest/gtest.h"

namespace dmkit::bench {
namespace {

TEST(StatsTest, MedianOfAnOddNumberIsTheMiddleOne) {
  EXPECT_DOUBLE_EQ(Median({9, 1, 5}), 5);
  EXPECT_DOUBLE_EQ(Median({4}), 4);
}

TEST(StatsTest, MedianOfAnEvenNumberIsTheMeanOfTheMiddleTwo) {
  EXPECT_DOUBLE_EQ(Median({10, 1, 2, 4}), 3);
}

TEST(StatsTest, NoSamplesGiveZeros) {
  EXPECT_DOUBLE_EQ(Median({}), 0);
  EXPECT_DOUBLE_EQ(Summarize({}).max, 0);
  EXPECT_DOUBLE_EQ(MedianOfRatios({}, {}), 0);
}

TEST(StatsTest, SummaryHasBothEnds) {
  const Summary summary = Summarize({3, 1, 2});
  EXPECT_DOUBLE_EQ(summary.median, 2);
  EXPECT_DOUBLE_EQ(summary.min, 1);
  EXPECT_DOUBLE_EQ(summary.max, 3);
}

TEST(StatsTest, RatioByNothingIsZero) {
  EXPECT_DOUBLE_EQ(Ratio(3, 2), 1.5);
  EXPECT_DOUBLE_EQ(Ratio(3, 0), 0);
}

TEST(StatsTest, PairsAreDividedBeforeTheMedianIsTaken) {
  // Ratios 2, 1, 0.5; the ratio of the medians would be 10 / 20.
  EXPECT_DOUBLE_EQ(MedianOfRatios({2, 10, 50}, {1, 10, 100}), 1);
}

TEST(StatsTest, SamplesWithoutAPartnerAreLeftOut) {
  EXPECT_DOUBLE_EQ(MedianOfRatios({2, 100}, {1}), 2);
}

}  // namespace
}  // namespace dmkit::bench
