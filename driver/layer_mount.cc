// SPDX-License-Identifier: Apache-2.0

#include "driver/layer_mount.h"

#include <sys/mount.h>

#include <cerrno>
#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "dm/nodes.h"
#include "driver/read_only_mount.h"
#include "sys/durable.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

constexpr uint32_t kMountPointMode = 0700;
constexpr uint32_t kRootfsMode = 0755;
// For udevd and blkid, which open a device for a moment; a device that is held longer goes by
// itself.
constexpr absl::Duration kRemovePatience = absl::Milliseconds(500);
// Where nothing is left to the kernel.
constexpr absl::Duration kFailPatience = absl::Seconds(10);

absl::Status IgnoreErrno(const absl::Status& status, int error) {
  return sys::GetErrno(status) == error ? absl::OkStatus() : status;
}

}  // namespace

MountOptions OptionsForWork(const MountOptions& options) {
  MountOptions for_work;
  for_work.xfs_nospace_max_retries = options.xfs_nospace_max_retries;
  return for_work;
}

absl::StatusOr<LayerMounts> LayerMounts::Open(const sys::Host& host, thinp::DeviceSet& set,
                                              absl::string_view root,
                                              const MountOptions& mount_options, BusyDevice busy) {
  std::string path = absl::StrCat(root, "/mnt");
  DMKIT_RETURN_IF_ERROR(sys::MakeDirs(*host.root, path, kMountPointMode));
  return LayerMounts(host, set, std::move(path), mount_options, busy);
}

std::string LayerMounts::MountPoint(absl::string_view layer) const {
  return absl::StrCat(path_, "/", layer);
}

std::string LayerMounts::RootfsPath(absl::string_view layer) const {
  return absl::StrCat(path_, "/", layer, "/", kRootfs);
}

absl::StatusOr<bool> LayerMounts::IsMounted(absl::string_view layer) const {
  const auto here = host_.root->Stat(MountPoint(layer));
  if (sys::GetErrno(here.status()) == ENOENT) return false;
  if (!here.ok()) return here.status();
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat above, host_.root->Stat(path_));
  return here->device != above.device;
}

absl::Status LayerMounts::MountAndFill(const thinp::proto::DeviceState& device, FilesystemType type,
                                       const std::string& node, MountAccess access) {
  const bool read_only = access == MountAccess::kReadOnly;
  MountOptions options = options_;
  if (read_only) options.flags |= uint64_t{MS_RDONLY};
  const auto mounted = MountFilesystem(host_, type, node, MountPoint(device.name()), options);
  if (!mounted.ok() || read_only) return mounted.status();
  return IgnoreErrno((*mounted)->MakeDir(kRootfs, kRootfsMode), EEXIST);
}

absl::Status LayerMounts::MountUnchanged(const thinp::proto::DeviceState& device,
                                         const std::string& node) {
  DMKIT_RETURN_IF_ERROR(
      MountReadOnly(host_, *set_, device, node, MountPoint(device.name()), path_, options_));
  const absl::Status found = host_.root->Stat(RootfsPath(device.name())).status();
  if (sys::GetErrno(found) != ENOENT) return found;
  return sys::AddContext(found, "it holds no files, since it was never mounted");
}

absl::Status LayerMounts::MountAndPrepare(const thinp::proto::DeviceState& device,
                                          FilesystemType type, const std::string& node,
                                          MountAccess access) {
  const std::string target = MountPoint(device.name());
  DMKIT_RETURN_IF_ERROR(IgnoreErrno(host_.root->MakeDir(target, kMountPointMode), EEXIST));
  absl::Status failed = set_->pool_state().read_only() ? MountUnchanged(device, node)
                                                       : MountAndFill(device, type, node, access);
  if (failed.ok()) return failed;
  const absl::Status unmounted =
      IgnoreErrno(host_.mounts->Unmount(target, sys::UnmountMode::kDetach), EINVAL);
  failed = sys::WithSecondError(failed, "unmounting again", unmounted);
  return sys::WithSecondError(failed, "removing the mount point", host_.root->RemoveDir(target));
}

absl::Status LayerMounts::Up(const thinp::proto::DeviceState& device, MountAccess access) {
  DMKIT_ASSIGN_OR_RETURN(const FilesystemType type, ParseFilesystem(device.labels().filesystem()));
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceInfo active, set_->Activate(device));
  const auto node = dm::EnsureDeviceNode(host_, active.device);
  const absl::Status mounted =
      node.ok() ? MountAndPrepare(device, type, *node, access) : node.status();
  if (mounted.ok()) return mounted;
  return sys::WithSecondError(
      sys::AddContext(mounted, absl::StrCat("layer \"", device.name(), "\"")),
      "removing its device again",
      set_->Deactivate(device.name(), kRemovePatience, /*deferred=*/busy_ == BusyDevice::kDefer));
}

absl::Status LayerMounts::MakeWritable(const thinp::proto::DeviceState& device) {
  DMKIT_ASSIGN_OR_RETURN(const FilesystemType type, ParseFilesystem(device.labels().filesystem()));
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceInfo active, set_->Activate(device));
  DMKIT_ASSIGN_OR_RETURN(const std::string node, dm::EnsureDeviceNode(host_, active.device));
  MountOptions options = options_;
  options.flags |= uint64_t{MS_REMOUNT};
  return MountFilesystem(host_, type, node, MountPoint(device.name()), options).status();
}

absl::Status LayerMounts::CheckWritable(absl::string_view layer) const {
  // A rename of a name to itself changes nothing, and is refused before that is known where nothing
  // may change (fs/namei.c, do_renameat2() and vfs_rename(), v6.1).
  const std::string rootfs = RootfsPath(layer);
  const absl::Status renamed = host_.root->Rename(rootfs, rootfs);
  if (sys::GetErrno(renamed) != EROFS) return renamed;
  return sys::AddContext(renamed, absl::StrCat("it is mounted read-only at ", MountPoint(layer),
                                               " (by dm.mountopt, or after an error of its "
                                               "device): `dmkit put` it first"));
}

absl::Status LayerMounts::Sync(absl::string_view layer) const {
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::Dir> filesystem,
                         host_.root->OpenDir(MountPoint(layer)));
  return filesystem->SyncFilesystem();
}

absl::StatusOr<bool> LayerMounts::Unmount(absl::string_view layer) {
  const std::string target = MountPoint(layer);
  absl::Status unmounted = host_.mounts->Unmount(target, sys::UnmountMode::kNormal);
  const bool busy = sys::GetErrno(unmounted) == EBUSY;
  if (busy) unmounted = host_.mounts->Unmount(target, sys::UnmountMode::kDetach);
  // EINVAL and ENOENT: it was not mounted.
  DMKIT_RETURN_IF_ERROR(IgnoreErrno(IgnoreErrno(unmounted, EINVAL), ENOENT));
  return busy;
}

absl::Status LayerMounts::Down(absl::string_view layer) {
  DMKIT_ASSIGN_OR_RETURN(const bool busy, Unmount(layer));
  const absl::Status removed = RemoveMountPoint(layer);
  const bool defer = busy_ == BusyDevice::kDefer;
  const absl::Duration patience = defer ? kRemovePatience : kFailPatience;
  const absl::Status deactivated =
      set_->Deactivate(layer, busy && defer ? absl::ZeroDuration() : patience, defer);
  if (removed.ok()) return deactivated;
  return sys::WithSecondError(removed, "removing its device", deactivated);
}

absl::Status LayerMounts::DownDurably(absl::string_view layer) {
  // An unmount tells nobody of what could not be written back.
  const absl::Status written = Sync(layer);
  const absl::Status down = UnmountAndRemove(layer);
  return written.ok() ? down : sys::WithSecondError(written, "taking it down", down);
}

// Without leaving anything to the kernel.
absl::Status LayerMounts::UnmountAndRemove(absl::string_view layer) {
  DMKIT_RETURN_IF_ERROR(Unmount(layer));
  const absl::Status removed = RemoveMountPoint(layer);
  const absl::Status gone = set_->Deactivate(layer, kFailPatience, /*deferred=*/false);
  if (gone.ok()) return removed;
  // As far as it goes.
  return sys::WithSecondError(gone, "taking it down", Down(layer));
}

absl::Status LayerMounts::RemoveMountPoint(absl::string_view layer) {
  return IgnoreErrno(host_.root->RemoveDir(MountPoint(layer)), ENOENT);
}

absl::StatusOr<std::vector<std::string>> LayerMounts::List() const {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<sys::DirEntry> entries, host_.root->List(path_));
  std::vector<std::string> names;
  for (const sys::DirEntry& entry : entries) names.push_back(entry.name);
  return names;
}

}  // namespace dmkit::driver
