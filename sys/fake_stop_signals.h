// SPDX-License-Identifier: Apache-2.0
// A wish to end that comes when a test says so. For tests only.

#ifndef DMKIT_SYS_FAKE_STOP_SIGNALS_H_
#define DMKIT_SYS_FAKE_STOP_SIGNALS_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sys/status.h"
#include "sys/stop_signals.h"

namespace dmkit::sys {

class FakeStopSignals : public StopSignals {
 public:
  absl::Status Hold() override {
    held = true;
    ++holds;
    return absl::OkStatus();
  }
  absl::StatusOr<bool> HasCome() override {
    if (error != 0) return ErrnoStatus(error, "fake");
    return asked++ >= answers_until_stop;
  }
  absl::StatusOr<bool> Take() override {
    DMKIT_ASSIGN_OR_RETURN(const bool has_come, HasCome());
    if (has_come) held = false;
    return has_come;
  }
  absl::Status Release() override {
    held = false;
    if (on_release) on_release();
    return absl::OkStatus();
  }

  bool held = false;
  int holds = 0;
  std::function<void()> on_release;  // called by each Release
  int asked = 0;
  int answers_until_stop = 1000;
  int error = 0;  // of every HasCome and Take
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_FAKE_STOP_SIGNALS_H_
