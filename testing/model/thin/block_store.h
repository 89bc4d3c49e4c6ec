// SPDX-License-Identifier: Apache-2.0
// The blocks of a metadata device, checked when they are read and sealed when they are written.
// Mirrors drivers/md/persistent-data/dm-block-manager.c on dm-bufio. Knows nothing of what leads to
// a block. Results are 0 or a negative errno.

#ifndef DMKIT_TESTING_MODEL_THIN_BLOCK_STORE_H_
#define DMKIT_TESTING_MODEL_THIN_BLOCK_STORE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <unordered_map>

#include "testing/model/block_layer.h"
#include "testing/model/thin/metadata_format.h"

namespace dmkit::model {

// Pointers to blocks stay valid as long as the store.
class BlockStore {
 public:
  explicit BlockStore(BlockDevice& device) : device_(device) {}
  BlockStore(const BlockStore&) = delete;
  BlockStore& operator=(const BlockStore&) = delete;

  // Blocks that the device has now.
  uint64_t blocks() const { return device_.sectors() / kMetadataBlockSectors; }
  bool read_only() const { return read_only_; }
  void SetReadOnly(bool read_only) { read_only_ = read_only; }

  // -ENOTBLK: the block says that its place is another; -EILSEQ: checksum, magic of a superblock,
  // measures of a node; -EINVAL: it was read as another kind before.
  int Read(uint64_t number, BlockKind kind, const char** block);
  // The same for a block that is going to be changed. -EPERM: read-only.
  int Write(uint64_t number, BlockKind kind, char** block);
  // A block that starts as zeros, whatever it was. -EPERM: read-only.
  int WriteZero(uint64_t number, BlockKind kind, char** block);
  // Writes what was changed, then flushes. -EPERM: read-only. All blocks are tried.
  int Flush();
  // What the kernel does when it lets go of a device: writes, and asks nobody.
  void WriteDirty() { (void)WriteBlocks(); }
  // Block 0 as it is on the device. Unchecked, and not kept.
  int ReadFirst(std::array<char, kMetadataBlockBytes>* block);

 private:
  struct Block {
    std::unique_ptr<std::array<char, kMetadataBlockBytes>> bytes;
    BlockKind kind = BlockKind::kNode;
  };

  int Load(uint64_t number, BlockKind kind, Block** block);
  int WriteBlocks();

  BlockDevice& device_;
  bool read_only_ = false;
  std::unordered_map<uint64_t, Block> blocks_;
  std::set<uint64_t> dirty_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_BLOCK_STORE_H_
