// SPDX-License-Identifier: Apache-2.0

#include "driver/base_layer.h"

#include <cerrno>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dm/nodes.h"
#include "driver/layer_id.h"
#include "driver/layer_size.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using thinp::proto::DeviceLabels;
using thinp::proto::DeviceState;

FilesystemType FilesystemOf(const Options& options) {
  return options.filesystem.value_or(FilesystemType::kExt4);
}

sys::Bytes SizeOf(const Options& options) { return options.base_size.value_or(kBaseSizeDefault); }

absl::StatusOr<std::optional<DeviceState>> FindBase(const thinp::DeviceSet& set) {
  auto found = set.Find(kBaseLayer);
  if (found.ok()) return std::optional<DeviceState>(*std::move(found));
  if (sys::GetErrno(found.status()) == ENOENT) return std::optional<DeviceState>();
  return found.status();
}

// The device exists with a filesystem that may still be smaller than it.
bool IsMade(const DeviceState& base) { return !base.labels().filesystem().empty(); }

bool WantsGrowth(const DeviceState& base, const Options& options) {
  return options.base_size.has_value() && options.base_size->count() > base.size_bytes();
}

absl::Status CheckAgainst(const DeviceState& base, const Options& options) {
  if (options.base_size.has_value() && options.base_size->count() < base.size_bytes()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "dm.basesize is ", options.base_size->count(), " bytes, but the base device has ",
        base.size_bytes(), " and cannot become smaller: leave the option out"));
  }
  if (options.filesystem.has_value() &&
      FilesystemName(*options.filesystem) != absl::string_view(base.labels().filesystem())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "dm.fs is \"", FilesystemName(*options.filesystem), "\", but the base device holds ",
        base.labels().filesystem(), ": leave the option out"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FormatDevice(const sys::Host& host, thinp::DeviceSet& set,
                                         const DeviceState& base, const Options& options) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceInfo active, set.Activate(base));
  DMKIT_ASSIGN_OR_RETURN(const std::string node, dm::EnsureDeviceNode(host, active.device));
  return MakeFilesystem(host, FilesystemOf(options), node, options.mkfs_args);
}

// Every snapshot of the base then has the rootfs directory already.
absl::Status MakeRootfs(LayerMounts& mounts, const DeviceState& base) {
  DMKIT_RETURN_IF_ERROR(mounts.Up(base, MountAccess::kReadWrite));
  return mounts.DownDurably(kBaseLayer);
}

absl::StatusOr<DeviceState> FillBase(const sys::Host& host, thinp::DeviceSet& set,
                                     LayerMounts& mounts, DeviceState base,
                                     const Options& options) {
  DMKIT_ASSIGN_OR_RETURN(const std::string uuid, FormatDevice(host, set, base, options));
  DeviceLabels& labels = *base.mutable_labels();
  labels.set_filesystem(std::string(FilesystemName(FilesystemOf(options))));
  labels.set_filesystem_uuid(uuid);
  DMKIT_RETURN_IF_ERROR(MakeRootfs(mounts, base));
  labels.set_ready(true);
  DMKIT_RETURN_IF_ERROR(set.SetLabels(kBaseLayer, labels));
  return base;
}

absl::StatusOr<DeviceState> MakeBase(const sys::Host& host, thinp::DeviceSet& set,
                                     LayerMounts& mounts, const Options& options) {
  DMKIT_RETURN_IF_ERROR(CheckBaseOptions(host, options));
  DeviceLabels labels;
  labels.set_created_unix_seconds(absl::ToUnixSeconds(host.clock->WallTime()));
  DMKIT_ASSIGN_OR_RETURN(DeviceState base, set.AddThin(kBaseLayer, SizeOf(options), labels));
  auto filled = FillBase(host, set, mounts, std::move(base), options);
  if (filled.ok()) return filled;
  return sys::WithSecondError(sys::AddContext(filled.status(), "making the base device"),
                              "removing it again", set.Delete(kBaseLayer));
}

// The larger size is recorded first, as not ready, so that an interrupted growth is taken up again.
absl::StatusOr<DeviceState> GrowBase(const sys::Host& host, thinp::DeviceSet& set,
                                     LayerMounts& mounts, DeviceState base,
                                     const Options& options) {
  DMKIT_ASSIGN_OR_RETURN(const FilesystemType type, ParseFilesystem(base.labels().filesystem()));
  DMKIT_RETURN_IF_ERROR(CheckGrowProgram(host, type));
  DMKIT_RETURN_IF_ERROR(CheckPoolTakesWrites(set));
  if (WantsGrowth(base, options)) {
    base.mutable_labels()->set_ready(false);
    base.set_size_bytes(options.base_size->count());
    DMKIT_RETURN_IF_ERROR(set.SetSize(kBaseLayer, *options.base_size, base.labels()));
  }
  // A growth that was interrupted has left it mounted.
  DMKIT_RETURN_IF_ERROR(mounts.Down(kBaseLayer));
  DMKIT_RETURN_IF_ERROR(mounts.Up(base, MountAccess::kReadWrite));
  const absl::Status grown = GrowMounted(host, set, mounts, base);
  const absl::Status down = mounts.DownDurably(kBaseLayer);
  if (!grown.ok()) return sys::WithSecondError(grown, "unmounting the base device", down);
  DMKIT_RETURN_IF_ERROR(down);
  base.mutable_labels()->set_ready(true);
  DMKIT_RETURN_IF_ERROR(set.SetLabels(kBaseLayer, base.labels()));
  return base;
}

}  // namespace

absl::Status CheckBaseOptions(const sys::Host& host, const Options& options) {
  const FilesystemType type = FilesystemOf(options);
  if (SizeOf(options) < MinimumSize(type)) {
    return absl::InvalidArgumentError(absl::StrCat("dm.basesize is ", SizeOf(options).count(),
                                                   " bytes; ", FilesystemName(type),
                                                   " needs at least ", MinimumSize(type).count()));
  }
  return CheckMakeProgram(host, type);
}

absl::StatusOr<DeviceState> EnsureBase(const sys::Host& host, thinp::DeviceSet& set,
                                       const LayerLocks& locks, LayerMounts& mounts,
                                       const Options& options) {
  const auto is_done = [&](const std::optional<DeviceState>& base) {
    return base.has_value() && base->labels().ready() && !WantsGrowth(*base, options);
  };
  DMKIT_ASSIGN_OR_RETURN(std::optional<DeviceState> base, FindBase(set));
  if (!is_done(base)) {
    DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock,
                           locks.Acquire(kBaseLayer, "making or growing the base device"));
    // Another process may have done it meanwhile.
    DMKIT_ASSIGN_OR_RETURN(base, FindBase(set));
    if (base.has_value() && !IsMade(*base)) {
      DMKIT_RETURN_IF_ERROR(mounts.Down(kBaseLayer));
      DMKIT_RETURN_IF_ERROR(set.Delete(kBaseLayer));
      base.reset();
    }
    if (!base.has_value()) return MakeBase(host, set, mounts, options);
    if (!is_done(base)) {
      DMKIT_RETURN_IF_ERROR(CheckAgainst(*base, options));
      return GrowBase(host, set, mounts, *std::move(base), options);
    }
  }
  DMKIT_RETURN_IF_ERROR(CheckAgainst(*base, options));
  return *std::move(base);
}

}  // namespace dmkit::driver
