// SPDX-License-Identifier: Apache-2.0
// The commands on mapped devices as JSON. Their text is dmsetup's, which dm/dmsetup prints.

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/device_mapper.h"
#include "dm/keys.h"
#include "dm/nodes.h"
#include "dm/types.h"
#include "driver/cli/execute.h"
#include "driver/cli/request.h"
#include "driver/cli/to_report.h"
#include "driver/report.pb.h"
#include "sys/status.h"

namespace dmkit::driver::cli {
namespace {

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
void Tell(const Context& context, const Found<T>& found) {
  if (found.status.ok() || !found.values.empty()) {
    report::DmDeviceList list;
    for (const T& value : found.values) *list.add_devices() = ToReport(value);
    context.output.Print("", list);
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

}  // namespace

void Execute(const DmListRequest&, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  Tell(context,
       AskEach<dm::DeviceInfo>(*dm, {}, [&](const dm::DeviceKey& key) { return dm->Info(key); }));
}

void Execute(const DmStatusRequest& request, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  dm::StatusOptions options;
  options.no_flush = request.no_flush;
  Tell(context, AskEach<dm::TableReply>(*dm, request.names, [&](const dm::DeviceKey& key) {
         return dm->Status(key, options);
       }));
}

void Execute(const DmTableRequest& request, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  const auto table = [&](const dm::DeviceKey& key) -> absl::StatusOr<dm::TableReply> {
    DMKIT_ASSIGN_OR_RETURN(dm::TableReply reply, dm->Table(key, {}));
    // As the text has it: JSON must not tell more.
    dm::HideKeys(reply);
    return reply;
  };
  Tell(context, AskEach<dm::TableReply>(*dm, request.names, table));
}

void Execute(const DmInfoRequest& request, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  Tell(context, AskEach<dm::DeviceInfo>(*dm, request.names,
                                        [&](const dm::DeviceKey& key) { return dm->Info(key); }));
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
  context.output.Print("", report);
}

void Execute(const DmTargetsRequest&, const Context& context) {
  std::optional<dm::DeviceMapper> dm = OpenDm(context);
  if (!dm.has_value()) return;
  const absl::StatusOr<std::vector<dm::TargetVersion>> targets = dm->ListVersions();
  if (!targets.ok()) return context.output.Fail("", targets.status());
  context.output.Print("", ToReport(*targets));
}

}  // namespace dmkit::driver::cli
