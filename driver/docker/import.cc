// SPDX-License-Identifier: Apache-2.0

#include "driver/docker/import.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/nodes.h"
#include "driver/directory_name.h"
#include "driver/docker/check.h"
#include "driver/docker/pool_source.h"
#include "driver/docker/store_dir.h"
#include "driver/layer_id.h"
#include "sys/device_number.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/imported_set.h"
#include "thinp/signature.h"
#include "thinp/state.pb.h"
#include "thinp/thin_id.h"

namespace dmkit::driver {
namespace {

using thinp::proto::PoolState;

constexpr absl::Duration kRemovePatience = absl::Seconds(10);

absl::StatusOr<ImportOptions> Complete(ImportOptions options) {
  DMKIT_ASSIGN_OR_RETURN(options.docker_root, CleanDirectory(options.docker_root, "Docker store"));
  if (options.adopt && options.root.empty()) options.root = options.docker_root;
  DMKIT_ASSIGN_OR_RETURN(options.root, CleanDirectory(options.root, "root"));
  if (!options.pool_device.empty() &&
      !(options.data_device.empty() && options.metadata_device.empty())) {
    return absl::InvalidArgumentError("name either a pool or the two devices of one, not both");
  }
  const bool inside =
      absl::StartsWith(absl::StrCat(options.root, "/"), absl::StrCat(options.docker_root, "/"));
  if (!options.adopt && inside) {
    return absl::InvalidArgumentError(
        absl::StrCat("root ", options.root, " lies in the store ", options.docker_root,
                     ", where nothing may be written: name another one, or adopt the store"));
  }
  return options;
}

// One import of a store at a time, whatever it is called. Nothing is written into it for that.
absl::StatusOr<sys::HeldLock> LockStore(const sys::Host& host, const ImportOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host.root->Stat(options.docker_root));
  DMKIT_RETURN_IF_ERROR(sys::MakeDirs(*host.root, options.run_root, 0755));
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::Dir> dir, host.root->OpenDir(options.run_root));
  return sys::AcquireLock(
      host, *dir, absl::StrCat("import-", sys::FormatDeviceNumber(stat.device), "-", stat.inode),
      absl::StrCat("importing ", options.docker_root), options.lock_patience);
}

std::string PathOf(const thinp::proto::Backing& half) {
  return half.device().empty() ? half.imported_file() : half.device();
}

report::ImportReport MakeReport(const ImportOptions& options, const PoolState& pool,
                                const PoolRecord& record, const CheckedStore& checked) {
  report::ImportReport report;
  report.set_docker_root(options.docker_root);
  report.set_root(options.root);
  report.set_adopted(options.adopt);
  report.set_dry_run(options.dry_run);
  report.set_data_backing(PathOf(pool.data()));
  report.set_metadata_backing(PathOf(pool.metadata()));
  report.set_block_size_bytes(record.superblock.data_block_size.count() * sys::kSectorBytes);
  report.set_transaction_id(record.superblock.transaction_id);
  for (const auto& [name, usable] : checked.usable) {
    if (name == kBaseLayer) continue;
    report::Layer& layer = *report.add_layers();
    layer.set_id(name);
    layer.set_size_bytes(usable.device.size_bytes);
    layer.set_mapped_bytes(usable.mapped_bytes);
    layer.set_thin_id(usable.device.device_id);
    layer.set_ready(true);
  }
  for (const report::Problem& problem : checked.problems) *report.add_problems() = problem;
  return report;
}

void SetFilesystem(const std::string& filesystem, report::ImportReport& report) {
  report.set_filesystem(filesystem);
  for (report::Layer& layer : *report.mutable_layers()) layer.set_filesystem(filesystem);
}

// The dm UUID of the pool of an earlier import into the same root; empty: there was none.
absl::StatusOr<std::string> FindEarlierImport(const sys::Host& host, const ImportOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const std::optional<thinp::KnownSet> known,
                         thinp::FindSet(host, options.root));
  if (!known.has_value()) return std::string();
  const bool same = known->pool.imported_from() == options.docker_root;
  if (same && known->pool.read_only() && !options.adopt) return known->pool_uuid;
  return sys::ErrnoStatus(EEXIST,
                          absl::StrCat(options.root, " holds ",
                                       !same ? "another store already: name another root"
                                       : !known->pool.read_only()
                                           ? "this store already, adopted: use it as it is"
                                           : "this store already, to be read only: clean that up "
                                             "and remove the directory, or name another root"));
}

absl::Status CheckAdoptable(const ImportOptions& options, const PoolRecord& record) {
  if (!options.adopt || !record.superblock.needs_check) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the pool of ", options.docker_root,
                   " is marked as damaged (needs_check): run thin_check and thin_repair on its "
                   "metadata before it is adopted, or import it without"));
}

// A path in the store itself is kept without its root, so that both may be moved.
void MakeRelative(const ImportOptions& options, thinp::proto::Backing& half) {
  if (options.root != options.docker_root || half.imported_file().empty()) return;
  half.set_loop_file(half.imported_file().substr(options.root.size() + 1));
  half.clear_imported_file();
}

thinp::proto::DeviceState ToDeviceState(const std::string& name, const DockerDevice& found,
                                        const DockerSet& docker_set) {
  thinp::proto::DeviceState device;
  device.set_name(name);
  device.set_thin_id(found.device_id);
  device.set_size_bytes(found.size_bytes);
  device.set_transaction_id(found.transaction_id);
  device.mutable_labels()->set_filesystem(docker_set.base_filesystem);
  device.mutable_labels()->set_filesystem_uuid(docker_set.base_uuid);
  device.mutable_labels()->set_ready(true);
  return device;
}

thinp::ImportedSet ToImportedSet(const ImportOptions& options, PoolState pool,
                                 const PoolRecord& record, const CheckedStore& checked,
                                 const DockerSet& docker_set) {
  thinp::ImportedSet set;
  pool.set_block_size_sectors(static_cast<uint32_t>(record.superblock.data_block_size.count()));
  pool.set_read_only(!options.adopt);
  pool.set_imported_from(options.docker_root);
  MakeRelative(options, *pool.mutable_data());
  MakeRelative(options, *pool.mutable_metadata());
  set.pool = std::move(pool);
  set.transaction_id = record.superblock.transaction_id;
  thinp::ThinId last;
  for (const thinp::MetadataDevice& device : record.devices) last = std::max(last, device.id);
  set.next_thin_id = last.Plus(1).value();
  for (const auto& [name, usable] : checked.usable) {
    set.devices.push_back(ToDeviceState(name, usable.device, docker_set));
  }
  if (!options.adopt) return set;
  for (const auto& [name, device] : checked.deleted) {
    set.deleted.push_back(ToDeviceState(name, device, docker_set));
  }
  return set;
}

// What a device of the set holds, for stores older than the record of it.
absl::StatusOr<std::string> ProbeFilesystem(const sys::Host& host, thinp::DeviceSet& set,
                                            const thinp::proto::DeviceState& device) {
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceInfo active, set.Activate(device));
  const auto found = [&]() -> absl::StatusOr<std::optional<thinp::Signature>> {
    DMKIT_ASSIGN_OR_RETURN(const std::string node, dm::EnsureDeviceNode(host, active.device));
    DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> file,
                           host.root->OpenFile(node, sys::OpenOptions{}));
    return thinp::ProbeSignature(*file);
  }();
  DMKIT_RETURN_IF_ERROR(set.Deactivate(device.name(), absl::ZeroDuration(), /*deferred=*/true));
  DMKIT_RETURN_IF_ERROR(found.status());
  if (!found->has_value()) return std::string();
  if ((*found)->kind == thinp::SignatureKind::kExt) return std::string("ext4");
  if ((*found)->kind == thinp::SignatureKind::kXfs) return std::string("xfs");
  return std::string();
}

// All devices of a store hold the same one. Those that cannot be read, or hold nothing, do not
// tell.
absl::StatusOr<std::string> FindFilesystem(const sys::Host& host, thinp::DeviceSet& set,
                                           const thinp::ImportedSet& imported) {
  absl::Status first = absl::FailedPreconditionError(
      "no layer of the store holds an ext4 or xfs filesystem that can be read");
  for (const thinp::proto::DeviceState& device : imported.devices) {
    auto filesystem = ProbeFilesystem(host, set, device);
    if (filesystem.ok() && !filesystem->empty()) return filesystem;
    first = filesystem.ok() ? first : sys::AddContext(filesystem.status(), device.name());
  }
  return first;
}

// What was looked at may still be up.
absl::Status TakeDown(thinp::DeviceSet& set) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> names, set.ActiveDevices());
  for (const std::string& name : names) {
    DMKIT_RETURN_IF_ERROR(set.Deactivate(name, kRemovePatience, /*deferred=*/false));
  }
  return set.DeactivatePool();
}

// Fills in what the store does not say of its devices.
absl::Status CompleteDevices(const sys::Host& host, const ImportOptions& options,
                             thinp::DeviceSet& set, thinp::ImportedSet& imported) {
  if (imported.devices.empty() || !imported.devices[0].labels().filesystem().empty()) {
    return absl::OkStatus();
  }
  DMKIT_ASSIGN_OR_RETURN(const std::string filesystem, FindFilesystem(host, set, imported));
  for (thinp::proto::DeviceState& device : imported.devices) {
    device.mutable_labels()->set_filesystem(filesystem);
  }
  return thinp::WriteImportedSet(host, options.root, imported, options.lock_patience);
}

// Writes the state of the set, opens it, which activates its pool, and completes it; the name of
// the pool.
absl::StatusOr<std::string> MakeSet(dm::DeviceMapper& dm, const ImportOptions& options,
                                    thinp::ImportedSet& imported) {
  const sys::Host& host = dm.host();
  DMKIT_RETURN_IF_ERROR(
      thinp::WriteImportedSet(host, options.root, imported, options.lock_patience));
  thinp::DeviceSetOptions set_options;
  set_options.root = options.root;
  set_options.create = false;
  set_options.lock_patience = options.lock_patience;
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<thinp::DeviceSet> set,
                         thinp::DeviceSet::Open(dm, set_options));
  const absl::Status completed = CompleteDevices(host, options, *set, imported);
  if (completed.ok()) return set->pool().name().text();
  return sys::WithSecondError(completed, "taking the pool down", TakeDown(*set));
}

}  // namespace

absl::StatusOr<report::ImportReport> ImportDocker(dm::DeviceMapper& dm,
                                                  const ImportOptions& given) {
  const sys::Host& host = dm.host();
  DMKIT_ASSIGN_OR_RETURN(const ImportOptions options, Complete(given));
  // Whether it is a store at all comes before any directory is made.
  DMKIT_RETURN_IF_ERROR(ReadDockerStore(host, options.docker_root));
  std::optional<sys::HeldLock> lock;
  if (!options.dry_run) {
    DMKIT_ASSIGN_OR_RETURN(lock, LockStore(host, options));
  }
  DMKIT_ASSIGN_OR_RETURN(const DockerStore store, ReadDockerStore(host, options.docker_root));
  DMKIT_ASSIGN_OR_RETURN(const std::string earlier, FindEarlierImport(host, options));
  DMKIT_ASSIGN_OR_RETURN(const PoolState pool, FindDockerPool(dm, store, options));
  DMKIT_RETURN_IF_ERROR(CheckDockerPoolIdle(dm, pool, earlier));
  DMKIT_ASSIGN_OR_RETURN(const PoolRecord record, ReadDockerPool(dm, pool));
  DMKIT_RETURN_IF_ERROR(CheckAdoptable(options, record));
  const CheckedStore checked = CheckStore(store, record);
  report::ImportReport report = MakeReport(options, pool, record, checked);
  SetFilesystem(store.set.base_filesystem, report);
  if (options.dry_run) return report;
  thinp::ImportedSet imported = ToImportedSet(options, pool, record, checked, store.set);
  const auto pool_name = MakeSet(dm, options, imported);
  if (!pool_name.ok()) {
    if (!earlier.empty()) return pool_name.status();
    return sys::WithSecondError(
        pool_name.status(), "undoing the import",
        thinp::RemoveImportedSet(host, options.root, options.docker_root, options.lock_patience));
  }
  report.set_pool_name(*pool_name);
  if (!imported.devices.empty()) SetFilesystem(imported.devices[0].labels().filesystem(), report);
  return report;
}

}  // namespace dmkit::driver
