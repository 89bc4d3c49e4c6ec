// SPDX-License-Identifier: Apache-2.0
// Threads that are known to sleep. What they sleep in, a system call or the model's wait, is not
// looked at.

#ifndef DMKIT_TESTING_CONFORMANCE_BESIDE_H_
#define DMKIT_TESTING_CONFORMANCE_BESIDE_H_

#include <pthread.h>

#include <functional>
#include <mutex>
#include <set>

namespace dmkit::conformance {

class Sleepers {
 public:
  // Calls `sleeper` in a thread of its own and, when that has slept for a while, `then` here.
  // Returns when both have ended. May be called from `then` again.
  void RunBeside(const std::function<void()>& sleeper, const std::function<void()>& then);
  // Sends a signal to each sleeper. Its handler does nothing, and system calls are not restarted
  // after it.
  void Interrupt();

 private:
  std::mutex mutex_;
  std::set<pthread_t> threads_;
};

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_BESIDE_H_
