// SPDX-License-Identifier: Apache-2.0
// Sealed blocks, records of inodes, and the index.

#include <cerrno>
#include <cstring>
#include <limits>

#include "testing/model/files/disk_bytes.h"
#include "testing/model/files/disk_format.h"

namespace dmkit::model {
namespace {

// A sealed block: magic, checksum of all behind it, next, length of the payload.
constexpr uint64_t kSealMagic = 0x4b4c42544b4d44;
constexpr size_t kSealBytes = kBlockBytes - kPayloadBytes;
constexpr uint64_t kFileTypeMax = static_cast<uint64_t>(sys::FileType::kSocket);

void WriteAttributes(const InodeAttributes& attributes, DiskWriter* to) {
  to->Number(static_cast<uint64_t>(attributes.type));
  to->Number(attributes.mode);
  to->Number(attributes.uid);
  to->Number(attributes.gid);
  to->Number(attributes.rdevice.major);
  to->Number(attributes.rdevice.minor);
  to->Number(static_cast<uint64_t>(absl::ToUnixNanos(attributes.modified)));
  to->Number(static_cast<uint64_t>(absl::ToUnixNanos(attributes.changed)));
  to->Text(attributes.symlink_target);
  to->Number(attributes.xattrs.size());
  for (const auto& [name, value] : attributes.xattrs) {
    to->Text(name);
    to->Text(value);
  }
}

uint32_t Number32(DiskReader* from) { return static_cast<uint32_t>(from->Number()); }

bool ReadAttributes(DiskReader* from, InodeAttributes* attributes) {
  const uint64_t type = from->Number();
  if (type > kFileTypeMax) return false;
  attributes->type = static_cast<sys::FileType>(type);
  attributes->mode = Number32(from);
  attributes->uid = Number32(from);
  attributes->gid = Number32(from);
  attributes->rdevice.major = Number32(from);
  attributes->rdevice.minor = Number32(from);
  attributes->modified = absl::FromUnixNanos(static_cast<int64_t>(from->Number()));
  attributes->changed = absl::FromUnixNanos(static_cast<int64_t>(from->Number()));
  attributes->symlink_target = from->Text();
  const uint64_t xattrs = from->Number();
  for (uint64_t i = 0; i < xattrs && from->is_good(); ++i) {
    const std::string name = from->Text();
    attributes->xattrs[name] = from->Text();
  }
  return from->is_good();
}

struct Extent {
  uint64_t page = 0;
  uint64_t block = 0;
  uint64_t count = 0;
};

std::vector<Extent> ExtentsOf(const PageBlocks& pages) {
  std::vector<Extent> extents;
  for (const auto& [page, block] : pages) {
    if (!extents.empty() && extents.back().page + extents.back().count == page &&
        extents.back().block + extents.back().count == block) {
      ++extents.back().count;
    } else {
      extents.push_back({page, block, 1});
    }
  }
  return extents;
}

}  // namespace

std::string SealBlock(uint64_t next, absl::string_view payload) {
  DiskWriter behind;
  behind.Number(next);
  behind.Number(payload.size());
  behind.Raw(payload);
  const std::string body = behind.Take();
  DiskWriter block;
  block.Number(kSealMagic);
  block.Number(DiskChecksum(body));
  block.Raw(body);
  std::string bytes = block.Take();
  bytes.resize(kBlockBytes, '\0');
  return bytes;
}

int UnsealBlock(absl::string_view block, uint64_t* next, std::string* payload) {
  DiskReader reader(block);
  const uint64_t magic = reader.Number();
  const uint64_t checksum = reader.Number();
  *next = reader.Number();
  *payload = reader.Text();
  if (!reader.is_good() || magic != kSealMagic) return -EUCLEAN;
  const absl::string_view body = block.substr(kSealBytes / 2, kSealBytes / 2 + payload->size());
  return DiskChecksum(body) == checksum ? 0 : -EUCLEAN;
}

std::string EncodeInode(const InodeRecord& record, const PageBlocks& pages) {
  DiskWriter writer;
  writer.Number(record.number);
  WriteAttributes(record.attributes, &writer);
  writer.Number(record.size);
  writer.Number(record.entries.size());
  for (const auto& [name, number] : record.entries) {
    writer.Text(name);
    writer.Number(number);
  }
  const std::vector<Extent> extents = ExtentsOf(pages);
  writer.Number(extents.size());
  for (const Extent& extent : extents) {
    writer.Number(extent.page);
    writer.Number(extent.block);
    writer.Number(extent.count);
  }
  return writer.Take();
}

int DecodeInode(absl::string_view bytes, InodeRecord* record, PageBlocks* pages) {
  DiskReader reader(bytes);
  record->number = reader.Number();
  if (!ReadAttributes(&reader, &record->attributes)) return -EUCLEAN;
  record->size = reader.Number();
  const uint64_t entries = reader.Number();
  for (uint64_t i = 0; i < entries && reader.is_good(); ++i) {
    std::string name = reader.Text();
    record->entries.emplace_back(std::move(name), reader.Number());
  }
  const uint64_t extents = reader.Number();
  for (uint64_t i = 0; i < extents && reader.is_good(); ++i) {
    Extent extent;
    extent.page = reader.Number();
    extent.block = reader.Number();
    extent.count = reader.Number();
    // More pages than a file of this size has would make the loop endless.
    const uint64_t pages_max = record->size / kBlockBytes + 1;
    if (extent.count > pages_max || extent.page > pages_max) return -EUCLEAN;
    for (uint64_t j = 0; j < extent.count; ++j) (*pages)[extent.page + j] = extent.block + j;
  }
  return reader.is_good() && reader.is_at_end() ? 0 : -EUCLEAN;
}

std::string EncodeChunk(const std::map<uint64_t, uint64_t>& blocks) {
  std::string payload(kChunkInodes * sizeof(uint64_t), '\0');
  for (const auto& [slot, block] : blocks) {
    std::memcpy(&payload[slot * sizeof(uint64_t)], &block, sizeof(block));
  }
  return payload;
}

int DecodeChunk(absl::string_view payload, std::map<uint64_t, uint64_t>* blocks) {
  if (payload.size() != kChunkInodes * sizeof(uint64_t)) return -EUCLEAN;
  DiskReader reader(payload);
  for (uint64_t slot = 0; slot < kChunkInodes; ++slot) {
    const uint64_t block = reader.Number();
    if (block != 0) (*blocks)[slot] = block;
  }
  return 0;
}

}  // namespace dmkit::model
