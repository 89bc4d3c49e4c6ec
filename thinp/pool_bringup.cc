// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool_bringup.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "loop/loop_device.h"
#include "sys/block.h"
#include "sys/status.h"
#include "thinp/given_pool.h"
#include "thinp/metadata.h"
#include "thinp/names.h"
#include "thinp/pool_grow.h"
#include "thinp/read_only_pool.h"
#include "thinp/signature.h"

namespace dmkit::thinp {
namespace {

constexpr char kDataFile[] = "pool/data";
constexpr char kMetadataFile[] = "pool/metadata";
constexpr absl::Duration kRemovePatience = absl::Seconds(10);
// The kernel cannot make a pool on less.
constexpr sys::Bytes kMetadataBytesMin{16 * kMetadataBlockBytes};
// Docker's value; a smaller pool warns at a tenth of its size instead of always.
constexpr uint64_t kLowWaterBlocksMax = 32768;

absl::Status RefuseSignature(sys::File& device, const std::string& path, bool formatted_by_us) {
  DMKIT_ASSIGN_OR_RETURN(const std::optional<Signature> found, ProbeSignature(device));
  if (!found.has_value()) return absl::OkStatus();
  if (formatted_by_us && found->kind == SignatureKind::kThinPool) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, " carries the signature of ", SignatureName(found->kind),
                   ": it is not taken. If nothing on it is needed, clear it (",
                   ClearCommand(found->kind, path), ")"));
}

// Whether an interrupted first start of this store had taken `half` already.
bool IsSameBacking(const proto::Backing& half, const proto::Backing& interrupted) {
  return half.device() == interrupted.device() && half.loop_file() == interrupted.loop_file();
}

absl::Status CheckNewDevice(const sys::Host& host, const proto::Backing& half,
                            const proto::Backing& interrupted, sys::Bytes size_min) {
  const std::string& path = half.device();
  // Held exclusively while it is looked at: another pool would share the device without a word,
  // since all dm devices have one holder.
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.exclusive = true;
  // The page cache of a device that somebody has open may be older than what is on it.
  options.direct = true;
  const auto device = OpenGivenDevice(host, path, options);
  if (sys::GetErrno(device.status()) == EBUSY) {
    return sys::AddContext(device.status(), absl::StrCat(path, " is in use: it is not taken"));
  }
  if (!device.ok()) return device.status();
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, sys::BlockSize(**device));
  if (size < size_min) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has ", size.count(), " bytes; at least ",
                                                   size_min.count(), " are needed"));
  }
  return RefuseSignature(**device, path, IsSameBacking(half, interrupted));
}

absl::Status CheckNewLoopFile(const sys::Host& host, const std::string& root,
                              const proto::Backing& half, const proto::Backing& interrupted) {
  if (IsSameBacking(half, interrupted)) return absl::OkStatus();
  const std::string path = LoopPath(root, half);
  const auto stat = host.root->StatLink(path);
  if (sys::GetErrno(stat.status()) == ENOENT) return absl::OkStatus();
  if (!stat.ok()) return stat.status();
  return absl::FailedPreconditionError(
      absl::StrCat(path,
                   " is there already, but the state of its store is not: it is not overwritten. "
                   "Restore the store's `set` file, or move the pool files away"));
}

// A copy of a root has the original's UUID, and would find the original's pool by it.
absl::Status CheckOwnFiles(const sys::Host& host, const std::string& root,
                           const proto::PoolState& state, const Pool& pool) {
  const std::string path = LoopPath(root, state.metadata());
  if (path.empty()) return absl::OkStatus();
  const sys::DeviceNumber device = pool.params().metadata;
  DMKIT_ASSIGN_OR_RETURN(const loop::LoopInfo loop, loop::Info(host, device.minor));
  const auto file = host.root->Stat(path);
  if (!file.ok() && sys::GetErrno(file.status()) != ENOENT) return file.status();
  const bool same = file.ok() && loop.device == device && loop.backing_device == file->device &&
                    loop.backing_inode == file->inode;
  if (same) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("pool ", pool.name().text(), " is up on ", loop.backing_file, ", not on ", path,
                   ": this store is a copy of the one it belongs to. Use that one, or take its "
                   "pool down first (cleanup)"));
}

// Refuses, before any table is loaded, metadata that the kernel would format although it was in
// use.
absl::Status CheckKnownMetadata(const sys::Host& host, const std::string& root,
                                const proto::Backing& backing) {
  const std::string path = BackingPath(root, backing);
  sys::OpenOptions options;
  // The page cache of a device does not see what the pool wrote. A file on tmpfs cannot be opened
  // so, and its loop device writes through the page cache.
  options.direct = !backing.device().empty();
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::File> file, host.root->OpenFile(path, options));
  DMKIT_ASSIGN_OR_RETURN(const bool blank, IsBlankMetadata(*file));
  if (!blank) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path,
                   " has an all-zero superblock although the pool was in use: it is not formatted "
                   "again, since that would lose every layer. Restore the metadata (thin_repair)"));
}

absl::StatusOr<Pool> ActivateOwnPool(dm::DeviceMapper& dm, const std::string& root,
                                     const dm::DeviceIdentity& identity,
                                     const proto::PoolState& state, const PoolOptions& options) {
  const sys::Host& host = dm.host();
  DMKIT_RETURN_IF_ERROR(PrepareLoopFiles(host, root, state, options));
  if (state.formatted()) {
    DMKIT_RETURN_IF_ERROR(CheckKnownMetadata(host, root, state.metadata()));
  }
  DMKIT_ASSIGN_OR_RETURN(const Half data, OpenHalf(host, root, state.data()));
  DMKIT_ASSIGN_OR_RETURN(const Half metadata, OpenHalf(host, root, state.metadata()));
  ThinPoolParams params;
  params.metadata = metadata.device;
  params.data = data.device;
  params.block_size = sys::Sectors{state.block_size_sectors()};
  const sys::DataBlocks blocks = sys::WholeBlocks(sys::WholeSectors(data.size), params.block_size);
  if (blocks.count() == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(BackingPath(root, state.data()), " is smaller than one block of the pool"));
  }
  params.low_water_mark = sys::DataBlocks{std::min(kLowWaterBlocksMax, blocks.count() / 10)};
  params.features.skip_block_zeroing = true;
  const sys::Sectors length{blocks.count() * params.block_size.count()};
  return Pool::Create(dm, identity.name, identity.uuid, length, params);
}

// A pool that is empty although its metadata existed: the leftover of an interrupted first start.
absl::Status CheckFresh(const Pool& pool) {
  DMKIT_ASSIGN_OR_RETURN(const ThinPoolStatus status, pool.Status());
  if (status.transaction_id == 0 && status.used_data.count() == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the metadata device holds a pool in use (transaction id ", status.transaction_id, ", ",
      status.used_data.count(), " data blocks) that is not this store's"));
}

}  // namespace

absl::StatusOr<proto::PoolState> PlanPool(dm::DeviceMapper& dm, const std::string& root,
                                          const PoolOptions& options,
                                          const proto::PoolState& interrupted) {
  if (!options.given_pool.empty()) return PlanGivenPool(dm, options.given_pool);
  const sys::Host& host = dm.host();
  const sys::Sectors block_size = options.block_size.value_or(kBlockSizeMin);
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes block_bytes, sys::ToBytes(block_size));
  proto::PoolState state;
  state.set_block_size_sectors(static_cast<uint32_t>(block_size.count()));
  if (options.data_device.empty()) {
    state.mutable_data()->set_loop_file(kDataFile);
    DMKIT_RETURN_IF_ERROR(CheckNewLoopFile(host, root, state.data(), interrupted.data()));
  } else {
    state.mutable_data()->set_device(options.data_device);
    DMKIT_RETURN_IF_ERROR(CheckNewDevice(host, state.data(), interrupted.data(), block_bytes));
  }
  if (options.metadata_device.empty()) {
    state.mutable_metadata()->set_loop_file(kMetadataFile);
    DMKIT_RETURN_IF_ERROR(CheckNewLoopFile(host, root, state.metadata(), interrupted.metadata()));
  } else {
    state.mutable_metadata()->set_device(options.metadata_device);
    DMKIT_RETURN_IF_ERROR(
        CheckNewDevice(host, state.metadata(), interrupted.metadata(), kMetadataBytesMin));
  }
  return state;
}

absl::StatusOr<Pool> BringUpPool(dm::DeviceMapper& dm, const std::string& root,
                                 absl::string_view set_uuid, const proto::PoolState& state,
                                 const PoolOptions& options) {
  if (!state.given_pool().empty()) return AdoptGivenPool(dm, state);
  DMKIT_ASSIGN_OR_RETURN(const dm::DeviceIdentity identity, Identity(set_uuid, kPoolDevice));
  const auto active = dm.Info(identity.uuid);
  if (active.ok() && active->has_active_table) {
    // By the name that it has: somebody may have renamed it.
    DMKIT_ASSIGN_OR_RETURN(const dm::DmName name, dm::DmName::Create(active->name));
    DMKIT_ASSIGN_OR_RETURN(Pool pool, Pool::Adopt(dm, name));
    DMKIT_RETURN_IF_ERROR(CheckOwnFiles(dm.host(), root, state, pool));
    DMKIT_RETURN_IF_ERROR(pool.Resume());
    DMKIT_ASSIGN_OR_RETURN(const bool asks, AsksForGrowth(dm.host(), root, state, options, pool));
    if (asks) DMKIT_RETURN_IF_ERROR(GrowPool(dm, root, state, options, pool));
    return pool;
  }
  if (active.ok()) {
    // Made by a process that ended before it was resumed.
    DMKIT_RETURN_IF_ERROR(dm::RemoveDevice(dm, identity, kRemovePatience, /*deferred=*/false));
  } else if (sys::GetErrno(active.status()) != ENXIO) {
    return active.status();
  }
  if (state.read_only()) {
    const PoolHalves halves{BackingPath(root, state.data()), BackingPath(root, state.metadata()),
                            sys::Sectors{state.block_size_sectors()}};
    return ActivateReadOnlyPool(dm, identity, halves);
  }
  DMKIT_ASSIGN_OR_RETURN(Pool pool, ActivateOwnPool(dm, root, identity, state, options));
  if (state.formatted()) return pool;
  const absl::Status fresh = CheckFresh(pool);
  if (fresh.ok()) return pool;
  const absl::Status removed = dm::RemoveDevice(dm, identity, kRemovePatience, /*deferred=*/false);
  return sys::WithSecondError(fresh, "taking the pool down", removed);
}

}  // namespace dmkit::thinp
