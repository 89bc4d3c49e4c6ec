// SPDX-License-Identifier: Apache-2.0
// Prints what dmsetup prints. Pure: strings in, strings out.

#include "dm/text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dm/keys.h"

namespace dmkit::dm {
namespace {

constexpr absl::string_view kNoDevices = "No devices found\n";

// `text` with each \xNN turned into its byte.
std::string Unmangled(absl::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const bool escape = text.size() >= 4 && text[0] == '\\' && text[1] == 'x' &&
                        absl::ascii_isxdigit(static_cast<unsigned char>(text[2])) &&
                        absl::ascii_isxdigit(static_cast<unsigned char>(text[3]));
    if (escape) {
      plain += absl::HexStringToBytes(text.substr(2, 2));
    } else {
      plain.push_back(text[0]);
    }
    text.remove_prefix(escape ? 4 : 1);
  }
  return plain;
}

// One device's lines, each behind `prefix`.
std::string FormatLines(const TableReply& device, absl::string_view prefix, bool hide_keys) {
  if (device.targets.empty()) return absl::StrCat(prefix, "\n");
  std::string text;
  for (const TargetStatus& target : device.targets) {
    absl::StrAppend(&text, prefix, FormatTarget(target, hide_keys), "\n");
  }
  return text;
}

std::string FormatAllLines(const std::vector<TableReply>& devices, bool hide_keys) {
  if (devices.empty()) return std::string(kNoDevices);
  std::string text;
  for (const TableReply& device : devices) {
    absl::StrAppend(
        &text, FormatLines(device, absl::StrCat(Unmangled(device.info.name), ": "), hide_keys));
  }
  return text;
}

absl::string_view TablesPresent(const DeviceInfo& info) {
  if (info.has_active_table) return info.has_inactive_table ? "LIVE & INACTIVE" : "LIVE";
  return info.has_inactive_table ? "INACTIVE" : "None";
}

}  // namespace

std::string FormatDevices(const std::vector<ListedDevice>& devices) {
  if (devices.empty()) return std::string(kNoDevices);
  std::string text;
  for (const ListedDevice& device : devices) {
    absl::StrAppend(&text, Unmangled(device.name), "\t(", sys::FormatDeviceNumber(device.device),
                    ")\n");
  }
  return text;
}

std::string FormatStatus(const TableReply& device) { return FormatLines(device, "", false); }

std::string FormatAllStatus(const std::vector<TableReply>& devices) {
  return FormatAllLines(devices, false);
}

std::string FormatTable(const TableReply& device, bool show_keys) {
  return FormatLines(device, "", !show_keys);
}

std::string FormatAllTables(const std::vector<TableReply>& devices, bool show_keys) {
  return FormatAllLines(devices, !show_keys);
}

std::string FormatDetails(const std::vector<DeviceDetails>& devices) {
  if (devices.empty()) return std::string(kNoDevices);
  std::string text;
  for (DeviceDetails device : devices) {
    device.info.name = Unmangled(device.info.name);
    device.info.uuid = Unmangled(device.info.uuid);
    absl::StrAppend(&text, FormatDetail(device));
  }
  return text;
}

std::string FormatDetail(const DeviceDetails& device) {
  const DeviceInfo& info = device.info;
  std::string text;
  absl::StrAppend(&text, "Name:              ", info.name, "\n");
  absl::StrAppend(&text, "State:             ", info.suspended ? "SUSPENDED" : "ACTIVE",
                  info.read_only ? " (READ-ONLY)" : "",
                  info.deferred_remove ? " (DEFERRED REMOVE)" : "", "\n");
  if (device.read_ahead.has_value()) {
    absl::StrAppend(&text, "Read Ahead:        ", *device.read_ahead, "\n");
  }
  absl::StrAppend(&text, "Tables present:    ", TablesPresent(info), "\n");
  absl::StrAppend(&text, "Open count:        ", info.open_count, "\n");
  absl::StrAppend(&text, "Event number:      ", info.event_nr, "\n");
  absl::StrAppend(&text, "Major, minor:      ", info.device.major, ", ", info.device.minor, "\n");
  absl::StrAppend(&text, "Number of targets: ", info.target_count, "\n");
  if (!info.uuid.empty()) absl::StrAppend(&text, "UUID: ", info.uuid, "\n");
  absl::StrAppend(&text, "\n");
  return text;
}

std::string FormatTarget(const TargetStatus& target, bool hide_keys) {
  return absl::StrCat(target.start.count(), " ", target.length.count(), " ", target.type, " ",
                      hide_keys ? HideKeys(target.type, target.text) : target.text);
}

std::string FormatTargets(const std::vector<TargetVersion>& targets) {
  std::string text;
  for (const TargetVersion& target : targets) {
    absl::StrAppend(&text,
                    absl::StrFormat("%-16s v%s\n", target.type, FormatVersion(target.version)));
  }
  return text;
}

}  // namespace dmkit::dm
