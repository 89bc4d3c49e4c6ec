// SPDX-License-Identifier: Apache-2.0
// Modes of a pool, commits, the allocation of data blocks, and the two timers. Mirrors
// drivers/md/dm-thin.c; read in v6.1 and v6.12.

#include <algorithm>
#include <cerrno>

#include "testing/model/thin/pool.h"

namespace dmkit::model {
namespace {

constexpr absl::Duration kCommitPeriod = absl::Seconds(1);

}  // namespace

// notify_of_pool_mode_change().
void Pool::Notify() {
  if (binding_ != nullptr) binding_->table.Event();
}

// requeue_bios(), error_retry_list().
void Pool::FinishWaiting(int result) {
  for (ActiveThin* const thin : thins_) {
    for (WaitingIo* const io : thin->waiting) {
      if (!io->waits) continue;
      io->waits = false;
      io->result = result;
    }
  }
}

void Pool::EnterOutOfDataSpace() {
  is_out_of_data_space_ = true;
  const absl::Duration timeout = registry_->no_space_timeout;
  if (features_.error_if_no_space || timeout == absl::ZeroDuration()) return;
  if (no_space_timer_.has_value()) return;
  no_space_timer_ = After(timeout, &Pool::NoSpaceTimeout);
}

void Pool::EnterWrite(PoolMode old_mode) {
  if (old_mode == PoolMode::kOutOfDataSpace) CancelTimer(&no_space_timer_);
  is_out_of_data_space_ = false;
  features_.error_if_no_space = binding_->requested.error_if_no_space;
  metadata_->SetReadWrite();
}

void Pool::SetMode(PoolMode mode) {
  // The kernel has no such case: it follows a null pointer.
  if (binding_ == nullptr) return;
  const PoolMode old_mode = features_.mode;
  if (mode == PoolMode::kWrite && metadata_->needs_check()) {
    mode = old_mode != mode ? old_mode : PoolMode::kReadOnly;
  }
  if (old_mode == PoolMode::kFail) mode = old_mode;
  switch (mode) {
    case PoolMode::kFail:
    case PoolMode::kOutOfMetadataSpace:
    case PoolMode::kReadOnly:
      metadata_->SetReadOnly();
      FinishWaiting(IoError());
      break;
    case PoolMode::kOutOfDataSpace:
      EnterOutOfDataSpace();
      break;
    case PoolMode::kWrite:
      EnterWrite(old_mode);
      break;
  }
  features_.mode = mode;
  // So that the next resume of the same table asks for the mode that the pool has.
  binding_->adjusted.mode = mode;
  if (old_mode != mode) Notify();
}

void Pool::AbortTransaction() {
  if (metadata_->Abort() != 0) SetMode(PoolMode::kFail);
  if (metadata_->SetNeedsCheck() != 0) SetMode(PoolMode::kFail);
}

void Pool::MetadataFailed() {
  AbortTransaction();
  SetMode(PoolMode::kReadOnly);
}

int Pool::RegisterThreshold(uint64_t blocks) {
  return metadata_->RegisterMetadataThreshold(blocks, [this] { Notify(); });
}

// check_for_metadata_space().
void Pool::CheckMetadataSpace() {
  uint64_t free_blocks = 0;
  const int error = metadata_->FreeMetadataBlockCount(&free_blocks);
  if ((error != 0 || free_blocks == 0) && !is_read_only()) SetMode(PoolMode::kOutOfMetadataSpace);
}

// check_for_data_space().
void Pool::CheckDataSpace() {
  if (mode() != PoolMode::kOutOfDataSpace) return;
  uint64_t free_blocks = 0;
  if (metadata_->FreeBlockCount(&free_blocks) != 0 || free_blocks == 0) return;
  SetMode(PoolMode::kWrite);
  FinishWaiting(/*result=*/0);
}

int Pool::Commit() {
  if (mode() >= PoolMode::kOutOfMetadataSpace) return -EINVAL;
  const int error = metadata_->Commit();
  if (error != 0) {
    MetadataFailed();
  } else {
    CheckMetadataSpace();
    CheckDataSpace();
  }
  return error;
}

int Pool::CommitForIo() {
  const int error = Commit();
  if (error == 0) last_commit_ = scheduler().Now();
  return error;
}

// check_low_water_mark().
void Pool::CheckLowWater(uint64_t free_blocks) {
  if (free_blocks > low_water_blocks_ || is_low_water_triggered_) return;
  is_low_water_triggered_ = true;
  Notify();
}

int Pool::FindFreeBlocks(uint64_t* blocks) {
  const int error = metadata_->FreeBlockCount(blocks);
  if (error != 0) MetadataFailed();
  return error;
}

int Pool::AllocDataBlock(uint64_t* block) {
  uint64_t free_blocks = 0;
  int error = FindFreeBlocks(&free_blocks);
  if (error != 0) return error;
  CheckLowWater(free_blocks);
  if (free_blocks == 0) {
    // A commit may free some.
    error = Commit();
    if (error == 0) error = FindFreeBlocks(&free_blocks);
    if (error != 0) return error;
  }
  error = free_blocks == 0 ? -ENOSPC : metadata_->AllocDataBlock(block);
  if (error == -ENOSPC) {
    SetMode(PoolMode::kOutOfDataSpace);
    return error;
  }
  if (error == 0) error = metadata_->FreeMetadataBlockCount(&free_blocks);
  if (error != 0) {
    MetadataFailed();
    return error;
  }
  // Before the reserve is used up.
  return free_blocks == 0 ? Commit() : 0;
}

int Pool::UnserviceableError() const {
  if (mode() != PoolMode::kOutOfDataSpace) return -EIO;
  return features_.error_if_no_space ? -ENOSPC : 0;
}

int Pool::IoError() const { return is_out_of_data_space_ ? -ENOSPC : -EIO; }

// The end of process_deferred_bios(), with do_waker().
void Pool::CommitWhenDue() {
  if (is_suspended_ || !metadata_->changed_this_transaction()) return;
  const absl::Time due = last_commit_ + kCommitPeriod;
  if (scheduler().Now() > due) {
    CommitForIo();
    return;
  }
  if (commit_timer_.has_value() || mode() >= PoolMode::kOutOfMetadataSpace) return;
  // Due is what lies behind the whole period.
  const absl::Duration delay = due - scheduler().Now() + absl::Microseconds(1);
  commit_timer_ = After(delay, &Pool::CommitTimeout);
}

void Pool::CommitTimeout() {
  commit_timer_.reset();
  CommitWhenDue();
}

// do_no_space_timeout().
void Pool::NoSpaceTimeout() {
  no_space_timer_.reset();
  if (mode() != PoolMode::kOutOfDataSpace || features_.error_if_no_space) return;
  features_.error_if_no_space = true;
  Notify();
  FinishWaiting(-ENOSPC);
}

}  // namespace dmkit::model
