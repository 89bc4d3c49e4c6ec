// SPDX-License-Identifier: Apache-2.0
// The pool object that the tables of one pool and of its thin devices share. Mirrors struct pool of
// drivers/md/dm-thin.c; read in v6.1 and v6.12. Tables, status lines and the io of thin devices are
// elsewhere.

#ifndef DMKIT_TESTING_MODEL_THIN_POOL_H_
#define DMKIT_TESTING_MODEL_THIN_POOL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "testing/model/dm_core.h"
#include "testing/model/thin/backing_device.h"
#include "testing/model/thin/thin_metadata.h"

namespace dmkit::model {

class Pool;

// enum pool_mode, in the order of how bad they are.
enum class PoolMode {
  kWrite,
  kOutOfDataSpace,
  kOutOfMetadataSpace,  // shown as read-only, and left when the metadata device grows
  kReadOnly,
  kFail,
};

// struct pool_features.
struct PoolFeatures {
  PoolMode mode = PoolMode::kWrite;
  bool zero_new_blocks = true;
  bool discard_enabled = true;
  bool discard_passdown = true;
  bool error_if_no_space = false;
};

// What all pools share, and where they are found.
struct PoolRegistry {
  explicit PoolRegistry(DmCore& dm_in) : dm(dm_in) {}

  // __pool_table_lookup() and __pool_table_lookup_metadata_dev(): null when there is none.
  std::shared_ptr<Pool> FindByDevice(sys::DeviceNumber device) const;
  std::shared_ptr<Pool> FindByMetadata(sys::DeviceNumber metadata) const;

  DmCore& dm;
  std::vector<std::weak_ptr<Pool>> pools;
  absl::Duration no_space_timeout = absl::Seconds(60);  // zero: never
  bool has_power = true;                                // else pools write nothing at their end
};

// What a pool's table is to the pool while it is bound: struct pool_c.
struct PoolBinding {
  DmTable& table;
  uint64_t length = 0;            // sectors
  uint64_t low_water_blocks = 0;  // of data
  PoolFeatures requested;         // as the table says
  PoolFeatures adjusted;          // what the data device allows of it, and the mode of the pool
};

// A write that waits for room, in the call that makes it.
struct WaitingIo {
  bool waits = true;
  int result = 0;  // 0: try again; kRequeue; or a negative errno
};

// A thin target to its pool.
struct ActiveThin {
  DmDevice& device;
  std::vector<WaitingIo*> waiting;  // retry_on_resume_list
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  // __pool_find(): the pool of these devices, or a new one. -EBUSY: another pool uses the metadata
  // device, or this one with other data; -EINVAL: another pool is on this mapped device; otherwise
  // what PoolMetadata::Open says.
  struct Parts {
    DmDevice& device;
    BlockDevice& metadata;
    BlockDevice& data;
    uint64_t block_sectors = 0;
    bool read_only = false;
  };
  static int Find(const std::shared_ptr<PoolRegistry>& registry, const Parts& parts,
                  std::shared_ptr<Pool>* pool, bool* created);
  // __pool_destroy(): commits what can be committed.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  const DmDevice& device() const { return device_; }
  // The same, also when that device is gone.
  sys::DeviceNumber number() const { return number_; }
  PoolMetadata& metadata() { return *metadata_; }
  // Where the metadata is, by its number; the size as it is now after Refresh().
  BackingDevice& metadata_device() { return metadata_device_; }
  uint64_t block_sectors() const { return block_sectors_; }
  uint64_t block_bytes() const { return block_sectors_ * kSectorBytes; }
  const PoolFeatures& features() const { return features_; }
  PoolMode mode() const { return features_.mode; }
  bool is_read_only() const {
    return mode() == PoolMode::kOutOfMetadataSpace || mode() == PoolMode::kReadOnly;
  }

  // ---- Tables.

  // bind_control_target() and unbind_control_target().
  void Bind(PoolBinding& binding);
  void Unbind(const PoolBinding& binding);
  const PoolBinding* binding() const { return binding_; }
  // Set before a pool is suspended and cleared after it was resumed.
  bool is_suspended() const { return is_suspended_; }

  // What pool_presuspend() and the hooks behind it do.
  void Presuspend();
  void PresuspendUndo();
  void Postsuspend();
  void Resume();

  void AddThin(ActiveThin& thin) { thins_.push_back(&thin); }
  void RemoveThin(const ActiveThin& thin);

  // ---- Modes; pool_modes.cc.

  // set_pool_mode(): an event when the mode becomes another one.
  void SetMode(PoolMode mode);
  // commit(): -EINVAL when the mode forbids it; a commit that fails makes the pool read-only.
  int Commit();
  // Before io that must not come before the metadata it depends on: Commit(), and the second
  // until the next one starts.
  int CommitForIo();
  // An event when an allocation leaves so many metadata blocks or fewer.
  int RegisterThreshold(uint64_t blocks);
  // metadata_operation_failed().
  void MetadataFailed();
  // alloc_data_block(): -ENOSPC turns the pool out of data space.
  int AllocDataBlock(uint64_t* block);
  // should_error_unserviceable_bio(): 0 when a write without room shall wait.
  int UnserviceableError() const;
  // get_pool_io_error_code().
  int IoError() const;
  // At the end of what the kernel's worker does: commits what is a second old.
  void CommitWhenDue();

 private:
  Pool(std::shared_ptr<PoolRegistry> registry, const Parts& parts);

  void Notify();
  void EnterOutOfDataSpace();
  void EnterWrite(PoolMode old_mode);
  void AbortTransaction();
  void CheckMetadataSpace();
  void CheckDataSpace();
  void CheckLowWater(uint64_t free_blocks);
  int FindFreeBlocks(uint64_t* blocks);
  void FinishWaiting(int result);
  void CommitTimeout();
  void NoSpaceTimeout();
  // Does `action` later, when there still is a pool; it does not end before `action` does.
  Scheduler::TimerId After(absl::Duration delay, void (Pool::*action)());
  void CancelTimer(std::optional<Scheduler::TimerId>* timer);
  Scheduler& scheduler() const { return registry_->dm.core().scheduler; }

  const std::shared_ptr<PoolRegistry> registry_;
  DmDevice& device_;
  const sys::DeviceNumber number_;
  BackingDevice metadata_device_;
  BackingDevice data_device_;
  const uint64_t block_sectors_;
  std::unique_ptr<PoolMetadata> metadata_;
  PoolBinding* binding_ = nullptr;
  PoolFeatures features_;
  uint64_t low_water_blocks_ = 0;
  bool is_low_water_triggered_ = false;
  bool is_suspended_ = true;
  bool is_out_of_data_space_ = false;
  std::vector<ActiveThin*> thins_;
  absl::Time last_commit_;
  std::optional<Scheduler::TimerId> commit_timer_;
  std::optional<Scheduler::TimerId> no_space_timer_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_POOL_H_
