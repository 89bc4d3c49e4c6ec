// SPDX-License-Identifier: Apache-2.0

#include "driver/driver.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "driver/base_layer.h"
#include "driver/direct_lvm.h"
#include "driver/directory_name.h"
#include "driver/driver_impl.h"
#include "driver/layer_size.h"
#include "driver/remembered_options.h"
#include "driver/removal_policy.h"
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
  DMKIT_ASSIGN_OR_RETURN(const std::string root, CleanDirectory(config.root, "root"));
  DMKIT_ASSIGN_OR_RETURN(MountOptions mount_options,
                         ParseMountOptions(config.options.mount_options));
  mount_options.xfs_nospace_max_retries = config.options.xfs_nospace_max_retries;
  // Refused before anything is made.
  DMKIT_RETURN_IF_ERROR(DecideRemoval(config.options, dm.version(), /*data_is_loop_file=*/false));
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
  DMKIT_ASSIGN_OR_RETURN(LayerReaders readers, LayerReaders::Open(host, run_dir));
  DMKIT_ASSIGN_OR_RETURN(
      const RemovalPolicy removal,
      DecideRemoval(config.options, dm.version(), !set->data_loop_path().empty()));
  const BusyDevice busy = removal.deferred_removal ? BusyDevice::kDefer : BusyDevice::kFail;
  // The base is mounted for a moment only, to be filled or grown.
  DMKIT_ASSIGN_OR_RETURN(LayerMounts base_mounts,
                         LayerMounts::Open(host, *set, root, OptionsForWork(mount_options), busy));
  absl::StatusOr<thinp::proto::DeviceState> base =
      EnsureBase(host, *set, locks, base_mounts, options);
  if (!base.ok() && NeedsBase(*set, config.options, !existed)) return base.status();
  DMKIT_ASSIGN_OR_RETURN(LayerMounts mounts,
                         LayerMounts::Open(host, *set, root, mount_options, busy));
  std::vector<std::string> warnings = SizeWarnings(host, *set, config.options);
  auto impl = std::unique_ptr<Impl>(
      new Impl{dm, std::move(set), std::move(locks), std::move(counts), std::move(readers),
               std::move(mounts), removal, std::move(base), std::move(warnings),
               set_options.pool.min_free_percent});
  return std::unique_ptr<Driver>(new Driver(std::move(impl)));
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

}  // namespace dmkit::driver
