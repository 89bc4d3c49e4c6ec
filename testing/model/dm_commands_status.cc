// SPDX-License-Identifier: Apache-2.0
// DM_TABLE_STATUS, DM_TABLE_DEPS and DM_DEV_WAIT.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "testing/model/dm_commands.h"
#include "testing/model/encoded_device.h"

namespace dmkit::model {
namespace {

constexpr size_t kSpecBytes = 40;
constexpr size_t kTypeBytes = 16;

std::shared_ptr<DmTable> QueriedTable(const DmDevice& device, const DmParams& params) {
  if (!params.Has(kQueryInactiveFlag)) return device.live();
  return device.is_named ? device.inactive : nullptr;
}

StatusKind KindOf(const DmParams& params) {
  if (params.Has(kStatusTableFlag)) return StatusKind::kTable;
  if (params.Has(kImaMeasurementFlag)) return StatusKind::kIma;
  return StatusKind::kInfo;
}

void PutSpec(const Target& target, bool pads_type, char* spec) {
  const uint64_t range[2] = {target.begin(), target.length()};
  const int32_t status = 0;
  std::memcpy(spec, range, sizeof(range));
  std::memcpy(spec + 16, &status, sizeof(status));
  const size_t width = pads_type ? kTypeBytes : kTypeBytes - 1;
  const std::string& type = target.type().name();
  std::memset(spec + 24, 0, width);
  std::memcpy(spec + 24, type.data(), std::min(type.size(), kTypeBytes - 1));
}

// retrieve_status().
void PutTargets(const DmTable& table, bool pads_type, DmParams& params) {
  size_t room = 0;
  const size_t start = params.StartResult(&room);
  const StatusKind kind = KindOf(params);
  const bool no_flush = params.Has(kNoFlushFlag);
  size_t at = 0;    // in the result
  size_t used = 0;  // in the reply
  std::string text;
  for (const std::unique_ptr<Target>& target : table.targets()) {
    if (room - at <= kSpecBytes) {
      params.Set(kBufferFullFlag);
      break;
    }
    char* const spec = params.bytes() + start + at;
    PutSpec(*target, pads_type, spec);
    at += kSpecBytes;
    text.clear();
    target->Status(kind, no_flush, &text);
    // A longer text is cut, and a cut text fills the room to the last byte.
    const size_t length = std::min(text.size(), room - at - 1);
    params.PutText(start + at, absl::string_view(text.data(), length));
    if (length + 1 == room - at) {
      params.Set(kBufferFullFlag);
      break;
    }
    at += length + 1;
    used = start + at;
    at = Align8(at);
    if (at > room) {
      params.Set(kBufferFullFlag);
      break;
    }
    // From the first record, unlike in a table that is loaded.
    const auto next = static_cast<uint32_t>(at);
    std::memcpy(spec + 20, &next, sizeof(next));
  }
  if (used != 0) params.SetDataSize(used);
  params.Put32(kTargetCountAt, static_cast<uint32_t>(table.targets().size()));
}

// retrieve_deps().
void PutDeps(const DmTable& table, DmParams& params) {
  size_t room = 0;
  const size_t start = params.StartResult(&room);
  const std::vector<const TableDevice*> devices = table.Devices();
  const size_t needed = 8 + 8 * devices.size();
  if (room < needed) {
    params.Set(kBufferFullFlag);
    return;
  }
  params.Put32(start, static_cast<uint32_t>(devices.size()));
  for (size_t i = 0; i < devices.size(); ++i) {
    params.Put64(start + 8 + 8 * i, EncodeDevice(devices[i]->device().number()));
  }
  params.SetDataSize(start + needed);
}

}  // namespace

int TableStatus(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  PutStatus(*device, params);
  const std::shared_ptr<DmTable> table = QueriedTable(*device, params);
  if (table != nullptr) PutTargets(*table, dm.profile().pads_target_type, params);
  return 0;
}

int TableDeps(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  PutStatus(*device, params);
  const std::shared_ptr<DmTable> table = QueriedTable(*device, params);
  if (table != nullptr) PutDeps(*table, params);
  return 0;
}

int WaitDevice(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  // The reply is written before the wait ends to count: DEV_REMOVE goes on as soon as it does.
  const DmDevice::Waiter waiter(*device);
  const int error = device->WaitForEvent(params.U32(kEventAt));
  if (error != 0) return error;
  PutStatus(*device, params);
  const std::shared_ptr<DmTable> table = QueriedTable(*device, params);
  if (table != nullptr) PutTargets(*table, dm.profile().pads_target_type, params);
  return 0;
}

}  // namespace dmkit::model
