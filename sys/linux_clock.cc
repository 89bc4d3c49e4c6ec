// SPDX-License-Identifier: Apache-2.0
// Time and randomness on Linux.

#include <sys/random.h>

#include <chrono>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/linux_internal.h"

namespace dmkit::sys::internal {
namespace {

// absl::Now() goes on from an earlier reading for a while, and misses that a clock is set.
absl::Time WallNow() { return absl::FromChrono(std::chrono::system_clock::now()); }

}  // namespace

absl::Time SteadyNow() {
  // One start for the whole process, since deadlines pass between its hosts and files.
  struct Start {
    absl::Time wall = WallNow();
    std::chrono::steady_clock::time_point steady = std::chrono::steady_clock::now();
  };
  static const Start kStart;
  return kStart.wall + absl::FromChrono(std::chrono::steady_clock::now() - kStart.steady);
}

absl::Time LinuxClock::Now() { return SteadyNow(); }

absl::Time LinuxClock::WallTime() { return WallNow(); }

void LinuxClock::Sleep(absl::Duration duration) { absl::SleepFor(duration); }

absl::Status LinuxRandom::Fill(absl::Span<char> buffer) {
  size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got =
        RetryOnEintr([&] { return getrandom(buffer.data() + done, buffer.size() - done, 0); });
    if (got == -1) return CallStatus(-1, "getrandom", "for random bytes");
    done += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace dmkit::sys::internal
