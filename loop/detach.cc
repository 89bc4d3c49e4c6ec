// SPDX-License-Identifier: Apache-2.0
// Detach, on kernels that detach at once (6.1) and on those that wait for the last close (6.12);
// and the new size of a device that stays.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loop/backoff.h"
#include "loop/codec.h"
#include "loop/loop_device.h"
#include "loop/nodes.h"
#include "loop/open_device.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

// udev opens each device that changes, for a few milliseconds.
constexpr absl::Duration kBriefOpens = absl::Milliseconds(100);

enum class Binding {
  kGone,     // unbound, no such device, or another file's by now
  kRundown,  // told to detach; no open succeeds until the last close
  kBound,
};

struct Sight {
  Binding binding = Binding::kGone;
  std::optional<StatusReply> status;  // of kBound
};

bool SameBinding(const StatusReply& a, const StatusReply& b) {
  return a.device == b.device && a.inode == b.inode && a.rdevice == b.rdevice &&
         a.offset == b.offset && a.size_limit == b.size_limit && a.file_name == b.file_name;
}

// One look at the device through an open of its own.
absl::StatusOr<Sight> Look(const sys::Host& host, uint32_t number) {
  absl::StatusOr<OpenDevice> device = OpenExisting(host, number, sys::Access::kReadOnly);
  const int open_error = sys::GetErrno(device.status());
  if (open_error == ENXIO || open_error == ENODEV) {
    // sysfs shows the backing file until the kernel has let go of it.
    DMKIT_ASSIGN_OR_RETURN(const std::optional<std::string> path, SysfsBackingFile(host, number));
    return Sight{path ? Binding::kRundown : Binding::kGone, std::nullopt};
  }
  DMKIT_RETURN_IF_ERROR(device);
  absl::StatusOr<StatusReply> status = device->GetStatus();
  if (sys::GetErrno(status.status()) == ENXIO) return Sight{};
  DMKIT_RETURN_IF_ERROR(status);
  return Sight{Binding::kBound, *std::move(status)};
}

// What CLR_FD left behind, seen through the open device it was called on.
struct Cleared {
  bool sole_opener = false;
  std::optional<StatusReply> before;  // nothing: it was not bound
};

absl::StatusOr<Cleared> Clear(OpenDevice device) {
  Cleared result;
  const absl::StatusOr<StatusReply> before = device.GetStatus();
  if (sys::GetErrno(before.status()) == ENXIO) return result;
  DMKIT_RETURN_IF_ERROR(before);
  const absl::Status cleared = device.Clear();
  if (sys::GetErrno(cleared) == ENXIO) return result;
  DMKIT_RETURN_IF_ERROR(cleared);
  result.before = *before;
  // The kernel marks it as being detached only when nobody else has it open.
  const absl::StatusOr<StatusReply> after = device.GetStatus();
  result.sole_opener = sys::GetErrno(after.status()) == ENXIO;
  if (!result.sole_opener) DMKIT_RETURN_IF_ERROR(after);
  return result;
}

// Looks until the binding is gone. `before` is what has to go; nothing when that could not be seen.
absl::StatusOr<DetachResult> AwaitGone(const sys::Host& host, uint32_t number,
                                       const std::optional<StatusReply>& before,
                                       absl::Time deadline) {
  Backoff backoff(*host.clock, deadline);
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const Sight sight, Look(host, number));
    if (sight.binding == Binding::kGone) return DetachResult{};
    // Bound anew since: the old binding has ended.
    const bool anew =
        sight.binding == Binding::kBound && !(before && SameBinding(*before, *sight.status));
    if (anew) return DetachResult{};
    if (!backoff.Wait()) return DetachResult{/*deferred=*/true};
  }
}

}  // namespace

absl::StatusOr<DetachResult> Detach(const sys::Host& host, uint32_t number, absl::Time deadline) {
  absl::StatusOr<OpenDevice> device = OpenExisting(host, number, sys::Access::kReadOnly);
  const int error = sys::GetErrno(device.status());
  // Either there is no such device, or somebody's detach of it is under way.
  if (error == ENXIO || error == ENODEV) return AwaitGone(host, number, std::nullopt, deadline);
  DMKIT_RETURN_IF_ERROR(device);
  // The device is closed when Clear returns, which lets 6.12 go on.
  DMKIT_ASSIGN_OR_RETURN(const Cleared cleared, Clear(*std::move(device)));
  if (!cleared.before) return AwaitGone(host, number, std::nullopt, deadline);
  const absl::Time brief = std::min(deadline, host.clock->Now() + kBriefOpens);
  return AwaitGone(host, number, cleared.before, cleared.sole_opener ? deadline : brief);
}

absl::Status UpdateCapacity(const sys::Host& host, uint32_t number) {
  DMKIT_ASSIGN_OR_RETURN(OpenDevice device, OpenExisting(host, number, sys::Access::kReadOnly));
  return device.UpdateCapacity();
}

}  // namespace dmkit::loop
