// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/device_names.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr size_t kAttributeBytesMax = 4096;
constexpr uint32_t kSectorsPerKib = 2;

// BLKRAGET of <linux/fs.h>: a long, in sectors.
constexpr unsigned long kGetReadAhead = 0x1263;

std::string SysfsPath(sys::DeviceNumber device) {
  return absl::StrCat("/sys/dev/block/", sys::FormatDeviceNumber(device));
}

std::string ReadAheadPath(sys::DeviceNumber device) {
  return absl::StrCat(SysfsPath(device), "/bdi/read_ahead_kb");
}

// In sectors, from sysfs; nothing where it does not tell. One that is larger than that is as much
// as can be told.
std::optional<uint32_t> ReadAheadInSysfs(sys::Dir& root, sys::DeviceNumber device) {
  const absl::StatusOr<std::string> kibibytes =
      sys::ReadFile(root, ReadAheadPath(device), kAttributeBytesMax);
  if (!kibibytes.ok()) return std::nullopt;
  const std::optional<uint64_t> number =
      sys::ParseUnsigned(absl::StripTrailingAsciiWhitespace(*kibibytes));
  if (!number.has_value()) return std::nullopt;
  constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
  return static_cast<uint32_t>(std::min<uint64_t>(*number, kMost / kSectorsPerKib) *
                               kSectorsPerKib);
}

absl::Status WriteText(sys::Dir& root, const std::string& path, absl::string_view text) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> file, root.OpenFile(path, options));
  return file->WriteAt(0, text);
}

void SayFailed(Context& context, absl::string_view path, absl::string_view operation,
               const absl::Status& status) {
  context.Fail(absl::StrCat(path, ": ", operation, " failed: ", Reason(status)), path, status);
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

void SetReadAhead(Context& context, sys::DeviceNumber device) {
  if (!context.words.read_ahead.has_value()) return;
  const ReadAhead wanted = *context.words.read_ahead;
  sys::Dir& root = *context.host.root;
  if (wanted.at_least) {
    const std::optional<uint32_t> sectors = ReadAheadInSysfs(root, device);
    if (sectors.has_value() && *sectors >= wanted.sectors) return;
  }
  const uint64_t kibibytes = (uint64_t{wanted.sectors} + kSectorsPerKib - 1) / kSectorsPerKib;
  const std::string path = ReadAheadPath(device);
  const absl::Status written = WriteText(root, path, absl::StrCat(kibibytes));
  if (!written.ok()) SayFailed(context, path, "write", written);
}

std::optional<uint32_t> ReadAheadOf(Context& context, absl::string_view shown,
                                    sys::DeviceNumber device) {
  sys::Dir& root = *context.host.root;
  const std::optional<uint32_t> in_sysfs = ReadAheadInSysfs(root, device);
  if (in_sysfs.has_value() || context.findings != nullptr) return in_sysfs;
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
