// SPDX-License-Identifier: Apache-2.0

#include "driver/driver.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "driver/base_layer.h"
#include "driver/driver_impl.h"
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
  return pool;
}

absl::Status NoSuchLayer(const LayerId& layer) {
  return sys::ErrnoStatus(
      ENOENT, absl::StrCat("layer \"", layer.text(), "\" does not exist (see `dmkit ls`)"));
}

absl::Status LayerContext(const absl::Status& status, const LayerId& layer) {
  return sys::AddContext(status, absl::StrCat("layer \"", layer.text(), "\""));
}

// Whatever a store that is still to be made needs, before anything is made.
absl::Status CheckBeforeMaking(const sys::Host& host, const DriverConfig& config) {
  DMKIT_ASSIGN_OR_RETURN(const bool exists, thinp::SetExists(host, config.root));
  if (exists) return absl::OkStatus();
  if (!config.create) {
    return sys::ErrnoStatus(
        ENOENT, absl::StrCat("there is no store at ", config.root, " (`dmkit create` makes one)"));
  }
  return CheckBaseOptions(host, config.options);
}

}  // namespace

Driver::Driver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Driver::~Driver() = default;

absl::StatusOr<std::unique_ptr<Driver>> Driver::Open(dm::DeviceMapper& dm,
                                                     const DriverConfig& config) {
  const sys::Host& host = dm.host();
  if (!absl::StartsWith(config.root, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("root \"", config.root, "\" must be an absolute path"));
  }
  DMKIT_ASSIGN_OR_RETURN(const MountOptions mount_options,
                         ParseMountOptions(config.options.mount_options));
  DMKIT_RETURN_IF_ERROR(CheckBeforeMaking(host, config));
  thinp::DeviceSetOptions set_options;
  set_options.root = config.root;
  set_options.create = config.create;
  set_options.pool = ToPoolOptions(config.options);
  set_options.lock_patience = config.lock_patience;
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<thinp::DeviceSet> set,
                         thinp::DeviceSet::Open(dm, set_options));
  const std::string run_dir = absl::StrCat(config.run_root, "/", set->uuid());
  DMKIT_ASSIGN_OR_RETURN(LayerLocks locks, LayerLocks::Open(host, run_dir, config.lock_patience));
  DMKIT_ASSIGN_OR_RETURN(MountCounts counts, MountCounts::Open(host, run_dir));
  // The base is mounted for a moment only, to be filled or grown: a user's "ro" is not for it.
  DMKIT_ASSIGN_OR_RETURN(LayerMounts base_mounts,
                         LayerMounts::Open(host, *set, config.root, MountOptions{}));
  DMKIT_ASSIGN_OR_RETURN(thinp::proto::DeviceState base,
                         EnsureBase(host, *set, locks, base_mounts, config.options));
  DMKIT_ASSIGN_OR_RETURN(LayerMounts mounts,
                         LayerMounts::Open(host, *set, config.root, mount_options));
  auto impl = std::unique_ptr<Impl>(new Impl{
      dm, std::move(set), std::move(locks), std::move(counts), std::move(mounts), std::move(base)});
  return std::unique_ptr<Driver>(new Driver(std::move(impl)));
}

absl::StatusOr<uint32_t> Driver::Impl::HandedOut(const LayerId& layer) const {
  DMKIT_ASSIGN_OR_RETURN(const bool mounted, mounts.IsMounted(layer.text()));
  if (!mounted) return 0;
  DMKIT_ASSIGN_OR_RETURN(const uint32_t count, counts.Read(layer));
  return std::max<uint32_t>(count, 1);
}

absl::Status Driver::Create(absl::string_view id, absl::string_view parent) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  std::string origin(kBaseLayer);
  if (!parent.empty()) {
    DMKIT_ASSIGN_OR_RETURN(const LayerId parent_layer, LayerId::Create(parent));
    origin = parent_layer.text();
  }
  // Nobody may mount the parent between the look at its state and the snapshot.
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock,
                         impl_->locks.Acquire(origin, absl::StrCat("snapshot for ", id)));
  const auto parent_state = impl_->set->Find(origin);
  if (!parent_state.ok()) {
    if (sys::GetErrno(parent_state.status()) != ENOENT) return parent_state.status();
    impl_->locks.Forget(origin, lock).IgnoreError();
    return sys::AddContext(parent_state.status(), absl::StrCat("unknown parent \"", parent, "\""));
  }
  if (!parent_state->labels().ready()) {
    return absl::FailedPreconditionError(
        absl::StrCat("parent \"", origin, "\" is not complete: its making was interrupted"));
  }
  thinp::proto::DeviceLabels labels = parent_state->labels();
  labels.set_created_unix_seconds(absl::ToUnixSeconds(impl_->host().clock->Now()));
  const auto created =
      impl_->set->AddSnapshot(layer.text(), origin, sys::Bytes{parent_state->size_bytes()}, labels);
  return LayerContext(created.status(), layer);
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
  // What is left of it below /run; nothing depends on that.
  impl_->counts.Write(layer, 0).IgnoreError();
  impl_->locks.Forget(layer.text(), lock).IgnoreError();
  return deleted.ok() ? deleted : NoSuchLayer(layer);
}

absl::StatusOr<std::string> Driver::Get(absl::string_view id) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "get"));
  DMKIT_ASSIGN_OR_RETURN(const uint32_t handed_out, impl_->HandedOut(layer));
  if (handed_out != 0) {
    DMKIT_RETURN_IF_ERROR(impl_->counts.Write(layer, handed_out + 1));
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
  const auto found = impl_->set->Find(layer.text());
  // A state file that cannot be read is one of a layer that exists.
  return sys::GetErrno(found.status()) != ENOENT;
}

absl::Status Driver::Cleanup() {
  absl::Status first;
  const auto keep_first = [&first](const absl::Status& status) {
    if (first.ok()) first = status;
  };
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> mounted, impl_->mounts.List());
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> active, impl_->set->ActiveDevices());
  for (const std::vector<std::string>* names : {&mounted, &active}) {
    for (const std::string& name : *names) {
      const auto lock = impl_->locks.Acquire(name, "cleanup");
      if (!lock.ok()) {
        keep_first(lock.status());
        continue;
      }
      keep_first(impl_->mounts.Down(name));
      const auto layer = LayerId::Create(name);
      if (layer.ok()) keep_first(impl_->counts.Write(*layer, 0));
    }
  }
  keep_first(impl_->set->DeactivatePool());
  return first;
}

}  // namespace dmkit::driver
