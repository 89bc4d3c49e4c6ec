// SPDX-License-Identifier: Apache-2.0
// What each command asks, as one type per command (two for the commands that do two things). Values
// only: the bytes are the business of codec_request.h.

#ifndef DMKIT_DM_REQUESTS_H_
#define DMKIT_DM_REQUESTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "dm/commands.h"
#include "dm/types.h"
#include "dm/udev.h"
#include "sys/units.h"

namespace dmkit::dm {

struct VersionRequest {
  static constexpr Command kCommand = Command::kVersion;
  auto Fields() const { return std::tie(); }
};

struct RemoveAllRequest {
  static constexpr Command kCommand = Command::kRemoveAll;
  bool deferred = false;
  auto Fields() const { return std::tie(deferred); }
};

struct ListDevicesRequest {
  static constexpr Command kCommand = Command::kListDevices;
  bool uuids = false;
  // Only devices whose name and uuid start so. At most 127 and 128 bytes.
  std::string name_prefix;
  std::string uuid_prefix;
  auto Fields() const { return std::tie(uuids, name_prefix, uuid_prefix); }
};

struct CreateRequest {
  static constexpr Command kCommand = Command::kDevCreate;
  DmName name;
  std::optional<DmUuid> uuid;
  std::optional<uint32_t> minor;
  auto Fields() const { return std::tie(name, uuid, minor); }
};

struct RemoveRequest {
  static constexpr Command kCommand = Command::kDevRemove;
  DeviceKey key;
  bool deferred = false;
  UdevCookie cookie = UdevCookie();
  auto Fields() const { return std::tie(key, deferred, cookie); }
};

// The kernel finds the device by name only.
struct RenameRequest {
  static constexpr Command kCommand = Command::kDevRename;
  DmName name;
  DmName new_name;
  UdevCookie cookie = UdevCookie();
  auto Fields() const { return std::tie(name, new_name, cookie); }
};

struct SetUuidRequest {
  static constexpr Command kCommand = Command::kDevRename;
  DmName name;
  DmUuid uuid;
  UdevCookie cookie = UdevCookie();
  auto Fields() const { return std::tie(name, uuid, cookie); }
};

struct SuspendRequest {
  static constexpr Command kCommand = Command::kDevSuspend;
  DeviceKey key;
  bool skip_lockfs = false;
  bool no_flush = false;
  auto Fields() const { return std::tie(key, skip_lockfs, no_flush); }
};

struct ResumeRequest {
  static constexpr Command kCommand = Command::kDevSuspend;
  DeviceKey key;
  // Of the suspend that the kernel does first when it swaps tables.
  bool skip_lockfs = false;
  bool no_flush = false;
  UdevCookie cookie = UdevCookie();
  auto Fields() const { return std::tie(key, skip_lockfs, no_flush, cookie); }
};

struct InfoRequest {
  static constexpr Command kCommand = Command::kDevStatus;
  DeviceKey key;
  bool inactive = false;
  auto Fields() const { return std::tie(key, inactive); }
};

enum class StatusKind { kStatus, kTable, kImaMeasurement };

struct StatusRequest {
  static constexpr Command kCommand = Command::kTableStatus;
  DeviceKey key;
  StatusKind kind = StatusKind::kStatus;
  bool no_flush = false;
  bool inactive = false;
  bool secure = false;  // the kernel overwrites its own copy of request and reply
  auto Fields() const { return std::tie(key, kind, no_flush, inactive, secure); }
};

struct WaitRequest {
  static constexpr Command kCommand = Command::kDevWait;
  DeviceKey key;
  uint32_t event_nr = 0;
  StatusKind kind = StatusKind::kStatus;
  bool no_flush = false;
  bool inactive = false;
  auto Fields() const { return std::tie(key, event_nr, kind, no_flush, inactive); }
};

struct LoadRequest {
  static constexpr Command kCommand = Command::kTableLoad;
  DeviceKey key;
  std::vector<TableLine> table;
  bool read_only = false;
  bool secure = false;  // as in StatusRequest
  auto Fields() const { return std::tie(key, table, read_only, secure); }
};

struct ClearRequest {
  static constexpr Command kCommand = Command::kTableClear;
  DeviceKey key;
  auto Fields() const { return std::tie(key); }
};

struct DependenciesRequest {
  static constexpr Command kCommand = Command::kTableDeps;
  DeviceKey key;
  bool inactive = false;
  auto Fields() const { return std::tie(key, inactive); }
};

struct ListVersionsRequest {
  static constexpr Command kCommand = Command::kListVersions;
  auto Fields() const { return std::tie(); }
};

// The message to the core that takes a deferred removal back. Since 4.27.
inline constexpr absl::string_view kCancelDeferredRemove = "@cancel_deferred_remove";

struct MessageRequest {
  static constexpr Command kCommand = Command::kTargetMsg;
  DeviceKey key;
  sys::Sectors sector;
  std::string message;
  bool secure = false;  // as in StatusRequest
  auto Fields() const { return std::tie(key, sector, message, secure); }
};

struct SetGeometryRequest {
  static constexpr Command kCommand = Command::kDevSetGeometry;
  DeviceKey key;
  uint32_t cylinders = 0;
  uint32_t heads = 0;
  uint32_t sectors = 0;  // per track
  uint64_t start = 0;    // in sectors
  auto Fields() const { return std::tie(key, cylinders, heads, sectors, start); }
};

struct ArmPollRequest {
  static constexpr Command kCommand = Command::kDevArmPoll;
  auto Fields() const { return std::tie(); }
};

struct TargetVersionRequest {
  static constexpr Command kCommand = Command::kGetTargetVersion;
  TargetType type;
  auto Fields() const { return std::tie(type); }
};

using Request = std::variant<VersionRequest, RemoveAllRequest, ListDevicesRequest, CreateRequest,
                             RemoveRequest, RenameRequest, SetUuidRequest, SuspendRequest,
                             ResumeRequest, InfoRequest, StatusRequest, WaitRequest, LoadRequest,
                             ClearRequest, DependenciesRequest, ListVersionsRequest, MessageRequest,
                             SetGeometryRequest, ArmPollRequest, TargetVersionRequest>;

inline Command CommandOf(const Request& request) {
  return std::visit([](const auto& typed) { return typed.kCommand; }, request);
}

}  // namespace dmkit::dm

#endif  // DMKIT_DM_REQUESTS_H_
