// SPDX-License-Identifier: Apache-2.0
// Names of device-mapper things as types: validated once when made, never truncated afterwards.

#ifndef DMKIT_DM_TYPES_H_
#define DMKIT_DM_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

// Values of this folder that are equal when all their fields are: those with a Fields().
template <typename T, typename = decltype(std::declval<const T&>().Fields())>
bool operator==(const T& a, const T& b) {
  return a.Fields() == b.Fields();
}
template <typename T, typename = decltype(std::declval<const T&>().Fields())>
bool operator!=(const T& a, const T& b) {
  return !(a == b);
}

// The name of a mapped device: 1 to 127 bytes, no NUL, no '/', and none of "control", ".", ".."
// (which 6.1 accepts and 6.12 refuses: one rule for both). Any other byte is allowed, as in the
// kernel.
class DmName {
 public:
  // INVALID_ARGUMENT with the reason.
  static absl::StatusOr<DmName> Create(absl::string_view text);
  const std::string& text() const { return text_; }
  friend bool operator==(const DmName& a, const DmName& b) { return a.text_ == b.text_; }
  friend bool operator<(const DmName& a, const DmName& b) { return a.text_ < b.text_; }

 private:
  explicit DmName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// The UUID of a mapped device: 1 to 128 bytes, no NUL.
class DmUuid {
 public:
  static absl::StatusOr<DmUuid> Create(absl::string_view text);
  const std::string& text() const { return text_; }
  friend bool operator==(const DmUuid& a, const DmUuid& b) { return a.text_ == b.text_; }

 private:
  explicit DmUuid(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// The name of a target type: 1 to 15 bytes, no NUL.
class TargetType {
 public:
  static absl::StatusOr<TargetType> Create(absl::string_view text);
  const std::string& text() const { return text_; }
  friend bool operator==(const TargetType& a, const TargetType& b) { return a.text_ == b.text_; }

 private:
  explicit TargetType(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// What a command addresses: exactly one of name, uuid and device number, as the kernel wants it.
using DeviceKey = std::variant<DmName, DmUuid, sys::DeviceNumber>;

// For messages: `dm device "NAME"`, `dm device with uuid "UUID"`, `dm device MAJ:MIN`.
std::string Describe(const DeviceKey& key);

struct Version {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t patch = 0;
  bool IsAtLeast(uint32_t want_major, uint32_t want_minor, uint32_t want_patch = 0) const;
  auto Fields() const { return std::tie(major, minor, patch); }
};

// "4.47.0".
std::string FormatVersion(const Version& version);

// One line of a table: `length` sectors from `start` are handled by a target of `type` with
// `params`. The kernel splits `params` into words at white space (and at the byte 0xA0), and a
// backslash takes the byte behind it as it is (dm-table.c, dm_split_args(), v6.1).
struct TableLine {
  sys::Sectors start;
  sys::Sectors length;
  TargetType type;
  std::string params;
  auto Fields() const { return std::tie(start, length, type, params); }
};

// The state of a mapped device as a reply header gives it.
struct DeviceInfo {
  std::string name;
  std::string uuid;  // empty: none
  sys::DeviceNumber device;
  uint32_t target_count = 0;  // of the table that was asked for
  int32_t open_count = 0;
  uint32_t event_nr = 0;
  bool exists = true;
  bool suspended = false;
  bool internally_suspended = false;
  bool read_only = false;
  bool has_active_table = false;
  bool has_inactive_table = false;
  bool deferred_remove = false;
  bool uevent_generated = false;
  auto Fields() const {
    return std::tie(name, uuid, device, target_count, open_count, event_nr, exists, suspended,
                    internally_suspended, read_only, has_active_table, has_inactive_table,
                    deferred_remove, uevent_generated);
  }
};

// One target of a status or table reply.
struct TargetStatus {
  sys::Sectors start;
  sys::Sectors length;
  std::string type;
  std::string text;  // status line or table parameters, as the kernel wrote it
  auto Fields() const { return std::tie(start, length, type, text); }
};

struct TableReply {
  DeviceInfo info;
  std::vector<TargetStatus> targets;
  auto Fields() const { return std::tie(info, targets); }
};

struct DependenciesReply {
  DeviceInfo info;
  std::vector<sys::DeviceNumber> devices;  // each one once, the one that was opened last first
  auto Fields() const { return std::tie(info, devices); }
};

struct ListedDevice {
  sys::DeviceNumber device;
  std::string name;
  std::optional<uint32_t> event_nr;  // since interface 4.37
  std::optional<std::string> uuid;   // when the kernel tells uuids; empty: it has none
  auto Fields() const { return std::tie(device, name, event_nr, uuid); }
};

struct TargetVersion {
  std::string type;
  Version version;
  auto Fields() const { return std::tie(type, version); }
};

struct MessageReply {
  DeviceInfo info;
  std::optional<std::string>
      text;  // set when the target answered with text, also with an empty one
  auto Fields() const { return std::tie(info, text); }
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TYPES_H_
