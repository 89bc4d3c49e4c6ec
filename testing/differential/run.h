// SPDX-License-Identifier: Apache-2.0
// A history done on two sides, step by step, until they answer differently; and the shortest part
// of it that still makes them.

#ifndef DMKIT_TESTING_DIFFERENTIAL_RUN_H_
#define DMKIT_TESTING_DIFFERENTIAL_RUN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "testing/differential/operation.h"
#include "testing/differential/side.h"

namespace dmkit::differential {

struct Divergence {
  size_t index = 0;     // in the history
  Operation operation;  // what was answered differently: the one of that index, or a look after it
  Outcome model;
  Outcome kernel;
};

// How often each operation came to each end: by NameOf and errno's name, "ok" for success,
// "would wait" for what the model held to wait and the kernel was not asked.
using Coverage = std::map<std::string, std::map<std::string, uint64_t>>;

struct RunResult {
  uint64_t compared = 0;
  std::optional<Divergence> divergence;
};

// Fails only when a side cannot begin. What would wait is not done on the kernel, and ends the
// history unless nothing has changed by then.
absl::StatusOr<RunResult> RunHistory(Side& model, Side& kernel, const Start& start,
                                     const History& history, Coverage* coverage);

// Leaves out what is not needed for `diverges` to be true, which is called at most `tries` times.
History Shrink(History history, const std::function<bool(const History&)>& diverges, int tries);

// A report for people: every operation and what came of it, the last one on both sides.
std::string Report(const History& history, const Divergence& divergence);

}  // namespace dmkit::differential

#endif  // DMKIT_TESTING_DIFFERENTIAL_RUN_H_
