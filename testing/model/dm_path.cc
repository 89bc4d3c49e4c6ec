// SPDX-License-Identifier: Apache-2.0
// Mirrors dm_get_device() in drivers/md/dm-table.c (v6.1, v6.12) and name_to_dev_t() in
// init/do_mounts.c (v6.1).

#include "testing/model/dm_path.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "testing/model/block_layer.h"
#include "testing/model/encoded_device.h"
#include "testing/model/kernel_parse.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kMajorMax = (1u << 12) - 1;
constexpr uint32_t kMinorMax = (1u << 20) - 1;

struct Pair {
  uint32_t major = 0;
  uint32_t minor = 0;
  absl::string_view rest;
};

// "%u:%u" at the start of `text`.
std::optional<Pair> ScanPair(absl::string_view text) {
  const std::optional<uint32_t> major = ScanU32(&text);
  if (!major.has_value() || !absl::ConsumePrefix(&text, ":")) return std::nullopt;
  const std::optional<uint32_t> minor = ScanU32(&text);
  if (!minor.has_value()) return std::nullopt;
  return Pair{*major, *minor, text};
}

std::optional<uint32_t> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0');
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') return static_cast<uint32_t>(lower - 'a' + 10);
  return std::nullopt;
}

// simple_strtoul(text, &end, 16) of a text that must end there: "700", "0x700", and "" for 0.
std::optional<uint32_t> ParseHex(absl::string_view text) {
  if (absl::StartsWithIgnoreCase(text, "0x")) text.remove_prefix(2);
  uint64_t value = 0;
  for (const char c : text) {
    const std::optional<uint32_t> digit = HexDigit(c);
    if (!digit.has_value()) return std::nullopt;
    value = value * 16 + *digit;
  }
  return static_cast<uint32_t>(value);
}

// Whether "%u:%u:%u:%c" would match three times, `rest` being what follows the second number: a
// third one, and not a colon and more behind it.
bool HasOffset(absl::string_view rest) {
  if (!absl::ConsumePrefix(&rest, ":") || !ScanU32(&rest).has_value()) return false;
  return !absl::ConsumePrefix(&rest, ":") || rest.empty();
}

// devt_from_devnum().
std::optional<sys::DeviceNumber> FromDeviceNumber(absl::string_view name) {
  const std::optional<Pair> pair = ScanPair(name);
  if (pair.has_value() && (pair->rest.empty() || HasOffset(pair->rest))) {
    if (pair->major > kMajorMax || pair->minor > kMinorMax) return std::nullopt;
    return sys::DeviceNumber{pair->major, pair->minor};
  }
  const std::optional<uint32_t> encoded = ParseHex(name);
  if (!encoded.has_value()) return std::nullopt;
  return DecodeDevice(*encoded);
}

// devt_from_devname(), without partitions.
std::optional<sys::DeviceNumber> FromDiskName(Core& core, absl::string_view name) {
  if (name.size() > 31) return std::nullopt;
  std::string disk_name(name);
  std::replace(disk_name.begin(), disk_name.end(), '/', '!');
  const BlockDevice* const device = core.blocks.FindByName(disk_name);
  if (device == nullptr) return std::nullopt;
  return device->number();
}

// name_to_dev_t(): what the boot command line could name. 0:0 means nothing.
std::optional<sys::DeviceNumber> FromBootName(Core& core, absl::string_view name) {
  if (name == "/dev/nfs") return sys::DeviceNumber{0, 255};
  if (name == "/dev/cifs") return sys::DeviceNumber{0, 254};
  if (name == "/dev/ram") return sys::DeviceNumber{1, 0};
  if (absl::StartsWith(name, "PARTUUID=") || absl::StartsWith(name, "PARTLABEL=")) {
    return std::nullopt;
  }
  if (absl::ConsumePrefix(&name, "/dev/")) return FromDiskName(core, name);
  return FromDeviceNumber(name);
}

}  // namespace

int ParseDevicePath(Core& core, absl::string_view path, sys::DeviceNumber* number) {
  const std::optional<Pair> pair = ScanPair(path);
  if (pair.has_value() && pair->rest.empty()) {
    if (pair->major > kMajorMax || pair->minor > kMinorMax) return -EOVERFLOW;
    *number = {pair->major, pair->minor};
    return 0;
  }
  const int error = core.paths == nullptr ? -ENOENT : core.paths->FindBlockDevice(path, number);
  if (error == 0 || core.profile.reports_path_errno) return error;
  const std::optional<sys::DeviceNumber> named = FromBootName(core, path);
  if (!named.has_value() || *named == sys::DeviceNumber{}) return -ENODEV;
  *number = *named;
  return 0;
}

}  // namespace dmkit::model
