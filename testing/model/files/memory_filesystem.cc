// SPDX-License-Identifier: Apache-2.0
// Space by counting, syncs by telling the Tree.

#include "testing/model/files/memory_filesystem.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace dmkit::model {

MemoryFilesystem::MemoryFilesystem(std::string kind, sys::DeviceNumber device,
                                   std::shared_ptr<Tree> tree, Limits limits)
    : Filesystem(std::move(kind), device, std::move(tree)), limits_(limits) {}

int MemoryFilesystem::BeginChange(uint64_t grows_bytes, bool makes_inode) {
  if (makes_inode && limits_.inodes != 0 && tree()->inode_count() >= limits_.inodes) return -ENOSPC;
  // Counting is work: a large filesystem is looked at for large writes only.
  constexpr uint64_t kLarge = uint64_t{1} << 30;
  constexpr uint64_t kSmallWrite = uint64_t{1} << 20;
  if (grows_bytes == 0 || (limits_.total_bytes > kLarge && grows_bytes < kSmallWrite)) return 0;
  return grows_bytes <= Space().available_bytes ? 0 : -ENOSPC;
}

int MemoryFilesystem::SyncFile(Inode& inode) {
  tree()->SyncFile(inode);
  return 0;
}

int MemoryFilesystem::SyncDirectory(Inode& directory) {
  tree()->SyncDirectory(directory);
  return 0;
}

int MemoryFilesystem::SyncAll() {
  tree()->SyncAll();
  return 0;
}

sys::SpaceInfo MemoryFilesystem::Space() const {
  const uint64_t used = std::min(tree()->allocated(), limits_.total_bytes);
  return {limits_.total_bytes, limits_.total_bytes - used};
}

}  // namespace dmkit::model
