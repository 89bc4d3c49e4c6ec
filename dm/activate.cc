// SPDX-License-Identifier: Apache-2.0
// Sequences of commands on one device, with their undoing. One ioctl is DeviceMapper's business.

#include "dm/activate.h"

#include <cerrno>
#include <optional>

#include "dm/nodes.h"
#include "dm/udev.h"
#include "dm/udev_host.h"
#include "sys/retry.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

// Everything after the creation. Addressed by uuid: the name could have got a new owner.
absl::StatusOr<DeviceInfo> Activate(DeviceMapper& dm, const NewDevice& device) {
  LoadOptions options;
  options.read_only = device.read_only;
  DMKIT_RETURN_IF_ERROR(dm.Load(device.uuid, device.table, options));
  // Nobody waits for udevd here, and it makes no link where it finds a node: neither one that is
  // made before its link, nor one that a dead device left.
  const bool is_udevs = UdevMakesLinks(dm.host());
  if (is_udevs) DMKIT_RETURN_IF_ERROR(RemoveMapperNode(dm.host(), device.name));
  DMKIT_ASSIGN_OR_RETURN(DeviceInfo info, dm.Resume(device.uuid, SuspendOptions(), QuietCookie()));
  DMKIT_RETURN_IF_ERROR(EnsureDeviceNode(dm.host(), info.device));
  if (!is_udevs) DMKIT_RETURN_IF_ERROR(EnsureMapperNode(dm.host(), device.name, info.device));
  return info;
}

absl::StatusOr<DeviceInfo> RemovePatiently(DeviceMapper& dm, const DmUuid& uuid,
                                           absl::Duration patience, bool deferred) {
  RemoveOptions options;
  options.cookie = QuietCookie();
  absl::StatusOr<DeviceInfo> removed =
      sys::RetryWhile(*dm.host().clock, EBUSY, patience, [&] { return dm.Remove(uuid, options); });
  if (!deferred || sys::GetErrno(removed.status()) != EBUSY) return removed;
  options.deferred = true;
  return dm.Remove(uuid, options);
}

// The node that led to `node` before; not one of another number that has taken its place. Where
// none was seen, one that is there now is somebody else's, and only a link that leads nowhere goes:
// no device has the number 0:0.
absl::Status RemoveSeenNode(const sys::Host& host, const DmName& name,
                            const std::optional<sys::DeviceNumber>& node) {
  return RemoveMapperNodeOf(host, name, node.value_or(sys::DeviceNumber()));
}

// Makes a device that failed to resume run again on the table that it has.
absl::Status ResumeOldTable(DeviceMapper& dm, const DeviceKey& key) {
  DMKIT_ASSIGN_OR_RETURN(const DeviceInfo info, dm.Info(key));
  // When only the suspend that a swap starts with failed, the new table is still there: resuming
  // now would make it the active one after all.
  if (info.has_inactive_table) DMKIT_RETURN_IF_ERROR(dm.Clear(key));
  if (!info.suspended) return absl::OkStatus();
  return dm.Resume(key, SuspendOptions(), QuietCookie()).status();
}

}  // namespace

absl::StatusOr<DeviceInfo> CreateDevice(DeviceMapper& dm, const NewDevice& device) {
  CreateOptions options;
  options.uuid = device.uuid;
  DMKIT_RETURN_IF_ERROR(dm.Create(device.name, options));
  absl::StatusOr<DeviceInfo> active = Activate(dm, device);
  if (active.ok()) return active;
  const absl::Status undone =
      RemoveDevice(dm, {device.name, device.uuid}, kUndoPatience, /*deferred=*/false);
  return sys::WithSecondError(active.status(), "undo the creation", undone);
}

absl::Status RemoveDevice(DeviceMapper& dm, const DeviceIdentity& device, absl::Duration patience,
                          bool deferred) {
  // As long as the device has the name, so has its node. The removal does not tell the number.
  const std::optional<sys::DeviceNumber> node = FindMapperNode(dm.host(), device.name);
  const absl::StatusOr<DeviceInfo> removed = RemovePatiently(dm, device.uuid, patience, deferred);
  if (sys::GetErrno(removed.status()) == ENXIO) {
    // What was seen may be the node of a stranger that has the name.
    if (node.has_value()) {
      absl::Status owner = dm.Info(device.name).status();
      if (sys::GetErrno(owner) != ENXIO) return owner;
    }
    return RemoveSeenNode(dm.host(), device.name, node);
  }
  if (!removed.ok()) return removed.status();
  // The kernel tells the name that the device had last.
  DMKIT_ASSIGN_OR_RETURN(const DmName name, DmName::Create(removed->name));
  if (!(name == device.name)) return RemoveMapperNode(dm.host(), name);
  return RemoveSeenNode(dm.host(), name, node);
}

absl::StatusOr<DeviceInfo> ReloadDevice(DeviceMapper& dm, const DeviceKey& key,
                                        const std::vector<TableLine>& table) {
  DMKIT_RETURN_IF_ERROR(dm.Load(key, table, LoadOptions()));
  absl::StatusOr<DeviceInfo> resumed = dm.Resume(key, SuspendOptions(), QuietCookie());
  if (resumed.ok()) return resumed;
  return sys::WithSecondError(resumed.status(), "resume the old table", ResumeOldTable(dm, key));
}

}  // namespace dmkit::dm
