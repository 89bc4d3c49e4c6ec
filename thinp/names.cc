// SPDX-License-Identifier: Apache-2.0

#include "thinp/names.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sys/status.h"

namespace dmkit::thinp {

absl::StatusOr<dm::DeviceIdentity> Identity(absl::string_view set_uuid, absl::string_view name) {
  if (name.empty() || name.size() > kDeviceNameBytesMax || absl::StrContains(name, '/') ||
      absl::StrContains(name, '\0')) {
    return absl::InvalidArgumentError(absl::StrCat("device name \"", absl::CHexEscape(name),
                                                   "\" must have 1 to ", kDeviceNameBytesMax,
                                                   " bytes and no '/'"));
  }
  DMKIT_ASSIGN_OR_RETURN(dm::DmName dm_name, dm::DmName::Create(absl::StrCat(
                                                 "dmkit-", set_uuid.substr(0, 8), "-", name)));
  DMKIT_ASSIGN_OR_RETURN(dm::DmUuid dm_uuid,
                         dm::DmUuid::Create(absl::StrCat(kUuidPrefix, set_uuid, "-", name)));
  return dm::DeviceIdentity{std::move(dm_name), std::move(dm_uuid)};
}

absl::Status CheckDeviceName(absl::string_view name) {
  // The set UUID's value has no part in what is refused.
  DMKIT_RETURN_IF_ERROR(Identity("00000000-0000-0000-0000-000000000000", name));
  if (name != kPoolDevice && name[0] != '.') return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("device name \"", absl::CHexEscape(name),
                                                 "\" is reserved: choose one that is not \"",
                                                 kPoolDevice, "\" and does not start with a dot"));
}

std::optional<absl::string_view> DeviceOfSet(absl::string_view dm_uuid,
                                             absl::string_view set_uuid) {
  if (!absl::ConsumePrefix(&dm_uuid, absl::StrCat(kUuidPrefix, set_uuid, "-"))) return std::nullopt;
  return dm_uuid;
}

std::string FormatUuid(absl::string_view random_bytes) {
  DMKIT_CHECK(random_bytes.size() == 16);
  std::string bytes(random_bytes);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  const std::string hex = absl::BytesToHexString(bytes);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

}  // namespace dmkit::thinp
