// SPDX-License-Identifier: Apache-2.0
// How pool metadata lies on disk: sizes, offsets, checksums, little-endian fields. Mirrors
// drivers/md/dm-thin-metadata.c and drivers/md/persistent-data/dm-btree-internal.h,
// dm-space-map-common.h; read in v6.1 and v6.12. Only numbers: no rules, no io.

#ifndef DMKIT_TESTING_MODEL_THIN_METADATA_FORMAT_H_
#define DMKIT_TESTING_MODEL_THIN_METADATA_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dmkit::model {

inline constexpr size_t kMetadataBlockBytes = 4096;
inline constexpr size_t kMetadataBlockSectors = 8;
// 255 bitmaps of 16384 blocks, less what their headers take.
inline constexpr uint64_t kMaxMetadataBlocks = 255 * ((uint64_t{1} << 14) - 64);

// What a block is, and with that how its checksum is made.
enum class BlockKind { kSuperblock, kNode, kIndex, kBitmap };

// Every kind starts with its checksum and has its own place at 8.
inline constexpr size_t kChecksumAt = 0;
inline constexpr size_t kPlaceAt = 8;

struct SuperblockAt {
  static constexpr size_t kFlags = 4;
  static constexpr size_t kMagic = 32;
  static constexpr size_t kVersion = 40;
  static constexpr size_t kTime = 44;
  static constexpr size_t kTransactionId = 48;
  static constexpr size_t kHeldRoot = 56;
  static constexpr size_t kDataSpaceMap = 64;
  static constexpr size_t kMetadataSpaceMap = 192;
  static constexpr size_t kMappingRoot = 320;
  static constexpr size_t kDetailsRoot = 328;
  static constexpr size_t kDataBlockSectors = 336;
  static constexpr size_t kMetadataBlockSectors = 340;
  static constexpr size_t kMetadataBlocks = 344;
  static constexpr size_t kCompatFlags = 352;
  static constexpr size_t kCompatReadOnlyFlags = 356;
  static constexpr size_t kIncompatFlags = 360;
};
inline constexpr uint64_t kSuperblockMagic = 27022010;
inline constexpr uint32_t kSuperblockVersion = 2;
inline constexpr uint32_t kNeedsCheckFlag = 1;
inline constexpr size_t kSpaceMapRootBytes = 128;  // the room for it in the superblock

struct SpaceMapRootAt {
  static constexpr size_t kBlocks = 0;
  static constexpr size_t kAllocated = 8;
  static constexpr size_t kBitmapRoot = 16;
  static constexpr size_t kCountRoot = 24;
};

inline constexpr size_t kBitmapHeaderBytes = 16;
inline constexpr uint64_t kCountsPerBitmap = (kMetadataBlockBytes - kBitmapHeaderBytes) * 4;
inline constexpr size_t kIndexHeaderBytes = 16;
inline constexpr size_t kIndexEntryBytes = 16;

struct NodeAt {
  static constexpr size_t kFlags = 4;
  static constexpr size_t kEntries = 16;
  static constexpr size_t kMaxEntries = 20;
  static constexpr size_t kValueBytes = 24;
  static constexpr size_t kKeys = 32;
};
inline constexpr uint32_t kInternalNode = 1;
inline constexpr uint32_t kLeafNode = 2;

inline constexpr size_t kDetailsBytes = 24;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are copied as they are");

inline uint32_t Get32(const char* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
inline uint64_t Get64(const char* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
inline void Put32(char* at, uint32_t value) { std::memcpy(at, &value, sizeof(value)); }
inline void Put64(char* at, uint64_t value) { std::memcpy(at, &value, sizeof(value)); }

// What the checksum of a block of 4 KiB has to be.
uint32_t BlockChecksum(BlockKind kind, const char* block);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_METADATA_FORMAT_H_
