// SPDX-License-Identifier: Apache-2.0
// The commands on mapped devices. The text is dmsetup's: see dm/text.h. The JSON has its own shape.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "dm/device_mapper.h"
#include "dm/nodes.h"
#include "dm/text.h"
#include "dm/types.h"
#include "driver/cli/execute.h"
#include "driver/cli/request.h"
#include "driver/cli/to_report.h"
#include "driver/report.pb.h"
#include "sys/device_number.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver::cli {
namespace {

constexpr size_t kSysfsBytesMax = 4096;
constexpr uint32_t kSectorsPerKib = 2;

// The device's name in the kernel: `name`, or where there is no such device, what libdevmapper
// gives the kernel for it: dmsetup's "a b" is the kernel's "a\x20b".
dm::DmName KernelName(dm::DeviceMapper& dm, const dm::DmName& name) {
  const absl::StatusOr<dm::DmName> mangled = dm::DmName::Create(dm::MangledName(name));
  if (!mangled.ok() || *mangled == name) return name;
  return sys::GetErrno(dm.Info(name).status()) == ENXIO ? *mangled : name;
}

// What was found before the first error, and that error with the name it is about.
template <typename T>
struct Found {
  std::vector<T> values;
  std::string name;
  absl::Status status;
};

// Asks about each of `names` in this order, or about all devices when there are none. As in dmsetup
// the first error ends it. A device that goes away between the listing and the question is left
// out.
template <typename T>
Found<T> AskEach(dm::DeviceMapper& dm, const std::vector<dm::DmName>& names,
                 const std::function<absl::StatusOr<T>(const dm::DeviceKey&)>& ask) {
  Found<T> found;
  for (const dm::DmName& name : names) {
    absl::StatusOr<T> value = ask(KernelName(dm, name));
    if (!value.ok()) return {std::move(found.values), name.text(), value.status()};
    found.values.push_back(*std::move(value));
  }
  if (!names.empty()) return found;
  const absl::StatusOr<std::vector<dm::ListedDevice>> devices = dm.List();
  if (!devices.ok()) return {{}, "", devices.status()};
  for (const dm::ListedDevice& device : *devices) {
    absl::StatusOr<T> value = ask(device.device);
    if (sys::GetErrno(value.status()) == ENXIO) continue;
    if (!value.ok()) return {std::move(found.values), device.name, value.status()};
    found.values.push_back(*std::move(value));
  }
  return found;
}

// Prints what was found, unless an error came before anything was, and then the error.
template <typename T>
void Tell(const Context& context, const Found<T>& found, absl::string_view text) {
  if (found.status.ok() || !found.values.empty()) {
    report::DmDeviceList list;
    for (const T& value : found.values) *list.add_devices() = ToReport(value);
    context.output.Print(text, list);
  }
  if (!found.status.ok()) context.output.Fail(found.name, found.status);
}

// A failed open is told; the caller stops then.
std::optional<dm::DeviceMapper> OpenDm(const Context& context) {
  absl::StatusOr<dm::DeviceMapper> dm = dm::DeviceMapper::Open(context.host);
  if (dm.ok()) return *std::move(dm);
  context.output.Fail("", dm.status());
  return std::nullopt;
}

// Nothing where sysfs does not know: a device without a table has no disk.
std::optional<uint32_t> ReadAheadSectors(const sys::Host& host, sys::DeviceNumber device) {
  const absl::StatusOr<std::string> text = sys::ReadFile(
      *host.root,
      absl::StrCat("/sys/dev/block/", sys::FormatDeviceNumber(device), "/bdi/read_ahead_kb"),
      kSysfsBytesMax);
  if (!text.ok()) return std::nullopt;
  const std::optional<uint32_t> kib = sys::ParseUnsigned32(absl::StripSuffix(*text, "\n"));
  if (!kib.has_value() || *kib > UINT32_MAX / kSectorsPerKib) return std::nullopt;
  return *kib * kSectorsPerKib;
}

// The same with keys hidden, as the text has them: JSON must not tell more.
dm::TableReply WithoutKeys(const dm::TableReply& reply) {
  dm::TableReply hidden = {reply.info, {}};
  for (const dm::TargetStatus& target : reply.targets) {
    const std::string line = dm::FormatTable(dm::TableReply{reply.info, {target}}, false);
    const std::string before =
        absl::StrCat(target.start.count(), " ", target.length.count(), " ", target.type, " ");
    dm::TargetStatus shown = target;
    shown.text = std::string(absl::StripSuffix(absl::StripPrefix(line, before), "\n"));
    hidden.targets.push_back(std::move(shown));
  }
  return hidden;
}

}  // namespace

void Execute(const DmListRequest&, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  if (context.output.format() == OutputFormat::kJson) {
    const auto info = [&](const dm::DeviceKey& key) { return dm->Info(key); };
    return Tell(context, AskEach<dm::DeviceInfo>(*dm, {}, info), "");
  }
  const absl::StatusOr<std::vector<dm::ListedDevice>> devices = dm->List();
  if (!devices.ok()) return context.output.Fail("", devices.status());
  context.output.PrintPlain(dm::FormatDevices(*devices));
}

void Execute(const DmStatusRequest& request, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  dm::StatusOptions options;
  options.no_flush = request.no_flush;
  const auto found = AskEach<dm::TableReply>(
      *dm, request.names, [&](const dm::DeviceKey& key) { return dm->Status(key, options); });
  const bool one = request.names.size() == 1 && !found.values.empty();
  Tell(context, found,
       one ? dm::FormatStatus(found.values.front()) : dm::FormatAllStatus(found.values));
}

void Execute(const DmTableRequest& request, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  const auto table = [&](const dm::DeviceKey& key) -> absl::StatusOr<dm::TableReply> {
    DMKIT_ASSIGN_OR_RETURN(const dm::TableReply reply, dm->Table(key, {}));
    return WithoutKeys(reply);
  };
  const auto found = AskEach<dm::TableReply>(*dm, request.names, table);
  const bool one = request.names.size() == 1 && !found.values.empty();
  Tell(context, found,
       one ? dm::FormatTable(found.values.front(), false)
           : dm::FormatAllTables(found.values, false));
}

void Execute(const DmInfoRequest& request, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  const auto found = AskEach<dm::DeviceInfo>(
      *dm, request.names, [&](const dm::DeviceKey& key) { return dm->Info(key); });
  std::vector<dm::DeviceDetails> details;
  for (const dm::DeviceInfo& info : found.values) {
    details.push_back({info, ReadAheadSectors(context.host, info.device)});
  }
  Tell(context, found, dm::FormatDetails(details));
}

void Execute(const DmMessageRequest& request, const Context& context) {
  const std::string& name = request.name.text();
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  const absl::StatusOr<dm::MessageReply> reply =
      dm->Message(KernelName(*dm, request.name), request.sector, request.message);
  if (!reply.ok()) return context.output.Fail(name, reply.status());
  report::DmMessageReply report;
  report.set_name(name);
  report.set_reply(reply->text.value_or(""));
  const bool line_ends = report.reply().empty() || absl::EndsWith(report.reply(), "\n");
  context.output.Print(absl::StrCat(report.reply(), line_ends ? "" : "\n"), report);
}

void Execute(const DmTargetsRequest&, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  const absl::StatusOr<std::vector<dm::TargetVersion>> targets = dm->ListVersions();
  if (!targets.ok()) return context.output.Fail("", targets.status());
  context.output.Print(dm::FormatTargets(*targets), ToReport(*targets));
}

}  // namespace dmkit::driver::cli
