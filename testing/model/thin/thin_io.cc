// SPDX-License-Identifier: Apache-2.0
// Reads, writes and flushes of a thin device. Mirrors drivers/md/dm-thin.c; read in v6.1 and v6.12.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "testing/model/thin/thin_target.h"

namespace dmkit::model {
namespace {

// How much one io has of those that blocks are copied with, or that the block layer writes zeroes
// with.
constexpr uint64_t kChunkBytes = uint64_t{1} << 20;

}  // namespace

Io ThinTarget::At(const Io& io, uint64_t data_block) const {
  Io moved = io;
  moved.offset = data_block * pool_->block_bytes() + io.offset % pool_->block_bytes();
  return moved;
}

int ThinTarget::Map(const Io& io) {
  if (io.kind == IoKind::kRead) return MapRange(io);
  int result = 0;
  if (io.kind == IoKind::kFlush) {
    result = MapFlush(io);
  } else if (io.kind == IoKind::kDiscard) {
    result = Discard(io);
  } else if (io.kind == IoKind::kWriteZeroes) {
    result = MapWriteZeroes(io);
  } else {
    result = MapRange(io);
  }
  if (result != kRequeue) pool_->CommitWhenDue();
  return result;
}

// Each block is a bio of its own: one that fails does not stop the others.
int ThinTarget::MapRange(const Io& io) {
  int first_error = 0;
  for (uint64_t done = 0; done < io.length;) {
    Io part = io;
    part.offset = io.offset + done;
    part.length =
        std::min(io.length - done, pool_->block_bytes() - part.offset % pool_->block_bytes());
    if (io.into != nullptr) part.into = io.into + done;
    if (io.from != nullptr) part.from = io.from + done;
    const int error = io.kind == IoKind::kRead ? Read(part) : Write(part);
    if (error == kRequeue) return error;
    if (first_error == 0) first_error = error;
    done += part.length;
  }
  return first_error;
}

// Thin devices take no write-zeroes; the block layer writes zeroes then.
int ThinTarget::MapWriteZeroes(const Io& io) {
  const std::string zeroes(std::min(kChunkBytes, io.length), '\0');
  int first_error = 0;
  for (uint64_t done = 0; done < io.length; done += zeroes.size()) {
    Io part = io;
    part.kind = IoKind::kWrite;
    part.offset = io.offset + done;
    part.length = std::min<uint64_t>(zeroes.size(), io.length - done);
    part.from = zeroes.data();
    const int error = MapRange(part);
    if (error == kRequeue) return error;
    if (first_error == 0) first_error = error;
  }
  return first_error;
}

int ThinTarget::CommitChanges() {
  if (device_.aborted_changes()) return -EIO;
  return pool_->CommitForIo() == 0 ? 0 : -EIO;
}

// issue(): what must be on stable storage commits the metadata it depends on first.
int ThinTarget::Issue(const Io& io, bool is_flush) {
  if (is_flush && device_.changed_this_transaction()) {
    const int error = CommitChanges();
    // That has flushed the data device already.
    if (error != 0 || io.kind == IoKind::kFlush) return error;
  }
  return pool_device_->device().Submit(io);
}

int ThinTarget::MapFlush(const Io& io) {
  while (true) {
    if (requeues_) return kRequeue;
    if (pool_->mode() == PoolMode::kFail) return -EIO;
    // A flush goes the way of a write to sector 0 of the device, as seen from this target, though
    // it needs no block there.
    ThinLookup lookup;
    const uint64_t block = (0 - begin()) / pool_->block_sectors();
    const int error = pool_->metadata().FindBlock(device_, block, &lookup);
    if (error != 0 && error != -ENODATA) return -EIO;
    if (error == 0 || pool_->mode() == PoolMode::kWrite) return Issue(io, /*is_flush=*/true);
    const int refused = pool_->UnserviceableError();
    if (refused != 0) return refused;
    const int waited = WaitForRoom();
    if (waited != 0) return waited;
  }
}

int ThinTarget::Read(const Io& io) {
  if (requeues_) return kRequeue;
  if (pool_->mode() == PoolMode::kFail) return -EIO;
  ThinLookup lookup;
  const int error = pool_->metadata().FindBlock(device_, BlockOf(io), &lookup);
  if (error == 0) return pool_device_->device().Submit(At(io, lookup.block));
  if (error != -ENODATA) return -EIO;
  if (origin_ != nullptr) return ReadOrigin(io);
  std::memset(io.into, 0, io.length);
  return 0;
}

int ThinTarget::ReadOrigin(const Io& io) {
  // A pool that cannot be written does not look at the origin's end.
  if (pool_->mode() != PoolMode::kWrite) return origin_->device().Submit(io);
  Io part = io;
  part.length = io.offset < origin_bytes_ ? std::min(io.length, origin_bytes_ - io.offset) : 0;
  std::memset(io.into + part.length, 0, io.length - part.length);
  return part.length == 0 ? 0 : origin_->device().Submit(part);
}

int ThinTarget::WaitForRoom() {
  pool_->CommitWhenDue();
  WaitingIo waiting;
  active_.waiting.push_back(&waiting);
  const int error = table().device().core().scheduler.Wait(
      WaitKind::kUninterruptible,
      absl::StrCat("write to ", table().device().disk_name(), ": no space in its pool"),
      [&waiting] { return !waiting.waits; });
  active_.waiting.erase(std::find(active_.waiting.begin(), active_.waiting.end(), &waiting));
  return error != 0 ? error : waiting.result;
}

int ThinTarget::Write(const Io& io) {
  while (true) {
    if (requeues_) return kRequeue;
    if (pool_->mode() == PoolMode::kFail) return -EIO;
    ThinLookup lookup;
    const int error = pool_->metadata().FindBlock(device_, BlockOf(io), &lookup);
    if (error != 0 && error != -ENODATA) return -EIO;
    if (error == 0 && !lookup.shared) return Issue(At(io, lookup.block), io.fua);
    if (pool_->mode() == PoolMode::kWrite) {
      uint64_t data_block = 0;
      const int allocated = pool_->AllocDataBlock(&data_block);
      if (allocated == 0) return WriteNewBlock(io, error == 0 ? &lookup : nullptr, data_block);
      if (allocated != -ENOSPC) return pool_->IoError();
    }
    const int refused = pool_->UnserviceableError();
    if (refused != 0) return refused;
    const int waited = WaitForRoom();
    if (waited != 0) return waited;
  }
}

// The allocated block gets what the device had there, unless all of it is written.
int ThinTarget::WriteNewBlock(const Io& io, const ThinLookup* shared, uint64_t data_block) {
  if (shared != nullptr) {
    if (IsWholeBlock(io)) return Overwrite(io, data_block);
    const int copied = Copy(pool_device_->device(), shared->block * pool_->block_bytes(),
                            data_block, pool_->block_bytes());
    return InsertPrepared(io, data_block, copied, /*is_written=*/false);
  }
  const uint64_t begin = BlockOf(io) * pool_->block_bytes();
  if (origin_ != nullptr && begin < origin_bytes_) {
    if (IsWholeBlock(io)) return Overwrite(io, data_block);
    const uint64_t length = std::min(pool_->block_bytes(), origin_bytes_ - begin);
    int prepared = Copy(origin_->device(), begin, data_block, length);
    if (pool_->features().zero_new_blocks) {
      const int zeroed = Zero(data_block, length);
      if (prepared == 0) prepared = zeroed;
    }
    return InsertPrepared(io, data_block, prepared, /*is_written=*/false);
  }
  // Nothing to prepare: the kernel does not ask again whether the pool can still be written.
  if (!pool_->features().zero_new_blocks) return Insert(io, data_block, 0, /*is_written=*/false);
  if (IsWholeBlock(io)) return Overwrite(io, data_block);
  return InsertPrepared(io, data_block, Zero(data_block, 0), /*is_written=*/false);
}

int ThinTarget::Overwrite(const Io& io, uint64_t data_block) {
  const int written = Issue(At(io, data_block), io.fua);
  return InsertPrepared(io, data_block, written, /*is_written=*/true);
}

int ThinTarget::Copy(BlockDevice& from, uint64_t offset, uint64_t data_block, uint64_t length) {
  std::string bytes;
  for (uint64_t done = 0; done < length; done += bytes.size()) {
    bytes.resize(std::min(kChunkBytes, length - done));
    int error = from.Read(offset + done, absl::MakeSpan(&bytes[0], bytes.size()));
    if (error == 0) {
      error = pool_device_->device().Write(data_block * pool_->block_bytes() + done, bytes);
    }
    if (error != 0) return error;
  }
  return 0;
}

// From `from`, a byte of the block, to its end.
int ThinTarget::Zero(uint64_t data_block, uint64_t from) {
  Io io;
  io.kind = IoKind::kWriteZeroes;
  io.offset = data_block * pool_->block_bytes() + from;
  io.length = pool_->block_bytes() - from;
  return io.length == 0 ? 0 : pool_device_->device().Submit(io);
}

// The pool may have lost its room for metadata since the block was allocated.
int ThinTarget::InsertPrepared(const Io& io, uint64_t data_block, int prepared, bool is_written) {
  if (pool_->mode() >= PoolMode::kOutOfMetadataSpace) return pool_->IoError();
  return Insert(io, data_block, prepared, is_written);
}

// process_prepared_mapping(). A block that could not be prepared stays allocated and is lost.
int ThinTarget::Insert(const Io& io, uint64_t data_block, int prepared, bool is_written) {
  if (prepared != 0) return pool_->IoError();
  if (pool_->metadata().InsertBlock(device_, BlockOf(io), data_block) != 0) {
    pool_->MetadataFailed();
    return pool_->IoError();
  }
  if (!is_written) return Issue(At(io, data_block), io.fua);
  // complete_overwrite_bio().
  return io.fua && device_.changed_this_transaction() ? CommitChanges() : 0;
}

}  // namespace dmkit::model
