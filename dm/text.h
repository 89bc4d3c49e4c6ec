// SPDX-License-Identifier: Apache-2.0
// Replies as the text that dmsetup prints (Debian 12, 1.02.185), byte for byte: scripts read it.
// Pure. Names, uuids and parameters come out as they are and may hold control characters.

#ifndef DMKIT_DM_TEXT_H_
#define DMKIT_DM_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dm/types.h"

namespace dmkit::dm {

struct DeviceDetails {
  DeviceInfo info;
  // In sectors, from BLKRAGET on the device's node. Its line is left out when there is no node.
  std::optional<uint32_t> read_ahead;
};

// `dmsetup info NAME`: a block of lines with an empty line behind it. An internal suspend does not
// show. Also what -v puts in front of a status or a table.
std::string FormatDetail(const DeviceDetails& device);

// `dmsetup status` and `dmsetup table`: "START LENGTH TYPE TEXT" without a line feed. Keys are in
// it, unless HideKeys (keys.h) came before.
std::string FormatTarget(const TargetStatus& target);

// `dmsetup targets`: the type in 16 columns, then "vMAJOR.MINOR.PATCH".
std::string FormatTargets(const std::vector<TargetVersion>& targets);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TEXT_H_
