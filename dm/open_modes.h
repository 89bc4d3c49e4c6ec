// SPDX-License-Identifier: Apache-2.0
// In which modes the lines of one table open their devices. Pure.

#ifndef DMKIT_DM_OPEN_MODES_H_
#define DMKIT_DM_OPEN_MODES_H_

#include <vector>

#include "absl/status/status.h"
#include "dm/types.h"

namespace dmkit::dm {

// INVALID_ARGUMENT for a table that takes the kernel down when it is loaded to be written: a thin
// or snapshot target opens its origin for reading only, and a later line opens the same device for
// writing; the kernel frees then what the first one keeps of it (dm-table.c, upgrade_mode(), v6.1
// and v6.12). Devices are compared as words: one in two spellings is not found. A table that is
// loaded read-only needs no check.
absl::Status CheckOpenModes(const std::vector<TableLine>& table);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_OPEN_MODES_H_
