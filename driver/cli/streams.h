// SPDX-License-Identifier: Apache-2.0
// What a command reads and writes while it works. Results that fit in memory go through output.h.

#ifndef DMKIT_DRIVER_CLI_STREAMS_H_
#define DMKIT_DRIVER_CLI_STREAMS_H_

#include "sys/stop_signals.h"
#include "sys/stream.h"

namespace dmkit::driver::cli {

// Not owned; every pointer but `stop` is set.
struct Streams {
  sys::ByteSource* in = nullptr;
  sys::ByteSink* out = nullptr;
  sys::ByteSink* err = nullptr;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  sys::StopSignals* stop = nullptr;  // null: nothing ends a command that runs on
};

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_STREAMS_H_
