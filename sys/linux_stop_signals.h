// SPDX-License-Identifier: Apache-2.0
// The signals that this process gets.

#ifndef DMKIT_SYS_LINUX_STOP_SIGNALS_H_
#define DMKIT_SYS_LINUX_STOP_SIGNALS_H_

#include <memory>

#include "sys/stop_signals.h"

namespace dmkit::sys {

// Hold, Take and Release are for a process with one thread.
std::unique_ptr<StopSignals> MakeStopSignals();

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_LINUX_STOP_SIGNALS_H_
