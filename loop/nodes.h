// SPDX-License-Identifier: Apache-2.0
// Where loop devices are in the filesystem: their nodes in /dev, made when missing, and what sysfs
// says of them. Nothing here binds or detaches.

#ifndef DMKIT_LOOP_NODES_H_
#define DMKIT_LOOP_NODES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "loop/open_device.h"
#include "sys/host.h"

namespace dmkit::loop {

inline constexpr absl::string_view kControlPath = "/dev/loop-control";

// Opens /dev/loopN, and makes its node (mode 0600) when it is missing; a node made for a device
// that cannot be opened is taken away again. Opening a number that was never added creates the
// device where the kernel does so (CONFIG_BLOCK_LEGACY_AUTOLOAD). ENXIO, ENODEV: no such device, or
// (6.12) it is being detached. A node that is not block device 7:N is FAILED_PRECONDITION. Does not
// block.
absl::StatusOr<OpenDevice> OpenNode(const sys::Host& host, uint32_t number, sys::Access access);

// The same for a device that exists already; creates none. ENXIO also where sysfs (or without
// sysfs, /dev) has no such device.
absl::StatusOr<OpenDevice> OpenExisting(const sys::Host& host, uint32_t number, sys::Access access);

// The open loop-control device. Null when it cannot be had and the nodes have to be scanned: there
// is no node and /proc/misc names no number for it, it cannot be made, access is denied, or no
// driver answers. A missing node that /proc/misc knows is made (mode 0600).
absl::StatusOr<std::unique_ptr<sys::File>> OpenControl(const sys::Host& host);

// Numbers of the devices that exist, ascending: all of sysfs, gaps or not; without sysfs, the nodes
// in /dev. Empty when there are none.
absl::StatusOr<std::vector<uint32_t>> KnownNumbers(const sys::Host& host);

// The path that sysfs shows for the backing file of a device that is bound or being detached.
// Nothing when it is unbound or sysfs does not tell.
absl::StatusOr<std::optional<std::string>> SysfsBackingFile(const sys::Host& host, uint32_t number);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_NODES_H_
