// SPDX-License-Identifier: Apache-2.0
// Keeps a mapped device suspended for a scope, and resumes it whatever happens.

#ifndef DMKIT_THINP_SUSPEND_GUARD_H_
#define DMKIT_THINP_SUSPEND_GUARD_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "dm/types.h"

namespace dmkit::thinp {

// While one lives nothing may be written anywhere that could reach the device: trace lines are held
// back, and the process's memory is locked so that no page comes from it.
class SuspendGuard {
 public:
  // Locks memory and suspends `key` (flushing and freezing its filesystem). Blocks until its io is
  // done, on a full pool for as long as the pool queues io: look at the pool's mode first. On
  // failure the device is not suspended by this call. ENXIO: no such device. EINTR: a signal came
  // first. EPERM, ENOMEM: memory cannot be locked.
  static absl::StatusOr<SuspendGuard> Suspend(dm::DeviceMapper& dm, const dm::DeviceKey& key);

  SuspendGuard(SuspendGuard&& other) noexcept;
  SuspendGuard& operator=(SuspendGuard&&) = delete;
  // Resumes when Resume was not called; then a failure goes unreported, so call Resume.
  ~SuspendGuard();

  // Resumes now. A failure is reported and leaves the device suspended.
  absl::Status Resume();

 private:
  SuspendGuard(dm::DeviceMapper& dm, dm::DeviceKey key);
  dm::DeviceMapper* dm_;  // null once resumed or moved from
  dm::DeviceKey key_;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_SUSPEND_GUARD_H_
