// SPDX-License-Identifier: Apache-2.0
// One run: dmkit and the floor, operation by operation in turn, on the same pool.

#ifndef DMKIT_TESTING_BENCH_MEASURE_H_
#define DMKIT_TESTING_BENCH_MEASURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "driver/options.h"
#include "testing/bench/stopwatch.h"

namespace dmkit::bench {

struct Plan {
  // Absolute paths, of directories that are made when missing. A run that was cut short must not
  // have left its layers there.
  std::string root;
  std::string floor_directory;
  driver::Options options;
  uint32_t layers = 20;
  uint32_t rounds = 5;
  // Each layer is a snapshot of the one before it; otherwise all are of the first.
  bool chain = true;
  // Everything is written back before each operation, so that none pays for the one before it.
  bool settle = false;
};

// What one side asks of the kernel in one operation.
struct Counts {
  uint64_t ioctls = 0;
  uint64_t fsyncs = 0;
};

// One call of dmkit through the seam, and the times from it to the next one.
struct CallResult {
  std::string text;  // "Sync /scratch/bench"
  std::vector<Sample> samples;
};

struct OperationResult {
  std::string name;
  // Samples of one index were taken one after the other; whose comes first alternates.
  std::vector<Sample> dmkit;
  std::vector<Sample> floor;
  // Of operations that are not among the samples: watching the calls costs time.
  Counts dmkit_counts;
  Counts floor_counts;
  std::vector<CallResult> dmkit_calls;
};

struct Results {
  std::string kernel_release;
  Plan plan;
  std::vector<OperationResult> operations;  // create, get, put, rm
};

// Makes a store and a floor, measures, and takes down what it made; files stay. After an error
// everything stays as it is.
absl::StatusOr<Results> Measure(const Plan& plan);

}  // namespace dmkit::bench

#endif  // DMKIT_TESTING_BENCH_MEASURE_H_
