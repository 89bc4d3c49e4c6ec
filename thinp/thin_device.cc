// SPDX-License-Identifier: Apache-2.0
// The order of attempts at a device that other processes may make, change or remove meanwhile.

#include "thinp/thin_device.h"

#include <cerrno>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/nodes.h"
#include "dm/udev.h"
#include "sys/retry.h"
#include "sys/status.h"

namespace dmkit::thinp {
namespace {

// A removal that waits for the last close is called off. ENXIO: it has happened meanwhile.
absl::Status CancelDeferredRemove(dm::DeviceMapper& dm, const dm::DmUuid& uuid,
                                  absl::Duration patience) {
  return sys::RetryWhile(*dm.host().clock, EBUSY, patience,
                         [&] { return dm.CancelDeferredRemove(uuid); });
}

absl::Status CheckSameThin(const ThinDevice& device, const dm::TableReply& found,
                           const dm::TableLine& wanted) {
  const dm::TargetStatus& target = found.targets[0];
  if (found.targets.size() == 1 && target.type == wanted.type.text() &&
      target.text == wanted.params) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "dm device ", device.identity.name.text(), " is active with another table (\"", target.type,
      " ", target.text, "\", not \"", wanted.params, "\"): remove it first"));
}

absl::StatusOr<dm::DeviceInfo> MakeRun(dm::DeviceMapper& dm, const ThinDevice& device,
                                       const dm::TableReply& found,
                                       const std::vector<dm::TableLine>& table) {
  const dm::DmUuid& uuid = device.identity.uuid;
  if (device.read_only && found.targets.empty()) {
    dm::LoadOptions options;
    options.read_only = true;
    DMKIT_RETURN_IF_ERROR(dm.Load(uuid, table, options));
    return dm.Resume(uuid, dm::SuspendOptions{}, dm::QuietCookie());
  }
  // No table: its activation was interrupted. Shorter: the device has grown since.
  if (found.targets.empty() || found.targets[0].length < device.length) {
    return dm::ReloadDevice(dm, uuid, table);
  }
  if (!found.info.suspended) return found.info;
  return dm.Resume(uuid, dm::SuspendOptions{}, dm::QuietCookie());
}

// ENXIO: there is no such device of ours (any more).
absl::StatusOr<dm::DeviceInfo> TakeActive(dm::DeviceMapper& dm, const ThinDevice& device,
                                          const std::vector<dm::TableLine>& table,
                                          absl::Duration patience, FoundSuspended suspended) {
  const dm::DmUuid& uuid = device.identity.uuid;
  DMKIT_ASSIGN_OR_RETURN(const dm::TableReply found, dm.Table(uuid, dm::StatusOptions{}));
  if (!found.targets.empty()) DMKIT_RETURN_IF_ERROR(CheckSameThin(device, found, table[0]));
  if (found.info.suspended && suspended == FoundSuspended::kRefuse) {
    return sys::ErrnoStatus(
        EAGAIN, absl::StrCat("dm device ", device.identity.name.text(), " is suspended"));
  }
  if (found.info.deferred_remove) {
    DMKIT_RETURN_IF_ERROR(CancelDeferredRemove(dm, uuid, patience));
  }
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceInfo running, MakeRun(dm, device, found, table));
  // Its activation may have been interrupted before that.
  DMKIT_RETURN_IF_ERROR(dm::EnsureMapperNode(dm.host(), device.identity.name, running.device));
  return running;
}

}  // namespace

absl::StatusOr<dm::DeviceInfo> ActivateThin(dm::DeviceMapper& dm, const Pool& pool,
                                            const ThinDevice& device, absl::Duration patience,
                                            FoundSuspended suspended) {
  const std::vector<dm::TableLine> table = pool.ThinTable(device.id, device.length);
  const auto create = [&] {
    return dm::CreateDevice(dm,
                            {device.identity.name, device.identity.uuid, table, device.read_only});
  };
  const auto created = create();
  if (sys::GetErrno(created.status()) != EBUSY) return created;
  const auto taken = TakeActive(dm, device, table, patience, suspended);
  if (sys::GetErrno(taken.status()) != ENXIO) return taken;
  // Gone between the two calls, or the name belongs to a device that is not ours: then EBUSY again.
  const auto again = create();
  if (sys::GetErrno(again.status()) != EBUSY) return again;
  return sys::AddContext(again.status(), absl::StrCat("dm name ", device.identity.name.text(),
                                                      " is taken by a device of somebody else"));
}

}  // namespace dmkit::thinp
