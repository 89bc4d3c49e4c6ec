// SPDX-License-Identifier: Apache-2.0
// A host that wraps another one, counts its calls and makes chosen ones fail: for fault sweeps
// (fail call n for n = 1, 2, ... until a run needs fewer calls) and crash sweeps (nothing works
// from call n on, as if the process had been killed there).

#ifndef DMKIT_SYS_FAULTY_HOST_H_
#define DMKIT_SYS_FAULTY_HOST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::sys {

namespace internal {
class FaultyState;
}

// One call through the seam as the plan sees it, before it is made. What cannot fail is no call:
// Now, WallTime, ProcessId, EffectiveUserId, descriptor, the trace, and the end of a handle, which
// always closes.
struct SeamCall {
  uint64_t number = 0;       // from 1, over all interfaces
  absl::string_view method;  // "OpenFile", "Sync", "Ioctl", "Mount", ...
  // The absolute path (as far as it is known through directories of this host), the program, the
  // key or id of a semaphore; of an ioctl "0x<request in hex> <path>".
  std::string object;
};

// Thread-safe as far as the inner host is.
class FaultyHost {
 public:
  // Decides on a call: 0 lets it through, a positive errno makes it fail with that errno, not made.
  // Sleep is shown too, with the number of the call before it, but is no call of its own: a plan
  // that fails it makes it return at once. Called by one thread at a time; must not call this
  // object.
  using Plan = std::function<int(const SeamCall&)>;

  explicit FaultyHost(const Host& inner);
  ~FaultyHost();
  FaultyHost(const FaultyHost&) = delete;
  FaultyHost& operator=(const FaultyHost&) = delete;

  // The wrapped host; valid while this object lives, as are the files and directories opened
  // through it.
  Host host() const;

  // Replaces the plan and sets the call number back to 0. After nullptr nothing fails.
  void SetPlan(Plan plan);
  // Call `number` fails once with `error`.
  static Plan FailCall(uint64_t number, int error);
  // Call `number` and all later ones fail with EIO and are not made: the world has stopped. Handles
  // still close when they end, as those of a killed process do, and with them their locks.
  static Plan StopAt(uint64_t number);
  // Every call of `method` whose object contains `object` fails with `error`.
  static Plan FailMatching(std::string method, std::string object, int error);

  // Calls since the last SetPlan, and how many of them were `method`.
  uint64_t calls() const;
  uint64_t CountOf(absl::string_view method) const;
  // The calls since the last SetPlan as "method object" lines, for messages of failing tests.
  std::vector<std::string> Log() const;
  // Files and directories opened through this host and not closed yet.
  uint64_t open_handles() const;

 private:
  struct Parts;
  std::shared_ptr<internal::FaultyState> state_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_FAULTY_HOST_H_
