// SPDX-License-Identifier: Apache-2.0
// Repeating a call while the kernel answers one stated errno, up to a deadline.

#ifndef DMKIT_SYS_RETRY_H_
#define DMKIT_SYS_RETRY_H_

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::sys {

// Calls `attempt` (returning Status or StatusOr) until it returns anything but an error with errno
// `busy`, sleeping between attempts (1 ms, doubling up to 100 ms), for at most `patience`; then
// returns the last result. `attempt` is called at least once.
template <typename Attempt>
auto RetryWhile(Clock& clock, int busy, absl::Duration patience, Attempt attempt) {
  const absl::Time deadline = clock.Now() + patience;
  absl::Duration pause = absl::Milliseconds(1);
  while (true) {
    auto result = attempt();
    if (GetErrno(internal::ToStatus(result)) != busy) return result;
    const absl::Duration left = deadline - clock.Now();
    if (left <= absl::ZeroDuration()) return result;
    clock.Sleep(std::min(pause, left));
    pause = std::min(pause * 2, absl::Milliseconds(100));
  }
}

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_RETRY_H_
