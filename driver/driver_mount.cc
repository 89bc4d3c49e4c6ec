// SPDX-License-Identifier: Apache-2.0
// Handing layers out and taking them back, and taking all of them down.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "driver/driver.h"
#include "driver/driver_impl.h"
#include "driver/layer_id.h"
#include "driver/layer_mount.h"
#include "driver/layer_readers.h"
#include "driver/layer_size.h"
#include "driver/mount_count.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "thinp/device_set.h"

namespace dmkit::driver {

absl::StatusOr<MountCount> Driver::Impl::CountOf(const LayerId& layer) const {
  DMKIT_ASSIGN_OR_RETURN(const std::optional<MountCount> stored, counts.Read(layer));
  return stored.value_or(1);
}

absl::StatusOr<Driver::Impl::Users> Driver::Impl::UsersOf(const LayerId& layer) const {
  Users users;
  const auto mounted = mounts.IsMounted(layer.text());
  if (!mounted.ok() && sys::GetErrno(mounted.status()) != EIO) return mounted.status();
  users.mounted = mounted.value_or(true);
  if (!users.mounted) return users;
  DMKIT_ASSIGN_OR_RETURN(const MountCount count, CountOf(layer));
  users.gets = count.count;
  users.read_only = count.read_only;
  DMKIT_ASSIGN_OR_RETURN(users.readers, readers.Alive(layer));
  return users;
}

absl::Status Driver::Impl::RequireUnused(const LayerId& layer) {
  DMKIT_ASSIGN_OR_RETURN(const Users users, UsersOf(layer));
  // What a mount or a take-down that was cut off has left does not outlive the layer.
  if (!users.mounted) return counts.Clear(layer);
  if (users.abandoned()) return TakeDown(layer);
  const std::string mounted =
      absl::StrCat("layer \"", layer.text(), "\" is mounted at ", mounts.MountPoint(layer.text()));
  if (users.gets > 0) {
    return sys::ErrnoStatus(
        EBUSY, absl::StrCat(mounted, " (handed out ", users.gets, " times): `dmkit put` it first"));
  }
  return sys::ErrnoStatus(EBUSY, absl::StrCat(mounted, " for ", absl::StrJoin(users.readers, ", "),
                                              ": wait until that has ended, or end it"));
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

absl::StatusOr<std::string> Driver::Get(absl::string_view id) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "get"));
  LayerMounts& mounts = impl_->mounts;
  // Somebody who was filling it may have ended there, and left it mounted.
  DMKIT_ASSIGN_OR_RETURN(const auto device, impl_->FindComplete(layer, lock));
  // A filesystem smaller than its device is as good as before: it is tried again with the next.
  if (device.labels().growing()) impl_->TakeUpGrowth(layer, device).IgnoreError();
  // A filesystem that answers EIO is not handed out.
  DMKIT_ASSIGN_OR_RETURN(const bool mounted, mounts.IsMounted(layer.text()));
  if (!mounted) {
    DMKIT_RETURN_IF_ERROR(impl_->MountCounted(mounts, layer, device, MountAccess::kReadWrite, 1));
    return mounts.RootfsPath(layer.text());
  }
  DMKIT_ASSIGN_OR_RETURN(const MountCount count, impl_->CountOf(layer));
  if (count.read_only) DMKIT_RETURN_IF_ERROR(mounts.MakeWritable(device));
  DMKIT_RETURN_IF_ERROR(impl_->counts.Write(layer, MountCount(count.count + 1)));
  return mounts.RootfsPath(layer.text());
}

absl::Status Driver::Put(absl::string_view id, bool all) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "put"));
  DMKIT_ASSIGN_OR_RETURN(const Impl::Users users, impl_->UsersOf(layer));
  if (!users.mounted) {
    if (sys::GetErrno(impl_->set->Find(layer.text()).status()) == ENOENT) {
      const absl::Status none = impl_->NoSuchLayer(layer);
      impl_->locks.Forget(layer.text(), lock).IgnoreError();
      return none;
    }
    // A device that an interrupted get or put left active goes too.
    DMKIT_RETURN_IF_ERROR(impl_->TakeDown(layer));
    return sys::ErrnoStatus(EINVAL, absl::StrCat("layer \"", layer.text(), "\" is not mounted"));
  }
  if (all || (users.gets <= 1 && users.readers.empty())) return impl_->TakeDown(layer);
  if (users.gets > 0) {
    return impl_->counts.Write(layer, MountCount(users.gets - 1, users.read_only));
  }
  return sys::ErrnoStatus(
      EBUSY, absl::StrCat("layer \"", layer.text(), "\" is not handed out, but mounted for ",
                          absl::StrJoin(users.readers, ", "), ", which takes it down at its end"));
}

absl::Status Driver::Impl::MountCounted(LayerMounts& how, const LayerId& layer,
                                        const thinp::proto::DeviceState& device, MountAccess access,
                                        MountCount count) {
  DMKIT_RETURN_IF_ERROR(counts.Write(layer, count));
  const absl::Status up = how.Up(device, access);
  if (up.ok()) return up;
  return sys::WithSecondError(up, "taking its count back", counts.Clear(layer));
}

absl::Status Driver::Impl::MountForWork(const LayerId& layer,
                                        const thinp::proto::DeviceState& device) {
  LayerMounts for_work = mounts.ForWork();
  return MountCounted(for_work, layer, device, MountAccess::kReadWrite, 0);
}

absl::Status Driver::Impl::EndWork(const LayerId& layer) {
  DMKIT_RETURN_IF_ERROR(mounts.DownDurably(layer.text()));
  // One that stays is nobody's: the next mount has its own.
  counts.Clear(layer).IgnoreError();
  return absl::OkStatus();
}

absl::Status Driver::Impl::MountForReading(const LayerId& layer, const sys::HeldLock& lock) {
  DMKIT_ASSIGN_OR_RETURN(const auto device, FindComplete(layer, lock));
  // In a set that is only read there is nothing to be made writable.
  const bool read_only = !set->pool_state().read_only();
  return MountCounted(mounts, layer, device, MountAccess::kReadOnly, MountCount(0, read_only));
}

absl::StatusOr<Driver::Impl::Reading> Driver::Impl::StartReading(const LayerId& layer,
                                                                 absl::string_view what) {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, locks.Acquire(layer.text(), what));
  DMKIT_ASSIGN_OR_RETURN(const bool mounted, mounts.IsMounted(layer.text()));
  if (mounted) {
    // Somebody who was filling it may have ended there.
    DMKIT_RETURN_IF_ERROR(FindComplete(layer, lock));
  }
  DMKIT_ASSIGN_OR_RETURN(LayerReaders::Reader reader, readers.Add(layer, what));
  const absl::Status up = mounted ? absl::OkStatus() : MountForReading(layer, lock);
  if (up.ok()) return Reading{mounts.RootfsPath(layer.text()), std::move(reader)};
  return sys::WithSecondError(up, "taking the reader off", readers.Leave(layer, std::move(reader)));
}

absl::Status Driver::Impl::EndReading(const LayerId& layer, LayerReaders::Reader reader) {
  const auto lock = locks.Acquire(layer.text(), "put");
  // A growth may hold it for long. The reader has read what it wanted; whoever has the layer next
  // takes down what it leaves, as after one that was killed.
  if (sys::GetErrno(lock.status()) == ETIMEDOUT) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(lock.status());
  const absl::Status left = readers.Leave(layer, std::move(reader));
  DMKIT_ASSIGN_OR_RETURN(const Users users, UsersOf(layer));
  const absl::Status down = users.abandoned() ? TakeDown(layer) : absl::OkStatus();
  return down.ok() ? left : down;
}

absl::Status Driver::Impl::MakeWritable(const LayerId& layer,
                                        const thinp::proto::DeviceState& device) {
  DMKIT_ASSIGN_OR_RETURN(const Users users, UsersOf(layer));
  if (users.abandoned()) return TakeDown(layer);
  if (!users.mounted) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(CheckPoolTakesWrites(*set));
  if (users.read_only) DMKIT_RETURN_IF_ERROR(mounts.MakeWritable(device));
  DMKIT_RETURN_IF_ERROR(mounts.CheckWritable(layer.text()));
  return users.read_only ? counts.Write(layer, MountCount(users.gets)) : absl::OkStatus();
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

absl::Status Driver::Impl::TakeDown(const LayerId& layer) {
  DMKIT_RETURN_IF_ERROR(
      sys::AddContext(mounts.Down(layer.text()), absl::StrCat("layer \"", layer.text(), "\"")));
  readers.RemoveDead(layer);
  return counts.Clear(layer);
}

absl::Status Driver::Impl::CleanUp(const std::string& name) {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, locks.Acquire(name, "cleanup"));
  const auto layer = LayerId::Create(name);
  return layer.ok() ? TakeDown(*layer) : mounts.Down(name);
}

absl::Status Driver::Cleanup() {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> names, impl_->FindUp());
  absl::Status first;
  for (const std::string& name : names) {
    const absl::Status down = impl_->CleanUp(name);
    if (first.ok()) first = down;
  }
  const absl::Status down = impl_->set->DeactivatePool();
  return first.ok() ? down : first;
}

}  // namespace dmkit::driver
