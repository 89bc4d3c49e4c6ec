// SPDX-License-Identifier: Apache-2.0

#include "thinp/read_only_pool.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "loop/loop_device.h"
#include "sys/block.h"
#include "sys/host.h"
#include "sys/status.h"
#include "thinp/metadata.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::thinp {
namespace {

constexpr absl::Duration kLoopPatience = absl::Seconds(10);

// A loop device serves a block device as well as a file.
absl::StatusOr<loop::AttachedLoop> AttachReadOnly(const sys::Host& host, const std::string& path) {
  loop::AttachOptions options;
  options.read_only = true;
  return loop::FindOrAttach(host, path, options, host.clock->Now() + kLoopPatience);
}

// What the kernel would find at the load; a blank superblock it would refuse with EPERM.
absl::StatusOr<sys::DataBlocks> RecordedBlocks(const sys::Host& host, const PoolHalves& halves) {
  DMKIT_ASSIGN_OR_RETURN(const MetadataSuperblock superblock,
                         ReadMetadataSuperblock(host, halves.metadata));
  if (superblock.data_blocks.count() != 0) return superblock.data_blocks;
  return absl::FailedPreconditionError(
      absl::StrCat(halves.metadata, " is of a pool that never had a data device"));
}

absl::Status CheckData(const PoolHalves& halves, sys::Bytes size, sys::DataBlocks recorded) {
  const sys::DataBlocks present = sys::WholeBlocks(sys::WholeSectors(size), halves.block_size);
  if (recorded <= present) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(halves.data, " has ", present.count(), " blocks, but the pool's metadata knows ",
                   recorded.count(), ": it was cut off, or belongs to another pool"));
}

}  // namespace

absl::StatusOr<MetadataSuperblock> ReadMetadataSuperblock(const sys::Host& host,
                                                          const std::string& path) {
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> file, OpenMetadata(host, path));
  return ReadSuperblock(*file, 0);
}

absl::StatusOr<std::unique_ptr<sys::File>> OpenMetadata(const sys::Host& host,
                                                        const std::string& path) {
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host.root->Stat(path));
  sys::OpenOptions options;
  // The page cache of a device does not see what a pool wrote. A file may be unable to be read so.
  options.direct = stat.type == sys::FileType::kBlockDevice;
  return host.root->OpenFile(path, options);
}

absl::StatusOr<Pool> ActivateReadOnlyPool(dm::DeviceMapper& dm, const dm::DeviceIdentity& identity,
                                          const PoolHalves& halves) {
  const sys::Host& host = dm.host();
  DMKIT_ASSIGN_OR_RETURN(const sys::DataBlocks blocks, RecordedBlocks(host, halves));
  DMKIT_ASSIGN_OR_RETURN(const loop::AttachedLoop data, AttachReadOnly(host, halves.data));
  DMKIT_ASSIGN_OR_RETURN(const loop::AttachedLoop metadata, AttachReadOnly(host, halves.metadata));
  DMKIT_RETURN_IF_ERROR(CheckData(halves, data.info.size, blocks));
  ThinPoolParams params;
  params.metadata = metadata.info.device;
  params.data = data.info.device;
  params.block_size = halves.block_size;
  params.features.skip_block_zeroing = true;
  params.features.read_only = true;
  const sys::Sectors length{blocks.count() * params.block_size.count()};
  return Pool::Create(dm, identity.name, identity.uuid, length, params);
}

}  // namespace dmkit::thinp
