// SPDX-License-Identifier: Apache-2.0
// Opening and formatting, commit and abort, transaction id and metadata snapshot, modes.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "testing/model/thin/thin_metadata_objects.h"

namespace dmkit::model {

PoolMetadata::PoolMetadata(BlockDevice& device, uint64_t data_block_sectors)
    : device_(device), data_block_sectors_(data_block_sectors) {}

PoolMetadata::~PoolMetadata() = default;

int PoolMetadata::Open(BlockDevice& device, uint64_t data_block_sectors, bool format,
                       std::unique_ptr<PoolMetadata>* metadata) {
  // The constructor is private, so std::make_unique cannot be used.
  std::unique_ptr<PoolMetadata> opened(new PoolMetadata(device, data_block_sectors));
  int result = opened->OpenOrFormat(format);
  if (result == 0) result = opened->BeginTransaction();
  if (result != 0) return result;
  opened->SetReserve();
  *metadata = std::move(opened);
  return 0;
}

int PoolMetadata::OpenOrFormat(bool format) {
  objects_ = std::make_unique<Objects>(device_);
  std::array<char, kMetadataBlockBytes> first;
  const int result = objects_->store.ReadFirst(&first);
  if (result != 0) return result;
  const bool is_blank = std::all_of(first.begin(), first.end(), [](char c) { return c == 0; });
  if (!is_blank) return OpenExisting();
  return format ? Format() : -EPERM;
}

// __format_metadata() and __write_initial_superblock().
int PoolMetadata::Format() {
  Objects& o = *objects_;
  int result = o.metadata_map.Format(std::min(o.store.blocks(), kMaxMetadataBlocks));
  if (result == 0) result = o.data_map.Format(0);
  if (result == 0) result = o.blocks.Empty(&roots_.mappings);
  if (result == 0) result = o.details.Empty(&roots_.details);
  if (result == 0) result = o.data_map.Commit();
  if (result == 0) result = o.transaction.PreCommit();
  char* superblock = nullptr;
  if (result == 0) result = o.store.WriteZero(0, BlockKind::kSuperblock, &superblock);
  if (result != 0) return result;
  Put64(superblock + SuperblockAt::kMagic, kSuperblockMagic);
  Put32(superblock + SuperblockAt::kVersion, kSuperblockVersion);
  Put32(superblock + SuperblockAt::kMetadataBlockSectors, kMetadataBlockSectors);
  Put64(superblock + SuperblockAt::kMetadataBlocks, std::min(o.store.blocks(), kMaxMetadataBlocks));
  Put32(superblock + SuperblockAt::kDataBlockSectors, static_cast<uint32_t>(data_block_sectors_));
  PutRoots(superblock);
  return o.transaction.Commit();
}

void PoolMetadata::PutRoots(char* superblock) const {
  objects_->data_map.PutRoot(superblock + SuperblockAt::kDataSpaceMap);
  objects_->metadata_map.PutRoot(superblock + SuperblockAt::kMetadataSpaceMap);
  Put64(superblock + SuperblockAt::kMappingRoot, roots_.mappings);
  Put64(superblock + SuperblockAt::kDetailsRoot, roots_.details);
}

void PoolMetadata::TakeRoots(const char* superblock) {
  roots_.mappings = Get64(superblock + SuperblockAt::kMappingRoot);
  roots_.details = Get64(superblock + SuperblockAt::kDetailsRoot);
  roots_.held = Get64(superblock + SuperblockAt::kHeldRoot);
}

// __open_metadata().
int PoolMetadata::OpenExisting() {
  Objects& o = *objects_;
  const char* superblock = nullptr;
  int result = o.store.Read(0, BlockKind::kSuperblock, &superblock);
  if (result != 0) return result;
  if (Get32(superblock + SuperblockAt::kDataBlockSectors) != data_block_sectors_) return -EINVAL;
  if (Get32(superblock + SuperblockAt::kIncompatFlags) != 0) return -EINVAL;
  const bool forbids_writing = Get32(superblock + SuperblockAt::kCompatReadOnlyFlags) != 0;
  if (forbids_writing && !device_.read_only()) return -EINVAL;
  result = o.metadata_map.Open(superblock + SuperblockAt::kMetadataSpaceMap);
  if (result == 0) result = o.data_map.Open(superblock + SuperblockAt::kDataSpaceMap);
  if (result == 0) TakeRoots(superblock);
  return result;
}

int PoolMetadata::BeginTransaction() {
  const char* superblock = nullptr;
  const int result = objects_->store.Read(0, BlockKind::kSuperblock, &superblock);
  if (result != 0) return result;
  TakeRoots(superblock);
  time_ = Get32(superblock + SuperblockAt::kTime);
  transaction_id_ = Get64(superblock + SuperblockAt::kTransactionId);
  flags_ = Get32(superblock + SuperblockAt::kFlags);
  return 0;
}

int PoolMetadata::CommitTransaction() {
  if (!in_service_) return 0;
  if (pre_commit_ != nullptr) {
    const int flushed = pre_commit_();
    if (flushed < 0) return flushed;
  }
  Objects& o = *objects_;
  int result = WriteChangedDetails();
  if (result == 0) result = o.data_map.Commit();
  if (result == 0) result = o.transaction.PreCommit();
  char* superblock = nullptr;
  if (result == 0) result = o.store.Write(0, BlockKind::kSuperblock, &superblock);
  if (result != 0) return result;
  Put32(superblock + SuperblockAt::kTime, time_);
  Put64(superblock + SuperblockAt::kHeldRoot, roots_.held);
  Put64(superblock + SuperblockAt::kTransactionId, transaction_id_);
  Put32(superblock + SuperblockAt::kFlags, flags_);
  PutRoots(superblock);
  return o.transaction.Commit();
}

int PoolMetadata::Commit() {
  Lock lock(*this);
  int result = lock.error();
  if (result == 0) result = CommitTransaction();
  return result == 0 ? BeginTransaction() : result;
}

int PoolMetadata::Abort() {
  Lock lock(*this);
  const int error = lock.Change();
  if (error != 0) return error;
  for (auto& [id, device] : devices_) device->aborted_with_changes_ = device->changed_;
  const bool read_only = objects_->store.read_only();
  // Harmless, but for a superblock that needs a check: that one arrives.
  objects_->store.WriteDirty();
  const int result = OpenOrFormat(false);
  objects_->store.SetReadOnly(read_only);
  fail_io_ = result != 0;
  return result;
}

int PoolMetadata::Close() {
  Lock lock(*this);
  for (const auto& [id, device] : devices_) {
    if (device->opens_ > 0) return -EBUSY;
  }
  if (lock.error() == 0 && !objects_->store.read_only()) (void)CommitTransaction();
  objects_->store.WriteDirty();
  return 0;
}

int PoolMetadata::SetTransactionId(uint64_t current, uint64_t next) {
  Lock lock(*this);
  const int error = lock.Change();
  if (error != 0) return error;
  if (transaction_id_ != current) return -EINVAL;
  transaction_id_ = next;
  return 0;
}

int PoolMetadata::GetTransactionId(uint64_t* id) const {
  if (fail_io_) return -EINVAL;
  *id = transaction_id_;
  return 0;
}

int PoolMetadata::ReserveMetadataSnap() {
  Lock lock(*this);
  int result = lock.Change();
  if (result != 0) return result;
  if (roots_.held != 0) return -EBUSY;
  // What is on disk must be what the roots in the copy lead to.
  result = CommitTransaction();
  TransactionManager& transaction = objects_->transaction;
  if (result == 0) result = transaction.Inc(0);
  uint64_t held = 0;
  char* copy = nullptr;
  bool inc_children = false;
  if (result == 0) {
    result = transaction.Shadow(0, BlockKind::kSuperblock, &held, &copy, &inc_children);
  }
  if (result != 0) return result;
  std::memset(copy + SuperblockAt::kDataSpaceMap, 0, kSpaceMapRootBytes);
  std::memset(copy + SuperblockAt::kMetadataSpaceMap, 0, kSpaceMapRootBytes);
  result = transaction.Inc(Get64(copy + SuperblockAt::kMappingRoot));
  if (result == 0) result = transaction.Inc(Get64(copy + SuperblockAt::kDetailsRoot));
  if (result == 0) roots_.held = held;
  return result;
}

int PoolMetadata::ReleaseMetadataSnap() {
  Lock lock(*this);
  int result = lock.Change();
  if (result != 0) return result;
  if (roots_.held == 0) return -EINVAL;
  Objects& o = *objects_;
  const uint64_t held = roots_.held;
  const char* copy = nullptr;
  result = o.store.Read(held, BlockKind::kSuperblock, &copy);
  if (result != 0) return result;
  roots_.held = 0;
  const uint64_t details = Get64(copy + SuperblockAt::kDetailsRoot);
  result = o.devices.Delete(Get64(copy + SuperblockAt::kMappingRoot));
  if (result == 0) result = o.details.Delete(details);
  return result == 0 ? o.transaction.Dec(held) : result;
}

int PoolMetadata::GetMetadataSnap(uint64_t* held_root) const {
  if (fail_io_) return -EINVAL;
  *held_root = roots_.held;
  return 0;
}

void PoolMetadata::SetWritable(bool writable) { objects_->store.SetReadOnly(!writable); }

int PoolMetadata::SetNeedsCheck() {
  Lock lock(*this);
  int result = lock.Change();
  if (result != 0) return result;
  flags_ |= kNeedsCheckFlag;
  char* superblock = nullptr;
  result = objects_->store.Write(0, BlockKind::kSuperblock, &superblock);
  if (result == 0) Put32(superblock + SuperblockAt::kFlags, flags_);
  return result;
}

bool PoolMetadata::needs_check() const { return (flags_ & kNeedsCheckFlag) != 0; }

}  // namespace dmkit::model
