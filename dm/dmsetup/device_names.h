// SPDX-License-Identifier: Apache-2.0
// What sysfs tells of a block device: its names, and how far it reads ahead.

#ifndef DMKIT_DM_DMSETUP_DEVICE_NAMES_H_
#define DMKIT_DM_DMSETUP_DEVICE_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "dm/dmsetup/context.h"
#include "sys/device_number.h"

namespace dmkit::dm::dmsetup {

// The kernel's name, "dm-3"; nothing for a device that has no disk, as one without a table.
std::optional<std::string> BlockDeviceName(Context& context, sys::DeviceNumber device);

// The name of a mapped device as the kernel has it; for any other its block device name.
std::optional<std::string> MapName(Context& context, sys::DeviceNumber device);

// As `naming` says, "MAJOR<separator>MINOR" where there is no such name.
std::string DeviceText(Context& context, sys::DeviceNumber device, DeviceNaming naming,
                       absl::string_view separator);

// Sets what --readahead asks for. A failure is printed, no more.
void SetReadAhead(Context& context, sys::DeviceNumber device);

// In sectors: from sysfs, else from the node of the name `shown`, as libdevmapper looks for it.
// Nothing after an error, which was told; findings do without what sysfs has not.
std::optional<uint32_t> ReadAheadOf(Context& context, absl::string_view shown,
                                    sys::DeviceNumber device);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_DEVICE_NAMES_H_
