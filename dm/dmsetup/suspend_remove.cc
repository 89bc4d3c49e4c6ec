// SPDX-License-Identifier: Apache-2.0
// The commands that are one ioctl on one device, and those that empty or remove many.
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dm/dmsetup/address.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/device_names.h"
#include "dm/dmsetup/uevents.h"
#include "dm/keys.h"
#include "dm/nodes.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {
namespace {

// As dmsetup has it: --retry is a promise of about five seconds.
constexpr int kRemoveAttempts = 25;
constexpr absl::Duration kRemovePause = absl::Milliseconds(200);

SuspendOptions SuspendOptionsOf(const Context& context) {
  SuspendOptions options;
  options.no_flush = context.words.no_flush;
  options.skip_lockfs = context.words.no_lockfs;
  return options;
}

// The node's name: what the command was given, else what the kernel says.
std::string NodeName(const Address& device, const DeviceInfo& info) {
  return device.name.empty() ? info.name : device.name;
}

bool ResumeDevice(Context& context, const Address& device) {
  std::optional<UdevSync> sync = OpenSync(context);
  if (!sync.has_value()) return false;
  const absl::StatusOr<DeviceInfo> resumed =
      context.Dm()->Resume(device.Key(), SuspendOptionsOf(context), sync->Begin());
  sync->Done(resumed.ok() && resumed->uevent_generated);
  if (!resumed.ok()) {
    Refused(context, "resume", device, resumed.status());
    return false;
  }
  // Also with --addnodeoncreate: beside udevd nothing was made then.
  Settle(context, *sync, MadeNode(context, NodeName(device, *resumed), resumed->device));
  SetReadAhead(context, resumed->device);
  return true;
}

bool ClearDevice(Context& context, const Address& device) {
  const absl::StatusOr<DeviceInfo> cleared = context.Dm()->Clear(device.Key());
  if (!cleared.ok()) Refused(context, "clear", device, cleared.status());
  return cleared.ok();
}

bool RemoveOne(Context& context, const Address& device) {
  std::optional<UdevSync> sync = OpenSync(context);
  if (!sync.has_value()) return false;
  // The removal itself does not tell the number.
  const absl::StatusOr<DeviceInfo> info = context.Dm()->Info(device.Key());
  if (!info.ok()) {
    Refused(context, "remove", device, info.status());
    return false;
  }
  RemoveOptions options;
  options.deferred = context.words.deferred;
  absl::StatusOr<DeviceInfo> removed = DeviceInfo();
  const int attempts = context.words.retry ? kRemoveAttempts : 1;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (attempt > 0) context.host.clock->Sleep(kRemovePause);
    options.cookie = sync->Begin();
    removed = context.Dm()->Remove(device.Key(), options);
    sync->Done(removed.ok() && removed->uevent_generated);
    if (removed.ok()) break;
    Refused(context, "remove", device, removed.status());
    if (sys::GetErrno(removed.status()) != EBUSY) return false;
  }
  if (!removed.ok()) return false;
  // Also when the removal is deferred: later nobody would be there to do it.
  NodeChange change;
  change.kind = NodeChange::Kind::kRemove;
  change.name = NodeName(device, *removed);
  change.device = info->device;
  Settle(context, *sync, change);
  return true;
}

// Sectors of the active table; 0 after an error, which was told.
uint64_t SizeOf(Context& context, const Address& device) {
  StatusOptions options;
  options.inactive = context.words.inactive;
  absl::StatusOr<TableReply> table = context.Dm()->Table(device.Key(), options);
  if (!table.ok()) {
    Refused(context, "table", device, table.status());
    return 0;
  }
  WipeTexts(*table);
  uint64_t size = 0;
  for (const TargetStatus& target : table->targets) size += target.length.count();
  return size;
}

// Replaces the table by one whose sectors all fail.
bool WipeOne(Context& context, const Address& device) {
  DeviceMapper& dm = *context.Dm();
  const uint64_t size = SizeOf(context, device);
  LoadOptions options;
  options.read_only = context.words.read_only;
  absl::Status loaded;
  if (size == 0) {
    // The kernel looks for the device before it refuses a table of no sectors.
    loaded = dm.Info(device.Key()).status();
    if (loaded.ok()) loaded = absl::InvalidArgumentError("the device has no table");
  } else {
    absl::StatusOr<TargetType> error = TargetType::Create("error");
    DMKIT_CHECK(error.ok());
    const TableLine line = {sys::Sectors(0), sys::Sectors(size), *std::move(error), ""};
    loaded = dm.Load(device.Key(), {line}, options).status();
  }
  if (!loaded.ok()) {
    Refused(context, "reload", device, loaded);
    return false;
  }
  if (context.words.force) {
    // What waits for a device that does not answer would wait for ever.
    context.words.no_flush = true;
    context.words.no_lockfs = true;
  }
  if (ResumeDevice(context, device)) return true;
  ClearDevice(context, device);
  return false;
}

bool WipeNamed(Context& context, Arguments arguments) {
  if (arguments.empty() || arguments[0].empty()) {
    context.Misused("No device specified.");
    return false;
  }
  if (context.Dm() == nullptr) return false;
  const std::optional<Address> device = FindDevice(context, arguments);
  return device.has_value() && WipeOne(context, *device);
}

// One ioctl and the nodes of what is left.
bool RemoveAllUnused(Context& context) {
  const absl::Status removed = context.Dm()->RemoveAll(context.words.deferred);
  if (!removed.ok()) Refused(context, "remove_all", Address(), removed);
  Arguments none;
  // Both are done, and either is enough: dmsetup's rule.
  const bool repaired = MakeNodes(context, *FindCommand("mknodes"), none);
  return removed.ok() || repaired;
}

std::optional<std::vector<ListedDevice>> ListAll(Context& context) {
  absl::StatusOr<std::vector<ListedDevice>> devices = context.Dm()->List();
  if (devices.ok()) return *std::move(devices);
  Refused(context, "names", Address(), devices.status());
  return std::nullopt;
}

}  // namespace

bool Suspend(Context& context, const Command&, Arguments arguments) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  const std::optional<Address> device = FindDevice(context, arguments);
  if (!device.has_value()) return false;
  // Nothing may be written while the device is suspended that could reach it.
  context.Flush();
  const absl::StatusOr<DeviceInfo> suspended =
      dm->Suspend(device->Key(), SuspendOptionsOf(context));
  if (!suspended.ok()) {
    Refused(context, "suspend", *device, suspended.status());
    return false;
  }
  return context.words.verbose == 0 || ShowDevice(context, arguments.subspan(0, 1));
}

bool Resume(Context& context, const Command&, Arguments arguments) {
  if (context.Dm() == nullptr) return false;
  const std::optional<Address> device = FindDevice(context, arguments);
  if (!device.has_value() || !ResumeDevice(context, *device)) return false;
  return context.words.verbose == 0 || ShowDevice(context, arguments.subspan(0, 1));
}

bool Clear(Context& context, const Command&, Arguments arguments) {
  if (context.Dm() == nullptr) return false;
  const std::optional<Address> device = FindDevice(context, arguments);
  if (!device.has_value() || !ClearDevice(context, *device)) return false;
  return context.words.verbose == 0 || ShowDevice(context, arguments.subspan(0, 1));
}

bool Remove(Context& context, const Command&, Arguments arguments) {
  if (context.words.force && !arguments.empty()) {
    if (context.udev_cookie.has_value()) {
      context.Error("WARNING: Use of cookie and --force is not compatible.");
    }
    WipeNamed(context, arguments);
  }
  if (context.Dm() == nullptr) return false;
  const std::optional<Address> device = FindDevice(context, arguments);
  return device.has_value() && RemoveOne(context, *device);
}

bool WipeTable(Context& context, const Command&, Arguments arguments) {
  return WipeNamed(context, arguments);
}

bool RemoveAll(Context& context, const Command&, Arguments) {
  if (context.Dm() == nullptr) return false;
  bool done = RemoveAllUnused(context);
  if (!context.words.force) return done;
  std::optional<std::vector<ListedDevice>> left = ListAll(context);
  done |= left.has_value();
  if (!left.has_value() || left->empty()) return done;
  for (const ListedDevice& listed : *left) {
    Address device;
    device.name = listed.name;
    done |= WipeOne(context, device);
  }
  done |= RemoveAllUnused(context);
  left = ListAll(context);
  if (left.has_value() && !left->empty()) {
    context.Error(absl::StrCat("Unable to remove ", left->size(), " device(s)."));
  }
  return done;
}

}  // namespace dmkit::dm::dmsetup
