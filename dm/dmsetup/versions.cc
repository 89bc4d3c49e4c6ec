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
#include "dm/dmsetup/findings.h"
#include "dm/dmsetup/show_info.h"
#include "dm/text.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {
namespace {

void Show(Context& context, const std::vector<TargetVersion>& targets) {
  if (context.findings != nullptr) {
    std::vector<TargetVersion>& found = context.findings->targets;
    found.insert(found.end(), targets.begin(), targets.end());
  }
  context.Print(FormatTargets(targets));
}

}  // namespace

bool VersionCommand(Context& context, const Command&, Arguments) {
  Findings* const findings = context.findings;
  if (findings != nullptr) findings->library = std::string(kLibraryVersion);
  context.Print(absl::StrCat("Library version:   ", kLibraryVersion, "\n"));
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  if (findings != nullptr) findings->driver = dm->version();
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
  Show(context, *targets);
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
  Show(context, {{type->text(), *version}});
  return true;
}

bool Wait(Context& context, const Command&, Arguments arguments) {
  const std::string* name = nullptr;
  if (!context.words.uuid.has_value() && !context.words.major.has_value()) {
    if (arguments.empty()) {
      context.Misused("No device specified.");
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
  if (context.findings != nullptr) context.findings->devices.emplace_back().info = *shown;
  return context.words.verbose == 0 || ShowInfo(context, *shown);
}

}  // namespace dmkit::dm::dmsetup
