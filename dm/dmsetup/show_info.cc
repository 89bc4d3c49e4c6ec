// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/show_info.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dm/dmsetup/address.h"
#include "dm/dmsetup/device_names.h"
#include "dm/dmsetup/findings.h"
#include "dm/dmsetup/mangling.h"
#include "dm/dmsetup/report_row.h"
#include "dm/text.h"
#include "sys/device_number.h"

namespace dmkit::dm::dmsetup {
namespace {

bool TakesKernelNames(const Context& context) {
  return context.findings != nullptr && !context.words.columns;
}

// False after an error, which was told.
bool MakeShown(Context& context, absl::string_view what, std::string* text) {
  absl::StatusOr<std::string> shown = Shown(*text, what, context.mangling);
  if (shown.ok()) {
    *text = *std::move(shown);
    return true;
  }
  context.Error(shown.status().message());
  return false;
}

Address NumberAddress(sys::DeviceNumber number) {
  Address address;
  address.number = number;
  return address;
}

std::optional<DependenciesReply> AskDependencies(Context& context, sys::DeviceNumber number,
                                                 bool inactive) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return std::nullopt;
  absl::StatusOr<DependenciesReply> reply = dm->InfoAndDependencies(DeviceKey(number), inactive);
  if (reply.ok()) return *std::move(reply);
  Refused(context, "deps", NumberAddress(number), reply.status());
  return std::nullopt;
}

// False after an error, which was told. Only a device of the major number `mapped` is asked for.
bool AskTreeDevice(Context& context, uint32_t mapped, TreeDevice& device) {
  if (device.number.major != mapped) return true;
  std::optional<DependenciesReply> reply = AskDependencies(context, device.number, false);
  std::optional<DeviceInfo> shown;
  if (reply.has_value()) shown = ShownInfo(context, std::move(reply->info));
  if (!shown.has_value()) {
    context.Error(
        absl::StrCat("_deps: task run failed for (", sys::FormatDeviceNumber(device.number), ")"));
    return false;
  }
  device.mapped = true;
  device.info = *std::move(shown);
  device.used = std::move(reply->devices);
  return true;
}

// Statistics are not kept by this program, but a device may have some of another.
bool CheckNoStatistics(Context& context, sys::DeviceNumber number) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  const absl::StatusOr<MessageReply> regions =
      dm->Message(DeviceKey(number), sys::Sectors(0), "@stats_list");
  if (!regions.ok()) {
    Refused(context, "message", NumberAddress(number), regions.status());
    return false;
  }
  if (regions->text.value_or("").empty()) return true;
  context.Error("Fields of statistics are not supported by this program.");
  return false;
}

bool AddRow(Context& context, const DeviceInfo& shown) {
  Report& report = *context.output.report;
  RowSource source;
  source.info = &shown;
  const std::string number = sys::FormatDeviceNumber(shown.device);
  if ((report.groups() & kGroupTree) != 0) {
    source.tree_node = context.output.tree->Find(shown.device);
    if (*source.tree_node == DeviceTree::kNone) {
      context.Error(absl::StrCat("Cannot find node ", number, "."));
      return false;
    }
  }
  if ((report.groups() & kGroupDeps) != 0) {
    std::optional<DependenciesReply> reply =
        AskDependencies(context, shown.device, context.words.inactive);
    if (!reply.has_value()) {
      context.Error(absl::StrCat("Cannot get deps for ", number, "."));
      return false;
    }
    source.used = std::move(reply->devices);
  }
  if ((report.groups() & kGroupSplit) != 0) {
    source.split = SplitName(shown.name, SubsystemOf(shown.uuid));
  }
  // A device without statistics has no row where they were asked for.
  if ((report.groups() & (kGroupStats | kGroupRegion)) != 0) {
    return CheckNoStatistics(context, shown.device);
  }
  if (report.help_only()) return true;
  std::optional<std::vector<ReportCell>> row = MakeRow(context, source);
  if (!row.has_value()) return false;
  report.AddRow(*std::move(row));
  return true;
}

// What ForEachDevice does, also where the devices of the list are not those of the command.
bool ForEachListed(Context& context, absl::FunctionRef<bool(const ListedDevice& device)> show) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  absl::StatusOr<std::vector<ListedDevice>> devices = dm->List();
  if (!devices.ok()) {
    Refused(context, "names", Address(), devices.status());
    return false;
  }
  if (devices->empty()) context.Print("No devices found\n");
  // The commands are given what the kernel has, and give it to the kernel.
  if (TakesKernelNames(context)) context.mangling = Mangling::kNone;
  // One name that cannot be read spoils the list, as in libdevmapper; each is told.
  bool done = true;
  for (ListedDevice& device : *devices) {
    if (!MakeShown(context, "name", &device.name)) done = false;
  }
  if (!done) return false;
  for (const ListedDevice& device : *devices) {
    if (!show(device)) done = false;
  }
  return done;
}

}  // namespace

std::optional<DeviceInfo> ShownInfo(Context& context, DeviceInfo info) {
  if (TakesKernelNames(context)) return info;
  if (!MakeShown(context, "name", &info.name) || !MakeShown(context, "UUID", &info.uuid)) {
    return std::nullopt;
  }
  return info;
}

bool ShowInfo(Context& context, const DeviceInfo& shown) {
  if (context.words.columns) return AddRow(context, shown);
  const std::optional<uint32_t> read_ahead = ReadAheadOf(context, shown.name, shown.device);
  if (context.findings != nullptr) {
    FoundDevice& found = context.findings->devices.emplace_back();
    found.info = shown;
    found.read_ahead = read_ahead;
  }
  context.Print(FormatDetail({shown, read_ahead}));
  return true;
}

bool ForEachDevice(Context& context, absl::FunctionRef<bool(const ListedDevice& device)> show) {
  context.listed = true;
  return ForEachListed(context, show);
}

bool BuildTree(Context& context) {
  if (context.output.tree.has_value()) return true;
  DeviceTree& tree = context.output.tree.emplace();
  return ForEachListed(context, [&](const ListedDevice& device) {
    const uint32_t mapped = device.device.major;
    return tree.Add(device.device, [&context, mapped](TreeDevice& added) {
      return AskTreeDevice(context, mapped, added);
    });
  });
}

}  // namespace dmkit::dm::dmsetup
