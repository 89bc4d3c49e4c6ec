// SPDX-License-Identifier: Apache-2.0
// Device nodes: /dev/dm-N for opening, /dev/mapper/NAME for people. Made and removed here when
// nobody else does; left alone where udevd keeps links of its own.

#ifndef DMKIT_DM_NODES_H_
#define DMKIT_DM_NODES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
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

// Who may use a node that is made here. A node that is there keeps what it has.
struct NodeOwner {
  uint32_t mode = 0600;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// The four below work on DEV_DIR/mapper/NAME, where `name` is a file name, mangled as the caller
// mangles. INVALID_ARGUMENT, no call made: `name` is empty, has a slash, or is "control", "." or
// "..".

// Makes the node, with its directory when there is none. A node or a link (udevd's) that leads to
// `device` is left as it is; a node with another number, and a link that leads elsewhere or
// nowhere, are replaced. EEXIST: something that is no block device is in the way. ENAMETOOLONG:
// mangled, the name is too long for a file. Repeatable.
absl::Status MakeMapperNode(const sys::Host& host, absl::string_view dev_dir,
                            absl::string_view name, sys::DeviceNumber device,
                            const NodeOwner& owner);

// Moves the node of `device`, or udevd's link, to its new name, over a node or link that is there.
// OK when there is no old one, or one that leads to another device, which has got the name since.
// EEXIST: something that is no block device has the new name. Repeatable.
absl::Status RenameMapperNode(const sys::Host& host, absl::string_view dev_dir,
                              absl::string_view name, absl::string_view new_name,
                              sys::DeviceNumber device);

// Removes a node, or a link that leads nowhere. A link that leads somewhere is udevd's, and what is
// no block device is nobody's: both stay. OK when there is none.
absl::Status RemoveMapperNode(const sys::Host& host, absl::string_view dev_dir,
                              absl::string_view name);

// The same, but a node of another device than `device` stays: it has got the name since.
absl::Status RemoveMapperNodeOf(const sys::Host& host, absl::string_view dev_dir,
                                absl::string_view name, sys::DeviceNumber device);

// What DEV_DIR/mapper should have for one device.
struct MapperEntry {
  std::string name;
  sys::DeviceNumber device;
};

// What the directory should have, asked of the kernel when it is called.
using ListMapperEntries = absl::FunctionRef<absl::StatusOr<std::vector<MapperEntry>>()>;

// Makes the whole directory agree with `list`: makes what is missing, replaces what is wrong, and
// removes nodes, and links that lead nowhere, of names that are not listed. Links that lead
// somewhere, "control", and what is neither node nor link stay. `list` is called twice: after the
// directory was read, and when the work is done, to mend what was done to devices that another
// process has made or removed meanwhile. The error of the first call is returned as it is, with
// nothing touched. Goes on after any other error and returns the first. Repeatable.
absl::Status RepairMapperNodes(const sys::Host& host, absl::string_view dev_dir,
                               ListMapperEntries list);

// MakeMapperNode in /dev, with the name as MangledName gives it and mode 0600.
absl::Status EnsureMapperNode(const sys::Host& host, const DmName& name, sys::DeviceNumber device);

// RemoveMapperNode in /dev, with the name as MangledName gives it.
absl::Status RemoveMapperNode(const sys::Host& host, const DmName& name);

// RemoveMapperNodeOf in /dev, with the name as MangledName gives it.
absl::Status RemoveMapperNodeOf(const sys::Host& host, const DmName& name,
                                sys::DeviceNumber device);

// The device that the node or link of `name` in /dev leads to. Nothing: there is none, or it cannot
// be told.
std::optional<sys::DeviceNumber> FindMapperNode(const sys::Host& host, const DmName& name);

// The file name under /dev/mapper for `name`: bytes outside [0-9A-Za-z#+-.:=@_] as \xNN. A name
// that consists of such bytes and \xNN already is left as it is: that is how libdevmapper gives it
// to the kernel.
std::string MangledName(const DmName& name);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_NODES_H_
