// SPDX-License-Identifier: Apache-2.0
// How long a piece of work takes: on the wall, and on the processor for the calling thread.

#ifndef DMKIT_TESTING_BENCH_STOPWATCH_H_
#define DMKIT_TESTING_BENCH_STOPWATCH_H_

#include <time.h>

namespace dmkit::bench {

struct Sample {
  double wall_ms = 0;
  // What this thread did itself, in the kernel or not. Work of kernel threads and waiting are not
  // in it, so it moves less than the wall time when the machine is busy.
  double cpu_ms = 0;
};

class Stopwatch {
 public:
  Stopwatch() : wall_start_ms_(ReadMs(CLOCK_MONOTONIC)), cpu_start_ms_(ReadMs(kCpuClock)) {}

  // Since construction.
  Sample Read() const {
    Sample sample;
    sample.cpu_ms = ReadMs(kCpuClock) - cpu_start_ms_;
    sample.wall_ms = ReadMs(CLOCK_MONOTONIC) - wall_start_ms_;
    return sample;
  }

 private:
  static constexpr clockid_t kCpuClock = CLOCK_THREAD_CPUTIME_ID;

  static double ReadMs(clockid_t clock) {
    timespec now = {};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
  }

  double wall_start_ms_;
  double cpu_start_ms_;
};

}  // namespace dmkit::bench

#endif  // DMKIT_TESTING_BENCH_STOPWATCH_H_
