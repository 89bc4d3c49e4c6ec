// SPDX-License-Identifier: Apache-2.0
// Superblock and device tree, from bytes. Every block is checked as the kernel checks it before a
// field is used; every walk has a bound.

#include "thinp/metadata.h"

#include <endian.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sys/bytes.h"
#include "sys/crc32c.h"
#include "sys/status.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::thinp {
namespace {

// SUPERBLOCK_CSUM_XOR and THIN_SUPERBLOCK_MAGIC, dm-thin-metadata.c.
constexpr uint32_t kSuperblockChecksumXor = 160774;
constexpr uint64_t kSuperblockMagic = 27022010;
constexpr uint32_t kNeedsCheckFlag = 1;  // THIN_METADATA_NEEDS_CHECK_FLAG
// BTREE_CSUM_XOR, dm-btree-spine.c; enum node_flags, dm-btree-internal.h.
constexpr uint32_t kNodeChecksumXor = 121107;
constexpr uint32_t kInternalNode = 1;
constexpr uint32_t kLeafNode = 2;

// No metadata has more blocks: its space map has one index block, and that is full then.
constexpr uint64_t kBlocksMax =
    kMetadataSectorsMax.count() * sys::kSectorBytes / kMetadataBlockBytes;
// Nodes are at least a third full, so ids of 24 bits need four levels.
constexpr size_t kDepthMax = 8;

// On disk all integers are little-endian.
struct DiskSpaceMapRoot {
  uint64_t blocks;
  uint64_t allocated;
  uint64_t bitmap_root;
  uint64_t ref_count_root;
  uint8_t unused[96];
};
static_assert(sizeof(DiskSpaceMapRoot) == 128);

struct DiskSuperblock {
  uint32_t checksum;
  uint32_t flags;
  uint64_t block_number;
  uint8_t uuid[16];
  uint64_t magic;
  uint32_t version;
  uint32_t time;
  uint64_t transaction_id;
  uint64_t held_root;
  DiskSpaceMapRoot data_map;
  DiskSpaceMapRoot metadata_map;
  uint64_t data_mapping_root;
  uint64_t device_details_root;
  uint32_t data_block_size;
  uint32_t metadata_block_size;
  uint64_t metadata_blocks;
  uint32_t compatible_features;
  uint32_t compatible_read_only_features;
  uint32_t incompatible_features;
  uint32_t padding;
};
static_assert(offsetof(DiskSuperblock, data_map) == 64);
static_assert(offsetof(DiskSuperblock, device_details_root) == 328);
static_assert(sizeof(DiskSuperblock) == 368);

struct DiskNodeHeader {
  uint32_t checksum;
  uint32_t flags;
  uint64_t block_number;
  uint32_t entries;
  uint32_t entries_max;
  uint32_t value_size;
  uint32_t padding;
};
static_assert(sizeof(DiskNodeHeader) == 32);

struct DiskDeviceDetails {
  uint64_t mapped_blocks;
  uint64_t transaction_id;
  uint32_t creation_time;
  uint32_t snapshotted_time;
};
static_assert(sizeof(DiskDeviceDetails) == 24);

// Aligned for O_DIRECT.
struct alignas(kMetadataBlockBytes) Block {
  std::array<char, kMetadataBlockBytes> bytes;
  absl::string_view view() const { return {bytes.data(), bytes.size()}; }
};

absl::StatusOr<std::unique_ptr<Block>> ReadBlock(sys::File& metadata, uint64_t number) {
  auto block = std::make_unique<Block>();
  DMKIT_ASSIGN_OR_RETURN(const size_t length, metadata.ReadAt(number * kMetadataBlockBytes,
                                                              absl::MakeSpan(block->bytes)));
  if (length != kMetadataBlockBytes) {
    return absl::DataLossError(absl::StrCat("read thin-pool metadata: the device ends ", length,
                                            " bytes into block ", number));
  }
  return block;
}

// dm_bm_checksum(): CRC-32C without the final inversion, over all but the checksum itself.
uint32_t BlockChecksum(absl::string_view block, uint32_t kind) {
  return ~sys::Crc32c(block.substr(sizeof(uint32_t))) ^ kind;
}

absl::Status Damaged(absl::string_view what, uint64_t number, absl::string_view problem) {
  return absl::DataLossError(
      absl::StrCat("decode thin-pool ", what, " at metadata block ", number, ": ", problem));
}

absl::Status CheckIdentity(const DiskSuperblock& disk, absl::string_view block, uint64_t number) {
  const uint64_t claimed = le64toh(disk.block_number);
  if (claimed != number) {
    return Damaged("superblock", number, absl::StrCat("it says that it is block ", claimed));
  }
  if (le64toh(disk.magic) != kSuperblockMagic) {
    return Damaged("superblock", number,
                   absl::StrCat("magic ", le64toh(disk.magic), ", not ", kSuperblockMagic));
  }
  if (le32toh(disk.checksum) != BlockChecksum(block, kSuperblockChecksumXor)) {
    return Damaged("superblock", number, "wrong checksum");
  }
  return absl::OkStatus();
}

absl::Status CheckRoot(const DiskSuperblock& disk, uint64_t number, absl::string_view name,
                       uint64_t root) {
  // A metadata snapshot has no space maps, so it does not know how large the device is.
  const uint64_t known = le64toh(disk.metadata_map.blocks);
  const uint64_t end = known == 0 ? kBlocksMax : std::min(known, kBlocksMax);
  if (root != 0 && root != number && root < end) return absl::OkStatus();
  return Damaged("superblock", number,
                 absl::StrCat(name, " at block ", root, " of ", end, ": out of range"));
}

absl::Status CheckContents(const DiskSuperblock& disk, uint64_t number) {
  if (disk.incompatible_features != 0) {
    return Damaged(
        "superblock", number,
        absl::StrCat("it uses incompatible features 0x",
                     absl::Hex(le32toh(disk.incompatible_features)), ", made by a newer kernel"));
  }
  const uint64_t block_size = le32toh(disk.data_block_size);
  if (block_size < kBlockSizeMin.count() || block_size > kBlockSizeMax.count() ||
      block_size % kBlockSizeMin.count() != 0) {
    return Damaged("superblock", number,
                   absl::StrCat("data block size of ", block_size, " sectors"));
  }
  DMKIT_RETURN_IF_ERROR(
      CheckRoot(disk, number, "data mapping root", le64toh(disk.data_mapping_root)));
  DMKIT_RETURN_IF_ERROR(
      CheckRoot(disk, number, "device details root", le64toh(disk.device_details_root)));
  const uint64_t held_root = le64toh(disk.held_root);
  if (held_root == 0) return absl::OkStatus();
  return CheckRoot(disk, number, "held root", held_root);
}

// One checked node. Keys and values lie by entries_max, not by the entries that are used.
class Node {
 public:
  static absl::StatusOr<Node> Read(sys::File& metadata, uint64_t number) {
    DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<Block> block, ReadBlock(metadata, number));
    const sys::ByteReader reader(block->view());
    DMKIT_ASSIGN_OR_RETURN(DiskNodeHeader header, reader.At<DiskNodeHeader>(0, "node header"));
    header.flags = le32toh(header.flags);
    header.entries = le32toh(header.entries);
    header.entries_max = le32toh(header.entries_max);
    header.value_size = le32toh(header.value_size);
    DMKIT_RETURN_IF_ERROR(Check(header, block->view(), number));
    return Node(number, header, std::move(block));
  }

  bool is_leaf() const { return header_.flags == kLeafNode; }
  uint32_t entries() const { return header_.entries; }

  absl::StatusOr<uint64_t> Key(uint32_t index) const {
    const size_t offset = sizeof(DiskNodeHeader) + sizeof(uint64_t) * index;
    DMKIT_ASSIGN_OR_RETURN(const uint64_t key, reader().At<uint64_t>(offset, "node key"));
    return le64toh(key);
  }
  absl::StatusOr<uint64_t> Child(uint32_t index) const {
    DMKIT_ASSIGN_OR_RETURN(const uint64_t child,
                           reader().At<uint64_t>(ValueOffset(index), "node child"));
    return le64toh(child);
  }
  absl::StatusOr<DiskDeviceDetails> Details(uint32_t index) const {
    return reader().At<DiskDeviceDetails>(ValueOffset(index), "device details");
  }

  absl::Status Damaged(absl::string_view problem) const {
    return thinp::Damaged("device tree", number_, problem);
  }

 private:
  Node(uint64_t number, const DiskNodeHeader& header, std::unique_ptr<Block> block)
      : number_(number), header_(header), block_(std::move(block)) {}

  // node_check(), and that the values are those of a tree of devices.
  static absl::Status Check(const DiskNodeHeader& header, absl::string_view block,
                            uint64_t number) {
    const auto damaged = [number](absl::string_view problem) {
      return thinp::Damaged("device tree", number, problem);
    };
    const uint64_t claimed = le64toh(header.block_number);
    if (claimed != number) {
      return damaged(absl::StrCat("the node says that it is block ", claimed));
    }
    if (le32toh(header.checksum) != BlockChecksum(block, kNodeChecksumXor)) {
      return damaged("wrong checksum");
    }
    if (header.flags != kInternalNode && header.flags != kLeafNode) {
      return damaged(absl::StrCat("node flags 0x", absl::Hex(header.flags)));
    }
    const size_t value_size =
        header.flags == kLeafNode ? sizeof(DiskDeviceDetails) : sizeof(uint64_t);
    if (header.value_size != value_size) {
      return damaged(absl::StrCat("values of ", header.value_size, " bytes, not ", value_size));
    }
    const size_t room = block.size() - sizeof(DiskNodeHeader);
    if (header.entries_max > room / (sizeof(uint64_t) + value_size)) {
      return damaged(absl::StrCat("room for ", header.entries_max, " entries does not fit"));
    }
    if (header.entries > header.entries_max) {
      return damaged(absl::StrCat(header.entries, " entries in room for ", header.entries_max));
    }
    return absl::OkStatus();
  }

  sys::ByteReader reader() const { return sys::ByteReader(block_->view()); }
  size_t ValueOffset(uint32_t index) const {
    return sizeof(DiskNodeHeader) + sizeof(uint64_t) * header_.entries_max +
           size_t{header_.value_size} * index;
  }

  uint64_t number_;
  DiskNodeHeader header_;
  std::unique_ptr<Block> block_;
};

// Keys from `begin` up to, not including, `end`.
struct KeyRange {
  uint64_t begin = 0;
  uint64_t end = uint64_t{ThinId::kMax} + 1;
};

// Walks the tree in the order of its keys. Ranges only get narrower on the way down and never
// overlap, so no key comes twice and a node that is linked twice is found out.
class DeviceTreeWalk {
 public:
  explicit DeviceTreeWalk(sys::File& metadata) : metadata_(metadata) {}

  absl::Status Visit(uint64_t number, KeyRange range) {
    if (path_.size() == kDepthMax) {
      return Damaged("device tree", number, absl::StrCat("more than ", kDepthMax, " levels deep"));
    }
    if (std::find(path_.begin(), path_.end(), number) != path_.end()) {
      return Damaged("device tree", number, "the node is below itself");
    }
    DMKIT_ASSIGN_OR_RETURN(const Node node, Node::Read(metadata_, number));
    if (node.entries() == 0 && !(path_.empty() && node.is_leaf())) {
      return node.Damaged("a node without entries");
    }
    DMKIT_RETURN_IF_ERROR(CheckKeys(node, range));
    path_.push_back(number);
    DMKIT_RETURN_IF_ERROR(node.is_leaf() ? TakeDevices(node) : VisitChildren(node, range));
    path_.pop_back();
    return absl::OkStatus();
  }

  std::vector<MetadataDevice> TakeResult() { return std::move(devices_); }

 private:
  static absl::Status CheckKeys(const Node& node, KeyRange range) {
    for (uint32_t i = 0; i < node.entries(); ++i) {
      DMKIT_ASSIGN_OR_RETURN(const uint64_t key, node.Key(i));
      if (key < range.begin || key >= range.end) {
        return node.Damaged(absl::StrCat("key ", i, " is ", key, ", not from ", range.begin, " to ",
                                         range.end - 1));
      }
      range.begin = key + 1;
    }
    return absl::OkStatus();
  }

  absl::Status VisitChildren(const Node& node, KeyRange range) {
    for (uint32_t i = 0; i < node.entries(); ++i) {
      DMKIT_ASSIGN_OR_RETURN(const uint64_t child, node.Child(i));
      if (child == 0 || child >= kBlocksMax) {
        return node.Damaged(absl::StrCat("child ", i, " is block ", child, ": out of range"));
      }
      KeyRange below = range;
      DMKIT_ASSIGN_OR_RETURN(below.begin, node.Key(i));
      if (i + 1 < node.entries()) {
        DMKIT_ASSIGN_OR_RETURN(below.end, node.Key(i + 1));
      }
      DMKIT_RETURN_IF_ERROR(Visit(child, below));
    }
    return absl::OkStatus();
  }

  absl::Status TakeDevices(const Node& node) {
    for (uint32_t i = 0; i < node.entries(); ++i) {
      MetadataDevice device;
      DMKIT_ASSIGN_OR_RETURN(const uint64_t key, node.Key(i));
      DMKIT_ASSIGN_OR_RETURN(device.id, ThinId::Create(key));
      DMKIT_ASSIGN_OR_RETURN(const DiskDeviceDetails details, node.Details(i));
      device.mapped_blocks = le64toh(details.mapped_blocks);
      device.transaction_id = le64toh(details.transaction_id);
      device.creation_time = le32toh(details.creation_time);
      device.snapshotted_time = le32toh(details.snapshotted_time);
      devices_.push_back(device);
    }
    return absl::OkStatus();
  }

  sys::File& metadata_;
  std::vector<uint64_t> path_;
  std::vector<MetadataDevice> devices_;
};

}  // namespace

absl::StatusOr<bool> IsBlankMetadata(sys::File& metadata) {
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<Block> block, ReadBlock(metadata, 0));
  return std::all_of(block->bytes.begin(), block->bytes.end(), [](char c) { return c == 0; });
}

absl::StatusOr<MetadataSuperblock> DecodeSuperblock(absl::string_view block, uint64_t number) {
  if (block.size() != kMetadataBlockBytes) {
    return Damaged("superblock", number,
                   absl::StrCat(block.size(), " bytes, not ", kMetadataBlockBytes));
  }
  DMKIT_ASSIGN_OR_RETURN(const DiskSuperblock disk,
                         sys::ByteReader(block).At<DiskSuperblock>(0, "superblock"));
  DMKIT_RETURN_IF_ERROR(CheckIdentity(disk, block, number));
  DMKIT_RETURN_IF_ERROR(CheckContents(disk, number));
  MetadataSuperblock superblock;
  superblock.needs_check = (le32toh(disk.flags) & kNeedsCheckFlag) != 0;
  superblock.time = le32toh(disk.time);
  superblock.transaction_id = le64toh(disk.transaction_id);
  superblock.held_root = le64toh(disk.held_root);
  superblock.data_mapping_root = le64toh(disk.data_mapping_root);
  superblock.device_details_root = le64toh(disk.device_details_root);
  superblock.data_block_size = sys::Sectors(le32toh(disk.data_block_size));
  superblock.metadata_blocks = le64toh(disk.metadata_blocks);
  superblock.data_blocks = sys::DataBlocks(le64toh(disk.data_map.blocks));
  return superblock;
}

absl::StatusOr<MetadataSuperblock> ReadSuperblock(sys::File& metadata, uint64_t number) {
  if (number >= kBlocksMax) {
    return absl::InvalidArgumentError(absl::StrCat("read thin-pool superblock: block ", number,
                                                   ": no metadata device has more than ",
                                                   kBlocksMax, " blocks"));
  }
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<Block> block, ReadBlock(metadata, number));
  return DecodeSuperblock(block->view(), number);
}

absl::StatusOr<std::vector<MetadataDevice>> ReadDevices(sys::File& metadata,
                                                        const MetadataSuperblock& superblock) {
  const uint64_t root = superblock.device_details_root;
  if (root == 0 || root >= kBlocksMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("read thin devices: device details root ", root,
                     ": the superblock is none that ReadSuperblock returned"));
  }
  DeviceTreeWalk walk(metadata);
  DMKIT_RETURN_IF_ERROR(walk.Visit(root, KeyRange()));
  return walk.TakeResult();
}

}  // namespace dmkit::thinp
