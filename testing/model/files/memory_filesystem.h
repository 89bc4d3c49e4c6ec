// SPDX-License-Identifier: Apache-2.0
// A filesystem that lives in memory alone: the root filesystem, which keeps a record of what was
// synced, and tmpfs and devtmpfs, which do not.

#ifndef DMKIT_TESTING_MODEL_FILES_MEMORY_FILESYSTEM_H_
#define DMKIT_TESTING_MODEL_FILES_MEMORY_FILESYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>

#include "testing/model/files/filesystem.h"

namespace dmkit::model {

class MemoryFilesystem : public Filesystem {
 public:
  struct Limits {
    uint64_t total_bytes = 0;  // -ENOSPC beyond
    uint64_t inodes = 0;       // the same, 0 for any number
    uint32_t direct_io_bytes = 0;
  };

  MemoryFilesystem(std::string kind, sys::DeviceNumber device, std::shared_ptr<Tree> tree,
                   Limits limits);

  int BeginChange(uint64_t grows_bytes, bool makes_inode) override;
  int SyncFile(Inode& inode) override;
  int SyncDirectory(Inode& directory) override;
  int SyncAll() override;
  sys::SpaceInfo Space() const override;
  uint32_t DirectIoBytes() const override { return limits_.direct_io_bytes; }

 private:
  const Limits limits_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_MEMORY_FILESYSTEM_H_
