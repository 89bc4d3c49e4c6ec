// SPDX-License-Identifier: Apache-2.0
// Replies as the text that dmsetup prints (Debian 12, 1.02.185), byte for byte: scripts read it.
// Pure. In names and uuids each \xNN comes out as its byte, since libdevmapper puts names with
// unusual bytes into the kernel in that form; parameters come out as they are. What comes out may
// hold control characters, as in dmsetup.

#ifndef DMKIT_DM_TEXT_H_
#define DMKIT_DM_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dm/types.h"

namespace dmkit::dm {

// `dmsetup ls`: "NAME<tab>(MAJOR:MINOR)" per device; "No devices found" for none. The order is
// kept.
std::string FormatDevices(const std::vector<ListedDevice>& devices);

// `dmsetup status NAME`: "START LENGTH TYPE STATUS" per target; an empty line without a table.
std::string FormatStatus(const TableReply& device);
// `dmsetup status`: the same for each device, with "NAME: " before each line.
std::string FormatAllStatus(const std::vector<TableReply>& devices);

// `dmsetup table NAME` and `dmsetup table`. Without `show_keys` the digits of keys of the targets
// crypt and integrity come out as zeros, but names of keys in a keyring (":32:logon:...") stay.
std::string FormatTable(const TableReply& device, bool show_keys);
std::string FormatAllTables(const std::vector<TableReply>& devices, bool show_keys);

struct DeviceDetails {
  DeviceInfo info;
  // In sectors, from BLKRAGET on the device's node. Its line is left out when there is no node.
  std::optional<uint32_t> read_ahead;
};

// `dmsetup info`: a block of lines per device, each with an empty line behind it. An internal
// suspend does not show.
std::string FormatDetails(const std::vector<DeviceDetails>& devices);

// The same for one device, with name and uuid as they are. Also what -v puts in front of others.
std::string FormatDetail(const DeviceDetails& device);

// "START LENGTH TYPE TEXT", one target of the lists above, without a line feed.
std::string FormatTarget(const TargetStatus& target, bool hide_keys);

// `dmsetup targets`: the type in 16 columns, then "vMAJOR.MINOR.PATCH".
std::string FormatTargets(const std::vector<TargetVersion>& targets);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TEXT_H_
