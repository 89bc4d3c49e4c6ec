// SPDX-License-Identifier: Apache-2.0
// A thread that frees the space of removed layers once nobody uses them any more, for host programs
// that stay. What is to be freed lies in the store: a worker that ends, or a program, loses
// nothing.

#ifndef DMKIT_DRIVER_GARBAGE_WORKER_H_
#define DMKIT_DRIVER_GARBAGE_WORKER_H_

#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "sys/host.h"

namespace dmkit::driver {

class GarbageWorker {
 public:
  struct Options {
    absl::Duration period = absl::Seconds(30);    // from the end of a pass to the next
    absl::Duration patience = absl::Seconds(10);  // of one pass: see Driver::CollectGarbage
  };
  // One pass, which begins nothing after `patience`; what it has begun takes its time. Of a Driver
  // that nothing else uses:
  //   [&](absl::Duration patience) { return driver.CollectGarbage(patience).status(); }
  using Pass = std::function<absl::Status(absl::Duration patience)>;

  // Starts the thread with a first pass. `clock` must outlive the worker and may be used by others.
  GarbageWorker(sys::Clock& clock, const Options& options, Pass pass);
  // Stops.
  ~GarbageWorker();
  GarbageWorker(const GarbageWorker&) = delete;
  GarbageWorker& operator=(const GarbageWorker&) = delete;

  // Ends the thread and waits for it: until the pass under way has ended, and a fraction of a
  // second at most between passes. Repeatable.
  void Stop();

  // Passes so far, and how the last one ended (OK before the first).
  uint64_t passes() const;
  absl::Status last() const;

 private:
  void Run();
  bool stopping() const;

  sys::Clock& clock_;
  const Options options_;
  const Pass pass_;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  uint64_t passes_ = 0;
  absl::Status last_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_GARBAGE_WORKER_H_
