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

absl::Status FinishGrowth(const sys::Host& host, thinp::DeviceSet& set, LayerMounts& mounts,
                          const DeviceState& device) {
  DMKIT_RETURN_IF_ERROR(CheckProgramFor(host, device));
  DMKIT_RETURN_IF_ERROR(CheckPoolTakesWrites(set));
  DMKIT_ASSIGN_OR_RETURN(const bool mounted, mounts.IsMounted(device.name()));
  // For the moment of growing a user's "ro" is not for it.
  LayerMounts own = mounts.WithoutOptions();
  if (!mounted) DMKIT_RETURN_IF_ERROR(own.Up(device, MountAccess::kReadWrite));
  absl::Status grown = GrowMounted(host, set, mounts, device);
  if (!mounted) {
    if (grown.ok()) grown = own.Sync(device.name());
    const absl::Status down = own.DownDurably(device.name());
    grown = grown.ok() ? down : sys::WithSecondError(grown, "taking it down again", down);
  }
  DMKIT_RETURN_IF_ERROR(grown);
  thinp::proto::DeviceLabels labels = device.labels();
  labels.set_growing(false);
  return set.SetLabels(device.name(), labels);
}

absl::StatusOr<bool> NeedsGrowth(const sys::Host& host, const DeviceState& device,
                                 sys::Bytes size) {
  DMKIT_RETURN_IF_ERROR(CheckSize(device, size, "the layer"));
  if (size.count() == device.size_bytes() && !device.labels().growing()) return false;
  DMKIT_RETURN_IF_ERROR(CheckProgramFor(host, device));
  return true;
}

absl::Status GrowLayer(const sys::Host& host, thinp::DeviceSet& set, LayerMounts& mounts,
                       DeviceState device, sys::Bytes size) {
  DMKIT_ASSIGN_OR_RETURN(const bool needed, NeedsGrowth(host, device, size));
  if (!needed) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(CheckPoolTakesWrites(set));
  if (size.count() > device.size_bytes()) {
    device.mutable_labels()->set_growing(true);
    device.set_size_bytes(size.count());
    DMKIT_RETURN_IF_ERROR(set.SetLabels(device.name(), device.labels()));
    DMKIT_RETURN_IF_ERROR(set.SetSize(device.name(), size));
  }
  return FinishGrowth(host, set, mounts, device);
}

}  // namespace dmkit::driver
