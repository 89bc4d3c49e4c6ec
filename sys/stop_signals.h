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
  // From here on a SIGINT or SIGTERM does not end the process but is kept. One that the process was
  // started to ignore, or to keep, stays so and is not told. Repeatable.
  virtual absl::Status Hold() = 0;
  // Whether one has come since Hold; false without it. All are kept on. Does not block.
  virtual absl::StatusOr<bool> HasCome() = 0;
  // HasCome, and where that is true all that have come are forgotten and Hold is undone: the next
  // one ends the process as it usually would.
  virtual absl::StatusOr<bool> Take() = 0;
  // Undoes Hold: a signal that has come since ends the process now, as it usually would.
  // Repeatable.
  virtual absl::Status Release() = 0;
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_STOP_SIGNALS_H_
