// SPDX-License-Identifier: Apache-2.0
// What a filesystem on a block device does but reading and writing its bytes.

#include "testing/model/files/block_filesystem.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dmkit::model {
namespace {

// The 32 bits of an ext4 block number in a file, in bytes.
constexpr uint64_t kExt4FileBytesMax = (uint64_t{1} << 44) - kBlockBytes;

// Blocks that growth must leave, so that files can still be removed.
constexpr uint64_t kKeptMin = 8;
constexpr uint64_t kKeptMax = 1024;
constexpr uint64_t kKeptShare = 64;  // of all blocks

}  // namespace

BlockFilesystem::BlockFilesystem(Core& core, BlockHandle device, Superblock superblock,
                                 std::shared_ptr<Tree> tree, bool read_only, Words words)
    : Filesystem(superblock.kind, device->number(), std::move(tree)),
      core_(core),
      device_(std::move(device)),
      superblock_(std::move(superblock)),
      allocator_(1, superblock_.blocks),
      is_read_only_(read_only),
      words_(words) {}

BlockFilesystem::~BlockFilesystem() {
  if (device_ && device_->filesystem() == this) device_->SetFilesystem(nullptr);
}

// Index, and the largest record twice: the old one is free only when the new one is written.
uint64_t BlockFilesystem::BlocksKept() const {
  const uint64_t share = std::clamp(superblock_.blocks / kKeptShare, kKeptMin, kKeptMax);
  return share + superblock_.chunks.size() + record_blocks_max_;
}

bool BlockFilesystem::HasRoom(uint64_t blocks) const {
  return blocks <= allocator_.free() && reserved_ <= allocator_.free() - blocks;
}

int BlockFilesystem::WaitWhileFrozen() {
  if (!is_frozen_) return 0;
  return core_.scheduler.Wait(
      WaitKind::kUninterruptible,
      absl::StrCat("change of ", kind(), " on ", device_->disk_name(), ": frozen"),
      [this] { return !is_frozen_; });
}

int BlockFilesystem::BeginChange(uint64_t grows_bytes, bool makes_inode) {
  const std::shared_ptr<BlockFilesystem> keep = shared_from_this();
  const int waited = WaitWhileFrozen();
  if (waited != 0) return waited;
  if (is_read_only()) return -EROFS;
  // The record of the inode and its chunk; for a name, those of the directory as well.
  uint64_t needed = 2;
  const bool grows = grows_bytes > 0 || makes_inode;
  if (grows_bytes > 0) {
    const uint64_t pages = grows_bytes / kBlockBytes + 2;
    // Each page may lie by itself, which takes 24 bytes of the record.
    needed += pages + pages / (kPayloadBytes / 24) + record_blocks_max_;
  }
  if (makes_inode) needed += 3 + record_blocks_max_;
  const uint64_t room = needed + (grows ? BlocksKept() : 0);
  if (!HasRoom(room)) {
    const int error = WriteBack();
    if (error != 0) return error;
    if (grows && !HasRoom(room)) return -ENOSPC;
  }
  reserved_ += needed;
  is_changed_ = true;
  return 0;
}

bool BlockFilesystem::is_dirty() const {
  return is_changed_ || tree()->changes() != changes_seen_ || is_superblock_old_;
}

int BlockFilesystem::SyncAll() {
  const std::shared_ptr<BlockFilesystem> keep = shared_from_this();
  return is_read_only_ ? 0 : WriteBack();
}

int BlockFilesystem::SyncFile(Inode&) { return SyncAll(); }

int BlockFilesystem::SyncDirectory(Inode&) { return SyncAll(); }

sys::SpaceInfo BlockFilesystem::Space() const {
  const uint64_t taken = reserved_ + BlocksKept();
  const uint64_t free = allocator_.free();
  return {(superblock_.blocks - 1) * kBlockBytes, (free > taken ? free - taken : 0) * kBlockBytes};
}

uint32_t BlockFilesystem::DirectIoBytes() const { return device_->limits().logical_block_bytes; }

uint64_t BlockFilesystem::max_file_bytes() const {
  return kind() == "ext4" ? kExt4FileBytesMax : Filesystem::max_file_bytes();
}

std::string BlockFilesystem::ShownOptions() const {
  const absl::string_view discard = words_.discard ? ",discard" : "";
  if (kind() == "ext4") return absl::StrCat(",relatime", discard);
  return absl::StrCat(",relatime", words_.no_uuid ? ",nouuid" : "", ",attr2", discard,
                      ",inode64,logbufs=8,logbsize=32k,noquota");
}

int BlockFilesystem::Remount(bool read_only) {
  const std::shared_ptr<BlockFilesystem> keep = shared_from_this();
  if (is_frozen_) return -EBUSY;
  if (read_only && !is_read_only()) {
    const int error = WriteBack();
    if (error != 0) return error;
  }
  if (!read_only && has_failed_) return -EROFS;
  if (!read_only && device_->read_only()) return -EACCES;
  is_read_only_ = read_only;
  return 0;
}

int BlockFilesystem::Freeze() {
  const std::shared_ptr<BlockFilesystem> keep = shared_from_this();
  is_frozen_ = true;
  const int error = is_read_only() ? 0 : WriteBack();
  if (error != 0) is_frozen_ = false;
  return error;
}

void BlockFilesystem::Thaw() {
  is_frozen_ = false;
  if (until_thaw_ == nullptr) return;
  // Not here: the device may go when it is given up, and its thaw is under way.
  core_.scheduler.Queue([self = std::move(until_thaw_)] { self->End(); });
  until_thaw_ = nullptr;
}

void BlockFilesystem::Release() {
  if (is_frozen_) {
    until_thaw_ = shared_from_this();
    return;
  }
  End();
}

void BlockFilesystem::End() {
  if (!device_) return;
  // Nobody is left who could be told of an error.
  if (!is_read_only()) WriteBack();
  device_->SetFilesystem(nullptr);
  device_.Reset();
}

void BlockFilesystem::LosePower() {
  if (device_) {
    device_->SetFilesystem(nullptr);
    device_->LosePageCache();
    device_.Reset();
  }
  until_thaw_ = nullptr;
}

int BlockFilesystem::Grow() {
  const std::shared_ptr<BlockFilesystem> keep = shared_from_this();
  const int waited = WaitWhileFrozen();
  if (waited != 0) return waited;
  if (is_read_only()) return -EROFS;
  const uint64_t blocks = device_->sectors() * kSectorBytes / kBlockBytes;
  if (blocks < superblock_.blocks) return -EINVAL;
  if (blocks == superblock_.blocks) return 0;
  allocator_.Grow(blocks);
  superblock_.blocks = blocks;
  is_superblock_old_ = true;
  return WriteBack();
}

int GrowMounted(BlockDevice& device, absl::string_view kind, GrownBlocks* blocks) {
  auto* const filesystem = dynamic_cast<BlockFilesystem*>(device.filesystem());
  if (filesystem == nullptr || filesystem->kind() != kind) return -EINVAL;
  const std::shared_ptr<BlockFilesystem> keep = filesystem->shared_from_this();
  blocks->before = keep->superblock().blocks;
  const int error = keep->Grow();
  blocks->after = keep->superblock().blocks;
  return error;
}

void DropFrozenFilesystems(Core& core) {
  for (BlockDevice* const device : core.blocks.List()) {
    auto* const filesystem = dynamic_cast<BlockFilesystem*>(device->filesystem());
    if (filesystem == nullptr) continue;
    const std::shared_ptr<BlockFilesystem> keep = filesystem->shared_from_this();
    keep->LosePower();
  }
}

}  // namespace dmkit::model
