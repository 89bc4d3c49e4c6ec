// SPDX-License-Identifier: Apache-2.0
// The bytes of the model's filesystems on a block device. Encoding and decoding only; when what is
// written, and where, is the filesystem's business.
//
// Everything is in blocks of 4096 bytes. Block 0 is the superblock: the fields of a real ext4 or
// xfs superblock where probing looks for them, and at 2048 what this format needs: the number of
// blocks, a generation, and which blocks hold the index. The index is a table of inode numbers, cut
// into chunks of kChunkInodes: for each the block where the inode's record starts, or 0. A record
// is a chain of sealed blocks; it says what stat shows, the entries of a directory, and in which
// blocks the pages of a file lie. Index and records are never changed in place.

#ifndef DMKIT_TESTING_MODEL_FILES_DISK_FORMAT_H_
#define DMKIT_TESTING_MODEL_FILES_DISK_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "testing/model/files/tree.h"

namespace dmkit::model {

inline constexpr uint64_t kBlockBytes = 4096;
// Of a sealed block.
inline constexpr size_t kPayloadBytes = kBlockBytes - 32;
inline constexpr uint64_t kChunkInodes = kPayloadBytes / sizeof(uint64_t);
// What fits into a superblock.
inline constexpr size_t kChunksMax = 120;

struct Superblock {
  std::string kind;  // "ext4" or "xfs"
  std::string uuid;  // 16 bytes
  std::string label;
  uint64_t blocks = 0;
  uint64_t generation = 0;
  std::map<uint64_t, uint64_t> chunks;  // where each chunk of the index lies
};

std::string EncodeSuperblock(const Superblock& superblock);
// -EINVAL: no filesystem of this kind is there. -EUCLEAN: it is damaged.
int DecodeSuperblock(absl::string_view block, absl::string_view kind, Superblock* superblock);

// A block with a checksum, of at most kPayloadBytes, and the number of the block that follows (0:
// none).
std::string SealBlock(uint64_t next, absl::string_view payload);
// -EUCLEAN when it is no such block.
int UnsealBlock(absl::string_view block, uint64_t* next, std::string* payload);

// In which block each page of a file lies.
using PageBlocks = std::map<uint64_t, uint64_t>;

std::string EncodeInode(const InodeRecord& record, const PageBlocks& pages);
// -EUCLEAN when it makes no sense.
int DecodeInode(absl::string_view bytes, InodeRecord* record, PageBlocks* pages);

// The payload of a chunk of the index: the block of each of its inodes, by number modulo
// kChunkInodes.
std::string EncodeChunk(const std::map<uint64_t, uint64_t>& blocks);
int DecodeChunk(absl::string_view payload, std::map<uint64_t, uint64_t>* blocks);

// The 16 bytes of "01234567-89ab-cdef-0123-456789abcdef"; empty when it is none.
std::string ParseUuid(absl::string_view text);

struct FormatRequest {
  std::string kind;
  std::string uuid;  // as text
  std::string label;
  uint64_t device_bytes = 0;
  absl::Time now;
};
// The blocks of an empty filesystem, by their offsets in bytes, in the order in which they must be
// written. -EINVAL: unknown kind, too small (1 MiB for ext4, 300 MiB for xfs), no UUID, or a label
// that is too long.
int FormatFilesystem(const FormatRequest& request,
                     std::vector<std::pair<uint64_t, std::string>>* blocks);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_DISK_FORMAT_H_
