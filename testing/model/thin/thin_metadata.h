// SPDX-License-Identifier: Apache-2.0
// What a pool knows, in memory and as bytes on its metadata device: thin devices, their mappings,
// which data blocks are in use, the transaction. Mirrors drivers/md/dm-thin-metadata.c. Nothing of
// tables, modes, and the io of thin devices.
//
// The bytes are the kernel's format, block by block, and so is the way there: trees and space maps
// are changed by copying what a committed transaction refers to (btree.h, space_map.h), a commit
// writes the changed blocks, flushes, writes the superblock, and flushes. What a snapshot costs is
// the same however much its origin maps.
//
// The count of used metadata blocks follows from that. It equals a kernel's where tests have a
// kernel's figures: a new pool, one that has grown, the history of pool_golden_test.cc. It is no
// promise, though, since counts of three references and more have a tree of their own, which is
// changed by the commit here, key by key, and by each change of a count there. So
//  * before a commit a kernel may show more: the blocks of that tree on the way to a changed count,
//    which it has copied already and the commit copies here;
//  * after a commit the tree may have a few blocks more or fewer than a kernel's, once it has more
//    counts than one block holds (some 300): what came in another order was split elsewhere.
// The index of a large data device is the second such tree: here all of its changes wait for the
// commit, in a kernel those of 64 bitmaps (of 16320 blocks each).
//
// Results are 0 or a negative errno. Every function with an int for a result gives -EINVAL after a
// failed Abort (fail_io), -EPERM where it would change something of read-only metadata, -ENOSPC
// where it would need a metadata block and there is none, -EIO (or what the device says), -ENOTBLK
// and -EILSEQ where a block cannot be read, does not know its own place, or has a wrong checksum.
// After an error of a changing function only Abort makes sense.

#ifndef DMKIT_TESTING_MODEL_THIN_THIN_METADATA_H_
#define DMKIT_TESTING_MODEL_THIN_THIN_METADATA_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "testing/model/block_layer.h"

namespace dmkit::model {

// What a pool knows of one thin device, committed or not.
struct ThinState {
  uint32_t id = 0;
  uint64_t mapped_blocks = 0;
  uint64_t transaction_id = 0;
  uint32_t creation_time = 0;
  uint32_t snapshotted_time = 0;
};

// struct dm_thin_device: a thin device that somebody has open, or that changed since the last
// commit. Stays valid from OpenThinDevice to CloseThinDevice, also across an Abort.
class ThinDevice {
 public:
  uint32_t id() const { return state_.id; }
  const ThinState& state() const { return state_; }
  // Something of it was changed since the last commit: a flush of the device has to commit.
  bool changed_this_transaction() const { return changed_; }
  // An Abort took changes of it back: what was written to it may be lost, so its io has to fail.
  bool aborted_changes() const { return aborted_with_changes_; }

 private:
  friend class PoolMetadata;
  ThinState state_;
  uint32_t opens_ = 0;
  bool changed_ = false;
  bool aborted_with_changes_ = false;
};

struct ThinLookup {
  uint64_t block = 0;   // of the data device
  bool shared = false;  // mapped before the device's last snapshot: a write must break the sharing
};

// A run of blocks that are mapped to neighbours.
struct ThinRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t data_begin = 0;
  bool maybe_shared = false;
};

class PoolMetadata {
 public:
  // dm_pool_metadata_open(). Formats a device whose first 4 KiB are zero, at once, when `format` is
  // set. -EPERM: it would have to but must not; -ENOTBLK: the superblock is not at its place;
  // -EILSEQ: wrong magic or checksum; -EINVAL: another data block size, features that are not known
  // (those that forbid writing count only when the device is writable), or fewer than 4 blocks to
  // format; -ENOSPC: fewer than 8. `device` must stay open until the object is gone.
  static int Open(BlockDevice& device, uint64_t data_block_sectors, bool format,
                  std::unique_ptr<PoolMetadata>* metadata);
  // Without Close(): nothing is written.
  ~PoolMetadata();
  PoolMetadata(const PoolMetadata&) = delete;
  PoolMetadata& operator=(const PoolMetadata&) = delete;

  // dm_pool_metadata_close(): commits when it can, and takes note of no error in that. -EBUSY, and
  // nothing done, when thin devices are open. Afterwards only the destructor may be called.
  int Close();

  // ---- Thin devices.

  int CreateThin(uint32_t id);                           // -EEXIST
  int CreateSnap(uint32_t id, uint32_t origin);          // -EEXIST; -ENODATA: no origin
  int DeleteThinDevice(uint32_t id);                     // -ENODATA; -EBUSY: it is open
  int OpenThinDevice(uint32_t id, ThinDevice** device);  // -ENODATA; opens are counted
  void CloseThinDevice(ThinDevice& device);
  // All there are, by id, with what is not committed yet.
  int ListThins(std::vector<ThinState>* thins);

  // ---- Transactions.

  // dm_pool_commit_metadata(). Does nothing before the first change since Open(). After an error
  // Abort() is due.
  int Commit();
  // dm_pool_abort_metadata(): back to the superblock on disk. As in the kernel open thin devices,
  // their counts, the transaction id and the time stay what they were. An error: fail_io.
  int Abort();
  // Called by every commit before anything of it is written: flushes the data device. A negative
  // errno fails the commit. Must not call back.
  void RegisterPreCommit(std::function<int()> callback) { pre_commit_ = std::move(callback); }
  int SetTransactionId(uint64_t current, uint64_t next);  // -EINVAL: `current` is not the current
  int GetTransactionId(uint64_t* id) const;
  int ReserveMetadataSnap();                       // commits; -EBUSY: there is one
  int ReleaseMetadataSnap();                       // -EINVAL: there is none
  int GetMetadataSnap(uint64_t* held_root) const;  // its block, or 0
  bool changed_this_transaction() const { return !changed_.empty(); }

  // ---- Mappings, in blocks of the pool's size.

  int FindBlock(const ThinDevice& device, uint64_t block, ThinLookup* lookup);  // -ENODATA
  // The first mapped run in [begin, end); -ENODATA when there is none.
  int FindMappedRange(const ThinDevice& device, uint64_t begin, uint64_t end, ThinRange* range);
  // dm_sm_new_block() of the data device: first fit behind the last one that was given; none that
  // the committed transaction still uses. -ENOSPC.
  int AllocDataBlock(uint64_t* block);
  // Maps `block` to `data_block`, whose count AllocDataBlock has taken already. What was mapped
  // there before loses one reference.
  int InsertBlock(ThinDevice& device, uint64_t block, uint64_t data_block);
  int RemoveRange(ThinDevice& device, uint64_t begin, uint64_t end);
  int HighestMappedBlock(const ThinDevice& device, uint64_t* block);  // -ENODATA: none is mapped
  int BlockIsShared(uint64_t data_block, bool* shared);  // more than one mapping leads to it
  int IncDataRange(uint64_t begin, uint64_t end);
  int DecDataRange(uint64_t begin, uint64_t end);

  // ---- Space, in blocks.

  // Free data blocks, those included that become free only with the next commit.
  int FreeBlockCount(uint64_t* blocks) const;
  // Free metadata blocks beyond the reserve of a tenth of the device, at most 4096 blocks.
  int FreeMetadataBlockCount(uint64_t* blocks) const;
  int MetadataDevSize(uint64_t* blocks) const;
  int DataDevSize(uint64_t* blocks) const;  // as committed
  // -EINVAL: smaller than it is.
  int ResizeDataDev(uint64_t blocks);
  int ResizeMetadataDev(uint64_t blocks);
  // The callback comes when an allocation leaves `threshold` free metadata blocks or fewer (the
  // reserve counts as free here), and again only after there were more. It must not call back. As
  // in the kernel an Abort forgets it.
  int RegisterMetadataThreshold(uint64_t threshold, std::function<void()> callback);

  // ---- Modes.

  void SetReadOnly() { SetWritable(false); }
  void SetReadWrite() { SetWritable(true); }
  // dm_pool_metadata_set_needs_check(). Reaches the device with the next commit or Close().
  int SetNeedsCheck();
  bool needs_check() const;
  bool fail_io() const { return fail_io_; }

 private:
  class Lock;
  struct Objects;  // what Abort builds anew: cache of blocks, trees, space maps
  struct Roots {
    uint64_t mappings = 0;
    uint64_t details = 0;
    uint64_t held = 0;
  };

  PoolMetadata(BlockDevice& device, uint64_t data_block_sectors);
  void SetWritable(bool writable);

  int OpenOrFormat(bool format);
  int Format();
  int OpenExisting();
  int BeginTransaction();
  int CommitTransaction();
  int WriteChangedDetails();
  void PutRoots(char* superblock) const;
  void TakeRoots(const char* superblock);

  int FindDevice(uint32_t id, ThinDevice** device);
  int CheckUnused(uint32_t id);
  ThinDevice& AddDevice(const ThinState& state);
  void MarkChanged(ThinDevice& device);
  int RootOf(const ThinDevice& device, uint64_t* root);
  static ThinLookup Unpack(const ThinDevice& device, uint64_t value);
  int Resize(bool metadata, uint64_t blocks);
  void SetReserve();

  BlockDevice& device_;
  const uint64_t data_block_sectors_;
  std::unique_ptr<Objects> objects_;
  Roots roots_;
  uint64_t transaction_id_ = 0;
  uint32_t time_ = 0;
  uint32_t flags_ = 0;
  uint64_t reserve_ = 0;
  bool in_service_ = false;
  bool fail_io_ = false;
  bool is_locked_ = false;
  std::function<int()> pre_commit_;
  std::map<uint32_t, std::unique_ptr<ThinDevice>> devices_;  // open ones and changed ones
  std::set<uint32_t> changed_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_THIN_METADATA_H_
