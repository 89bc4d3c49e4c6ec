// SPDX-License-Identifier: Apache-2.0
// version, targets, target-version and wait.
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/dmsetup/address.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/show_info.h"
#include "dm/text.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {

bool VersionCommand(Context& context, const Command&, Arguments) {
  context.Print(absl::StrCat("Library version:   ", kLibraryVersion, "\n"));
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  context.Print(absl::StrCat("Driver version:    ", FormatVersion(dm->version()), "\n"));
  return true;
}

bool Targets(Context& context, const Command&, Arguments) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  const absl::StatusOr<std::vector<TargetVersion>> targets = dm->ListVersions();
  if (!targets.ok()) {
    Refused(context, "versions", Address(), targets.status());
    return false;
  }
  context.Print(FormatTargets(*targets));
  return true;
}

bool TargetVersionCommand(Context& context, const Command&, Arguments arguments) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  // libdevmapper takes the type for the name of a device, which may be a path.
  const std::optional<Address> address = FindDevice(context, arguments);
  if (!address.has_value()) return false;
  const absl::StatusOr<TargetType> type = TargetType::Create(address->name);
  const absl::StatusOr<Version> version =
      type.ok() ? dm->GetTargetVersion(*type) : absl::StatusOr<Version>(type.status());
  if (!version.ok()) {
    Refused(context, "target-version", *address, version.status());
    return false;
  }
  context.Print(FormatTargets({{type->text(), *version}}));
  return true;
}

bool Wait(Context& context, const Command&, Arguments arguments) {
  const std::string* name = nullptr;
  if (!context.words.uuid.has_value() && !context.words.major.has_value()) {
    if (arguments.empty()) {
      context.Error("No device specified.");
      return false;
    }
    name = &arguments.front();
    arguments.remove_prefix(1);
  }
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  const std::optional<Address> device = FindDevice(context, name);
  if (!device.has_value()) return false;
  const int32_t event_nr = arguments.empty() ? 0 : LeadingNumber(arguments.back());
  StatusOptions options;
  options.no_flush = context.words.no_flush;
  options.inactive = context.words.inactive;
  absl::StatusOr<TableReply> reply =
      dm->Wait(device->Key(), static_cast<uint32_t>(event_nr), options);
  if (!reply.ok()) {
    Refused(context, "waitevent", *device, reply.status());
    return false;
  }
  const std::optional<DeviceInfo> shown = ShownInfo(context, std::move(reply->info));
  if (!shown.has_value()) return false;
  return context.words.verbose == 0 || ShowInfo(context, *shown);
}

}  // namespace dmkit::dm::dmsetup
