// SPDX-License-Identifier: Apache-2.0
// Mappings of thin devices, and space.

#include <algorithm>
#include <cerrno>
#include <utility>

#include "testing/model/thin/thin_metadata_objects.h"

namespace dmkit::model {
namespace {

constexpr uint64_t kMaxReserve = 4096;

}  // namespace

// A block is shared when its device was snapshotted after the block was mapped.
ThinLookup PoolMetadata::Unpack(const ThinDevice& device, uint64_t value) {
  return {BlockOf(value), device.state_.snapshotted_time > TimeOf(value)};
}

int PoolMetadata::RootOf(const ThinDevice& device, uint64_t* root) {
  char value[8];
  const int result = objects_->devices.Lookup(roots_.mappings, device.id(), value);
  if (result == 0) *root = Get64(value);
  return result;
}

int PoolMetadata::FindBlock(const ThinDevice& device, uint64_t block, ThinLookup* lookup) {
  Lock lock(*this);
  int result = lock.error();
  uint64_t root = 0;
  if (result == 0) result = RootOf(device, &root);
  char value[8];
  if (result == 0) result = objects_->blocks.Lookup(root, block, value);
  if (result == 0) *lookup = Unpack(device, Get64(value));
  return result;
}

int PoolMetadata::FindMappedRange(const ThinDevice& device, uint64_t begin, uint64_t end,
                                  ThinRange* range) {
  Lock lock(*this);
  int result = lock.error();
  if (result != 0) return result;
  if (end < begin) return -ENODATA;
  uint64_t root = 0;
  result = RootOf(device, &root);
  char value[8];
  if (result == 0) result = objects_->blocks.LookupNext(root, begin, &begin, value);
  if (result != 0) return result;
  if (begin >= end) return -ENODATA;
  const ThinLookup first = Unpack(device, Get64(value));
  uint64_t at = begin + 1;
  for (; at != end; ++at) {
    result = objects_->blocks.Lookup(root, at, value);
    if (result == -ENODATA) break;
    if (result != 0) return result;
    const ThinLookup next = Unpack(device, Get64(value));
    if (next.block != first.block + (at - begin) || next.shared != first.shared) break;
  }
  *range = {begin, at, first.block, first.shared};
  return 0;
}

int PoolMetadata::AllocDataBlock(uint64_t* block) {
  Lock lock(*this);
  const int result = lock.Change();
  return result == 0 ? objects_->data_map.NewBlock(block) : result;
}

int PoolMetadata::InsertBlock(ThinDevice& device, uint64_t block, uint64_t data_block) {
  Lock lock(*this);
  int result = lock.Change();
  char* root = nullptr;
  if (result == 0) result = objects_->devices.ShadowValue(&roots_.mappings, device.id(), &root);
  if (result != 0) return result;
  uint64_t subtree = Get64(root);
  char value[8];
  Put64(value, PackBlockTime(data_block, time_));
  bool inserted = false;
  result = objects_->blocks.Insert(&subtree, block, value, &inserted);
  if (result != 0) return result;
  Put64(root, subtree);
  if (inserted) ++device.state_.mapped_blocks;
  MarkChanged(device);
  return 0;
}

int PoolMetadata::RemoveRange(ThinDevice& device, uint64_t begin, uint64_t end) {
  Lock lock(*this);
  int result = lock.Change();
  uint64_t root = 0;
  if (result == 0) result = RootOf(device, &root);
  // The reference keeps the tree while it is out of the tree of devices.
  if (result == 0) result = objects_->transaction.Inc(root);
  if (result == 0) result = objects_->devices.Remove(&roots_.mappings, device.id());
  uint64_t total = 0;
  while (result == 0 && begin < end) {
    result = objects_->blocks.LookupNext(root, begin, &begin, nullptr);
    if (result != 0 || begin >= end) break;
    uint64_t removed = 0;
    result = objects_->blocks.RemoveLeaves(&root, &begin, end, &removed);
    total += removed;
  }
  if (result != 0 && result != -ENODATA) return result;
  device.state_.mapped_blocks -= total;
  MarkChanged(device);
  char value[8];
  Put64(value, root);
  return objects_->devices.Insert(&roots_.mappings, device.id(), value, nullptr);
}

int PoolMetadata::HighestMappedBlock(const ThinDevice& device, uint64_t* block) {
  Lock lock(*this);
  int result = lock.error();
  uint64_t root = 0;
  if (result == 0) result = RootOf(device, &root);
  return result == 0 ? objects_->blocks.HighestKey(root, block) : result;
}

int PoolMetadata::BlockIsShared(uint64_t data_block, bool* shared) {
  Lock lock(*this);
  int result = lock.error();
  uint32_t count = 0;
  if (result == 0) result = objects_->data_map.Count(data_block, &count);
  if (result == 0) *shared = count > 1;
  return result;
}

int PoolMetadata::IncDataRange(uint64_t begin, uint64_t end) {
  Lock lock(*this);
  const int result = lock.Change();
  return result == 0 ? objects_->data_map.Inc(begin, end) : result;
}

int PoolMetadata::DecDataRange(uint64_t begin, uint64_t end) {
  Lock lock(*this);
  const int result = lock.Change();
  return result == 0 ? objects_->data_map.Dec(begin, end) : result;
}

int PoolMetadata::FreeBlockCount(uint64_t* blocks) const {
  if (fail_io_) return -EINVAL;
  *blocks = objects_->data_map.free();
  return 0;
}

int PoolMetadata::FreeMetadataBlockCount(uint64_t* blocks) const {
  if (fail_io_) return -EINVAL;
  const uint64_t free = objects_->metadata_map.free();
  *blocks = free < reserve_ ? 0 : free - reserve_;
  return 0;
}

int PoolMetadata::MetadataDevSize(uint64_t* blocks) const {
  if (fail_io_) return -EINVAL;
  *blocks = objects_->metadata_map.blocks();
  return 0;
}

int PoolMetadata::DataDevSize(uint64_t* blocks) const {
  if (fail_io_) return -EINVAL;
  *blocks = objects_->data_map.committed_blocks();
  return 0;
}

void PoolMetadata::SetReserve() {
  reserve_ = std::min(kMaxReserve, objects_->metadata_map.blocks() / 10);
}

int PoolMetadata::Resize(bool metadata, uint64_t blocks) {
  Lock lock(*this);
  const int error = lock.Change();
  if (error != 0) return error;
  SpaceMap& map = metadata ? objects_->metadata_map : objects_->data_map;
  const uint64_t old_blocks = metadata ? map.blocks() : map.committed_blocks();
  if (blocks < old_blocks) return -EINVAL;
  const int result = blocks == old_blocks ? 0 : map.Extend(blocks - old_blocks);
  if (result == 0 && metadata) SetReserve();
  return result;
}

int PoolMetadata::ResizeDataDev(uint64_t blocks) { return Resize(false, blocks); }

int PoolMetadata::ResizeMetadataDev(uint64_t blocks) { return Resize(true, blocks); }

int PoolMetadata::RegisterMetadataThreshold(uint64_t threshold, std::function<void()> callback) {
  if (fail_io_) return -EINVAL;
  objects_->metadata_map.SetThreshold(threshold, std::move(callback));
  return 0;
}

}  // namespace dmkit::model
