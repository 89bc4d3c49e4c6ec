// SPDX-License-Identifier: Apache-2.0
// Commands on devices as such, and what all commands share.

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "testing/model/dm_commands.h"
#include "testing/model/encoded_device.h"
#include "testing/model/kernel_parse.h"

namespace dmkit::model {
namespace {

// check_name().
int CheckName(const DmCore& dm, absl::string_view name) {
  if (name.find('/') != absl::string_view::npos) return -EINVAL;
  if (!dm.profile().refuses_reserved_names) return 0;
  return name == "control" || name == "." || name == ".." ? -EINVAL : 0;
}

}  // namespace

std::shared_ptr<DmDevice> FindDevice(DmCore& dm, DmParams& params) {
  const uint64_t number = params.U64(kDeviceAt);
  std::shared_ptr<DmDevice> device;
  if (!params.uuid().empty()) {
    if (!params.name().empty() || number != 0) return nullptr;
    device = dm.FindByUuid(params.uuid());
  } else if (!params.name().empty()) {
    if (number != 0) return nullptr;
    device = dm.FindByName(params.name());
  } else if (number != 0) {
    device = dm.FindByNumber(DecodeDevice(number));
  }
  if (device == nullptr) return nullptr;
  params.PutText(kNameAt, device->name);
  params.PutText(kUuidAt, device->uuid.value_or(""));
  params.Assign(kInactivePresentFlag, device->inactive != nullptr);
  return device;
}

void PutStatus(const DmDevice& device, DmParams& params) {
  params.Clear(kSuspendFlag | kReadOnlyFlag | kActivePresentFlag | kInternalSuspendFlag);
  uint32_t flags = 0;
  if (device.is_suspended()) flags |= kSuspendFlag;
  if (device.is_suspended_internally()) flags |= kInternalSuspendFlag;
  if (device.is_deferred()) flags |= kDeferredRemoveFlag;
  if (device.live() != nullptr) flags |= kActivePresentFlag;
  size_t targets = 0;
  if (params.Has(kQueryInactiveFlag)) {
    if (device.inactive != nullptr) {
      if (!device.inactive->writable()) flags |= kReadOnlyFlag;
      targets = device.inactive->targets().size();
    }
  } else if (device.live() != nullptr) {
    if (device.read_only()) flags |= kReadOnlyFlag;
    targets = device.live()->targets().size();
  }
  params.Set(flags);
  params.Put64(kDeviceAt, EncodeDevice(device.number()));
  params.Put32(kOpenCountAt, device.opens());
  params.Put32(kEventAt, device.event_number());
  params.Put32(kTargetCountAt, static_cast<uint32_t>(targets));
}

int RemoveAll(DmCore& dm, DmParams& params) {
  dm.RemoveAll(params.Has(kDeferredRemoveFlag), /*only_deferred=*/false);
  params.SetDataSize(0);
  return 0;
}

int CreateDevice(DmCore& dm, DmParams& params) {
  int error = CheckName(dm, params.name());
  if (error != 0) return error;
  std::optional<uint32_t> minor;
  if (params.Has(kPersistentDevFlag)) minor = DecodeDevice(params.U64(kDeviceAt)).minor;
  std::shared_ptr<DmDevice> device;
  error = dm.CreateDevice(minor, &device);
  if (error != 0) return error;
  error = dm.Insert(device, params.name(), params.uuid());
  if (error != 0) {
    dm.Destroy(device);
    return error;
  }
  params.Clear(kInactivePresentFlag);
  PutStatus(*device, params);
  return 0;
}

int RemoveDevice(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  const bool deferred = params.Has(kDeferredRemoveFlag);
  const int error = device->LockForDeletion(deferred, /*only_deferred=*/false);
  if (error == -EBUSY && deferred) return 0;
  if (error != 0) return error;
  dm.Unlink(*device).reset();
  params.Clear(kDeferredRemoveFlag);
  if (device->SendDmUevent("remove", params.U32(kEventAt), /*resized=*/false)) {
    params.Set(kUeventGeneratedFlag);
  }
  dm.Destroy(device);
  return 0;
}

int RenameDevice(DmCore& dm, DmParams& params) {
  const bool is_uuid = params.Has(kUuidFlag);
  const size_t length_max = (is_uuid ? kUuidBytes : kNameBytes) - 1;
  if (params.data_start() < kDataAt) return -EINVAL;
  const std::optional<absl::string_view> text = params.TextAt(params.data_start());
  if (!text.has_value() || text->empty() || text->size() > length_max) return -EINVAL;
  const std::string wanted(*text);
  if (!is_uuid) {
    const int error = CheckName(dm, wanted);
    if (error != 0) return error;
  }
  const std::shared_ptr<DmDevice> taken = is_uuid ? dm.FindByUuid(wanted) : dm.FindByName(wanted);
  if (taken != nullptr) return -EBUSY;
  const std::shared_ptr<DmDevice> device = dm.FindByName(params.name());
  if (device == nullptr) return -ENXIO;
  if (is_uuid && device->uuid.has_value()) return -EINVAL;
  if (is_uuid) {
    dm.SetUuid(*device, wanted);
  } else {
    dm.Rename(*device, wanted);
  }
  if (device->live() != nullptr) device->live()->Event();
  if (device->SendDmUevent("change", params.U32(kEventAt), /*resized=*/false)) {
    params.Set(kUeventGeneratedFlag);
  }
  PutStatus(*device, params);
  return 0;
}

int DeviceStatus(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  PutStatus(*device, params);
  return 0;
}

int SetGeometry(DmCore& dm, DmParams& params) {
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  if (params.data_start() < kDataAt) return -EINVAL;
  std::optional<absl::string_view> text = params.TextAt(params.data_start());
  if (!text.has_value()) return -EINVAL;
  uint64_t numbers[4];
  for (uint64_t& number : numbers) {
    const std::optional<uint64_t> value = ScanU64(&*text);
    if (!value.has_value()) return -EINVAL;
    number = *value;
  }
  if (!text->empty() || numbers[0] > 65535 || numbers[1] > 255 || numbers[2] > 255) return -EINVAL;
  DmGeometry geometry;
  geometry.cylinders = static_cast<uint16_t>(numbers[0]);
  geometry.heads = static_cast<uint8_t>(numbers[1]);
  geometry.sectors = static_cast<uint8_t>(numbers[2]);
  geometry.start = numbers[3];
  // Nothing is copied back even where this fails, but then nothing is anyway.
  params.SetDataSize(0);
  return device->SetGeometry(geometry);
}

}  // namespace dmkit::model
