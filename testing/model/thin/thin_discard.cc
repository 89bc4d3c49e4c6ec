// SPDX-License-Identifier: Apache-2.0
// Discards of a thin device: blocks are unmapped, and what nobody uses any more is discarded on the
// data device. Mirrors drivers/md/dm-thin.c; read in v6.1 and v6.12.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "testing/model/thin/thin_target.h"

namespace dmkit::model {
namespace {

uint64_t DataEnd(const ThinRange& range) { return range.data_begin + (range.end - range.begin); }

}  // namespace

int ThinTarget::Discard(const Io& io) {
  if (requeues_) return kRequeue;
  if (pool_->mode() == PoolMode::kFail) return -EIO;
  if (pool_->is_read_only()) return 0;
  // Only what it covers as a whole.
  const uint64_t block = pool_->block_bytes();
  const uint64_t begin = (io.offset + block - 1) / block;
  const uint64_t end = std::max(begin, (io.offset + io.length) / block);
  return begin == end ? 0 : DiscardBlocks(begin, end);
}

int ThinTarget::DiscardBlocks(uint64_t begin, uint64_t end) {
  const PoolBinding* const binding = pool_->binding();
  if (binding == nullptr || !binding->adjusted.discard_passdown) {
    if (pool_->metadata().RemoveRange(device_, begin, end) == 0) return 0;
    pool_->MetadataFailed();
    return -EIO;
  }
  return UnmapAndPassDown(begin, end);
}

// Blocks are given back only when all is discarded, and behind a commit when one is due: such a
// commit does not give them back, and what comes behind it makes nobody commit again.
int ThinTarget::UnmapAndPassDown(uint64_t begin, uint64_t end) {
  int first_error = 0;
  std::vector<ThinRange> held;
  ThinRange range;
  while (begin != end) {
    // The kernel does what it finds, and takes an error for the end.
    if (pool_->metadata().FindMappedRange(device_, begin, end, &range) != 0) break;
    begin = range.end;
    const int error = UnmapMapped(range, &held);
    if (first_error == 0) first_error = error;
  }
  pool_->CommitWhenDue();
  for (const ThinRange& each : held) {
    // process_prepared_discard_passdown_pt2(), whatever the pool's mode has become.
    if (pool_->metadata().DecDataRange(each.data_begin, DataEnd(each)) == 0) continue;
    pool_->MetadataFailed();
    if (first_error == 0) first_error = -EIO;
  }
  return first_error;
}

// process_prepared_discard_passdown_pt1(): nobody may get the blocks while they are being
// discarded.
int ThinTarget::UnmapMapped(const ThinRange& range, std::vector<ThinRange>* held) {
  // An earlier range may have brought the pool down.
  if (pool_->mode() == PoolMode::kFail) return -EIO;
  if (pool_->is_read_only()) return 0;
  int error = pool_->metadata().RemoveRange(device_, range.begin, range.end);
  if (error == 0) error = pool_->metadata().IncDataRange(range.data_begin, DataEnd(range));
  if (error != 0) {
    pool_->MetadataFailed();
    return -EIO;
  }
  PassDown(range.data_begin, DataEnd(range), range.maybe_shared);
  held->push_back(range);
  return 0;
}

// Whether the data device does it is of no interest.
void ThinTarget::PassDown(uint64_t begin, uint64_t end, bool maybe_shared) {
  const uint64_t bytes = pool_->block_bytes();
  while (begin < end) {
    uint64_t stop = end;
    if (maybe_shared) {
      if (!SkipShared(/*shared=*/true, end, &begin)) return;
      stop = begin;
      if (!SkipShared(/*shared=*/false, end, &stop)) return;
    }
    if (begin < stop) pool_device_->device().Discard(begin * bytes, (stop - begin) * bytes);
    begin = stop;
  }
}

// Moves `block` over all up to `end` that are shared, or not. False when that cannot be known.
bool ThinTarget::SkipShared(bool shared, uint64_t end, uint64_t* block) {
  for (; *block < end; ++*block) {
    bool is_shared = false;
    if (pool_->metadata().BlockIsShared(*block, &is_shared) != 0) return false;
    if (is_shared != shared) return true;
  }
  return true;
}

}  // namespace dmkit::model
