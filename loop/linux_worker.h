// SPDX-License-Identifier: Apache-2.0
// The test program started again, as one of several processes that attach at the same time.

#ifndef DMKIT_LOOP_LINUX_WORKER_H_
#define DMKIT_LOOP_LINUX_WORKER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::loop {

// The first argument of a worker; behind it stand the directory of its lock and the file.
inline constexpr char kWorkerFlag[] = "--loop-worker";

// What a worker does: attaches `file` and lets it go several times, each time making sure that the
// device is its own; then takes the lock in `lock_dir`, finds or attaches lock_dir/shared, and
// attaches `file` for good. Returns both numbers. Also called by threads.
struct WorkerResult {
  uint32_t shared = 0;
  uint32_t own = 0;
};
absl::StatusOr<WorkerResult> Work(const sys::Host& host, absl::string_view lock_dir,
                                  absl::string_view file);

// The body of a worker process: prints the two numbers, or the error. Returns its exit status.
int WorkerMain(const std::vector<std::string>& arguments);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_LINUX_WORKER_H_
