// SPDX-License-Identifier: Apache-2.0
// In which modes the lines of one table open their devices. Pure.

#ifndef DMKIT_DM_OPEN_MODES_H_
#define DMKIT_DM_OPEN_MODES_H_

#include <vector>

#include "absl/status/status.h"
#include "dm/types.h"

namespace dmkit::dm {

// INVALID_ARGUMENT for a table that takes the kernel down when it is loaded: two of its lines open
// one device, and the later one in a mode that the first had not asked for, reading or writing. The
// kernel frees then what the first one keeps of the device (dm-table.c, upgrade_mode(), v6.1 and
// v6.12). Most targets open their devices as the table is loaded, read-only or not; thin, snapshot,
// snapshot-merge, cache, clone and era do not. Devices are compared as words: one in two spellings
// is not found.
absl::Status CheckOpenModes(const std::vector<TableLine>& table, bool read_only);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_OPEN_MODES_H_
