// SPDX-License-Identifier: Apache-2.0
// The write-back. Plan() decides in one go what goes where, without io; Write() does it, and may
// wait; Finish() makes what was given up free. Between them the Tree may change: that is for the
// next write-back.

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "testing/model/files/block_filesystem.h"

namespace dmkit::model {
namespace {

constexpr uint64_t kRunBytesMax = uint64_t{1} << 20;

// A wait that was broken off says nothing of the device.
bool IsBrokenOff(int error) { return error == -EINTR || error == -EDEADLK; }

}  // namespace

int BlockFilesystem::WriteBack() {
  if (is_writing_) {
    const int waited = core_.scheduler.Wait(
        WaitKind::kUninterruptible,
        absl::StrCat("write-back of ", kind(), " on ", device_->disk_name(), ": another one"),
        [this] { return !is_writing_; });
    if (waited != 0) return waited;
  }
  if (has_failed_) return -EROFS;
  if (!is_dirty()) return 0;
  is_writing_ = true;
  is_changed_ = false;
  changes_seen_ = tree()->changes();
  const uint64_t reserved = reserved_;
  int error = Plan();
  if (error == 0) error = Write();
  is_writing_ = false;
  if (error == 0) {
    reserved_ -= reserved;
    Finish();
    return 0;
  }
  is_changed_ = true;
  if (IsBrokenOff(error)) return error;
  has_failed_ = true;
  return error == -ENOSPC ? -ENOSPC : -EIO;
}

int BlockFilesystem::Plan() {
  std::set<uint64_t> gone;
  for (const auto& [number, stored] : stored_) gone.insert(gone.end(), number);
  for (const InodePtr& inode : tree()->Reachable()) {
    gone.erase(inode->number());
    Stored& stored = stored_[inode->number()];
    int error = PlanContents(*inode, &stored);
    if (error == 0) {
      error =
          PlanRecord(inode->number(), EncodeInode(Tree::RecordOf(*inode), stored.pages), &stored);
    }
    if (error != 0) return error;
  }
  for (const uint64_t number : gone) {
    const auto stored = stored_.find(number);
    DropStored(number, stored->second);
    stored_.erase(stored);
  }
  return PlanIndex();
}

int BlockFilesystem::PlanContents(Inode& inode, Stored* stored) {
  if (inode.attributes.type != sys::FileType::kRegular) return 0;
  for (const uint64_t page : inode.bytes.UnsyncedPages()) {
    const auto found = stored->pages.find(page);
    if (!inode.bytes.HasPage(page)) {
      stored->unwritten.erase(page);
      if (found == stored->pages.end()) continue;
      GiveUpBlock(found->second);
      stored->pages.erase(found);
      continue;
    }
    if (found == stored->pages.end()) {
      const auto before = page == 0 ? stored->pages.end() : stored->pages.find(page - 1);
      const uint64_t goal = before == stored->pages.end() ? 0 : before->second + 1;
      const uint64_t block = allocator_.Allocate(goal);
      if (block == 0) return -ENOSPC;
      stored->pages.emplace(page, block);
    }
    stored->unwritten.insert(page);
  }
  inode.bytes.Sync();
  return 0;
}

int BlockFilesystem::PlanRecord(uint64_t number, std::string record, Stored* stored) {
  if (stored->record == record) return 0;
  for (const uint64_t block : stored->blocks) GiveUpBlock(block);
  stored->blocks.clear();
  // From its end: each block names the one that follows.
  uint64_t next = 0;
  const size_t parts = (record.size() + kPayloadBytes - 1) / kPayloadBytes;
  for (size_t part = parts; part-- > 0;) {
    const absl::string_view payload =
        absl::string_view(record).substr(part * kPayloadBytes, kPayloadBytes);
    const int error = PutBlock(SealBlock(next, payload), &next);
    if (error != 0) return error;
    stored->blocks.push_back(next);
  }
  std::reverse(stored->blocks.begin(), stored->blocks.end());
  stored->record = std::move(record);
  record_blocks_max_ = std::max<uint64_t>(record_blocks_max_, parts);
  old_chunks_.insert(number / kChunkInodes);
  return 0;
}

void BlockFilesystem::DropStored(uint64_t number, const Stored& stored) {
  for (const uint64_t block : stored.blocks) GiveUpBlock(block);
  for (const auto& [page, block] : stored.pages) GiveUpBlock(block);
  old_chunks_.insert(number / kChunkInodes);
}

int BlockFilesystem::PlanIndex() {
  for (const uint64_t chunk : old_chunks_) {
    const auto old = superblock_.chunks.find(chunk);
    if (old != superblock_.chunks.end()) {
      GiveUpBlock(old->second);
      superblock_.chunks.erase(old);
    }
    is_superblock_old_ = true;
    std::map<uint64_t, uint64_t> blocks;
    for (auto stored = stored_.lower_bound(chunk * kChunkInodes);
         stored != stored_.end() && stored->first / kChunkInodes == chunk; ++stored) {
      blocks[stored->first % kChunkInodes] = stored->second.blocks.front();
    }
    if (blocks.empty()) continue;
    if (superblock_.chunks.size() == kChunksMax) return -ENOSPC;
    uint64_t block = 0;
    const int error = PutBlock(SealBlock(0, EncodeChunk(blocks)), &block);
    if (error != 0) return error;
    superblock_.chunks[chunk] = block;
  }
  old_chunks_.clear();
  return 0;
}

int BlockFilesystem::PutBlock(std::string bytes, uint64_t* block) {
  const uint64_t at = allocator_.Allocate(0);
  if (at == 0) return -ENOSPC;
  unwritten_[at] = std::move(bytes);
  *block = at;
  return 0;
}

void BlockFilesystem::GiveUpBlock(uint64_t block) {
  unwritten_.erase(block);
  given_up_.insert(block);
}

int BlockFilesystem::Write() {
  for (const InodePtr& inode : tree()->Reachable()) {
    const auto stored = stored_.find(inode->number());
    if (stored == stored_.end() || stored->second.unwritten.empty()) continue;
    const int error = WritePages(*inode, stored->second);
    if (error != 0) return error;
  }
  return WriteMetadata();
}

// Past the page cache of the device, in runs.
int BlockFilesystem::WritePages(const Inode& inode, const Stored& stored) {
  std::string bytes;
  for (auto page = stored.unwritten.begin(); page != stored.unwritten.end();) {
    const uint64_t first = *page;
    const uint64_t block = stored.pages.at(first);
    uint64_t count = 0;
    while (page != stored.unwritten.end() && *page == first + count &&
           stored.pages.at(*page) == block + count && count * kBlockBytes < kRunBytesMax) {
      ++page;
      ++count;
    }
    bytes.resize(count * kBlockBytes);
    inode.bytes.Read(first * kBlockBytes, absl::MakeSpan(&bytes[0], bytes.size()));
    device_->Forget(block * kBlockBytes, bytes.size());
    const int error = device_->Write(block * kBlockBytes, bytes);
    if (error != 0) return error;
  }
  return 0;
}

int BlockFilesystem::WriteMetadata() {
  for (const auto& [block, bytes] : unwritten_) {
    const int error = device_->BufferedWrite(block * kBlockBytes, bytes);
    if (error != 0) return error;
  }
  const int synced = device_->SyncBuffered();
  if (synced != 0 || !is_superblock_old_) return synced;
  ++superblock_.generation;
  const int error = device_->BufferedWrite(0, EncodeSuperblock(superblock_));
  return error != 0 ? error : device_->SyncBuffered();
}

void BlockFilesystem::Finish() {
  is_superblock_old_ = false;
  unwritten_.clear();
  for (auto& [number, stored] : stored_) stored.unwritten.clear();
  const std::set<uint64_t> blocks = std::move(given_up_);
  given_up_.clear();
  if (words_.discard) DiscardBlocks(blocks);
  for (const uint64_t block : blocks) allocator_.Free(block);
}

// Before they are free: the discard may wait. What it says does not matter.
void BlockFilesystem::DiscardBlocks(const std::set<uint64_t>& blocks) {
  for (auto block = blocks.begin(); block != blocks.end();) {
    const uint64_t first = *block;
    uint64_t count = 0;
    while (block != blocks.end() && *block == first + count) {
      ++block;
      ++count;
    }
    device_->Forget(first * kBlockBytes, count * kBlockBytes);
    device_->Discard(first * kBlockBytes, count * kBlockBytes);
  }
}

}  // namespace dmkit::model
