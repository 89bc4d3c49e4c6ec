// SPDX-License-Identifier: Apache-2.0
// The results of a run as text for people and as JSON for programs. Nothing is measured or judged
// here.

#ifndef DMKIT_TESTING_BENCH_REPORT_H_
#define DMKIT_TESTING_BENCH_REPORT_H_

#include <string>

#include "testing/bench/measure.h"

namespace dmkit::bench {

// Three tables: wall time, processor time, calls.
std::string FormatText(const Results& results);

// The calls of dmkit through the seam, operation by operation, with the median times from each to
// the next.
std::string FormatCalls(const Results& results);

// One object on one line, with the figures of FormatText and all samples.
std::string FormatJson(const Results& results);

}  // namespace dmkit::bench

#endif  // DMKIT_TESTING_BENCH_REPORT_H_
