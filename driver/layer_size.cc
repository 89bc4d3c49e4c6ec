// SPDX-License-Identifier: Apache-2.0

#include "driver/layer_size.h"

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/nodes.h"
#include "driver/filesystem.h"
#include "sys/status.h"
#include "thinp/pool.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::driver {
namespace {

using thinp::proto::DeviceState;

absl::Status CheckSize(const DeviceState& device, sys::Bytes size, absl::string_view object) {
  if (size.count() < device.size_bytes()) {
    return absl::InvalidArgumentError(absl::StrCat("size ", size.count(), " bytes is smaller than ",
                                                   object, " with ", device.size_bytes(),
                                                   " bytes; a layer cannot be smaller"));
  }
  return sys::ToSectors(size).status();
}

absl::Status CheckProgramFor(const sys::Host& host, const DeviceState& device) {
  DMKIT_ASSIGN_OR_RETURN(const FilesystemType type, ParseFilesystem(device.labels().filesystem()));
  return CheckGrowProgram(host, type);
}

}  // namespace

absl::StatusOr<sys::Bytes> SizeOfNewLayer(const sys::Host& host, const DeviceState& parent,
                                          std::optional<sys::Bytes> wanted) {
  const sys::Bytes size = wanted.value_or(sys::Bytes{parent.size_bytes()});
  DMKIT_RETURN_IF_ERROR(
      CheckSize(parent, size, absl::StrCat("its parent \"", parent.name(), "\"")));
  if (size.count() > parent.size_bytes()) DMKIT_RETURN_IF_ERROR(CheckProgramFor(host, parent));
  return size;
}

absl::Status CheckPoolTakesWrites(const thinp::DeviceSet& set) {
  DMKIT_RETURN_IF_ERROR(set.CheckNotReadOnly());
  const auto status = set.pool().Status();
  if (sys::GetErrno(status.status()) == ENXIO) return absl::OkStatus();
  return status.ok() ? thinp::CheckWritable(set.pool(), *status) : status.status();
}

absl::Status GrowMounted(const sys::Host& host, thinp::DeviceSet& set, const LayerMounts& mounts,
                         const DeviceState& device) {
  DMKIT_ASSIGN_OR_RETURN(const FilesystemType type, ParseFilesystem(device.labels().filesystem()));
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceInfo active, set.Activate(device));
  DMKIT_ASSIGN_OR_RETURN(const std::string node, dm::EnsureDeviceNode(host, active.device));
  return GrowFilesystem(host, type, node, mounts.MountPoint(device.name()));
}

absl::StatusOr<bool> NeedsGrowth(const sys::Host& host, const DeviceState& device,
                                 sys::Bytes size) {
  DMKIT_RETURN_IF_ERROR(CheckSize(device, size, "the layer"));
  if (size.count() == device.size_bytes() && !device.labels().growing()) return false;
  DMKIT_RETURN_IF_ERROR(CheckProgramFor(host, device));
  return true;
}

absl::StatusOr<DeviceState> RecordGrowth(thinp::DeviceSet& set, DeviceState device,
                                         sys::Bytes size) {
  DMKIT_RETURN_IF_ERROR(CheckPoolTakesWrites(set));
  if (size.count() <= device.size_bytes()) return device;
  device.mutable_labels()->set_growing(true);
  device.set_size_bytes(size.count());
  DMKIT_RETURN_IF_ERROR(set.SetSize(device.name(), size, device.labels()));
  return device;
}

}  // namespace dmkit::driver
