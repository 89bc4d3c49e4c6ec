// SPDX-License-Identifier: Apache-2.0
// The commands that change a name, a node or a property of a device, or talk to its target.
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dm/dmsetup/address.h"
#include "dm/dmsetup/command.h"
#include "dm/dmsetup/mangling.h"
#include "dm/dmsetup/uevents.h"
#include "dm/nodes.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm::dmsetup {
namespace {

// The new name or uuid as the kernel gets it. `what` is libdevmapper's word in a longer message.
std::optional<std::string> NewText(Context& context, const std::string& text,
                                   absl::string_view what, absl::string_view long_what,
                                   size_t bytes_max) {
  absl::StatusOr<std::string> mangled = Mangle(text, what, context.mangling, bytes_max);
  if (mangled.ok()) return *std::move(mangled);
  context.Misused(mangled.status().message());
  if (!IsMangledTwice(text, context.mangling)) {
    context.Conclude(absl::StrCat("Failed to mangle new device ", long_what, " \"", text, "\""));
  }
  return std::nullopt;
}

std::optional<std::string> NewName(Context& context, const std::string& name) {
  if (absl::StrContains(name, '/')) {
    context.Misused(absl::StrCat("Name \"", name, "\" invalid. It contains \"/\"."));
    return std::nullopt;
  }
  if (name.size() > kNameBytesMax) {
    context.Misused(absl::StrCat("Name \"", name, "\" too long"));
    return std::nullopt;
  }
  if (name.empty()) {
    context.Misused("Non empty new name is required.");
    return std::nullopt;
  }
  return NewText(context, name, "new name", "name", kNameBytesMax);
}

std::optional<std::string> NewUuid(Context& context, const std::string& uuid) {
  if (uuid.size() > kUuidBytesMax) {
    context.Misused(absl::StrCat("Uuid \"", uuid, "\" too long"));
    return std::nullopt;
  }
  return NewText(context, uuid, "new UUID", "UUID", kUuidBytesMax);
}

// Gives the device a new name, or a uuid.
bool RenameTo(Context& context, const Address& device, const std::string& text, bool is_uuid) {
  std::optional<UdevSync> sync = OpenSync(context);
  if (!sync.has_value()) return false;
  // The kernel finds the device by its name only, and refuses any other address so.
  absl::StatusOr<DeviceInfo> renamed = sys::ErrnoStatus(ENXIO, "rename");
  const absl::StatusOr<DmName> name = DmName::Create(device.name);
  if (name.ok() && is_uuid) {
    const absl::StatusOr<DmUuid> uuid = DmUuid::Create(text);
    renamed = uuid.ok() ? context.Dm()->SetUuid(*name, *uuid, sync->Begin()) : uuid.status();
  } else if (name.ok()) {
    const absl::StatusOr<DmName> new_name = DmName::Create(text);
    renamed =
        new_name.ok() ? context.Dm()->Rename(*name, *new_name, sync->Begin()) : new_name.status();
  }
  sync->Done(renamed.ok() && renamed->uevent_generated);
  if (!renamed.ok()) {
    Refused(context, "rename", device, renamed.status());
    return false;
  }
  if (is_uuid) {
    AwaitUdevd(context, *sync);
    return true;
  }
  NodeChange change;
  change.kind = NodeChange::Kind::kRename;
  change.name = device.name;
  change.new_name = text;
  change.device = renamed->device;
  Settle(context, *sync, change);
  return true;
}

// A decimal number, whole, as strtoull() reads it.
std::optional<uint64_t> ParseSector(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const unsigned long long sector = std::strtoull(text.c_str(), &end, 10);
  if (errno != 0 || *end != '\0' || end == text.c_str()) return std::nullopt;
  return sector;
}

// The device of a command whose arguments start with it, unless an option names it.
std::optional<Address> TakeDevice(Context& context, Arguments& arguments) {
  if (context.words.uuid.has_value() || context.words.major.has_value()) {
    return FindDevice(context, nullptr);
  }
  std::optional<Address> device = FindDevice(context, arguments);
  arguments.remove_prefix(1);
  return device;
}

// Makes or removes the node of the device that `name` is, or is not.
bool MakeNodeOf(Context& context, const Address& device) {
  const absl::StatusOr<DeviceInfo> info = context.Dm()->Info(device.Key());
  if (!info.ok() && sys::GetErrno(info.status()) != ENXIO) {
    Refused(context, "mknodes", device, info.status());
    return false;
  }
  absl::Status done;
  if (info.ok()) {
    const NodeChange node = MadeNode(context, device.name, info->device);
    done = MakeMapperNode(context.host, context.dev_dir, node.name, node.device, node.owner);
  } else {
    done = RemoveMapperNode(context.host, context.dev_dir, device.name);
  }
  if (!done.ok()) TellNodeError(context, device.name, done);
  return true;
}

// The name in the form that was asked for; nothing after an error.
std::optional<std::string> InForm(Context& context, Mangling form, const std::string& text,
                                  absl::string_view what, absl::string_view long_what) {
  // Names that people wrote by hand are left as they are where they are mangled already.
  const size_t bytes_max = what == "name" ? kNameBytesMax : kUuidBytesMax;
  absl::StatusOr<std::string> formed = form == Mangling::kNone
                                           ? Unmangle(text, what, Mangling::kNone)
                                           : Mangle(text, what, Mangling::kAuto, bytes_max);
  if (formed.ok()) return *std::move(formed);
  context.Error(formed.status().message());
  context.Error(absl::StrCat("Failed to mangle device ", long_what, " \"", text, "\"."));
  return std::nullopt;
}

void Unmangleable(Context& context, const std::string& name, absl::string_view line) {
  context.Fail(line, name, absl::FailedPreconditionError(line));
}

bool MangleOne(Context& context, const Address& device) {
  const absl::StatusOr<DeviceInfo> info = context.Dm()->Info(device.Key());
  if (!info.ok()) {
    if (sys::GetErrno(info.status()) != ENXIO) Refused(context, "status", device, info.status());
    return false;
  }
  const std::string& name = info->name;
  const std::string& uuid = info->uuid;
  const Mangling form = context.words.mangling.value_or(Mangling::kAuto);
  if (IsMangledTwice(name, form)) {
    Unmangleable(context, name,
                 absl::StrCat("The name \"", name,
                              "\" seems to be mangled more than once. Manual intervention required "
                              "to rename the device."));
    return false;
  }
  if (IsMangledTwice(uuid, form)) {
    Unmangleable(context, name,
                 absl::StrCat("The UUID \"", uuid,
                              "\" seems to be mangled more than once. Manual intervention required "
                              "to correct the device UUID."));
    return false;
  }
  const std::optional<std::string> new_name = InForm(context, form, name, "name", "name");
  if (!new_name.has_value()) return false;
  const std::optional<std::string> new_uuid = InForm(context, form, uuid, "UUID", "uuid");
  if (!new_uuid.has_value()) return false;
  if (*new_uuid != uuid) {
    Unmangleable(context, name, absl::StrCat(name, ": ", uuid, ": UUID in incorrect form. "));
    Unmangleable(context, name,
                 "Unable to change device UUID. The device must be deactivated first.");
    return false;
  }
  if (*new_name == name) {
    context.Print(absl::StrCat(name, ": ", uuid.empty() ? "[no UUID]" : uuid, ": name ",
                               uuid.empty() ? "" : "and UUID ", "already in correct form\n"));
    if (context.findings != nullptr) context.findings->names.push_back({name, name});
    return true;
  }
  context.Print(absl::StrCat(name, ": renaming to ", *new_name, "\n"));
  Address named;
  named.name = name;
  if (!RenameTo(context, named, *new_name, /*is_uuid=*/false)) return false;
  if (context.findings != nullptr) context.findings->names.push_back({name, *new_name});
  return true;
}

}  // namespace

bool Rename(Context& context, const Command&, Arguments arguments) {
  if (context.Dm() == nullptr) return false;
  const std::string* argument = arguments.size() == 2 ? &arguments[0] : nullptr;
  const std::optional<Address> device = FindDevice(context, argument);
  if (!device.has_value()) return false;
  const bool is_uuid = context.words.set_uuid;
  const std::string& given = arguments[arguments.size() - 1];
  const std::optional<std::string> text =
      is_uuid ? NewUuid(context, given) : NewName(context, given);
  return text.has_value() && RenameTo(context, *device, *text, is_uuid);
}

bool Message(Context& context, const Command&, Arguments arguments) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  const std::optional<Address> device = TakeDevice(context, arguments);
  if (!device.has_value()) return false;
  const std::optional<uint64_t> sector = ParseSector(arguments[0]);
  if (!sector.has_value()) {
    context.Misused("Invalid sector.");
    return false;
  }
  arguments.remove_prefix(1);
  // It is sent all the same, for the kernel to refuse.
  if (arguments.empty()) context.Error("No message supplied.");
  const std::string message = absl::StrJoin(arguments, " ");
  // The kernel looks for the device before it refuses a message without words.
  absl::Status found;
  if (message.empty()) found = dm->Info(device->Key()).status();
  const absl::StatusOr<MessageReply> reply =
      found.ok() ? dm->Message(device->Key(), sys::Sectors(*sector), message) : found;
  if (!reply.ok()) {
    Refused(context, "message", *device, reply.status());
    return false;
  }
  if (context.findings != nullptr) {
    context.findings->message = {ObjectOf(*device), reply->text.value_or("")};
    return true;
  }
  if (!reply->text.has_value()) return true;
  context.Print(*reply->text);
  if (!reply->text->empty() && reply->text->back() != '\n') context.Print("\n");
  return true;
}

bool SetGeometry(Context& context, const Command&, Arguments arguments) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  const std::optional<Address> device = TakeDevice(context, arguments);
  if (!device.has_value()) return false;
  const std::optional<uint32_t> cylinders = sys::ParseUnsigned32(arguments[0]);
  const std::optional<uint32_t> heads = sys::ParseUnsigned32(arguments[1]);
  const std::optional<uint32_t> sectors = sys::ParseUnsigned32(arguments[2]);
  const std::optional<uint64_t> start = sys::ParseUnsigned(arguments[3]);
  absl::Status set;
  if (cylinders.has_value() && heads.has_value() && sectors.has_value() && start.has_value()) {
    set = dm->SetGeometry(device->Key(), *cylinders, *heads, *sectors, *start);
  } else {
    // The kernel looks for the device first, and reads the numbers then.
    set = dm->Info(device->Key()).status();
    if (set.ok()) set = absl::InvalidArgumentError("no geometry");
  }
  if (!set.ok()) Refused(context, "setgeometry", *device, set);
  return set.ok();
}

bool MakeNodes(Context& context, const Command&, Arguments arguments) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  if (!arguments.empty()) {
    const std::optional<Address> device = FindDevice(context, arguments);
    return device.has_value() && MakeNodeOf(context, *device);
  }
  absl::Status listing;
  const absl::Status repaired = RepairMapperNodes(
      context.host, context.dev_dir, [&]() -> absl::StatusOr<std::vector<MapperEntry>> {
        const absl::StatusOr<std::vector<ListedDevice>> devices = dm->List();
        listing = devices.status();
        if (!devices.ok()) return listing;
        std::vector<MapperEntry> entries;
        for (const ListedDevice& listed : *devices) entries.push_back({listed.name, listed.device});
        return entries;
      });
  if (!listing.ok()) {
    Refused(context, "names", Address(), listing);
  } else if (!repaired.ok()) {
    context.Error(repaired.message());
  }
  return repaired.ok();
}

bool MangleName(Context& context, const Command&, Arguments arguments) {
  DeviceMapper* dm = context.Dm();
  if (dm == nullptr) return false;
  // Names are taken as they are in the kernel, whatever the mode to bring them into is.
  context.mangling = Mangling::kNone;
  if (!arguments.empty() || context.words.uuid.has_value() || context.words.major.has_value()) {
    const std::optional<Address> device = FindDevice(context, arguments);
    return device.has_value() && MangleOne(context, *device);
  }
  const absl::StatusOr<std::vector<ListedDevice>> devices = dm->List();
  if (!devices.ok()) {
    Refused(context, "names", Address(), devices.status());
    return false;
  }
  if (devices->empty()) context.Print("No devices found\n");
  bool done = true;
  for (const ListedDevice& listed : *devices) {
    Address device;
    device.name = listed.name;
    done &= MangleOne(context, device);
  }
  return done;
}

}  // namespace dmkit::dm::dmsetup
