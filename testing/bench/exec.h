// SPDX-License-Identifier: Apache-2.0
// Runs a whole program and tells its wall time and peak memory, for guests without time(1).

#ifndef DMKIT_TESTING_BENCH_EXEC_H_
#define DMKIT_TESTING_BENCH_EXEC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace dmkit::bench {

struct Execution {
  double wall_ms = 0;
  // Largest resident set (ru_maxrss). The kernel counts in what the child had before its exec: a
  // program that is smaller than this one shows as large as this one.
  long peak_kib = 0;
};

// Runs `argv` (argv[0] searched in PATH) with standard output to /dev/null and waits. An exit
// status other than 0 is an error. The time includes fork and exec.
absl::StatusOr<Execution> Execute(const std::vector<std::string>& argv);

using Command = std::vector<std::string>;

// Executes all commands, one after the other, `repeat` times, "{}" in a word replaced by the number
// of the time, from 1. So what else the machine does at a time weighs on all of them. A text of one
// line for each command (JSON when asked for) with the figures.
absl::StatusOr<std::string> ExecuteAndReport(const std::vector<Command>& commands, int repeat,
                                             bool json);

}  // namespace dmkit::bench

#endif  // DMKIT_TESTING_BENCH_EXEC_H_
