// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/address.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/dmsetup/mangling.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {
namespace {

// Of the kernel's device numbers (kdev_t.h).
constexpr uint32_t kMajorMax = (1u << 12) - 1;
constexpr uint32_t kMinorMax = (1u << 20) - 1;

// The name under which the directory of nodes has `device`; nothing when it has none.
std::optional<std::string> NameOfNode(Context& context, sys::DeviceNumber device) {
  const absl::StatusOr<std::vector<sys::DirEntry>> entries =
      context.host.root->List(context.mapper_dir);
  if (!entries.ok()) {
    context.Error(absl::StrCat(context.mapper_dir, ": opendir failed: ", Reason(entries.status())));
    return std::nullopt;
  }
  for (const sys::DirEntry& entry : *entries) {
    const absl::StatusOr<sys::FileStat> stat =
        context.host.root->Stat(absl::StrCat(context.mapper_dir, "/", entry.name));
    if (stat.ok() && stat->rdevice == device) return entry.name;
  }
  return std::nullopt;
}

// The name of the device that the node at `path` is.
std::optional<std::string> NameOfPath(Context& context, const std::string& path) {
  const absl::string_view last = absl::string_view(path).substr(path.rfind('/') + 1);
  sys::Dir& root = *context.host.root;
  absl::StatusOr<sys::FileStat> stat = root.Stat(context.Path(path));
  if (stat.ok()) {
    const absl::StatusOr<sys::FileStat> node =
        root.Stat(absl::StrCat(context.mapper_dir, "/", last));
    if (node.ok() && node->rdevice == stat->rdevice) return std::string(last);
  } else {
    // "vg/lv" is /dev/vg/lv.
    const bool may_be_below_dev =
        path.size() >= 3 && path[0] != '/' && std::count(path.begin(), path.end(), '/') == 1;
    if (may_be_below_dev) stat = root.Stat(absl::StrCat(context.mapper_dir, "/../", path));
    if (!stat.ok()) {
      context.Fail(absl::StrCat("Device ", path, " not found"), path, stat.status());
      return std::nullopt;
    }
  }
  std::optional<std::string> name = NameOfNode(context, stat->rdevice);
  if (!name.has_value()) {
    const std::string line = absl::StrCat("Device ", last, " not found");
    context.Fail(line, path, absl::NotFoundError(line));
  }
  return name;
}

}  // namespace

DeviceKey Address::Key() const {
  constexpr sys::DeviceNumber kNone = {0, 1};
  if (number.has_value()) {
    const bool fits = number->major <= kMajorMax && number->minor <= kMinorMax;
    return fits ? *number : kNone;
  }
  if (!uuid.empty()) {
    absl::StatusOr<DmUuid> checked = DmUuid::Create(uuid);
    if (checked.ok()) return *std::move(checked);
  } else {
    absl::StatusOr<DmName> checked = DmName::Create(name);
    if (checked.ok()) return *std::move(checked);
  }
  return kNone;
}

std::optional<std::string> KernelName(Context& context, const std::string& name) {
  if (name.size() > kNameBytesMax) {
    context.Misused(absl::StrCat("Name \"", name, "\" too long."));
    return std::nullopt;
  }
  absl::StatusOr<std::string> mangled = Mangle(name, "name", context.mangling, kNameBytesMax);
  if (mangled.ok()) return *std::move(mangled);
  context.Misused(mangled.status().message());
  if (!IsMangledTwice(name, context.mangling)) {
    context.Conclude(absl::StrCat("Failed to mangle device name \"", name, "\"."));
  }
  return std::nullopt;
}

std::optional<std::string> KernelUuid(Context& context, const std::string& uuid) {
  absl::StatusOr<std::string> mangled = Mangle(uuid, "UUID", context.mangling, kUuidBytesMax);
  if (mangled.ok()) return *std::move(mangled);
  context.Misused(mangled.status().message());
  if (!IsMangledTwice(uuid, context.mangling)) {
    context.Conclude(absl::StrCat("Failed to mangle device uuid \"", uuid, "\"."));
  }
  return std::nullopt;
}

std::optional<Address> FindDevice(Context& context, const std::string* argument) {
  const Words& words = context.words;
  Address device;
  if (argument != nullptr) {
    const bool is_path = absl::StrContains(*argument, '/');
    std::optional<std::string> name =
        is_path ? NameOfPath(context, *argument) : KernelName(context, *argument);
    if (!name.has_value()) return std::nullopt;
    device.name = *std::move(name);
    return device;
  }
  if (words.uuid.has_value()) {
    std::optional<std::string> uuid = KernelUuid(context, *words.uuid);
    if (!uuid.has_value()) return std::nullopt;
    device.uuid = *std::move(uuid);
    return device;
  }
  if (words.major.has_value() && words.minor.has_value()) {
    if (*words.major <= 0) {
      context.Misused("Missing major number for persistent device.");
      context.Conclude("Couldn't create ioctl argument.");
      return std::nullopt;
    }
    device.number =
        sys::DeviceNumber{static_cast<uint32_t>(*words.major), static_cast<uint32_t>(*words.minor)};
    return device;
  }
  context.Misused("No device specified.");
  return std::nullopt;
}

std::optional<Address> FindDevice(Context& context, absl::Span<const std::string> arguments) {
  return FindDevice(context, arguments.empty() ? nullptr : &arguments.front());
}

std::string ObjectOf(const Address& device) {
  if (!device.name.empty()) return device.name;
  if (!device.uuid.empty()) return device.uuid;
  return device.number.has_value() ? sys::FormatDeviceNumber(*device.number) : "";
}

bool IsLeftOut(const Context& context, const absl::Status& status) {
  return context.findings != nullptr && context.listed && sys::GetErrno(status) == ENXIO;
}

void Refused(Context& context, absl::string_view verb, const Address& device,
             const absl::Status& status) {
  int error = sys::GetErrno(status);
  if (error == EINTR && context.findings == nullptr) return;
  if (error == 0 && absl::IsInvalidArgument(status)) error = EINVAL;
  std::string number;
  if (device.number.has_value() && device.number->major > 0) {
    number = absl::StrCat("(", sys::FormatDeviceNumber(*device.number), ")");
  }
  context.Fail(
      absl::StrCat("device-mapper: ", verb, " ioctl on ", device.name, " ", device.uuid, number,
                   " failed: ", error == 0 ? status.message() : absl::string_view(strerror(error))),
      ObjectOf(device), status);
}

}  // namespace dmkit::dm::dmsetup
