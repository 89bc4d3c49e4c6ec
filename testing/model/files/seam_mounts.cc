// SPDX-License-Identifier: Apache-2.0
// Mounting block devices and tmpfs. Mirrors do_new_mount() and ksys_umount() of fs/namespace.c and
// get_tree_bdev() of fs/super.c.

#include <sys/mount.h>

#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "sys/status.h"
#include "testing/model/files/memory_filesystem.h"
#include "testing/model/files/open_files.h"
#include "testing/model/files/vfs_state.h"

namespace dmkit::model {
namespace {

// What changes a mount that is there, or is no mount of a device.
constexpr uint64_t kOtherFlags =
    MS_BIND | MS_MOVE | MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED;

MountPtr FindMounted(const Namespace& names, sys::DeviceNumber device) {
  for (const MountPtr& mount : names.mounts()) {
    if (mount->filesystem->device() == device) return mount;
  }
  return nullptr;
}

// The filesystem of a device that is not mounted yet.
int OpenFilesystem(VfsState& state, const MountBlockDevice& mount_device, sys::DeviceNumber number,
                   const sys::MountRequest& request, std::shared_ptr<Filesystem>* filesystem) {
  BlockDevice* const device = state.core.blocks.Find(number);
  if (device == nullptr) return -ENXIO;
  BlockMountOptions options;
  options.read_only = (request.flags & MS_RDONLY) != 0;
  options.data = request.data;
  // One that was unmounted while it was frozen still has it.
  if (device->filesystem() != nullptr) return -EBUSY;
  Opener opener;
  opener.who = absl::StrCat("mount ", request.target);
  opener.write = !options.read_only;
  opener.claim = &state.claims[{number.major, number.minor}];
  BlockHandle handle;
  const int error = device->Open(opener, &handle);
  if (error != 0) return error;
  if (opener.write && device->read_only()) return -EACCES;
  if (device->is_frozen()) return -EBUSY;
  return mount_device(state.core, std::move(handle), options, filesystem);
}

// A number with a k, m or g behind, as tmpfs takes it.
bool ParseSize(absl::string_view word, uint64_t* value) {
  uint64_t unit = 1;
  if (absl::ConsumeSuffix(&word, "k")) unit = uint64_t{1} << 10;
  if (absl::ConsumeSuffix(&word, "m")) unit = uint64_t{1} << 20;
  if (absl::ConsumeSuffix(&word, "g")) unit = uint64_t{1} << 30;
  if (!absl::SimpleAtoi(word, value) || *value > UINT64_MAX / unit) return false;
  *value *= unit;
  return true;
}

bool IsInMemory(const std::string& kind) { return kind == "tmpfs" || kind == "ramfs"; }

// A new tmpfs or ramfs. Of the words, size=<bytes> and nr_inodes=<number> are known.
int MakeTmpfs(VfsState& state, const sys::MountRequest& request,
              std::shared_ptr<Filesystem>* filesystem) {
  MemoryFilesystem::Limits limits;
  limits.total_bytes = uint64_t{2} << 30;
  const bool has_direct_io =
      request.filesystem == "tmpfs" && state.core.profile.tmpfs_has_direct_io;
  if (has_direct_io) limits.direct_io_bytes = kTmpfsDirectIoBytes;
  for (absl::string_view word : absl::StrSplit(request.data, ',', absl::SkipEmpty())) {
    uint64_t* value = nullptr;
    if (absl::ConsumePrefix(&word, "size=")) value = &limits.total_bytes;
    if (value == nullptr && absl::ConsumePrefix(&word, "nr_inodes=")) value = &limits.inodes;
    if (value == nullptr || !ParseSize(word, value)) return -EINVAL;
  }
  InodeAttributes root;
  root.type = sys::FileType::kDirectory;
  root.mode = 01777;
  *filesystem = std::make_shared<MemoryFilesystem>(
      request.filesystem, sys::DeviceNumber{0, state.next_tmpfs++},
      std::make_shared<Tree>(Durability::kVolatile, root), limits);
  return 0;
}

int GetFilesystem(VfsState& state, Process& process, const sys::MountRequest& request,
                  std::shared_ptr<Filesystem>* filesystem) {
  if (IsInMemory(request.filesystem)) return MakeTmpfs(state, request, filesystem);
  const auto kind = state.kinds.find(request.filesystem);
  if (kind == state.kinds.end()) return -ENODEV;
  sys::DeviceNumber number;
  const int error =
      LookupBlockDevice(state.names, process.effective_user(), request.source, &number);
  if (error != 0) return error;
  const MountPtr mounted = FindMounted(state.names, number);
  if (mounted == nullptr) {
    return OpenFilesystem(state, kind->second, number, request, filesystem);
  }
  const bool is_same_kind = mounted->filesystem->kind() == request.filesystem;
  const bool is_same_access = mounted->is_read_only == ((request.flags & MS_RDONLY) != 0);
  if (!is_same_kind || !is_same_access) return -EBUSY;
  *filesystem = mounted->filesystem;
  return 0;
}

// Only between reading and writing. -EBUSY for open files is not modelled: those that are open for
// writing can be written on where the filesystem lies in memory.
int Remount(const Location& target, const sys::MountRequest& request) {
  Mount& mount = *target.mount;
  if (target.inode != target.tree().root() || !mount.is_attached) return -EINVAL;
  const bool read_only = (request.flags & MS_RDONLY) != 0;
  const int error = mount.filesystem->Remount(read_only);
  if (error == 0) mount.is_read_only = read_only;
  return error;
}

class SeamMounts : public sys::Mounts {
 public:
  SeamMounts(VfsState& state, int id) : state_(state), id_(id), root_(MakeSeamRoot(state, id)) {}

  absl::StatusOr<std::unique_ptr<sys::Dir>> Mount(const sys::MountRequest& request) override;
  absl::Status Unmount(absl::string_view target, sys::UnmountMode mode) override;

 private:
  VfsState& state_;
  const int id_;
  const std::unique_ptr<sys::Dir> root_;
};

absl::StatusOr<std::unique_ptr<sys::Dir>> SeamMounts::Mount(const sys::MountRequest& request) {
  const std::string object =
      absl::StrCat(request.source, " (", request.filesystem, ") on ", request.target);
  for (const std::string* text :
       {&request.source, &request.target, &request.filesystem, &request.data}) {
    DMKIT_RETURN_IF_ERROR(CheckSeamPath("mount", *text));
  }
  if (request.target.empty() || request.target.front() != '/') {
    return sys::ErrnoStatus(EINVAL,
                            absl::StrCat("mount ", object, ": the target is no absolute path"));
  }
  {
    const Scheduler::Call call(state_.core.scheduler, id_);
    const int error = MountDevice(state_, *state_.ProcessOf(id_), request);
    DMKIT_RETURN_IF_ERROR(SeamStatus(error, "mount", object));
  }
  absl::StatusOr<std::unique_ptr<sys::Dir>> root = root_->OpenDir(request.target);
  if (root.ok()) return root;
  return sys::WithSecondError(root.status(), "undo the mount",
                              Unmount(request.target, sys::UnmountMode::kNormal));
}

absl::Status SeamMounts::Unmount(absl::string_view target, sys::UnmountMode mode) {
  DMKIT_RETURN_IF_ERROR(CheckSeamPath("umount", target));
  const Scheduler::Call call(state_.core.scheduler, id_);
  return SeamStatus(UnmountPath(state_, *state_.ProcessOf(id_), target, mode), "umount", target);
}

}  // namespace

int LookupBlockDevice(const Namespace& names, uint32_t user, absl::string_view path,
                      sys::DeviceNumber* device) {
  if (path.empty()) return -EINVAL;
  Location found;
  const int error = names.Resolve(user, names.Top(names.root()), path, true, &found);
  if (error != 0) return error;
  if (found.inode->attributes.type != sys::FileType::kBlockDevice) return -ENOTBLK;
  if (found.mount->has_no_devices) return -EACCES;
  *device = found.inode->attributes.rdevice;
  return 0;
}

int MountDevice(VfsState& state, Process& process, const sys::MountRequest& request) {
  Namespace& names = state.names;
  Location target;
  int error = names.Resolve(process.effective_user(), names.Top(names.root()), request.target, true,
                            &target);
  if (error != 0) return error;
  if (!process.is_root()) return -EPERM;
  if ((request.flags & kOtherFlags) != 0) return -EINVAL;
  if ((request.flags & MS_REMOUNT) != 0) return Remount(target, request);
  auto mount = std::make_shared<struct Mount>();
  error = GetFilesystem(state, process, request, &mount->filesystem);
  if (error != 0) return error;
  mount->source = request.source;
  mount->is_read_only = (request.flags & MS_RDONLY) != 0;
  mount->has_no_devices = (request.flags & MS_NODEV) != 0;
  // Reading the filesystem may have waited.
  target = names.Top(target);
  const bool is_shared = FindMounted(names, mount->filesystem->device()) != nullptr;
  const bool is_there =
      target.mount->filesystem == mount->filesystem && target.inode == target.tree().root();
  if (is_there) {
    error = -EBUSY;
  } else if (!target.inode->is_directory()) {
    error = -ENOTDIR;
  } else {
    error = names.Attach(mount, &target);
  }
  if (error != 0 && !is_shared) mount->filesystem->Release();
  return error;
}

int UnmountPath(VfsState& state, Process& process, absl::string_view target,
                sys::UnmountMode mode) {
  Namespace& names = state.names;
  Location found;
  const int error =
      names.Resolve(process.effective_user(), names.Top(names.root()), target, true, &found);
  if (error != 0) return error;
  if (!process.is_root()) return -EPERM;
  if (found.inode != found.tree().root() || !found.mount->is_attached) return -EINVAL;
  const MountPtr mount = found.mount;
  found = Location();
  if (mode == sys::UnmountMode::kNormal) return names.Detach(mount);
  if (mount->parent == nullptr) return -EINVAL;
  names.DetachLazily(mount);
  return 0;
}

std::unique_ptr<sys::Mounts> MakeSeamMounts(VfsState& state, int process) {
  return std::make_unique<SeamMounts>(state, process);
}

}  // namespace dmkit::model
