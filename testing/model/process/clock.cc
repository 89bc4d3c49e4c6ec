// SPDX-License-Identifier: Apache-2.0
// Time and randomness.

#include "testing/model/process/clock.h"

namespace dmkit::model {

absl::Time ModelClock::Now() {
  const Scheduler::Call call(core_.scheduler, process_.id);
  return core_.scheduler.Now();
}

void ModelClock::Sleep(absl::Duration duration) {
  const Scheduler::Call call(core_.scheduler, process_.id);
  core_.scheduler.Pause(duration);
}

absl::Status ModelRandom::Fill(absl::Span<char> buffer) {
  const Scheduler::Call call(core_.scheduler, process_.id);
  for (char& byte : buffer) byte = static_cast<char>(core_.random());
  return absl::OkStatus();
}

}  // namespace dmkit::model
