// SPDX-License-Identifier: Apache-2.0
// Pauses between attempts that may fail for more than one reason, up to a deadline. What is worth
// another attempt is the caller's to say.

#ifndef DMKIT_LOOP_BACKOFF_H_
#define DMKIT_LOOP_BACKOFF_H_

#include <algorithm>

#include "absl/time/time.h"
#include "sys/host.h"

namespace dmkit::loop {

class Backoff {
 public:
  // `clock` outlives this object.
  Backoff(sys::Clock& clock, absl::Time deadline) : clock_(clock), deadline_(deadline) {}

  // Sleeps before the next attempt (1 ms, doubling up to 100 ms, never past the deadline). False,
  // at once, when the deadline has passed.
  bool Wait() {
    const absl::Duration left = deadline_ - clock_.Now();
    if (left <= absl::ZeroDuration()) return false;
    clock_.Sleep(std::min(pause_, left));
    pause_ = std::min(pause_ * 2, absl::Milliseconds(100));
    return true;
  }

 private:
  sys::Clock& clock_;
  const absl::Time deadline_;
  absl::Duration pause_ = absl::Milliseconds(1);
};

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_BACKOFF_H_
