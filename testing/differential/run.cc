// SPDX-License-Identifier: Apache-2.0
// Running, comparing and shrinking.

#include "testing/differential/run.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sys/status.h"
#include "testing/differential/compare.h"

namespace dmkit::differential {
namespace {

// With the pauses of Side::Settle: half a second.
constexpr int kSettleTimes = 25;

std::string EndOf(const Outcome& outcome) {
  return outcome.result < 0 ? sys::ErrnoName(-outcome.result) : "ok";
}

// The kernel's outcome, again and again as long as it differs and time may help.
Outcome RunOnKernel(Side& kernel, const Operation& operation, const Outcome& wanted) {
  Outcome outcome = kernel.Run(operation);
  if (!IsRepeatable(operation)) return outcome;
  for (int i = 0; i < kSettleTimes && !Same(operation, wanted, outcome); ++i) {
    if (!kernel.Settle()) break;
    outcome = kernel.Run(operation);
  }
  return outcome;
}

}  // namespace

absl::StatusOr<RunResult> RunHistory(Side& model, Side& kernel, const Start& start,
                                     const History& history, Coverage* coverage) {
  for (Side* side : {&model, &kernel}) {
    if (absl::Status status = side->Begin(start); !status.ok()) return status;
  }
  RunResult result;
  for (size_t i = 0; i < history.size(); ++i) {
    const Operation& operation = history[i];
    const Outcome expected = model.Run(operation);
    const bool has_waited = model.waited() != Wait::kNone;
    ++(*coverage)[NameOf(operation)][has_waited ? "would wait" : EndOf(expected)];
    if (model.waited() == Wait::kEndless) continue;
    if (model.waited() == Wait::kLong) break;
    ++result.compared;
    const Outcome seen = RunOnKernel(kernel, operation, expected);
    if (!Same(operation, expected, seen)) {
      result.divergence = Divergence{i, expected, seen};
      break;
    }
  }
  return result;
}

History Shrink(History history, const std::function<bool(const History&)>& diverges, int tries) {
  for (size_t chunk = std::max<size_t>(history.size() / 2, 1); tries > 0; chunk /= 2) {
    for (size_t at = 0; at < history.size() && tries > 0; --tries) {
      History shorter(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(at));
      const size_t end = std::min(at + chunk, history.size());
      shorter.insert(shorter.end(), history.begin() + static_cast<std::ptrdiff_t>(end),
                     history.end());
      if (diverges(shorter)) {
        history = std::move(shorter);
      } else {
        at = end;
      }
    }
    if (chunk == 1) break;
  }
  return history;
}

std::string Report(const History& history, const Divergence& divergence) {
  std::string text;
  for (size_t i = 0; i <= divergence.index; ++i) {
    absl::StrAppend(&text, "  ", i, ". ", Show(history[i]), "\n");
  }
  const Operation& last = history[divergence.index];
  absl::StrAppend(&text, "  model:  ", Show(last, divergence.model), "\n");
  absl::StrAppend(&text, "  kernel: ", Show(last, divergence.kernel), "\n");
  return text;
}

}  // namespace dmkit::differential
