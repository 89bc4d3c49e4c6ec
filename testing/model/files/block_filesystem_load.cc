// SPDX-License-Identifier: Apache-2.0
// Making and mounting: from the bytes of a device to a Tree.

#include <cerrno>
#include <utility>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "testing/model/files/block_filesystem.h"
#include "testing/model/files/mount_words.h"

namespace dmkit::model {
namespace {

constexpr uint64_t kRunBytesMax = uint64_t{1} << 20;

int ReadBlock(BlockDevice& device, uint64_t block, std::string* bytes) {
  bytes->resize(kBlockBytes);
  return device.BufferedRead(block * kBlockBytes, absl::MakeSpan(&(*bytes)[0], kBlockBytes));
}

bool IsUuidMounted(Core& core, const std::string& uuid) {
  for (const BlockDevice* const device : core.blocks.List()) {
    const auto* const mounted = dynamic_cast<const BlockFilesystem*>(device->filesystem());
    if (mounted != nullptr && mounted->kind() == "xfs" && mounted->superblock().uuid == uuid) {
      return true;
    }
  }
  return false;
}

int Mount(const std::string& kind, Core& core, BlockHandle device, const BlockMountOptions& options,
          std::shared_ptr<Filesystem>* filesystem) {
  if (device->is_frozen()) return -EBUSY;
  BlockFilesystem::Words words;
  if (!ParseMountWords(kind, options, &words)) return -EINVAL;
  const uint64_t device_blocks = device->sectors() * kSectorBytes / kBlockBytes;
  if (device_blocks == 0) return -EINVAL;
  std::string block;
  int error = ReadBlock(*device.get(), 0, &block);
  Superblock superblock;
  if (error == 0) error = DecodeSuperblock(block, kind, &superblock);
  if (error != 0) return error;
  if (superblock.blocks > device_blocks) return -EINVAL;
  if (kind == "xfs" && !words.no_uuid && IsUuidMounted(core, superblock.uuid)) return -EINVAL;
  InodeAttributes root;
  root.type = sys::FileType::kDirectory;
  auto mounted = std::make_shared<BlockFilesystem>(
      core, std::move(device), std::move(superblock),
      std::make_shared<Tree>(Durability::kVolatile, root), options.read_only, words);
  error = mounted->Load();
  if (error != 0) return error;
  *filesystem = std::move(mounted);
  return 0;
}

}  // namespace

MountBlockDevice BlockFilesystemKind(std::string kind) {
  return [kind = std::move(kind)](Core& core, BlockHandle device, const BlockMountOptions& options,
                                  std::shared_ptr<Filesystem>* filesystem) {
    return Mount(kind, core, std::move(device), options, filesystem);
  };
}

int MakeFilesystem(BlockDevice& device, absl::string_view kind, absl::string_view uuid) {
  FormatRequest request;
  request.kind = std::string(kind);
  request.uuid = std::string(uuid);
  request.device_bytes = device.sectors() * kSectorBytes;
  request.now = device.core().scheduler.Now();
  std::vector<std::pair<uint64_t, std::string>> blocks;
  int error = FormatFilesystem(request, &blocks);
  for (const auto& [offset, bytes] : blocks) {
    if (error == 0) error = device.BufferedWrite(offset, bytes);
  }
  return error != 0 ? error : device.SyncBuffered();
}

int BlockFilesystem::Load() {
  std::vector<InodeRecord> records;
  for (const auto& [chunk, at] : superblock_.chunks) {
    if (!allocator_.Take(at)) return -EUCLEAN;
    std::string block, payload;
    uint64_t next = 0;
    std::map<uint64_t, uint64_t> blocks;
    int error = ReadBlock(*device_.get(), at, &block);
    if (error == 0) error = UnsealBlock(block, &next, &payload);
    if (error == 0) error = DecodeChunk(payload, &blocks);
    for (const auto& [slot, start] : blocks) {
      if (error != 0) break;
      records.emplace_back();
      error = LoadRecord(chunk * kChunkInodes + slot, start, &records.back());
    }
    if (error != 0) return error;
  }
  if (stored_.count(Tree::kRootNumber) == 0) return -EUCLEAN;
  std::vector<InodePtr> inodes;
  for (const InodeRecord& record : records) {
    inodes.push_back(tree()->Restore(record));
    if (inodes.back() == nullptr) return -EUCLEAN;
  }
  for (const InodeRecord& record : records) {
    const bool is_directory = record.attributes.type == sys::FileType::kDirectory;
    if (is_directory && tree()->RestoreEntries(record) != 0) return -EUCLEAN;
  }
  for (const InodePtr& inode : inodes) {
    const int error = LoadContents(inode, stored_.at(inode->number()));
    if (error != 0) return error;
  }
  changes_seen_ = tree()->changes();
  device_->SetFilesystem(this);
  return 0;
}

int BlockFilesystem::LoadRecord(uint64_t number, uint64_t block, InodeRecord* record) {
  Stored& stored = stored_[number];
  while (block != 0) {
    // A circle comes to a block that is taken.
    if (!allocator_.Take(block)) return -EUCLEAN;
    stored.blocks.push_back(block);
    std::string bytes, payload;
    int error = ReadBlock(*device_.get(), block, &bytes);
    if (error == 0) error = UnsealBlock(bytes, &block, &payload);
    if (error != 0) return error;
    stored.record += payload;
  }
  record_blocks_max_ = std::max<uint64_t>(record_blocks_max_, stored.blocks.size());
  const int error = DecodeInode(stored.record, record, &stored.pages);
  if (error != 0) return error;
  return record->number == number ? TakePages(stored) : -EUCLEAN;
}

int BlockFilesystem::TakePages(const Stored& stored) {
  for (const auto& [page, block] : stored.pages) {
    if (!allocator_.Take(block)) return -EUCLEAN;
  }
  return 0;
}

// Past the page cache of the device, in runs.
int BlockFilesystem::LoadContents(const InodePtr& inode, const Stored& stored) {
  const uint64_t size = inode->bytes.size();
  std::string bytes;
  for (auto page = stored.pages.begin(); page != stored.pages.end();) {
    const auto [first, block] = *page;
    uint64_t count = 0;
    while (page != stored.pages.end() && page->first == first + count &&
           page->second == block + count && count * kBlockBytes < kRunBytesMax) {
      ++page;
      ++count;
    }
    bytes.resize(count * kBlockBytes);
    const int error = device_->Read(block * kBlockBytes, absl::MakeSpan(&bytes[0], bytes.size()));
    if (error != 0) return error;
    inode->bytes.Write(first * kBlockBytes, bytes);
  }
  inode->bytes.Resize(size);
  inode->bytes.Sync();
  return 0;
}

}  // namespace dmkit::model
