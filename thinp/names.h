// SPDX-License-Identifier: Apache-2.0
// The dm names and UUIDs of a device set: one function each.

#ifndef DMKIT_THINP_NAMES_H_
#define DMKIT_THINP_NAMES_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/activate.h"
#include "dm/types.h"

namespace dmkit::thinp {

inline constexpr absl::string_view kUuidPrefix = "DMKIT-";
inline constexpr absl::string_view kPoolDevice = "pool";
// Cannot be a device's name, which never starts with a dot.
inline constexpr absl::string_view kProbeDevice = ".probe";
// A dm UUID has room for 128 bytes: the prefix, a set UUID of 36 and a '-' leave this much.
inline constexpr size_t kDeviceNameBytesMax = 85;

// dmkit-<first 8 digits of the set's UUID>-<name> and DMKIT-<set uuid>-<name>. INVALID_ARGUMENT
// when `name` is empty, too long, or holds a '/'.
absl::StatusOr<dm::DeviceIdentity> Identity(absl::string_view set_uuid, absl::string_view name);

// INVALID_ARGUMENT when no device of a set can be called `name`: what Identity refuses, a name that
// starts with a dot, and "pool".
absl::Status CheckDeviceName(absl::string_view name);

// The device name in `dm_uuid` when that is one of the set's; a view into `dm_uuid`.
std::optional<absl::string_view> DeviceOfSet(absl::string_view dm_uuid, absl::string_view set_uuid);

// A random UUID (version 4) from 16 random bytes, as 8-4-4-4-12 lower-case hex digits.
std::string FormatUuid(absl::string_view random_bytes);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_NAMES_H_
