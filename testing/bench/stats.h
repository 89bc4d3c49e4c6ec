// SPDX-License-Identifier: Apache-2.0
// Figures from samples. Numbers in, numbers out: where they come from is not known here.

#ifndef DMKIT_TESTING_BENCH_STATS_H_
#define DMKIT_TESTING_BENCH_STATS_H_

#include <vector>

namespace dmkit::bench {

struct Summary {
  double median = 0;
  double min = 0;
  double max = 0;
};

// The middle one, or the mean of the two in the middle; 0 of no samples.
double Median(std::vector<double> samples);

Summary Summarize(const std::vector<double>& samples);

// `dividend` / `divisor`, and 0 where that would say nothing.
double Ratio(double dividend, double divisor);

// The median of dividends[i] / divisors[i]. Samples of one pair were taken one after the other, so
// what else the machine did at that time weighs on both. Samples without a partner are left out.
double MedianOfRatios(const std::vector<double>& dividends, const std::vector<double>& divisors);

}  // namespace dmkit::bench

#endif  // DMKIT_TESTING_BENCH_STATS_H_
