// SPDX-License-Identifier: Apache-2.0
// Filesystems on block devices: a Tree in memory, which is the page cache of one mount, and its
// write-back. disk_format.h has the bytes. Paths, mounts and open files must not come in.
//
// The contents of a file are written to the blocks that they have, new ones to free blocks; records
// and index always go to free blocks, and the superblock that names them is written last, between
// two flushes. What a write-back gives up is free for the next one only. So a power loss, or an io
// error on the way, leaves the names, sizes and places of the last write-back that came to its
// end, as an ordered journal does.
//
// A write-back comes at a sync, a freeze, the last unmount, when the filesystem grows, and, as a
// journal commit of a real one does, when space seems to run out. It writes everything that
// changed. When one fails the filesystem is read-only until it is mounted anew; one that was broken
// off while it waited for the device is only put off.

#ifndef DMKIT_TESTING_MODEL_FILES_BLOCK_FILESYSTEM_H_
#define DMKIT_TESTING_MODEL_FILES_BLOCK_FILESYSTEM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "testing/model/block_layer.h"
#include "testing/model/core.h"
#include "testing/model/files/block_allocator.h"
#include "testing/model/files/disk_format.h"
#include "testing/model/files/filesystem.h"
#include "testing/model/files/tree.h"

namespace dmkit::model {

// The kinds that there are, for Vfs::RegisterKind: "ext4" and "xfs".
MountBlockDevice BlockFilesystemKind(std::string kind);

// Writes an empty filesystem. -EINVAL: unknown kind, too small or no UUID; or what the device says.
int MakeFilesystem(BlockDevice& device, absl::string_view kind, absl::string_view uuid);
struct GrownBlocks {
  uint64_t before = 0;
  uint64_t after = 0;
};
// Grows the filesystem that is mounted from `device`, to the size of the device; `blocks` becomes
// its size in blocks of 4096 bytes. -EINVAL: none of this kind is mounted, or the device is
// smaller. -EROFS.
int GrowMounted(BlockDevice& device, absl::string_view kind, GrownBlocks* blocks);
// At a power loss: gives up the filesystems that nothing but a freeze kept, without a write.
void DropFrozenFilesystems(Core& core);

class BlockFilesystem : public Filesystem,
                        public MountedFilesystem,
                        public std::enable_shared_from_this<BlockFilesystem> {
 public:
  // What the words of mount's data mean here.
  struct Words {
    bool no_uuid = false;
    bool discard = false;
  };

  BlockFilesystem(Core& core, BlockHandle device, Superblock superblock, std::shared_ptr<Tree> tree,
                  bool read_only, Words words);
  ~BlockFilesystem() override;

  // Reads the Tree. -EUCLEAN, or what the device says.
  int Load();
  const Superblock& superblock() const { return superblock_; }
  int Grow();

  bool is_read_only() const override { return is_read_only_ || has_failed_; }
  int Remount(bool read_only) override;
  int BeginChange(uint64_t grows_bytes, bool makes_inode) override;
  int SyncFile(Inode& inode) override;
  int SyncDirectory(Inode& directory) override;
  int SyncAll() override;
  sys::SpaceInfo Space() const override;
  uint32_t DirectIoBytes() const override;
  uint64_t max_file_bytes() const override;
  std::string ShownOptions() const override;
  void Release() override;
  void LosePower() override;

  int Freeze() override;
  void Thaw() override;

 private:
  // What lies on the device of one inode, or will with the write-back that is going on.
  struct Stored {
    std::string record;
    std::vector<uint64_t> blocks;  // of the record
    PageBlocks pages;
    std::set<uint64_t> unwritten;  // pages that are to be written
  };

  // block_filesystem_load.cc
  int LoadRecord(uint64_t number, uint64_t block, InodeRecord* record);
  int LoadContents(const InodePtr& inode, const Stored& stored);
  int TakePages(const Stored& stored);

  // block_filesystem_write.cc
  int WriteBack();
  int Plan();
  int PlanContents(Inode& inode, Stored* stored);
  int PlanRecord(uint64_t number, std::string record, Stored* stored);
  int PlanIndex();
  void DropStored(uint64_t number, const Stored& stored);
  int PutBlock(std::string bytes, uint64_t* block);
  void GiveUpBlock(uint64_t block);
  int Write();
  int WritePages(const Inode& inode, const Stored& stored);
  int WriteMetadata();
  void Finish();
  void DiscardBlocks(const std::set<uint64_t>& blocks);

  int WaitWhileFrozen();
  bool is_dirty() const;
  uint64_t BlocksKept() const;
  bool HasRoom(uint64_t blocks) const;
  void End();

  Core& core_;
  BlockHandle device_;
  Superblock superblock_;
  BlockAllocator allocator_;
  bool is_read_only_;
  const Words words_;
  bool has_failed_ = false;
  bool is_frozen_ = false;
  bool is_writing_ = false;
  bool is_changed_ = false;         // since the last write-back began
  bool is_superblock_old_ = false;  // the one on the device
  uint64_t changes_seen_ = 0;       // of the Tree, by the last write-back
  uint64_t reserved_ = 0;           // blocks that changes since then may take, at most
  uint64_t record_blocks_max_ = 1;
  std::map<uint64_t, Stored> stored_;            // by inode number
  std::set<uint64_t> old_chunks_;                // of the index, to be written
  std::map<uint64_t, std::string> unwritten_;    // sealed blocks
  std::set<uint64_t> given_up_;                  // free when the superblock is written
  std::shared_ptr<BlockFilesystem> until_thaw_;  // keeps itself
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_BLOCK_FILESYSTEM_H_
