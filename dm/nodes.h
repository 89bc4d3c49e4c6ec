// SPDX-License-Identifier: Apache-2.0
// Device nodes: /dev/dm-N for opening, /dev/mapper/NAME for people. Made and removed here when
// nobody else does; left alone where udevd keeps links of its own.

#ifndef DMKIT_DM_NODES_H_
#define DMKIT_DM_NODES_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/types.h"
#include "sys/host.h"

namespace dmkit::dm {

// The path of a node for `device` that can be opened now: /dev/dm-MINOR, made (mode 0600) when
// devtmpfs does not provide it. A node of that name with another number is an error, not
// overwritten.
absl::StatusOr<std::string> EnsureDeviceNode(const sys::Host& host, sys::DeviceNumber device);

// Opens the block device by number, through EnsureDeviceNode.
absl::StatusOr<std::unique_ptr<sys::File>> OpenDevice(const sys::Host& host,
                                                      sys::DeviceNumber device,
                                                      const sys::OpenOptions& options);

// Makes /dev/mapper/NAME (see MangledName) with mode 0600 when it is missing, or replaces a stale
// node of ours with another number. A symbolic link (udevd's) is left alone. EEXIST: something that
// is no block device is in the way. ENAMETOOLONG: mangled, the name is too long for a file.
// Repeatable.
absl::Status EnsureMapperNode(const sys::Host& host, const DmName& name, sys::DeviceNumber device);

// Removes /dev/mapper/NAME when it is a node (not a link of udevd's). OK when there is none.
absl::Status RemoveMapperNode(const sys::Host& host, const DmName& name);

// The file name under /dev/mapper for `name`: bytes outside [0-9A-Za-z#+-.:=@_] as \xNN. A name
// that consists of such bytes and \xNN already is left as it is: that is how libdevmapper gives it
// to the kernel.
std::string MangledName(const DmName& name);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_NODES_H_
