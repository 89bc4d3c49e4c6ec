// SPDX-License-Identifier: Apache-2.0
// The wish that the program ends, as SIGINT and SIGTERM tell it, for a command that runs until it
// is told to end, or has something to put away before. The interface only; linux_stop_signals.h has
// that of a process.

#ifndef DMKIT_SYS_STOP_SIGNALS_H_
#define DMKIT_SYS_STOP_SIGNALS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dmkit::sys {

class StopSignals {
 public:
  virtual ~StopSignals() = default;
  // From here on the first SIGINT or SIGTERM does not end the process but is kept for HasCome. One
  // that the process was started to ignore stays ignored. Repeatable.
  virtual absl::Status Hold() = 0;
  // Whether one has come since Hold; false without it. Once it is true, the next signal ends the
  // process as it usually would. Does not block.
  virtual absl::StatusOr<bool> HasCome() = 0;
  // Undoes Hold: a signal that has come since, told by HasCome or not, ends the process now, as it
  // usually would. Repeatable.
  virtual absl::Status Release() = 0;
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_STOP_SIGNALS_H_
