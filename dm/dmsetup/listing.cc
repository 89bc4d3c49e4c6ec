// SPDX-License-Identifier: Apache-2.0
// ls and deps.
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dm/dmsetup/address.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/device_names.h"
#include "dm/dmsetup/findings.h"
#include "dm/dmsetup/show_info.h"
#include "dm/dmsetup/tree_text.h"

namespace dmkit::dm::dmsetup {
namespace {

// The name that -o asks for, if it asks for one and there is one.
std::optional<std::string> AskedName(Context& context, sys::DeviceNumber device) {
  if (context.device_naming == DeviceNaming::kBlockDevice) return BlockDeviceName(context, device);
  if (context.device_naming == DeviceNaming::kMapName) return MapName(context, device);
  return std::nullopt;
}

void RecordDependencies(Context& context, const DependenciesReply& reply) {
  FoundDevice& found = context.findings->devices.emplace_back();
  found.info = reply.info;
  for (const sys::DeviceNumber used : reply.devices) {
    found.used.push_back({used, AskedName(context, used)});
  }
}

// `several`: the name stands in front.
bool DependenciesOf(Context& context, const std::string* name, bool several) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  const std::optional<Address> device = FindDevice(context, name);
  if (!device.has_value()) return false;
  absl::StatusOr<DependenciesReply> reply =
      dm->InfoAndDependencies(device->Key(), context.words.inactive);
  if (!reply.ok()) {
    if (IsLeftOut(context, reply.status())) return true;
    Refused(context, "deps", *device, reply.status());
    return false;
  }
  if (context.findings != nullptr) {
    RecordDependencies(context, *reply);
    return true;
  }
  const std::optional<DeviceInfo> shown = ShownInfo(context, std::move(reply->info));
  if (!shown.has_value()) return false;
  const bool verbose = context.words.verbose > 0;
  // dmsetup prints the dependencies also when the device could not be shown.
  if (verbose) ShowInfo(context, *shown);
  if (several && !verbose) context.Print(absl::StrCat(name == nullptr ? "" : *name, ": "));
  context.Print(absl::StrCat(reply->devices.size(), " dependencies\t:"));
  for (const sys::DeviceNumber used : reply->devices) {
    context.Print(absl::StrCat(" (", DeviceText(context, used, context.device_naming, ", "), ")"));
  }
  context.Print(several && verbose ? "\n\n" : "\n");
  return true;
}

// Findings have the state of a listed device, too.
bool RecordListed(Context& context, const ListedDevice& device) {
  absl::StatusOr<DeviceInfo> info =
      context.Dm()->Info(DeviceKey(device.device), context.words.inactive);
  if (!info.ok()) {
    if (IsLeftOut(context, info.status())) return true;
    Address address;
    address.name = device.name;
    Refused(context, "info", address, info.status());
    return false;
  }
  FoundDevice& found = context.findings->devices.emplace_back();
  found.info = *std::move(info);
  if (context.device_naming == DeviceNaming::kBlockDevice) {
    found.disk_name = BlockDeviceName(context, device.device);
  }
  return true;
}

bool DrawAll(Context& context) {
  const bool built = BuildTree(context);
  if (context.output.tree.has_value()) {
    context.Print(
        DrawTree(*context.output.tree, context.output.tree_style,
                 [&](sys::DeviceNumber device) { return BlockDeviceName(context, device); }));
  }
  return built;
}

}  // namespace

bool Ls(Context& context, const Command& command, Arguments arguments) {
  if (context.words.target.has_value() || context.words.exec.has_value()) {
    return Status(context, command, arguments);
  }
  if (context.words.tree) return DrawAll(context);
  return ForEachDevice(context, [&](const ListedDevice& device) {
    if (context.findings != nullptr) return RecordListed(context, device);
    context.Print(absl::StrCat(
        device.name, "\t(", DeviceText(context, device.device, context.device_naming, ":"), ")\n"));
    return true;
  });
}

bool Deps(Context& context, const Command&, Arguments arguments) {
  if (!MeansAll(context, arguments)) {
    return DependenciesOf(context, arguments.empty() ? nullptr : &arguments.front(),
                          context.multiple_devices);
  }
  return ForEachDevice(context, [&](const ListedDevice& device) {
    return DependenciesOf(context, &device.name, true);
  });
}

}  // namespace dmkit::dm::dmsetup
