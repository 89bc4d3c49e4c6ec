// SPDX-License-Identifier: Apache-2.0
// How layers come to be: snapshots of the base or of each other, with an init layer in between when
// that is asked for, and with contents that count only once they are on stable storage.

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/driver.h"
#include "driver/driver_impl.h"
#include "driver/init_layer.h"
#include "driver/layer_id.h"
#include "driver/layer_mount.h"
#include "driver/layer_size.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "sys/units.h"
#include "thinp/device_set.h"

namespace dmkit::driver {
namespace {

using thinp::proto::DeviceLabels;
using thinp::proto::DeviceState;

absl::Status LayerContext(const absl::Status& status, const LayerId& layer) {
  return sys::AddContext(status, absl::StrCat("layer \"", layer.text(), "\""));
}

absl::Status AlreadyThere(const LayerId& layer) {
  return sys::ErrnoStatus(EEXIST, absl::StrCat("layer \"", layer.text(), "\" exists already"));
}

}  // namespace

absl::StatusOr<thinp::proto::DeviceState> Driver::Impl::FindParent(
    const std::string& origin, const sys::HeldLock& lock) const {
  const bool is_base = origin == kBaseLayer;
  if (is_base && !base.ok()) {
    return sys::AddContext(base.status(),
                           "the base device is not usable; open the store anew to try again");
  }
  auto found = set->Find(origin);
  if (sys::GetErrno(found.status()) == ENOENT) {
    locks.Forget(origin, lock).IgnoreError();
    return sys::AddContext(found.status(), absl::StrCat("unknown parent \"", origin, "\""));
  }
  if (!found.ok() || found->labels().ready()) return found;
  return absl::FailedPreconditionError(
      absl::StrCat("parent \"", origin, "\" is not complete: its making was interrupted",
                   is_base ? "; open the store anew to complete it" : ""));
}

absl::StatusOr<DeviceState> Driver::Impl::Snapshot(const LayerId& layer, const std::string& origin,
                                                   std::optional<sys::Bytes> size,
                                                   const sys::HeldLock& parent_lock, Kind kind) {
  DMKIT_ASSIGN_OR_RETURN(const DeviceState parent, FindParent(origin, parent_lock));
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes bytes, SizeOfNewLayer(host(), parent, size));
  DeviceLabels labels = parent.labels();
  labels.set_created_unix_seconds(absl::ToUnixSeconds(host().clock->WallTime()));
  labels.set_ready(kind == Kind::kPlain);
  labels.set_init(kind == Kind::kInit);
  if (bytes.count() > parent.size_bytes()) labels.set_growing(true);
  // The new layer needs no lock: until it is made, the set activates it for nobody.
  return set->AddSnapshot(layer.text(), origin, bytes, labels);
}

absl::Status Driver::Impl::MakeLarger(const LayerId& layer, const std::string& origin,
                                      sys::Bytes size, sys::HeldLock parent_lock) {
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, locks.Acquire(layer.text(), "making it"));
  DMKIT_ASSIGN_OR_RETURN(const DeviceState made,
                         Snapshot(layer, origin, size, parent_lock, Kind::kPlain));
  // The parent is free while the filesystem grows.
  { const sys::HeldLock released = std::move(parent_lock); }
  const absl::Status grown = FinishGrowth(layer, made);
  if (grown.ok()) return grown;
  return sys::WithSecondError(grown, "removing it again", set->Delete(layer.text()));
}

absl::Status Driver::Impl::Fill(const LayerId& layer, const DeviceState& device,
                                absl::FunctionRef<absl::Status(sys::Dir& rootfs)> work) {
  const std::string& name = device.name();
  DeviceLabels labels = device.labels();
  const bool was_ready = labels.ready();
  labels.set_ready(false);
  if (was_ready) DMKIT_RETURN_IF_ERROR(set->SetLabels(name, labels));
  labels.set_ready(true);
  const absl::Status up = MountForWork(layer, device);
  if (!up.ok()) {
    // Nothing in it has changed.
    const absl::Status undone = was_ready ? set->SetLabels(name, labels) : absl::OkStatus();
    return sys::WithSecondError(up, "marking it complete again", undone);
  }
  absl::Status worked;
  {
    const auto rootfs = host().root->OpenDir(mounts.RootfsPath(name));
    worked = rootfs.ok() ? work(**rootfs) : rootfs.status();
  }
  const absl::Status down = EndWork(layer);
  if (worked.ok() && down.ok()) return set->SetLabels(name, labels);
  return sys::AddContext(worked.ok() ? down : sys::WithSecondError(worked, "taking it down", down),
                         absl::StrCat("layer \"", name, "\" is incomplete now: remove it"));
}

// The locks of both layers are held to the end, so that what was made is not taken for left over
// by another caller with the same wish.
absl::Status Driver::Impl::MakeWithInit(const LayerId& layer, const std::string& origin,
                                        std::optional<sys::Bytes> size) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId init,
                         LayerId::Create(absl::StrCat(layer.text(), kInitSuffix)));
  if (origin == init.text()) {
    return absl::InvalidArgumentError(absl::StrCat("its parent cannot be \"", origin,
                                                   "\", which its own init layer is to be called"));
  }
  const std::string what = absl::StrCat("making ", layer.text());
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock parent_lock, locks.Acquire(origin, what));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, locks.Acquire(init.text(), what));
  const absl::Status found = set->Find(layer.text()).status();
  if (found.ok()) return AlreadyThere(layer);
  if (sys::GetErrno(found) != ENOENT) return found;
  const absl::Status left = RemoveInit(init, lock);
  if (!left.ok() && sys::GetErrno(left) != ENOENT) return left;
  const absl::Status made = [&]() -> absl::Status {
    DMKIT_ASSIGN_OR_RETURN(DeviceState device,
                           Snapshot(init, origin, size, parent_lock, Kind::kInit));
    DMKIT_RETURN_IF_ERROR(FinishGrowth(init, device));
    device.mutable_labels()->set_growing(false);
    DMKIT_RETURN_IF_ERROR(Fill(init, device, SetUpInitLayer));
    return Snapshot(layer, init.text(), std::nullopt, lock, Kind::kPlain).status();
  }();
  if (made.ok()) return made;
  const absl::Status removed = RemoveInit(init, lock);
  const bool gone = sys::GetErrno(removed) == ENOENT;
  return sys::WithSecondError(made, "removing its init layer again",
                              gone ? absl::OkStatus() : removed);
}

absl::Status Driver::Create(absl::string_view id, const CreateOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  std::string origin(kBaseLayer);
  if (!options.parent.empty()) {
    DMKIT_ASSIGN_OR_RETURN(const LayerId parent_layer, LayerId::Create(options.parent));
    origin = parent_layer.text();
  }
  if (options.init) return LayerContext(impl_->MakeWithInit(layer, origin, options.size), layer);
  // Nobody may mount the parent between the look at its state and the snapshot.
  DMKIT_ASSIGN_OR_RETURN(sys::HeldLock parent_lock,
                         impl_->locks.Acquire(origin, absl::StrCat("snapshot for ", id)));
  // One that is to be its own parent fails below, instead of on its own lock.
  if (options.size.has_value() && origin != layer.text()) {
    return LayerContext(impl_->MakeLarger(layer, origin, *options.size, std::move(parent_lock)),
                        layer);
  }
  return LayerContext(
      impl_->Snapshot(layer, origin, std::nullopt, parent_lock, Impl::Kind::kPlain).status(),
      layer);
}

}  // namespace dmkit::driver
