// SPDX-License-Identifier: Apache-2.0
// What the parts of the faulty host share: the count of calls and the plan. For sys/faulty_*.cc
// only.

#ifndef DMKIT_SYS_FAULTY_INTERNAL_H_
#define DMKIT_SYS_FAULTY_INTERNAL_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/faulty_host.h"
#include "sys/host.h"

namespace dmkit::sys::internal {

// Thread-safe.
class FaultyState {
 public:
  void SetPlan(FaultyHost::Plan plan);
  // Counts a call and asks the plan: OK when it may be made. `method` must outlive this object.
  absl::Status Admit(absl::string_view method, std::string object);
  // The same for a sleep, which is not counted.
  bool AdmitSleep();

  void HandleOpened();
  void HandleClosed();

  uint64_t calls() const;
  uint64_t CountOf(absl::string_view method) const;
  std::vector<std::string> Log() const;
  uint64_t open_handles() const;

 private:
  struct Entry {
    absl::string_view method;
    std::string object;
  };

  mutable std::mutex mutex_;
  FaultyHost::Plan plan_;
  std::vector<Entry> log_;
  uint64_t open_handles_ = 0;
};

// Counts one open handle while it lives.
class HandleCount {
 public:
  explicit HandleCount(std::shared_ptr<FaultyState> state) : state_(std::move(state)) {
    state_->HandleOpened();
  }
  ~HandleCount() { state_->HandleClosed(); }
  HandleCount(const HandleCount&) = delete;
  HandleCount& operator=(const HandleCount&) = delete;

 private:
  std::shared_ptr<FaultyState> state_;
};

// Wraps a directory that it does not own, for the root.
std::unique_ptr<Dir> MakeFaultyRoot(std::shared_ptr<FaultyState> state, Dir& inner);
// Wraps an open directory; `path` names it in the log.
std::unique_ptr<Dir> MakeFaultyDir(const std::shared_ptr<FaultyState>& state,
                                   std::unique_ptr<Dir> inner, std::string path);

}  // namespace dmkit::sys::internal

#endif  // DMKIT_SYS_FAULTY_INTERNAL_H_
