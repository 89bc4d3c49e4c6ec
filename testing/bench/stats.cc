// SPDX-License-Identifier: Apache-2.0

#include "testing/bench/stats.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace dmkit::bench {

double Median(std::vector<double> samples) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const size_t middle = samples.size() / 2;
  if (samples.size() % 2 == 1) return samples[middle];
  return (samples[middle - 1] + samples[middle]) / 2;
}

Summary Summarize(const std::vector<double>& samples) {
  Summary summary;
  if (samples.empty()) return summary;
  const auto ends = std::minmax_element(samples.begin(), samples.end());
  summary.median = Median(samples);
  summary.min = *ends.first;
  summary.max = *ends.second;
  return summary;
}

double Ratio(double dividend, double divisor) { return divisor > 0 ? dividend / divisor : 0; }

double MedianOfRatios(const std::vector<double>& dividends, const std::vector<double>& divisors) {
  std::vector<double> ratios;
  const size_t pairs = std::min(dividends.size(), divisors.size());
  for (size_t i = 0; i < pairs; ++i) ratios.push_back(Ratio(dividends[i], divisors[i]));
  return Median(std::move(ratios));
}

}  // namespace dmkit::bench
