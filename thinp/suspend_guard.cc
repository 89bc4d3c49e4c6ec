// SPDX-License-Identifier: Apache-2.0

#include "thinp/suspend_guard.h"

#include <utility>

#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::thinp {
namespace {

// Memory first, so that nothing pages in between; trace last, so that the suspend itself is shown.
absl::Status BeginQuiet(const sys::Host& host) {
  const absl::Status locked = host.processes->LockMemory();
  if (!locked.ok()) {
    return sys::AddContext(locked,
                           "suspending a device needs memory that stays (CAP_IPC_LOCK, or a higher "
                           "limit for locked memory)");
  }
  if (host.trace != nullptr) host.trace->Hold();
  return absl::OkStatus();
}

void EndQuiet(const sys::Host& host) {
  if (host.trace != nullptr) host.trace->Release();
  // Pages that stay locked are harmless; there is nothing to do about a failure.
  host.processes->UnlockMemory().IgnoreError();
}

}  // namespace

SuspendGuard::SuspendGuard(dm::DeviceMapper& dm, dm::DeviceKey key)
    : dm_(&dm), key_(std::move(key)) {}

SuspendGuard::SuspendGuard(SuspendGuard&& other) noexcept
    : dm_(std::exchange(other.dm_, nullptr)), key_(std::move(other.key_)) {}

SuspendGuard::~SuspendGuard() { Resume().IgnoreError(); }

absl::StatusOr<SuspendGuard> SuspendGuard::Suspend(dm::DeviceMapper& dm, const dm::DeviceKey& key) {
  DMKIT_RETURN_IF_ERROR(BeginQuiet(dm.host()));
  const auto suspended = dm.Suspend(key, dm::SuspendOptions{});
  if (!suspended.ok()) {
    EndQuiet(dm.host());
    return suspended.status();
  }
  return SuspendGuard(dm, key);
}

absl::Status SuspendGuard::Resume() {
  if (dm_ == nullptr) return absl::OkStatus();
  dm::DeviceMapper& dm = *std::exchange(dm_, nullptr);
  absl::Status resumed = dm.Resume(key_, dm::SuspendOptions{}, dm::QuietCookie()).status();
  // A resume that fails for a passing reason must not leave a filesystem frozen: one more try.
  if (!resumed.ok()) {
    const absl::Status again = dm.Resume(key_, dm::SuspendOptions{}, dm::QuietCookie()).status();
    if (again.ok()) resumed = again;
  }
  EndQuiet(dm.host());
  if (resumed.ok()) return resumed;
  return sys::AddContext(resumed, dm::Describe(key_) + " stays suspended, its io waits");
}

}  // namespace dmkit::thinp
