// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool_contents.h"

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "sys/block.h"
#include "sys/status.h"

namespace dmkit::thinp {
namespace {

absl::StatusOr<PoolContents> ReadFrom(const sys::Host& host, const Pool& pool,
                                      uint64_t superblock_block) {
  sys::OpenOptions options;
  options.direct = true;  // the kernel's own writes bypass the page cache
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::File> metadata,
                         sys::OpenBlock(host, pool.params().metadata, options));
  DMKIT_ASSIGN_OR_RETURN(const MetadataSuperblock superblock,
                         ReadSuperblock(*metadata, superblock_block));
  DMKIT_ASSIGN_OR_RETURN(const std::vector<MetadataDevice> devices,
                         ReadDevices(*metadata, superblock));
  PoolContents contents;
  for (const MetadataDevice& device : devices) contents[device.id.value()] = device;
  return contents;
}

// A pool that others may write to. What is on disk is the last commit, whole only while no other
// one follows.
absl::StatusOr<PoolContents> ReadUnchanged(const sys::Host& host, const Pool& pool,
                                           const ThinPoolStatus& before) {
  auto contents = ReadFrom(host, pool, 0);
  DMKIT_ASSIGN_OR_RETURN(const ThinPoolStatus after, pool.Status());
  if (after.transaction_id == before.transaction_id && after.used_data == before.used_data &&
      after.used_metadata_blocks == before.used_metadata_blocks) {
    return contents;
  }
  return sys::ErrnoStatus(EAGAIN, absl::StrCat("reading the contents of pool ", pool.name().text(),
                                               ": it changed meanwhile; try again"));
}

absl::Status Reserve(Pool& pool, PoolOwner owner) {
  const absl::Status reserved = pool.ReserveMetadataSnapshot();
  if (sys::GetErrno(reserved) != EBUSY) return reserved;
  if (owner == PoolOwner::kAdmin) {
    return sys::AddContext(reserved, "another program holds the pool's metadata snapshot");
  }
  DMKIT_RETURN_IF_ERROR(pool.ReleaseMetadataSnapshot());
  return pool.ReserveMetadataSnapshot();
}

}  // namespace

absl::StatusOr<PoolContents> ReadPoolContents(const sys::Host& host, Pool& pool, PoolOwner owner) {
  DMKIT_ASSIGN_OR_RETURN(const ThinPoolStatus before, pool.Status());
  if (before.mode == PoolMode::kReadOnly) return ReadFrom(host, pool, 0);
  if (owner == PoolOwner::kNobody) return ReadUnchanged(host, pool, before);
  DMKIT_RETURN_IF_ERROR(Reserve(pool, owner));
  absl::StatusOr<PoolContents> contents = [&]() -> absl::StatusOr<PoolContents> {
    DMKIT_ASSIGN_OR_RETURN(const ThinPoolStatus held, pool.Status());
    if (!held.held_metadata_root.has_value()) {
      return absl::DataLossError(
          "the pool's status names no metadata snapshot after its reservation");
    }
    return ReadFrom(host, pool, *held.held_metadata_root);
  }();
  const absl::Status released = pool.ReleaseMetadataSnapshot();
  if (!contents.ok()) {
    return sys::WithSecondError(contents.status(), "releasing the metadata snapshot", released);
  }
  if (!released.ok()) return released;
  return contents;
}

}  // namespace dmkit::thinp
