// SPDX-License-Identifier: Apache-2.0
// The target thin: a device whose blocks are a pool's, or its external origin's until they are
// written. Mirrors struct thin_c and what is done with it in drivers/md/dm-thin.c; read in v6.1 and
// v6.12. Io that the kernel gives to its worker is done at once, by the caller.

#ifndef DMKIT_TESTING_MODEL_THIN_THIN_TARGET_H_
#define DMKIT_TESTING_MODEL_THIN_THIN_TARGET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "testing/model/dm_table.h"
#include "testing/model/dm_target.h"
#include "testing/model/thin/pool.h"

namespace dmkit::model {

class ThinTarget : public Target {
 public:
  // `device` was opened in the pool's metadata; the target closes it. `origin` may be null.
  ThinTarget(const TargetArguments& arguments, std::shared_ptr<Pool> pool, ThinDevice& device,
             std::shared_ptr<TableDevice> pool_device, std::shared_ptr<TableDevice> origin);
  ~ThinTarget() override;

  int Map(const Io& io) override;
  void Status(StatusKind kind, bool no_flush, std::string* out) override;
  void Presuspend() override;
  void Postsuspend() override { requeues_ = false; }
  int Preresume() override;
  void VisitDevices(const DeviceVisitor& visit) const override;
  void AdjustLimits(QueueLimits* limits) const override;
  Discards discards() const override { return discards_; }

 private:
  int MapFlush(const Io& io);
  int MapRange(const Io& io);
  int MapWriteZeroes(const Io& io);
  // For io inside one block.
  int Read(const Io& io);
  int ReadOrigin(const Io& io);
  int Write(const Io& io);
  int WriteNewBlock(const Io& io, const ThinLookup* shared, uint64_t data_block);
  int Overwrite(const Io& io, uint64_t data_block);
  // Done to a block that was allocated, before it is mapped.
  int Copy(BlockDevice& from, uint64_t offset, uint64_t data_block, uint64_t length);
  int Zero(uint64_t data_block, uint64_t from);
  int InsertPrepared(const Io& io, uint64_t data_block, int prepared, bool is_written);
  int Insert(const Io& io, uint64_t data_block, int prepared, bool is_written);

  int Issue(const Io& io, bool is_flush);
  int CommitChanges();
  int WaitForRoom();

  int Discard(const Io& io);
  int DiscardBlocks(uint64_t begin, uint64_t end);
  int UnmapAndPassDown(uint64_t begin, uint64_t end);
  int UnmapMapped(const ThinRange& range, std::vector<ThinRange>* held);
  void PassDown(uint64_t begin, uint64_t end, bool maybe_shared);
  bool SkipShared(bool shared, uint64_t end, uint64_t* block);

  uint64_t BlockOf(const Io& io) const { return io.offset / pool_->block_bytes(); }
  bool IsWholeBlock(const Io& io) const { return io.length == pool_->block_bytes(); }
  // The same io at its place in a data block.
  Io At(const Io& io, uint64_t data_block) const;
  int StatusOfMappings(std::string* out);

  const std::shared_ptr<Pool> pool_;
  ThinDevice& device_;
  const std::shared_ptr<TableDevice> pool_device_;
  const std::shared_ptr<TableDevice> origin_;
  const Discards discards_;
  uint64_t origin_bytes_ = 0;
  bool requeues_ = false;  // requeue_mode
  ActiveThin active_;
};

class ThinType : public TargetType {
 public:
  explicit ThinType(std::shared_ptr<PoolRegistry> registry);
  int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override;

 private:
  int OpenThin(const TargetArguments& arguments, const TableDevice& pool_device,
               std::shared_ptr<Pool>* pool, ThinDevice** device) const;

  const std::shared_ptr<PoolRegistry> registry_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_THIN_TARGET_H_
