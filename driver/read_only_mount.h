// SPDX-License-Identifier: Apache-2.0
// Mounting a layer of a store that must not change. What a filesystem's journal still has to do is
// done on a device on top of the layer's, never left out: without it files would be missing that
// were safely written.

#ifndef DMKIT_DRIVER_READ_ONLY_MOUNT_H_
#define DMKIT_DRIVER_READ_ONLY_MOUNT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "driver/filesystem.h"
#include "sys/host.h"
#include "thinp/device_set.h"

namespace dmkit::driver {

// Mounts the layer `device`, active at the device node `node`, read-only at `target`, an empty
// directory. What the device holds is looked up, not believed. A filesystem that was cleanly
// unmounted gets noload (ext4) or norecovery (xfs). The journal of another one is replayed into a
// sparse file in the directory `scratch`, which has no name and goes with the mount;
// DeviceSet::Deactivate takes the device in between down. FAILED_PRECONDITION: it holds no ext4 and
// no xfs. Other errors are those of MountFilesystem. After an error something may be mounted.
// Blocks on the replay.
absl::Status MountReadOnly(const sys::Host& host, thinp::DeviceSet& set,
                           const thinp::proto::DeviceState& device, absl::string_view node,
                           absl::string_view target, absl::string_view scratch,
                           const MountOptions& options);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_READ_ONLY_MOUNT_H_
