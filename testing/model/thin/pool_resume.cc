// SPDX-License-Identifier: Apache-2.0
// What a resume does to a pool before io comes: the table takes hold of it, and both of its devices
// may have grown. Mirrors pool_preresume() of drivers/md/dm-thin.c; read in v6.1 and v6.12.

#include <cerrno>

#include "testing/model/thin/pool_target.h"

namespace dmkit::model {

// maybe_resize_data_dev().
int PoolTarget::GrowData(bool* grown) {
  PoolMetadata& metadata = pool_->metadata();
  const uint64_t blocks = length() / pool_->block_sectors();
  uint64_t known = 0;
  int error = metadata.DataDevSize(&known);
  if (error != 0) return error;
  if (blocks < known) return -EINVAL;
  if (blocks == known || metadata.needs_check()) return 0;
  error = metadata.ResizeDataDev(blocks);
  if (error != 0) {
    pool_->MetadataFailed();
    return error;
  }
  *grown = true;
  return 0;
}

// maybe_resize_metadata_dev().
int PoolTarget::GrowMetadata(bool* grown) {
  PoolMetadata& metadata = pool_->metadata();
  pool_->metadata_device().Refresh();
  const uint64_t blocks = MetadataBlocks(pool_->metadata_device());
  uint64_t known = 0;
  int error = metadata.MetadataDevSize(&known);
  if (error != 0) return error;
  if (blocks < known) return -EINVAL;
  if (blocks == known || metadata.needs_check()) return 0;
  if (pool_->mode() == PoolMode::kOutOfMetadataSpace) pool_->SetMode(PoolMode::kWrite);
  error = metadata.ResizeMetadataDev(blocks);
  if (error != 0) {
    pool_->MetadataFailed();
    return error;
  }
  *grown = true;
  return 0;
}

int PoolTarget::Preresume() {
  pool_->Bind(binding_);
  bool grown = false;
  int error = GrowData(&grown);
  if (error == 0) error = GrowMetadata(&grown);
  if (error == 0 && grown) pool_->Commit();
  // A pool that has failed is resumed all the same, so that what waits in it fails too.
  return pool_->mode() == PoolMode::kFail ? 0 : error;
}

}  // namespace dmkit::model
