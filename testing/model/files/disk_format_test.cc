// SPDX-License-Identifier: Apache-2.0
// The bytes: what goes in comes out, and what is damaged is refused.

#include "testing/model/files/disk_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace dmkit::model {
namespace {

using ::testing::IsEmpty;

constexpr char kUuid[] = "01234567-89ab-cdef-0123-456789abcdef";
constexpr absl::string_view kUuidBytes =
    "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef";

Superblock Example(const std::string& kind) {
  Superblock superblock;
  superblock.kind = kind;
  superblock.uuid = ParseUuid(kUuid);
  superblock.label = "label";
  superblock.blocks = 0x123456789;
  superblock.generation = 7;
  superblock.chunks = {{0, 2}, {5, 99}};
  return superblock;
}

TEST(DiskFormatTest, Ext4FieldsLieWhereARealOneHasThem) {
  const std::string block = EncodeSuperblock(Example("ext4"));
  ASSERT_EQ(block.size(), kBlockBytes);
  EXPECT_EQ(block.substr(1024 + 0x38, 2), "\x53\xef");
  EXPECT_EQ(block.substr(1024 + 0x68, 16), kUuidBytes);
  EXPECT_EQ(block.substr(1024 + 0x04, 4), "\x89\x67\x45\x23");
  EXPECT_EQ(block.substr(1024 + 0x150, 4), absl::string_view("\x01\0\0\0", 4));
  EXPECT_EQ(block.substr(1024 + 0x78, 6), absl::string_view("label\0", 6));
}

TEST(DiskFormatTest, XfsFieldsLieWhereARealOneHasThem) {
  const std::string block = EncodeSuperblock(Example("xfs"));
  EXPECT_EQ(block.substr(0, 8), absl::string_view("XFSB\0\0\x10\0", 8));
  EXPECT_EQ(block.substr(8, 8), absl::string_view("\0\0\0\x01\x23\x45\x67\x89", 8));
  EXPECT_EQ(block.substr(32, 16), kUuidBytes);
  EXPECT_EQ(block.substr(108, 5), "label");
}

TEST(DiskFormatTest, SuperblockComesBack) {
  for (const char* kind : {"ext4", "xfs"}) {
    Superblock seen;
    ASSERT_EQ(DecodeSuperblock(EncodeSuperblock(Example(kind)), kind, &seen), 0);
    EXPECT_EQ(seen.kind, kind);
    EXPECT_EQ(seen.uuid, kUuidBytes);
    EXPECT_EQ(seen.label, "label");
    EXPECT_EQ(seen.blocks, 0x123456789u);
    EXPECT_EQ(seen.generation, 7u);
    EXPECT_EQ(seen.chunks, Example(kind).chunks);
  }
}

TEST(DiskFormatTest, SuperblockOfAnotherKindIsEinvalAndADamagedOneEuclean) {
  Superblock seen;
  std::string block = EncodeSuperblock(Example("ext4"));
  EXPECT_EQ(DecodeSuperblock(block, "xfs", &seen), -EINVAL);
  EXPECT_EQ(DecodeSuperblock(block, "btrfs", &seen), -EINVAL);
  EXPECT_EQ(DecodeSuperblock(std::string(4096, '\0'), "ext4", &seen), -EINVAL);
  EXPECT_EQ(DecodeSuperblock("", "ext4", &seen), -EINVAL);
  for (const size_t at : {2056u, 2500u, 4095u, 100u}) {
    std::string damaged = block;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_EQ(DecodeSuperblock(damaged, "ext4", &seen), -EUCLEAN) << at;
  }
  block.replace(2048, 8, 8, '\0');
  EXPECT_EQ(DecodeSuperblock(block, "ext4", &seen), -EINVAL) << "a real ext4";
}

TEST(DiskFormatTest, MostChunksFitIntoTheSuperblock) {
  Superblock superblock = Example("ext4");
  superblock.chunks.clear();
  for (uint64_t chunk = 0; chunk < kChunksMax; ++chunk) superblock.chunks[chunk] = chunk + 9;
  Superblock seen;
  ASSERT_EQ(DecodeSuperblock(EncodeSuperblock(superblock), "ext4", &seen), 0);
  EXPECT_EQ(seen.chunks, superblock.chunks);
}

TEST(DiskFormatTest, SealedBlockComesBackAndADamagedOneDoesNot) {
  const std::string payload(kPayloadBytes, 'p');
  const std::string block = SealBlock(42, payload);
  ASSERT_EQ(block.size(), kBlockBytes);
  uint64_t next = 0;
  std::string seen;
  ASSERT_EQ(UnsealBlock(block, &next, &seen), 0);
  EXPECT_EQ(next, 42u);
  EXPECT_EQ(seen, payload);
  for (const size_t at : {0u, 8u, 16u, 24u, 32u, 4095u}) {
    std::string damaged = block;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_EQ(UnsealBlock(damaged, &next, &seen), -EUCLEAN) << at;
  }
  EXPECT_EQ(UnsealBlock(std::string(4096, '\0'), &next, &seen), -EUCLEAN);
}

InodeRecord ExampleRecord() {
  InodeRecord record;
  record.number = 12;
  record.attributes.type = sys::FileType::kSymlink;
  record.attributes.mode = 04755;
  record.attributes.uid = 1000;
  record.attributes.gid = 100;
  record.attributes.rdevice = {7, 300};
  record.attributes.modified = absl::FromUnixNanos(-5);
  record.attributes.changed = absl::FromUnixNanos(7);
  record.attributes.symlink_target = "to/there";
  record.attributes.xattrs = {{"user.a", "1"}, {"user.b", std::string("\0x", 2)}};
  record.size = 40960;
  record.entries = {{"a", 13}, {std::string("b\n"), 14}};
  return record;
}

TEST(DiskFormatTest, InodeComesBack) {
  const PageBlocks pages = {{0, 100}, {1, 101}, {3, 103}, {4, 7}};
  InodeRecord seen;
  PageBlocks seen_pages;
  ASSERT_EQ(DecodeInode(EncodeInode(ExampleRecord(), pages), &seen, &seen_pages), 0);
  const InodeRecord record = ExampleRecord();
  EXPECT_EQ(seen.number, record.number);
  EXPECT_EQ(seen.attributes.type, record.attributes.type);
  EXPECT_EQ(seen.attributes.mode, record.attributes.mode);
  EXPECT_EQ(seen.attributes.uid, record.attributes.uid);
  EXPECT_EQ(seen.attributes.gid, record.attributes.gid);
  EXPECT_EQ(seen.attributes.rdevice.minor, 300u);
  EXPECT_EQ(seen.attributes.modified, record.attributes.modified);
  EXPECT_EQ(seen.attributes.changed, record.attributes.changed);
  EXPECT_EQ(seen.attributes.symlink_target, record.attributes.symlink_target);
  EXPECT_EQ(seen.attributes.xattrs, record.attributes.xattrs);
  EXPECT_EQ(seen.size, record.size);
  EXPECT_EQ(seen.entries, record.entries);
  EXPECT_EQ(seen_pages, pages);
}

TEST(DiskFormatTest, InodeThatEndsAnywhereElseIsEuclean) {
  const std::string bytes = EncodeInode(ExampleRecord(), {{0, 100}});
  for (size_t length = 0; length < bytes.size(); ++length) {
    InodeRecord seen;
    PageBlocks pages;
    EXPECT_EQ(DecodeInode(bytes.substr(0, length), &seen, &pages), -EUCLEAN) << length;
  }
  InodeRecord seen;
  PageBlocks pages;
  EXPECT_EQ(DecodeInode(bytes + "x", &seen, &pages), -EUCLEAN);
}

TEST(DiskFormatTest, PagesPastTheEndOfAFileAreEuclean) {
  InodeRecord record = ExampleRecord();
  record.size = 4096;
  InodeRecord seen;
  PageBlocks pages;
  EXPECT_EQ(DecodeInode(EncodeInode(record, {{5, 100}}), &seen, &pages), -EUCLEAN);
}

TEST(DiskFormatTest, ChunkComesBack) {
  const std::map<uint64_t, uint64_t> blocks = {{0, 5}, {kChunkInodes - 1, 6}};
  std::map<uint64_t, uint64_t> seen;
  ASSERT_EQ(DecodeChunk(EncodeChunk(blocks), &seen), 0);
  EXPECT_EQ(seen, blocks);
  EXPECT_EQ(DecodeChunk("short", &seen), -EUCLEAN);
}

TEST(DiskFormatTest, OnlyAUuidIsOne) {
  EXPECT_EQ(ParseUuid(kUuid), kUuidBytes);
  EXPECT_THAT(ParseUuid(""), IsEmpty());
  EXPECT_THAT(ParseUuid("01234567-89ab-cdef-0123-456789abcde"), IsEmpty());
  EXPECT_THAT(ParseUuid("01234567-89ab-cdef-0123-456789abcdeg"), IsEmpty());
}

TEST(DiskFormatTest, FormatRefusesWhatIsTooSmallOrUnknown) {
  FormatRequest request;
  request.kind = "ext4";
  request.uuid = kUuid;
  request.device_bytes = 1 << 20;
  std::vector<std::pair<uint64_t, std::string>> blocks;
  EXPECT_EQ(FormatFilesystem(request, &blocks), 0);
  EXPECT_EQ(blocks.back().first, 0u) << "the superblock comes last";
  request.device_bytes -= 4096;
  EXPECT_EQ(FormatFilesystem(request, &blocks), -EINVAL);
  request.kind = "xfs";
  request.device_bytes = (uint64_t{300} << 20) - 512;
  EXPECT_EQ(FormatFilesystem(request, &blocks), -EINVAL);
  request.device_bytes += 512;
  EXPECT_EQ(FormatFilesystem(request, &blocks), 0);
  request.label = std::string(13, 'l');
  EXPECT_EQ(FormatFilesystem(request, &blocks), -EINVAL);
  request.label = "";
  request.uuid = "none";
  EXPECT_EQ(FormatFilesystem(request, &blocks), -EINVAL);
  request.uuid = kUuid;
  request.kind = "btrfs";
  EXPECT_EQ(FormatFilesystem(request, &blocks), -EINVAL);
}

}  // namespace
}  // namespace dmkit::model
