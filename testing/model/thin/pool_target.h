// SPDX-License-Identifier: Apache-2.0
// The target thin-pool: a table's view of a pool. Mirrors struct pool_c and the pool's target
// methods of drivers/md/dm-thin.c; read in v6.1 and v6.12.

#ifndef DMKIT_TESTING_MODEL_THIN_POOL_TARGET_H_
#define DMKIT_TESTING_MODEL_THIN_POOL_TARGET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "testing/model/dm_table.h"
#include "testing/model/dm_target.h"
#include "testing/model/thin/pool.h"

namespace dmkit::model {

// calc_metadata_threshold(): from the size that the metadata device has now. In blocks.
uint64_t MetadataThreshold(const BlockDevice& metadata);
// get_metadata_dev_size_in_blocks(): what of the device a pool can use.
uint64_t MetadataBlocks(const BlockDevice& metadata);

class PoolTarget : public Target {
 public:
  PoolTarget(const TargetArguments& arguments, std::shared_ptr<Pool> pool,
             std::shared_ptr<TableDevice> metadata, std::shared_ptr<TableDevice> data,
             uint64_t low_water_blocks, const PoolFeatures& features);
  ~PoolTarget() override;

  int Map(const Io& io) override { return data_->device().Submit(io); }
  void Status(StatusKind kind, bool no_flush, std::string* out) override;
  int Message(const std::vector<std::string>& words, std::string* result) override;
  void Presuspend() override { pool_->Presuspend(); }
  void PresuspendUndo() override { pool_->PresuspendUndo(); }
  void Postsuspend() override { pool_->Postsuspend(); }
  int Preresume() override;
  void Resume() override { pool_->Resume(); }
  void VisitDevices(const DeviceVisitor& visit) const override { visit(*data_, 0, length()); }
  void AdjustLimits(QueueLimits* limits) const override;
  Discards discards() const override;

 private:
  int InfoStatus(bool no_flush, std::string* out);
  void TableStatus(std::string* out) const;
  int Dispatch(const std::vector<std::string>& words);
  int GrowData(bool* grown);
  int GrowMetadata(bool* grown);

  const std::shared_ptr<Pool> pool_;
  const std::shared_ptr<TableDevice> metadata_;
  const std::shared_ptr<TableDevice> data_;
  // The kernel's hook for limits changes the features that the next resume takes over.
  mutable PoolBinding binding_;
};

class PoolType : public TargetType {
 public:
  explicit PoolType(std::shared_ptr<PoolRegistry> registry);
  int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override;

 private:
  const std::shared_ptr<PoolRegistry> registry_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_POOL_TARGET_H_
