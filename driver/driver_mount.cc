// SPDX-License-Identifier: Apache-2.0
// Handing layers out and taking them back, and taking all of them down.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/driver.h"
#include "driver/driver_impl.h"
#include "driver/layer_id.h"
#include "driver/layer_mount.h"
#include "driver/layer_size.h"
#include "driver/mount_count.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "thinp/device_set.h"

namespace dmkit::driver {

absl::StatusOr<MountCount> Driver::Impl::CountOfMounted(const LayerId& layer) const {
  DMKIT_ASSIGN_OR_RETURN(MountCount count, counts.Read(layer));
  count.count = std::max<uint32_t>(count.count, 1);
  return count;
}

absl::StatusOr<MountCount> Driver::Impl::HandedOut(const LayerId& layer) const {
  const auto mounted = mounts.IsMounted(layer.text());
  if (sys::GetErrno(mounted.status()) == EIO) return CountOfMounted(layer);
  if (!mounted.ok()) return mounted.status();
  return *mounted ? CountOfMounted(layer) : MountCount();
}

absl::Status Driver::Impl::RequireNotMounted(const LayerId& layer) const {
  DMKIT_ASSIGN_OR_RETURN(const MountCount handed_out, HandedOut(layer));
  if (handed_out.count == 0) return absl::OkStatus();
  return sys::ErrnoStatus(EBUSY, absl::StrCat("layer \"", layer.text(), "\" is mounted at ",
                                              mounts.MountPoint(layer.text()), " (handed out ",
                                              handed_out.count, " times): `dmkit put` it first"));
}

absl::Status Driver::Impl::NoSuchLayer(const LayerId& layer) const {
  const auto deleted = set->IsDeleted(layer.text());
  const bool in_use = deleted.ok() && *deleted;
  return sys::ErrnoStatus(
      ENOENT, absl::StrCat("layer \"", layer.text(), "\" does not exist",
                           in_use ? " any more: it was removed, and its space is freed by `dmkit "
                                    "gc` when nobody uses it any longer"
                                  : " (see `dmkit ls`)"));
}

absl::StatusOr<thinp::proto::DeviceState> Driver::Impl::FindComplete(
    const LayerId& layer, const sys::HeldLock& lock) const {
  auto device = set->Find(layer.text());
  if (sys::GetErrno(device.status()) == ENOENT) {
    const absl::Status none = NoSuchLayer(layer);
    locks.Forget(layer.text(), lock).IgnoreError();
    return none;
  }
  if (!device.ok() || device->labels().ready()) return device;
  return absl::FailedPreconditionError(absl::StrCat(
      "layer \"", layer.text(),
      "\" is not complete: its making was interrupted, or an apply failed; remove it"));
}

absl::StatusOr<std::string> Driver::Impl::HandOut(const LayerId& layer, MountAccess access,
                                                  absl::string_view operation) {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, locks.Acquire(layer.text(), operation));
  // In a set that is only read there is no other way, and nothing to be made writable.
  const bool read_only = access == MountAccess::kReadOnly && !set->pool_state().read_only();
  // A filesystem that answers EIO is not handed out.
  DMKIT_ASSIGN_OR_RETURN(const bool mounted, mounts.IsMounted(layer.text()));
  if (mounted) {
    DMKIT_ASSIGN_OR_RETURN(MountCount count, counts.Read(layer));
    if (count.count == 0) {
      // Somebody who was filling it may have ended there.
      DMKIT_RETURN_IF_ERROR(FindComplete(layer, lock));
      count.count = 1;
    }
    if (count.read_only && !read_only) {
      DMKIT_ASSIGN_OR_RETURN(const auto device, FindComplete(layer, lock));
      DMKIT_RETURN_IF_ERROR(mounts.MakeWritable(device));
      count.read_only = false;
    }
    ++count.count;
    DMKIT_RETURN_IF_ERROR(counts.Write(layer, count));
    return mounts.RootfsPath(layer.text());
  }
  DMKIT_ASSIGN_OR_RETURN(const auto device, FindComplete(layer, lock));
  // A filesystem smaller than its device is as good as before: it is tried again with the next.
  if (device.labels().growing() && !read_only) {
    FinishGrowth(host(), *set, mounts, device).IgnoreError();
  }
  // Counted before it is mounted: one that is found mounted and not counted is taken for writable.
  if (read_only) DMKIT_RETURN_IF_ERROR(counts.Write(layer, MountCount(1, true)));
  const absl::Status up = mounts.Up(device, access);
  if (!up.ok()) {
    const absl::Status uncounted = read_only ? counts.Write(layer, 0) : absl::OkStatus();
    return sys::WithSecondError(up, "taking its count back", uncounted);
  }
  if (read_only) return mounts.RootfsPath(layer.text());
  const absl::Status counted = counts.Write(layer, 1);
  if (counted.ok()) return mounts.RootfsPath(layer.text());
  return sys::WithSecondError(
      sys::AddContext(counted, absl::StrCat("layer \"", layer.text(), "\"")), "unmounting it again",
      mounts.Down(layer.text()));
}

absl::Status Driver::Impl::TakeBack(const LayerId& layer, bool all) {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, locks.Acquire(layer.text(), "put"));
  DMKIT_ASSIGN_OR_RETURN(MountCount handed_out, HandedOut(layer));
  if (handed_out.count > 1 && !all) {
    --handed_out.count;
    return counts.Write(layer, handed_out);
  }
  if (handed_out.count == 0) {
    if (sys::GetErrno(set->Find(layer.text()).status()) == ENOENT) {
      const absl::Status none = NoSuchLayer(layer);
      locks.Forget(layer.text(), lock).IgnoreError();
      return none;
    }
    // A device that an interrupted get or put left active goes too.
    DMKIT_RETURN_IF_ERROR(mounts.Down(layer.text()));
    counts.Write(layer, 0).IgnoreError();
    return sys::ErrnoStatus(EINVAL, absl::StrCat("layer \"", layer.text(), "\" is not mounted"));
  }
  DMKIT_RETURN_IF_ERROR(
      sys::AddContext(mounts.Down(layer.text()), absl::StrCat("layer \"", layer.text(), "\"")));
  return counts.Write(layer, 0);
}

absl::StatusOr<std::string> Driver::Get(absl::string_view id) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  return impl_->HandOut(layer, MountAccess::kReadWrite, "get");
}

absl::Status Driver::Put(absl::string_view id, bool all) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  return impl_->TakeBack(layer, all);
}

absl::StatusOr<std::vector<std::string>> Driver::Impl::FindUp() const {
  // By its uuid a device is ours, whatever else is known of it. A directory under mnt/ may be
  // anybody's.
  DMKIT_ASSIGN_OR_RETURN(std::vector<std::string> names, set->ActiveDevices());
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> mount_points, mounts.List());
  for (const std::string& name : mount_points) {
    if (name != kBaseLayer && !LayerId::Create(name).ok()) continue;
    if (sys::GetErrno(set->Find(name).status()) != ENOENT) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

absl::Status Driver::Impl::TakeDown(const std::string& name) {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, locks.Acquire(name, "cleanup"));
  DMKIT_RETURN_IF_ERROR(mounts.Down(name));
  const auto layer = LayerId::Create(name);
  return layer.ok() ? counts.Write(*layer, 0) : absl::OkStatus();
}

absl::Status Driver::Cleanup() {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> names, impl_->FindUp());
  absl::Status first;
  for (const std::string& name : names) {
    const absl::Status down = impl_->TakeDown(name);
    if (first.ok()) first = down;
  }
  const absl::Status down = impl_->set->DeactivatePool();
  return first.ok() ? down : first;
}

}  // namespace dmkit::driver
