// SPDX-License-Identifier: Apache-2.0
// A second thread that is known to sleep. Of this program's threads only: what they sleep in, a
// system call or the model's wait, is not looked at.

#ifndef DMKIT_TESTING_CONFORMANCE_BESIDE_H_
#define DMKIT_TESTING_CONFORMANCE_BESIDE_H_

#include <functional>

namespace dmkit::conformance {

// Calls `sleeper` in a thread of its own and, when that has slept for a while, `then` here. Returns
// when both have ended.
void RunBeside(const std::function<void()>& sleeper, const std::function<void()>& then);

// Calls `body` in a thread of its own, which gets a signal every few milliseconds until it has
// ended. The signal's handler does nothing, and system calls are not restarted after it.
void RunWithSignals(const std::function<void()>& body);

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_BESIDE_H_
