// SPDX-License-Identifier: Apache-2.0
// Prints what dmsetup prints. Pure: strings in, strings out.

#include "dm/text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dmkit::dm {
namespace {

absl::string_view TablesPresent(const DeviceInfo& info) {
  if (info.has_active_table) return info.has_inactive_table ? "LIVE & INACTIVE" : "LIVE";
  return info.has_inactive_table ? "INACTIVE" : "None";
}

}  // namespace

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

std::string FormatTarget(const TargetStatus& target) {
  return absl::StrCat(target.start.count(), " ", target.length.count(), " ", target.type, " ",
                      target.text);
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
