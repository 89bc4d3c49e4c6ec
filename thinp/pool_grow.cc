// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool_grow.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "sys/device_number.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/units.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::thinp {
namespace {

absl::Status CheckGrowable(const Pool& pool, const ThinPoolStatus& status) {
  DMKIT_RETURN_IF_ERROR(CheckTakesMessages(pool, status));
  // The kernel leaves the sizes as they are then, and says so in its log only.
  return status.needs_check ? CheckWritable(pool, status) : absl::OkStatus();
}

absl::Status CheckSameDevice(const Pool& pool, const char* half, const std::string& path,
                             sys::DeviceNumber expected, sys::DeviceNumber found) {
  if (expected == found) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("pool ", pool.name().text(), " has its ", half, " on device ", expected.major,
                   ":", expected.minor, ", not on ", path, " (", found.major, ":", found.minor,
                   "): take it down (cleanup) and up again"));
}

// How many blocks of metadata the kernel uses of a device of `size`.
uint64_t MetadataBlocks(sys::Bytes size) {
  const sys::Sectors sectors = std::min(sys::WholeSectors(size), kMetadataSectorsMax);
  return sectors.count() * sys::kSectorBytes / kMetadataBlockBytes;
}

bool AsksForData(const std::string& file, const PoolOptions& options, const Pool& pool) {
  if (!options.data_loop_size.has_value() || file.empty()) return false;
  const sys::Sectors block_size = pool.params().block_size;
  const sys::DataBlocks blocks =
      sys::WholeBlocks(sys::WholeSectors(*options.data_loop_size), block_size);
  return blocks.count() * block_size.count() > pool.length().count();
}

}  // namespace

absl::StatusOr<bool> AsksForGrowth(const sys::Host& host, const std::string& root,
                                   const proto::PoolState& state, const PoolOptions& options,
                                   const Pool& pool) {
  const std::string metadata = LoopPath(root, state.metadata());
  const bool names_metadata = options.metadata_loop_size.has_value() && !metadata.empty();
  const bool asks = AsksForData(LoopPath(root, state.data()), options, pool);
  if (!asks && !names_metadata) return false;
  DMKIT_ASSIGN_OR_RETURN(const ThinPoolStatus status, pool.Status());
  if (!CheckGrowable(pool, status).ok()) return false;
  if (asks) return true;
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host.root->Stat(metadata));
  // The file may have its size already: a growth was interrupted before the pool had it.
  const sys::Bytes size{std::max(stat.size_bytes, options.metadata_loop_size->count())};
  return status.total_metadata_blocks < MetadataBlocks(size);
}

absl::Status GrowPool(dm::DeviceMapper& dm, const std::string& root, const proto::PoolState& state,
                      const PoolOptions& options, Pool& pool) {
  if (!state.given_pool().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("pool ", pool.name().text(),
                     " was given by the admin and is not resized: enlarge it with what made it "
                     "(lvextend); layers see the new space at once"));
  }
  if (state.read_only()) {
    return sys::ErrnoStatus(EROFS, absl::StrCat("pool ", pool.name().text(),
                                                " was imported to be read only: it is not grown"));
  }
  DMKIT_RETURN_IF_ERROR(pool.Refresh());
  DMKIT_ASSIGN_OR_RETURN(ThinPoolStatus status, pool.Status());
  DMKIT_RETURN_IF_ERROR(CheckGrowable(pool, status));
  const sys::Host& host = dm.host();
  DMKIT_RETURN_IF_ERROR(PrepareLoopFiles(host, root, state, options));
  DMKIT_ASSIGN_OR_RETURN(const Half data, OpenHalf(host, root, state.data()));
  DMKIT_RETURN_IF_ERROR(CheckSameDevice(pool, "data", BackingPath(root, state.data()),
                                        pool.params().data, data.device));
  DMKIT_ASSIGN_OR_RETURN(const Half metadata, OpenHalf(host, root, state.metadata()));
  DMKIT_RETURN_IF_ERROR(CheckSameDevice(pool, "metadata", BackingPath(root, state.metadata()),
                                        pool.params().metadata, metadata.device));
  const sys::Sectors block_size = pool.params().block_size;
  const sys::DataBlocks blocks = sys::WholeBlocks(sys::WholeSectors(data.size), block_size);
  const sys::Sectors length{blocks.count() * block_size.count()};
  if (length > pool.length()) DMKIT_RETURN_IF_ERROR(pool.GrowData(length));
  // The resume has taken what the metadata device had gained, too.
  DMKIT_ASSIGN_OR_RETURN(status, pool.Status());
  if (status.total_metadata_blocks < MetadataBlocks(metadata.size)) {
    DMKIT_RETURN_IF_ERROR(pool.GrowMetadata());
    DMKIT_ASSIGN_OR_RETURN(status, pool.Status());
  }
  // What the resume does is not part of its answer.
  DMKIT_RETURN_IF_ERROR(CheckGrowable(pool, status));
  if (status.total_data < blocks) {
    return absl::FailedPreconditionError(absl::StrCat(
        "pool ", pool.name().text(), " has ", status.total_data.count(), " data blocks, not ",
        blocks.count(), ", after its growth: the kernel log says why"));
  }
  return absl::OkStatus();
}

}  // namespace dmkit::thinp
