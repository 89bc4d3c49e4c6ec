// SPDX-License-Identifier: Apache-2.0
// Virtual time and repeatable random bytes, as the seam of one process has them.

#ifndef DMKIT_TESTING_MODEL_PROCESS_CLOCK_H_
#define DMKIT_TESTING_MODEL_PROCESS_CLOCK_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "sys/host.h"
#include "testing/model/core.h"
#include "testing/model/process/identity.h"

namespace dmkit::model {

class ModelClock : public sys::Clock {
 public:
  ModelClock(Core& core, const Identity& process) : core_(core), process_(process) {}

  absl::Time Now() override;
  // Moves time for everybody; timers fire on the way.
  void Sleep(absl::Duration duration) override;

 private:
  Core& core_;
  const Identity& process_;
};

// Never fails.
class ModelRandom : public sys::Random {
 public:
  ModelRandom(Core& core, const Identity& process) : core_(core), process_(process) {}

  absl::Status Fill(absl::Span<char> buffer) override;

 private:
  Core& core_;
  const Identity& process_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_PROCESS_CLOCK_H_
