// SPDX-License-Identifier: Apache-2.0
// Running, comparing and shrinking.

#include "testing/differential/run.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/uapi.h"
#include "sys/status.h"
#include "testing/conformance/dm_request.h"
#include "testing/differential/compare.h"

namespace dmkit::differential {
namespace {

// With the pauses of Side::Settle: two seconds, enough for a guest that seldom gets a processor.
constexpr int kSettleTimes = 100;

std::string EndOf(const Outcome& outcome) {
  return outcome.result < 0 ? sys::ErrnoName(-outcome.result) : "ok";
}

// Whether it may be done again: it has only looked, or could not have a minor that a removal in the
// background still holds.
bool MayBeRepeated(const Operation& operation, const Outcome& outcome) {
  return IsRepeatable(operation) ||
         (operation.request == DM_DEV_CREATE && outcome.result == -ENXIO);
}

// The kernel's outcome, again and again as long as it differs and time may help.
Outcome RunOnKernel(Side& kernel, const Operation& operation, const Outcome& wanted) {
  Outcome outcome = kernel.Run(operation);
  for (int i = 0; i < kSettleTimes && !Same(operation, wanted, outcome); ++i) {
    if (!MayBeRepeated(operation, outcome) || !kernel.Settle()) break;
    outcome = kernel.Run(operation);
  }
  return outcome;
}

// A wait that the model has refused before anything had changed. Others, such as a resume that
// waits for its pool, stop half-way.
bool IsHarmlessWait(const Operation& operation) {
  return operation.kind == Kind::kRead || operation.request == DM_DEV_WAIT;
}

bool IsDeferred(const Operation& operation) {
  uint32_t flags = 0;
  if (operation.kind != Kind::kIoctl || operation.bytes.size() < sizeof(dm_ioctl)) return false;
  std::memcpy(&flags, operation.bytes.data() + offsetof(dm_ioctl, flags), sizeof(flags));
  return (flags & DM_DEFERRED_REMOVE) != 0 &&
         (operation.request == DM_REMOVE_ALL || operation.request == DM_DEV_REMOVE);
}

Operation Close(size_t slot) {
  Operation operation;
  operation.kind = Kind::kClose;
  operation.slot = slot;
  return operation;
}

Operation ListOfDevices() {
  conformance::DmRequest request(8192);
  request.Poison();
  Operation operation;
  operation.request = DM_LIST_DEVICES;
  operation.bytes = request.bytes();
  return operation;
}

Operation Probe(unsigned long request) {
  conformance::DmRequest bytes(sizeof(dm_ioctl));
  bytes.Name("probe of the lowest free minor");
  Operation operation;
  operation.request = request;
  operation.bytes = bytes.bytes();
  return operation;
}

// The names in an answer to ListOfDevices().
std::vector<std::string> NamesIn(const Outcome& list) {
  std::vector<std::string> names;
  dm_ioctl head;
  if (list.result < 0 || list.bytes.size() < sizeof(head)) return names;
  std::memcpy(&head, list.bytes.data(), sizeof(head));
  const absl::string_view text =
      absl::string_view(list.bytes).substr(0, std::min<size_t>(head.data_size, list.bytes.size()));
  for (size_t at = head.data_start; at + sizeof(dm_name_list) <= text.size();) {
    dm_name_list entry;
    std::memcpy(&entry, text.data() + at, sizeof(entry));
    if (entry.dev == 0) break;  // there is none at all
    const absl::string_view rest = text.substr(at + offsetof(dm_name_list, name));
    names.emplace_back(rest.substr(0, rest.find('\0')));
    if (entry.next == 0) break;
    at += entry.next;
  }
  return names;
}

Operation StatusOf(const std::string& name) {
  conformance::DmRequest bytes(sizeof(dm_ioctl));
  bytes.Name(name);
  Operation operation;
  operation.request = DM_DEV_STATUS;
  operation.bytes = bytes.bytes();
  return operation;
}

// The number of a device that lives no longer than this.
Outcome LowestMinor(Side& side) {
  const Outcome outcome = side.Run(Probe(DM_DEV_CREATE));
  side.Run(Probe(DM_DEV_REMOVE));
  return outcome;
}

// Keeps the kernel in step with deferred removals, which it does in its own time: names go first,
// then what the tables hold open, and minors last.
class Removals {
 public:
  Removals(Side& model, Side& kernel) : model_(model), kernel_(kernel) {}

  void Note(const Operation& operation) { is_deferring_ = is_deferring_ || IsDeferred(operation); }
  bool is_deferring() const { return is_deferring_; }

  // Waits until the kernel has the model's devices, when these have changed since the last time.
  std::optional<Divergence> Await(size_t index) {
    const Operation list = ListOfDevices();
    const Outcome expected = model_.Run(list);
    if (expected.bytes == last_.bytes) return std::nullopt;
    last_ = expected;
    const Outcome seen = RunOnKernel(kernel_, list, expected);
    if (!Same(list, expected, seen)) return Divergence{index, list, expected, seen};
    for (const std::string& name : NamesIn(expected)) {
      const Operation status = StatusOf(name);
      const Outcome counts = model_.Run(status);
      const Outcome found = RunOnKernel(kernel_, status, counts);
      if (!Same(status, counts, found)) return Divergence{index, status, counts, found};
    }
    const Operation probe = Probe(DM_DEV_CREATE);
    const Outcome wanted = LowestMinor(model_);
    Outcome minor = LowestMinor(kernel_);
    for (int i = 0; i < kSettleTimes && !Same(probe, wanted, minor) && kernel_.Settle(); ++i) {
      minor = LowestMinor(kernel_);
    }
    if (!Same(probe, wanted, minor)) return Divergence{index, probe, wanted, minor};
    return std::nullopt;
  }

 private:
  Side& model_;
  Side& kernel_;
  bool is_deferring_ = false;  // from the first deferred removal on
  Outcome last_;
};

}  // namespace

absl::StatusOr<RunResult> RunHistory(Side& model, Side& kernel, const Start& start,
                                     const History& history, Coverage* coverage) {
  for (Side* side : {&model, &kernel}) {
    if (absl::Status status = side->Begin(start); !status.ok()) return status;
  }
  RunResult result;
  Removals removals(model, kernel);
  for (size_t i = 0; i < history.size() && !result.divergence.has_value(); ++i) {
    const Operation& operation = history[i];
    if (removals.is_deferring() && operation.kind == Kind::kOpen) {
      // Else the open would race with the removal that the close of its slot sets off.
      for (Side* side : {&model, &kernel}) side->Run(Close(operation.slot));
      result.divergence = removals.Await(i);
      if (result.divergence.has_value()) break;
    }
    const Outcome expected = model.Run(operation);
    const bool has_waited = model.waited() != Wait::kNone;
    ++(*coverage)[NameOf(operation)][has_waited ? "would wait" : EndOf(expected)];
    if (model.waited() == Wait::kEndless && IsHarmlessWait(operation)) continue;
    if (has_waited) break;
    ++result.compared;
    const Outcome seen = RunOnKernel(kernel, operation, expected);
    removals.Note(operation);
    if (!Same(operation, expected, seen)) {
      result.divergence = Divergence{i, operation, expected, seen};
    } else if (removals.is_deferring() && !IsRepeatable(operation)) {
      result.divergence = removals.Await(i);
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
  const Operation& last = divergence.operation;
  absl::StrAppend(&text, "  differs: ", Show(last), "\n");
  absl::StrAppend(&text, "  model:  ", Show(last, divergence.model), "\n");
  absl::StrAppend(&text, "  kernel: ", Show(last, divergence.kernel), "\n");
  return text;
}

}  // namespace dmkit::differential
