// SPDX-License-Identifier: Apache-2.0

#include "driver/driver.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "driver/base_layer.h"
#include "driver/direct_lvm.h"
#include "driver/driver_impl.h"
#include "driver/layer_size.h"
#include "driver/remembered_options.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

thinp::PoolOptions ToPoolOptions(const Options& options) {
  thinp::PoolOptions pool;
  pool.given_pool = options.thin_pool;
  pool.data_device = options.data_device;
  pool.metadata_device = options.metadata_device;
  pool.data_loop_size = options.data_loop_size;
  pool.metadata_loop_size = options.metadata_loop_size;
  pool.block_size = options.block_size;
  pool.min_free_percent = options.min_free_space_percent.value_or(kMinFreeSpacePercentDefault);
  return pool;
}

absl::Status NoSuchLayer(const LayerId& layer) {
  return sys::ErrnoStatus(
      ENOENT, absl::StrCat("layer \"", layer.text(), "\" does not exist (see `dmkit ls`)"));
}

absl::Status LayerContext(const absl::Status& status, const LayerId& layer) {
  return sys::AddContext(status, absl::StrCat("layer \"", layer.text(), "\""));
}

// Without slashes at its end, so that a path below it has one form. The root directory itself is
// refused: its mnt/ is not for us.
absl::StatusOr<std::string> CheckRoot(absl::string_view root) {
  const size_t last = root.find_last_not_of('/');
  if (absl::StartsWith(root, "/") && last != absl::string_view::npos) {
    return std::string(root.substr(0, last + 1));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("root \"", root, "\" must be the absolute path of a directory below /"));
}

// Whether there is a store. Whatever one that is still to be made needs is looked at now, before
// anything is made.
absl::StatusOr<bool> FindStore(const sys::Host& host, const std::string& root,
                               const DriverConfig& config) {
  DMKIT_ASSIGN_OR_RETURN(const bool exists, thinp::SetExists(host, root));
  if (exists) return true;
  if (!config.create) {
    return sys::ErrnoStatus(ENOENT, absl::StrCat("there is no store at ", root,
                                                 " (`dmkit create` without a parent makes one)"));
  }
  DMKIT_RETURN_IF_ERROR(CheckBaseOptions(host, config.options));
  return false;
}

// Whether an error about the base is one about what was asked for. Otherwise a store works without
// its base, but for new empty layers, and what it holds must stay within reach.
bool NeedsBase(const thinp::DeviceSet& set, const Options& options, bool is_new) {
  const bool asked = options.base_size.has_value() || options.filesystem.has_value();
  return is_new || (asked && set.Find(kBaseLayer).ok());
}

}  // namespace

Driver::Driver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Driver::~Driver() = default;

absl::StatusOr<std::unique_ptr<Driver>> Driver::Open(dm::DeviceMapper& dm,
                                                     const DriverConfig& config) {
  const sys::Host& host = dm.host();
  DMKIT_ASSIGN_OR_RETURN(const std::string root, CheckRoot(config.root));
  DMKIT_ASSIGN_OR_RETURN(MountOptions mount_options,
                         ParseMountOptions(config.options.mount_options));
  mount_options.xfs_nospace_max_retries = config.options.xfs_nospace_max_retries;
  DMKIT_ASSIGN_OR_RETURN(const bool existed, FindStore(host, root, config));
  thinp::DeviceSetOptions set_options;
  set_options.root = root;
  set_options.create = config.create;
  set_options.pool = ToPoolOptions(config.options);
  set_options.labels = ToLabels(config.options);
  DirectLvmMaker lvm(host, set_options.labels.direct_lvm(), config.options.direct_lvm.force);
  if (set_options.labels.has_direct_lvm()) set_options.pool_maker = &lvm;
  set_options.lock_patience = config.lock_patience;
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<thinp::DeviceSet> set,
                         thinp::DeviceSet::Open(dm, set_options));
  DMKIT_ASSIGN_OR_RETURN(const Options options, WithRemembered(config.options, set->labels()));
  const std::string run_dir = absl::StrCat(config.run_root, "/", set->uuid());
  DMKIT_ASSIGN_OR_RETURN(LayerLocks locks, LayerLocks::Open(host, run_dir, config.lock_patience));
  DMKIT_ASSIGN_OR_RETURN(MountCounts counts, MountCounts::Open(host, run_dir));
  // The base is mounted for a moment only, to be filled or grown: a user's "ro" is not for it.
  DMKIT_ASSIGN_OR_RETURN(LayerMounts base_mounts,
                         LayerMounts::Open(host, *set, root, MountOptions{}));
  absl::StatusOr<thinp::proto::DeviceState> base =
      EnsureBase(host, *set, locks, base_mounts, options);
  if (!base.ok() && NeedsBase(*set, config.options, !existed)) return base.status();
  DMKIT_ASSIGN_OR_RETURN(LayerMounts mounts, LayerMounts::Open(host, *set, root, mount_options));
  std::vector<std::string> warnings = SizeWarnings(host, *set, config.options);
  auto impl = std::unique_ptr<Impl>(
      new Impl{dm, std::move(set), std::move(locks), std::move(counts), std::move(mounts),
               std::move(base), std::move(warnings), set_options.pool.min_free_percent});
  return std::unique_ptr<Driver>(new Driver(std::move(impl)));
}

absl::StatusOr<uint32_t> Driver::Impl::CountOfMounted(const LayerId& layer) const {
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, counts.Read(layer));
  return std::max<uint32_t>(count, 1);
}

absl::StatusOr<uint32_t> Driver::Impl::HandedOut(const LayerId& layer) const {
  const auto mounted = mounts.IsMounted(layer.text());
  if (sys::GetErrno(mounted.status()) == EIO) return CountOfMounted(layer);
  if (!mounted.ok()) return mounted.status();
  return *mounted ? CountOfMounted(layer) : 0;
}

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

absl::Status Driver::Create(absl::string_view id, const CreateOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  std::string origin(kBaseLayer);
  if (!options.parent.empty()) {
    DMKIT_ASSIGN_OR_RETURN(const LayerId parent_layer, LayerId::Create(options.parent));
    origin = parent_layer.text();
  }
  // Nobody may mount the parent between the look at its state and the snapshot.
  DMKIT_ASSIGN_OR_RETURN(sys::HeldLock parent_lock,
                         impl_->locks.Acquire(origin, absl::StrCat("snapshot for ", id)));
  DMKIT_ASSIGN_OR_RETURN(const thinp::proto::DeviceState parent_state,
                         impl_->FindParent(origin, parent_lock));
  thinp::proto::DeviceLabels labels = parent_state.labels();
  labels.set_created_unix_seconds(absl::ToUnixSeconds(impl_->host().clock->Now()));
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size,
                         SizeOfNewLayer(impl_->host(), parent_state, options.size));
  if (size.count() > parent_state.size_bytes()) {
    thinp::proto::DeviceState wanted = parent_state;
    wanted.set_origin(origin);
    wanted.set_size_bytes(size.count());
    *wanted.mutable_labels() = labels;
    return LayerContext(impl_->CreateLarger(layer, wanted, std::move(parent_lock)), layer);
  }
  // The new layer needs no lock: until it is made, the set activates it for nobody.
  return LayerContext(impl_->set->AddSnapshot(layer.text(), origin, size, labels).status(), layer);
}

absl::Status Driver::Remove(absl::string_view id) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "rm"));
  DMKIT_ASSIGN_OR_RETURN(const uint32_t handed_out, impl_->HandedOut(layer));
  if (handed_out != 0) {
    return sys::ErrnoStatus(
        EBUSY,
        absl::StrCat("layer \"", id, "\" is mounted at ", impl_->mounts.MountPoint(layer.text()),
                     " (handed out ", handed_out, " times): `dmkit put` it first"));
  }
  const absl::Status deleted = impl_->set->Delete(layer.text());
  if (!deleted.ok() && sys::GetErrno(deleted) != ENOENT) return LayerContext(deleted, layer);
  // What is left of it; nothing depends on that.
  impl_->mounts.RemoveMountPoint(layer.text()).IgnoreError();
  impl_->counts.Write(layer, 0).IgnoreError();
  impl_->locks.Forget(layer.text(), lock).IgnoreError();
  return deleted.ok() ? deleted : NoSuchLayer(layer);
}

absl::StatusOr<std::string> Driver::Get(absl::string_view id) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "get"));
  // A filesystem that answers EIO is not handed out.
  DMKIT_ASSIGN_OR_RETURN(const bool mounted, impl_->mounts.IsMounted(layer.text()));
  if (mounted) {
    DMKIT_ASSIGN_OR_RETURN(const uint32_t count, impl_->CountOfMounted(layer));
    DMKIT_RETURN_IF_ERROR(impl_->counts.Write(layer, count + 1));
    return impl_->mounts.RootfsPath(layer.text());
  }
  const auto device = impl_->set->Find(layer.text());
  if (!device.ok()) {
    if (sys::GetErrno(device.status()) != ENOENT) return device.status();
    impl_->locks.Forget(layer.text(), lock).IgnoreError();
    return NoSuchLayer(layer);
  }
  if (!device->labels().ready()) {
    return absl::FailedPreconditionError(
        absl::StrCat("layer \"", id, "\" is not complete: its making was interrupted; remove it"));
  }
  // A filesystem smaller than its device is as good as before: it is tried again with the next.
  if (device->labels().growing()) {
    FinishGrowth(impl_->host(), *impl_->set, impl_->mounts, *device).IgnoreError();
  }
  DMKIT_RETURN_IF_ERROR(impl_->mounts.Up(*device));
  const absl::Status counted = impl_->counts.Write(layer, 1);
  if (counted.ok()) return impl_->mounts.RootfsPath(layer.text());
  return sys::WithSecondError(LayerContext(counted, layer), "unmounting it again",
                              impl_->mounts.Down(layer.text()));
}

absl::Status Driver::Put(absl::string_view id, bool all) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "put"));
  DMKIT_ASSIGN_OR_RETURN(const uint32_t handed_out, impl_->HandedOut(layer));
  if (handed_out > 1 && !all) return impl_->counts.Write(layer, handed_out - 1);
  if (handed_out == 0) {
    if (sys::GetErrno(impl_->set->Find(layer.text()).status()) == ENOENT) {
      impl_->locks.Forget(layer.text(), lock).IgnoreError();
      return NoSuchLayer(layer);
    }
    // A device that an interrupted get or put left active goes too.
    DMKIT_RETURN_IF_ERROR(impl_->mounts.Down(layer.text()));
    impl_->counts.Write(layer, 0).IgnoreError();
    return sys::ErrnoStatus(EINVAL, absl::StrCat("layer \"", id, "\" is not mounted"));
  }
  DMKIT_RETURN_IF_ERROR(LayerContext(impl_->mounts.Down(layer.text()), layer));
  return impl_->counts.Write(layer, 0);
}

absl::StatusOr<bool> Driver::Exists(absl::string_view id) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  const absl::Status found = impl_->set->Find(layer.text()).status();
  const int error = sys::GetErrno(found);
  if (error == ENOENT) return false;
  // Without an errno it was read and not understood: the state file of a layer that exists.
  if (error != 0) return found;
  return true;
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
