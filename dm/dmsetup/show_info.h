// SPDX-License-Identifier: Apache-2.0
// The state of a device as `info` shows it, with and without --columns, and what the other commands
// need to show a device too.

#ifndef DMKIT_DM_DMSETUP_SHOW_INFO_H_
#define DMKIT_DM_DMSETUP_SHOW_INFO_H_

#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "dm/dmsetup/context.h"
#include "dm/types.h"

namespace dmkit::dm::dmsetup {

// `info` with name and uuid as people read them, or in findings, but for the rows of a report, as
// the kernel has them. Nothing when the kernel has one that cannot be read in this mode of
// mangling, which was told.
std::optional<DeviceInfo> ShownInfo(Context& context, DeviceInfo info);

// Shows a device of ShownInfo: the lines of `info`, or a row of the report, or among the findings.
// False after an error, which was told.
bool ShowInfo(Context& context, const DeviceInfo& shown);

// For a command that is about all devices, once: calls `show` for each in the kernel's order, with
// its name as in ShownInfo. False when there is no list, or when `show` was false once: the others
// are shown all the same.
bool ForEachDevice(Context& context, absl::FunctionRef<bool(const ListedDevice& device)> show);

// Makes the tree of all devices in the context's OutputState, once. False after an error, which was
// told; the tree has what could be asked.
bool BuildTree(Context& context);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_SHOW_INFO_H_
