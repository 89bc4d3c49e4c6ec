// SPDX-License-Identifier: Apache-2.0
// Superblocks, and what mkfs writes.

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "testing/model/files/disk_bytes.h"
#include "testing/model/files/disk_format.h"

namespace dmkit::model {
namespace {

constexpr size_t kUuidBytes = 16;
constexpr size_t kExtAt = 1024;
constexpr size_t kHeaderAt = 2048;
constexpr size_t kHeaderBytes = kBlockBytes - kHeaderAt;
constexpr absl::string_view kHeaderMagic = "DMKITFS1";
constexpr size_t kExtLabelBytes = 16;
constexpr size_t kXfsLabelBytes = 12;
constexpr absl::string_view kExtMagic = "\x53\xef";
constexpr absl::string_view kXfsMagic = "XFSB";
constexpr size_t kExtMagicAt = kExtAt + 0x38;
constexpr size_t kExtUuidAt = kExtAt + 0x68;
constexpr size_t kExtLabelAt = kExtAt + 0x78;
constexpr size_t kXfsUuidAt = 32;
constexpr size_t kXfsLabelAt = 108;

constexpr uint64_t kExtBytesMin = uint64_t{1} << 20;
constexpr uint64_t kXfsBytesMin = uint64_t{300} << 20;

void PutText(std::string* block, size_t at, absl::string_view text) {
  std::memcpy(&(*block)[at], text.data(), text.size());
}

template <typename T>
void PutLittle(std::string* block, size_t at, T value) {
  std::memcpy(&(*block)[at], &value, sizeof(value));
}

void PutBig(std::string* block, size_t at, size_t bytes, uint64_t value) {
  for (size_t i = 0; i < bytes; ++i) {
    (*block)[at + bytes - 1 - i] = static_cast<char>(value >> (8 * i));
  }
}

// struct ext4_super_block, as far as anybody looks.
void PutExt4(std::string* block, const Superblock& superblock) {
  PutLittle<uint32_t>(block, kExtAt + 0x04, static_cast<uint32_t>(superblock.blocks));
  PutLittle<uint32_t>(block, kExtAt + 0x150, static_cast<uint32_t>(superblock.blocks >> 32));
  PutLittle<uint32_t>(block, kExtAt + 0x18, 2);  // blocks of 1024 << 2
  PutText(block, kExtMagicAt, kExtMagic);
  PutLittle<uint16_t>(block, kExtAt + 0x3a, 1);    // clean
  PutLittle<uint16_t>(block, kExtAt + 0x3c, 1);    // errors: continue
  PutLittle<uint32_t>(block, kExtAt + 0x4c, 1);    // dynamic revision
  PutLittle<uint32_t>(block, kExtAt + 0x54, 11);   // first inode
  PutLittle<uint16_t>(block, kExtAt + 0x58, 256);  // bytes of an inode
  PutLittle<uint32_t>(block, kExtAt + 0x5c, 0x3c);
  PutLittle<uint32_t>(block, kExtAt + 0x60, 0x2c2);
  PutText(block, kExtUuidAt, superblock.uuid);
  PutText(block, kExtLabelAt, superblock.label);
}

// struct xfs_dsb.
void PutXfs(std::string* block, const Superblock& superblock) {
  PutText(block, 0, kXfsMagic);
  PutBig(block, 4, 4, kBlockBytes);
  PutBig(block, 8, 8, superblock.blocks);
  PutText(block, kXfsUuidAt, superblock.uuid);
  PutBig(block, 84, 4, (superblock.blocks + 3) / 4);  // blocks of each of four groups
  PutBig(block, 88, 4, 4);
  PutBig(block, 100, 2, 0xb4b5);  // version 5
  PutBig(block, 102, 2, 512);
  PutBig(block, 104, 2, 512);
  PutText(block, kXfsLabelAt, superblock.label);
}

bool IsKind(absl::string_view block, absl::string_view kind) {
  if (kind == "ext4") return block.substr(kExtMagicAt, kExtMagic.size()) == kExtMagic;
  return kind == "xfs" && block.substr(0, kXfsMagic.size()) == kXfsMagic;
}

std::string TakeLabel(absl::string_view block, absl::string_view kind) {
  const absl::string_view field = kind == "ext4" ? block.substr(kExtLabelAt, kExtLabelBytes)
                                                 : block.substr(kXfsLabelAt, kXfsLabelBytes);
  return std::string(field.substr(0, field.find('\0')));
}

}  // namespace

std::string EncodeSuperblock(const Superblock& superblock) {
  std::string block(kBlockBytes, '\0');
  const bool is_ext4 = superblock.kind == "ext4";
  if (is_ext4) {
    PutExt4(&block, superblock);
  } else {
    PutXfs(&block, superblock);
  }
  DiskWriter header;
  header.Raw(kHeaderMagic);
  header.Number(superblock.generation);
  header.Number(superblock.blocks);
  header.Number(superblock.chunks.size());
  for (const auto& [chunk, at] : superblock.chunks) {
    header.Number(chunk);
    header.Number(at);
  }
  std::string bytes = header.Take();
  bytes.resize(kHeaderBytes - sizeof(uint64_t), '\0');
  PutText(&block, kHeaderAt, bytes);
  PutLittle<uint64_t>(&block, kBlockBytes - sizeof(uint64_t),
                      DiskChecksum(absl::string_view(block).substr(0, kBlockBytes - 8)));
  return block;
}

int DecodeSuperblock(absl::string_view block, absl::string_view kind, Superblock* superblock) {
  if (block.size() != kBlockBytes || !IsKind(block, kind)) return -EINVAL;
  // A real filesystem of this kind, which the model cannot read.
  if (block.substr(kHeaderAt, kHeaderMagic.size()) != kHeaderMagic) return -EINVAL;
  uint64_t checksum = 0;
  std::memcpy(&checksum, block.data() + kBlockBytes - sizeof(checksum), sizeof(checksum));
  if (checksum != DiskChecksum(block.substr(0, kBlockBytes - 8))) return -EUCLEAN;
  superblock->kind = std::string(kind);
  superblock->uuid = std::string(block.substr(kind == "ext4" ? kExtUuidAt : kXfsUuidAt, 16));
  superblock->label = TakeLabel(block, kind);
  DiskReader header(block.substr(kHeaderAt + kHeaderMagic.size()));
  superblock->generation = header.Number();
  superblock->blocks = header.Number();
  const uint64_t chunks = header.Number();
  if (chunks > kChunksMax) return -EUCLEAN;
  superblock->chunks.clear();
  for (uint64_t i = 0; i < chunks; ++i) {
    const uint64_t chunk = header.Number();
    superblock->chunks[chunk] = header.Number();
  }
  return header.is_good() ? 0 : -EUCLEAN;
}

std::string ParseUuid(absl::string_view text) {
  const std::string hex = absl::StrReplaceAll(text, {{"-", ""}});
  const bool is_hex = std::all_of(hex.begin(), hex.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
  if (hex.size() != 2 * kUuidBytes || !is_hex) return "";
  return absl::HexStringToBytes(hex);
}

int FormatFilesystem(const FormatRequest& request,
                     std::vector<std::pair<uint64_t, std::string>>* blocks) {
  const bool is_ext4 = request.kind == "ext4";
  if (!is_ext4 && request.kind != "xfs") return -EINVAL;
  if (request.device_bytes < (is_ext4 ? kExtBytesMin : kXfsBytesMin)) return -EINVAL;
  if (request.label.size() > (is_ext4 ? kExtLabelBytes : kXfsLabelBytes)) return -EINVAL;
  constexpr uint64_t kRecordBlock = 1;
  constexpr uint64_t kChunkBlock = 2;
  Superblock superblock;
  superblock.kind = request.kind;
  superblock.uuid = ParseUuid(request.uuid);
  superblock.label = request.label;
  superblock.blocks = request.device_bytes / kBlockBytes;
  superblock.generation = 1;
  superblock.chunks[Tree::kRootNumber / kChunkInodes] = kChunkBlock;
  if (superblock.uuid.empty()) return -EINVAL;
  InodeRecord root;
  root.number = Tree::kRootNumber;
  root.attributes.type = sys::FileType::kDirectory;
  root.attributes.mode = 0755;
  root.attributes.modified = request.now;
  root.attributes.changed = request.now;
  const std::string record = SealBlock(0, EncodeInode(root, {}));
  const std::string chunk =
      SealBlock(0, EncodeChunk({{Tree::kRootNumber % kChunkInodes, kRecordBlock}}));
  *blocks = {{kRecordBlock * kBlockBytes, record},
             {kChunkBlock * kBlockBytes, chunk},
             {0, EncodeSuperblock(superblock)}};
  return 0;
}

}  // namespace dmkit::model
