// SPDX-License-Identifier: Apache-2.0
// Finding, and where needed making, the node of the control device. No ioctls here.

#ifndef DMKIT_DM_CONTROL_NODE_H_
#define DMKIT_DM_CONTROL_NODE_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::dm {

inline constexpr absl::string_view kControlPath = "/dev/mapper/control";

// The minor number of the misc device `name` in the text of /proc/misc; nothing when it is not
// listed.
std::optional<uint32_t> FindMiscMinor(absl::string_view proc_misc, absl::string_view name);

// Opens /dev/mapper/control. A missing node is made (mode 0600, in /dev/mapper with mode 0755) with
// the number that /proc/misc tells, or else 10:236, whose opening makes the kernel load the module.
// A character device with another number than /proc/misc tells is replaced; without that evidence,
// or when it is no character device, it is an error. Whatever was made is removed again when
// opening fails. Errors: EACCES, EPERM: not root. ENODEV, ENXIO: the kernel has no device-mapper;
// the message names module and config option. EROFS: the node is missing and /dev is read-only.
absl::StatusOr<std::unique_ptr<sys::File>> OpenControlNode(const sys::Host& host);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CONTROL_NODE_H_
