// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/device_names.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sys/durable.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr size_t kAttributeBytesMax = 4096;

// BLKRAGET of <linux/fs.h>: a long, in sectors.
constexpr unsigned long kGetReadAhead = 0x1263;

std::string SysfsPath(sys::DeviceNumber device) {
  return absl::StrCat("/sys/dev/block/", sys::FormatDeviceNumber(device));
}

void SayFailed(Context& context, absl::string_view path, absl::string_view operation,
               const absl::Status& status) {
  context.Error(absl::StrCat(path, ": ", operation, " failed: ", strerror(sys::GetErrno(status))));
}

}  // namespace

std::optional<std::string> BlockDeviceName(Context& context, sys::DeviceNumber device) {
  const std::string path = SysfsPath(device);
  const absl::StatusOr<std::string> target = context.host.root->ReadLink(path);
  if (target.ok()) return target->substr(target->rfind('/') + 1);
  if (sys::GetErrno(target.status()) != ENOENT) {
    SayFailed(context, path, "readlink", target.status());
  }
  return std::nullopt;
}

std::optional<std::string> MapName(Context& context, sys::DeviceNumber device) {
  const absl::StatusOr<std::string> name = sys::ReadFile(
      *context.host.root, absl::StrCat(SysfsPath(device), "/dm/name"), kAttributeBytesMax);
  if (name.ok()) return std::string(absl::StripSuffix(*name, "\n"));
  return BlockDeviceName(context, device);
}

std::string DeviceText(Context& context, sys::DeviceNumber device, DeviceNaming naming,
                       absl::string_view separator) {
  std::optional<std::string> name;
  if (naming == DeviceNaming::kBlockDevice) name = BlockDeviceName(context, device);
  if (naming == DeviceNaming::kMapName) name = MapName(context, device);
  return name.has_value() ? *name : absl::StrCat(device.major, separator, device.minor);
}

std::optional<uint32_t> ReadAheadOf(Context& context, absl::string_view shown,
                                    sys::DeviceNumber device) {
  sys::Dir& root = *context.host.root;
  const absl::StatusOr<std::string> kibibytes = sys::ReadFile(
      root, absl::StrCat(SysfsPath(device), "/bdi/read_ahead_kb"), kAttributeBytesMax);
  if (kibibytes.ok()) return static_cast<uint32_t>(LeadingNumber(*kibibytes)) * 2;
  const std::string path = absl::StrCat(context.mapper_dir, "/", shown);
  const absl::StatusOr<std::unique_ptr<sys::File>> node = root.OpenFile(path, {});
  if (!node.ok()) {
    SayFailed(context, path, "open", node.status());
    return std::nullopt;
  }
  long sectors = 0;
  char buffer[sizeof(sectors)] = {};
  const absl::StatusOr<int> got = (*node)->Ioctl(kGetReadAhead, absl::MakeSpan(buffer));
  if (!got.ok()) {
    SayFailed(context, shown, "BLKRAGET", got.status());
    return std::nullopt;
  }
  std::memcpy(&sectors, buffer, sizeof(sectors));
  return static_cast<uint32_t>(sectors);
}

}  // namespace dmkit::dm::dmsetup
