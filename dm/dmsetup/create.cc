// SPDX-License-Identifier: Apache-2.0
// create and load: from the text of a table to a device that has it.
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dm/activate.h"
#include "dm/dmsetup/address.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/device_names.h"
#include "dm/dmsetup/input.h"
#include "dm/dmsetup/table_text.h"
#include "dm/dmsetup/uevents.h"
#include "dm/keys.h"
#include "dm/open_modes.h"
#include "sys/durable.h"
#include "sys/retry.h"
#include "sys/secret.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr size_t kProcBytesMax = 64 * 1024;

struct NewDevice {
  Address shown;  // as messages have it: with the number that was asked for
  DmName name;
  CreateOptions options;
};

// Reads the table of --table, else of `file`, else of standard input. False after an error. The
// caller wipes the table, which may hold keys.
bool ReadTable(Context& context, const std::string* file, std::vector<TableLine>& table) {
  std::string where;
  std::optional<std::string> input;
  const absl::Cleanup wipe = [&] {
    if (input.has_value()) sys::Wipe(*input);
  };
  if (!context.words.table.has_value()) {
    where = file == nullptr ? "on stdin" : *file;
    input = file == nullptr ? ReadInput(context) : ReadTableFile(context, *file);
    if (!input.has_value()) return false;
  }
  absl::StatusOr<std::vector<TableLine>> parsed =
      ParseTable(input.has_value() ? *input : *context.words.table, where);
  absl::Status checked = parsed.status();
  if (parsed.ok()) {
    table = *std::move(parsed);
    checked = CheckOpenModes(table, context.words.read_only);
  }
  if (!checked.ok()) context.Misused(checked.message());
  return checked.ok();
}

// As messages have it where only a minor number was asked for; 0 when it cannot be found out.
uint32_t DeviceMapperMajor(const Context& context) {
  const absl::StatusOr<std::string> devices =
      sys::ReadFile(*context.host.root, "/proc/devices", kProcBytesMax);
  if (!devices.ok()) return 0;
  for (const absl::string_view line : absl::StrSplit(*devices, '\n')) {
    const std::vector<absl::string_view> words = sys::SplitWords(line);
    if (words.size() == 2 && words[1] == "device-mapper") {
      return sys::ParseUnsigned32(words[0]).value_or(0);
    }
  }
  return 0;
}

// The number that was asked for; false for one that no device can have.
bool TakeNumber(Context& context, NewDevice& device) {
  const Words& words = context.words;
  if (!words.minor.has_value()) return true;
  if (words.major.has_value() && *words.major <= 0) {
    context.Misused("Missing major number for persistent device.");
    context.Conclude("Couldn't create ioctl argument.");
    return false;
  }
  device.options.minor = static_cast<uint32_t>(*words.minor);
  const uint32_t major =
      words.major.has_value() ? static_cast<uint32_t>(*words.major) : DeviceMapperMajor(context);
  if (major > 0) device.shown.number = sys::DeviceNumber{major, *device.options.minor};
  return true;
}

// What the words ask for, in the order in which dmsetup finds mistakes. Fills `table`, also when
// something is wrong.
std::optional<NewDevice> Describe(Context& context, const std::string& name,
                                  const std::string* file, std::vector<TableLine>& table) {
  if (absl::StrContains(name, '/')) {
    context.Misused(absl::StrCat("Name \"", name, "\" invalid. It contains \"/\"."));
    return std::nullopt;
  }
  const std::optional<std::string> kernel_name = KernelName(context, name);
  if (!kernel_name.has_value()) return std::nullopt;
  Address shown;
  shown.name = *kernel_name;
  CreateOptions options;
  if (context.words.uuid.has_value()) {
    const std::optional<std::string> uuid = KernelUuid(context, *context.words.uuid);
    if (!uuid.has_value()) return std::nullopt;
    shown.uuid = *uuid;
  }
  if (!context.words.no_table && !ReadTable(context, file, table)) return std::nullopt;
  if (!shown.uuid.empty()) {
    absl::StatusOr<DmUuid> uuid = DmUuid::Create(shown.uuid);
    if (!uuid.ok()) {
      Refused(context, "create", shown, uuid.status());
      return std::nullopt;
    }
    options.uuid = *std::move(uuid);
  }
  absl::StatusOr<DmName> checked = DmName::Create(*kernel_name);
  if (!checked.ok()) {
    Refused(context, "create", shown, checked.status());
    return std::nullopt;
  }
  NewDevice device = {std::move(shown), *std::move(checked), std::move(options)};
  if (!TakeNumber(context, device)) return std::nullopt;
  return device;
}

// Load and resume. Commands go to the number: the name could have got a new owner.
bool Activate(Context& context, const NewDevice& device, const std::vector<TableLine>& table,
              sys::DeviceNumber number, UdevSync& sync) {
  DeviceMapper& dm = *context.Dm();
  LoadOptions options;
  options.read_only = context.words.read_only;
  const absl::StatusOr<DeviceInfo> loaded = dm.Load(number, table, options);
  if (!loaded.ok()) {
    Address shown;
    shown.name = device.shown.name;
    shown.number = number;
    Refused(context, "reload", shown, loaded.status());
    return false;
  }
  const absl::StatusOr<DeviceInfo> resumed = dm.Resume(number, SuspendOptions(), sync.Begin());
  sync.Done(resumed.ok() && resumed->uevent_generated);
  if (resumed.ok()) return true;
  Address shown = device.shown;
  shown.uuid.clear();
  Refused(context, "resume", shown, resumed.status());
  return false;
}

void Revert(Context& context, const NewDevice& device, sys::DeviceNumber number, UdevSync& sync) {
  DeviceMapper& dm = *context.Dm();
  RemoveOptions options;
  const absl::StatusOr<DeviceInfo> removed =
      sys::RetryWhile(*context.host.clock, EBUSY, kUndoPatience, [&] {
        options.cookie = sync.Begin();
        absl::StatusOr<DeviceInfo> result = dm.Remove(number, options);
        sync.Done(result.ok() && result->uevent_generated);
        return result;
      });
  if (!removed.ok()) {
    Address shown = device.shown;
    shown.uuid.clear();
    Refused(context, "remove", shown, removed.status());
    context.Error("Failed to revert device creation.");
    return;
  }
  NodeChange change;
  change.kind = NodeChange::Kind::kRemove;
  change.name = device.shown.name;
  change.device = number;
  Settle(context, sync, change);
}

bool CreateOne(Context& context, const std::string& name, const std::string* file) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  std::vector<TableLine> table;
  const absl::Cleanup wipe = [&] { WipeParams(table); };
  const std::optional<NewDevice> device = Describe(context, name, file, table);
  if (!device.has_value()) return false;
  std::optional<UdevSync> sync = OpenSync(context);
  if (!sync.has_value()) return false;
  const absl::StatusOr<DeviceInfo> created = dm->Create(device->name, device->options);
  if (!created.ok()) {
    Refused(context, "create", device->shown, created.status());
    return false;
  }
  const sys::DeviceNumber number = created->device;
  if (!table.empty() && !Activate(context, *device, table, number, *sync)) {
    Revert(context, *device, number, *sync);
    return false;
  }
  if (!table.empty() || context.words.add_node_on_create) {
    Settle(context, *sync, MadeNode(context, device->shown.name, number));
  }
  if (!table.empty()) SetReadAhead(context, number);
  return context.words.verbose == 0 || ShowDevice(context, {name});
}

bool CreateConcise(Context& context, Arguments arguments) {
  Words& words = context.words;
  if (words.table.has_value() || words.minor.has_value() || words.uuid.has_value() ||
      words.no_table || words.inactive) {
    context.Misused("--concise is incompatible with --[no]table, --minor, --uuid and --inactive.");
    return false;
  }
  std::optional<std::string> text = arguments.empty() ? ReadInput(context) : arguments.front();
  if (!text.has_value()) return false;
  ConciseText concise = ParseConcise(*text);
  sys::Wipe(*text);
  const absl::Cleanup wipe = [&] {
    for (ConciseDevice& device : concise.devices) sys::Wipe(device.table);
  };
  // The option is for the first device alone, as in dmsetup.
  bool read_only = words.read_only;
  std::string& table = words.table.emplace();
  for (ConciseDevice& device : concise.devices) {
    words.uuid.reset();
    words.minor.reset();
    if (!device.uuid.empty()) words.uuid = device.uuid;
    if (!device.minor.empty()) words.minor = LeadingNumber(device.minor);
    words.read_only = read_only || device.read_only;
    read_only = false;
    // A copy would have to be wiped too.
    table.swap(device.table);
    const bool created = CreateOne(context, device.name, nullptr);
    table.swap(device.table);
    if (!created) return false;
  }
  for (const std::string& error : concise.errors) context.Misused(error);
  return concise.errors.empty();
}

}  // namespace

bool Create(Context& context, const Command&, Arguments arguments) {
  if (context.words.concise) {
    if (arguments.size() > 1) {
      context.Misused("dmsetup create --concise takes at most one argument");
      return false;
    }
    return CreateConcise(context, arguments);
  }
  if (arguments.empty()) {
    context.Misused("Please provide a name for the new device.");
    return false;
  }
  return CreateOne(context, arguments[0], arguments.size() > 1 ? &arguments[1] : nullptr);
}

bool Load(Context& context, const Command&, Arguments arguments) {
  const Words& words = context.words;
  if (words.no_table) {
    context.Misused("--notable only available when creating new device.");
    return false;
  }
  const std::string* name = nullptr;
  if (!words.uuid.has_value() && !words.major.has_value()) {
    if (arguments.empty()) {
      context.Misused("Please specify device.");
      return false;
    }
    name = &arguments[0];
    arguments.remove_prefix(1);
  } else if (arguments.size() > 1) {
    context.Misused("Too many command line arguments.");
    return false;
  }
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  const std::optional<Address> device = FindDevice(context, name);
  if (!device.has_value()) return false;
  std::vector<TableLine> table;
  const absl::Cleanup wipe = [&] { WipeParams(table); };
  if (!ReadTable(context, arguments.empty() ? nullptr : &arguments[0], table)) return false;
  LoadOptions options;
  options.read_only = words.read_only;
  absl::Status loaded;
  // The kernel looks for the device before it looks at a table without lines.
  if (table.empty()) loaded = dm->Info(device->Key()).status();
  if (loaded.ok()) loaded = dm->Load(device->Key(), table, options).status();
  if (!loaded.ok()) {
    Refused(context, "reload", *device, loaded);
    return false;
  }
  if (words.verbose == 0) return true;
  return ShowDevice(context, name == nullptr ? Arguments() : Arguments(name, 1));
}

}  // namespace dmkit::dm::dmsetup
