// SPDX-License-Identifier: Apache-2.0
// Making and taking down whole devices: create, load, resume, node; with undo on every failure.

#ifndef DMKIT_DM_ACTIVATE_H_
#define DMKIT_DM_ACTIVATE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "dm/types.h"

namespace dmkit::dm {

struct NewDevice {
  DmName name;
  DmUuid uuid;
  std::vector<TableLine> table;
  bool read_only = false;
};

// DEV_CREATE, TABLE_LOAD, DEV_SUSPEND(resume), then the nodes /dev/dm-N and /dev/mapper/NAME. Where
// a udevd makes the links in /dev/mapper (see UdevMakesLinks) it makes this one, a moment later.
// Any failure removes the device again (EBUSY is retried for some seconds: udevd may look at it);
// the first error wins, and a failure of the removal is reported with it. EBUSY: the name or the
// uuid is taken. Other errors are those of DeviceMapper::Create, Load and Resume, and of making
// nodes. Not repeatable. Three ioctls. The uevents carry QuietCookie().
absl::StatusOr<DeviceInfo> CreateDevice(DeviceMapper& dm, const NewDevice& device);

// A device by both its names: commands go to the uuid, so that a stranger's device of the same name
// is never touched; the name is for the node.
struct DeviceIdentity {
  DmName name;
  DmUuid uuid;
};

// How long the undoing of a creation waits for somebody who looks at the new device.
inline constexpr absl::Duration kUndoPatience = absl::Seconds(5);

// Removes the device; EBUSY is retried for `patience` (udevd and blkid open devices for a moment).
// ENXIO (already gone) is OK. With `deferred`, a device that is still open after `patience` is
// removed by the kernel after its last close, and the call is OK. The /dev/mapper node goes too,
// but not one that was not there before, or has another number by then; a link is left to udevd
// while it leads somewhere. Another process that makes a device of this name at the same time can
// get the number too, and lose its node: where names are shared, a lock on the name spans both.
// Repeatable. One ioctl, and one for each retry; one more when the device is gone already and there
// is a node of its name.
absl::Status RemoveDevice(DeviceMapper& dm, const DeviceIdentity& device, absl::Duration patience,
                          bool deferred);

// Loads `table` and resumes: the way to change a live device. When the load fails the old table is
// untouched. When the resume fails, the device is resumed on its old table, and a failure of that
// is reported with the first error; a target that refuses only at the last step of a resume leaves
// the new table in place, suspended, and then the report says so. Blocks as Suspend does. Two
// ioctls.
absl::StatusOr<DeviceInfo> ReloadDevice(DeviceMapper& dm, const DeviceKey& key,
                                        const std::vector<TableLine>& table);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_ACTIVATE_H_
