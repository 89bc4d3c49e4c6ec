// SPDX-License-Identifier: Apache-2.0
// DM_LIST_DEVICES, DM_LIST_VERSIONS and DM_GET_TARGET_VERSION.

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "testing/model/dm_commands.h"
#include "testing/model/encoded_device.h"

namespace dmkit::model {
namespace {

constexpr size_t kListNextAt = 8;
constexpr size_t kListNameAt = 12;
constexpr uint32_t kHasUuid = 1;
constexpr uint32_t kHasNoUuid = 2;

constexpr size_t kVersionsNameAt = 16;

// filter_device().
bool Matches(const DmDevice& device, const DmParams& params) {
  return absl::StartsWith(device.name, params.name()) &&
         absl::StartsWith(device.uuid.value_or(""), params.uuid());
}

size_t EntryBytes(const DmDevice& device, bool with_uuid) {
  size_t size = Align8(kListNameAt + device.name.size() + 1) + 8;
  if (with_uuid && device.uuid.has_value()) size += Align8(device.uuid->size() + 1);
  return size;
}

void PutEntry(const DmDevice& device, bool with_uuid, size_t at, DmParams& params) {
  params.Put64(at, EncodeDevice(device.number()));
  params.Put32(at + kListNextAt, 0);
  params.PutText(at + kListNameAt, device.name);
  const size_t event = at + Align8(kListNameAt + device.name.size() + 1);
  uint32_t flags = 0;
  if (with_uuid) flags = device.uuid.has_value() ? kHasUuid : kHasNoUuid;
  params.Put32(event, device.event_number());
  params.Put32(event + 4, flags);
  if (with_uuid && device.uuid.has_value()) params.PutText(event + 8, *device.uuid);
}

size_t VersionRoom(const TargetType& type) { return kVersionsNameAt + type.name().size() + 1 + 7; }

// __list_versions().
int PutVersions(const std::vector<const TargetType*>& types, DmParams& params) {
  size_t needed = 0;
  for (const TargetType* type : types) needed += VersionRoom(*type);
  size_t room = 0;
  const size_t start = params.StartResult(&room);
  if (room < needed) {
    params.Set(kBufferFullFlag);
    return 0;
  }
  params.SetDataSize(start + needed);
  size_t at = start;
  size_t last = 0;
  for (const TargetType* type : types) {
    if (last != 0) params.Put32(last, static_cast<uint32_t>(at - last));
    params.Put32(at, 0);
    for (size_t i = 0; i < type->version().size(); ++i) {
      params.Put32(at + 4 + 4 * i, type->version()[i]);
    }
    params.PutText(at + kVersionsNameAt, type->name());
    last = at;
    // Aligned as an address is; the copy starts at a multiple of 8.
    at = Align8(at + kVersionsNameAt + type->name().size() + 1);
  }
  return 0;
}

}  // namespace

int ListDevices(DmCore& dm, DmParams& params) {
  const bool with_uuid = params.Has(kUuidFlag);
  const bool is_filtered = !params.name().empty() || !params.uuid().empty();
  size_t needed = 0;
  std::vector<const DmDevice*> devices;
  devices.reserve(is_filtered ? 0 : dm.devices().size());
  for (const auto& [name, device] : dm.devices()) {
    if (is_filtered && !Matches(*device, params)) continue;
    devices.push_back(device.get());
    needed += EntryBytes(*device, with_uuid);
  }
  size_t room = 0;
  size_t at = params.StartResult(&room);
  // An empty list has a mark of 8 bytes, which is not copied out.
  if (room < needed || room < 8) {
    params.Set(kBufferFullFlag);
    return 0;
  }
  params.SetDataSize(at + needed);
  for (size_t i = 0; i < devices.size(); ++i) {
    const size_t size = EntryBytes(*devices[i], with_uuid);
    PutEntry(*devices[i], with_uuid, at, params);
    if (i + 1 < devices.size()) params.Put32(at + kListNextAt, static_cast<uint32_t>(size));
    at += size;
  }
  return 0;
}

int ListVersions(DmCore& dm, DmParams& params) {
  std::vector<const TargetType*> types;
  for (const auto& type : dm.types()) types.push_back(type.get());
  return PutVersions(types, params);
}

int GetTargetVersion(DmCore& dm, DmParams& params) {
  const TargetType* const type = dm.FindType(params.name());
  return type == nullptr ? -EINVAL : PutVersions({type}, params);
}

}  // namespace dmkit::model
