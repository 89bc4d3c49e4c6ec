// SPDX-License-Identifier: Apache-2.0

#include "thinp/metadata.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"
#include "thinp/testdata/memory_file.h"
#include "thinp/testdata/metadata_image.h"

namespace dmkit::thinp {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::HasSubstr;

constexpr uint64_t kDockerDetails = 287;  // root and only node of the device tree

MetadataImage Load(const std::string& name) {
  std::ifstream file("thinp/testdata/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  return MetadataImage::Parse(
      std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
}

absl::StatusOr<MetadataSuperblock> Decode(const MetadataImage& image, uint64_t number = 0) {
  return DecodeSuperblock(image.block(number), number);
}

absl::StatusOr<std::vector<MetadataDevice>> Devices(const MetadataImage& image, uint64_t root) {
  MemoryFile file(image.bytes());
  file.RequireAlignment();
  MetadataSuperblock superblock;
  superblock.device_details_root = root;
  return ReadDevices(file, superblock);
}

TEST(SuperblockTest, ReadsAPoolOfTheKernel) {
  const absl::StatusOr<MetadataSuperblock> superblock = Decode(Load("docker_pool.blocks"));
  ASSERT_THAT(superblock, IsOk());
  EXPECT_FALSE(superblock->needs_check);
  EXPECT_EQ(superblock->time, 7u);
  EXPECT_EQ(superblock->transaction_id, 9u);
  EXPECT_EQ(superblock->held_root, 0u);
  EXPECT_EQ(superblock->data_mapping_root, 285u);
  EXPECT_EQ(superblock->device_details_root, kDockerDetails);
  EXPECT_EQ(superblock->data_block_size, sys::Sectors(128));
  EXPECT_EQ(superblock->metadata_blocks, 8192u);
  EXPECT_EQ(superblock->data_blocks, sys::DataBlocks(16384));
}

TEST(SuperblockTest, ReadsWhatThinRestoreWrites) {
  const absl::StatusOr<MetadataSuperblock> superblock = Decode(Load("restored_none.blocks"));
  ASSERT_THAT(superblock, IsOk());
  EXPECT_EQ(superblock->data_block_size, sys::Sectors(2048));
  EXPECT_EQ(superblock->data_blocks, sys::DataBlocks(100));
  EXPECT_EQ(superblock->metadata_blocks, 1024u);
}

TEST(SuperblockTest, FlagBitZeroIsNeedsCheck) {
  MetadataImage image = Load("docker_pool.blocks");
  image.Put<uint32_t>(0, 4, 1);
  image.Seal(0, BlockKind::kSuperblock);
  ASSERT_THAT(Decode(image), IsOk());
  EXPECT_TRUE(Decode(image)->needs_check);
}

// A metadata snapshot is a copy that knows its own block and no space maps.
TEST(SuperblockTest, ReadsAMetadataSnapshotAtItsOwnBlock) {
  MetadataImage image = Load("docker_pool.blocks");
  image.Move(0, 46, BlockKind::kSuperblock);
  for (size_t offset = 64; offset < 320; offset += 8) image.Put<uint64_t>(46, offset, 0);
  image.Seal(46, BlockKind::kSuperblock);
  image.Put<uint64_t>(0, 56, 46);
  image.Seal(0, BlockKind::kSuperblock);

  MemoryFile file(image.bytes());
  file.RequireAlignment();
  const absl::StatusOr<MetadataSuperblock> live = ReadSuperblock(file, 0);
  ASSERT_THAT(live, IsOk());
  EXPECT_EQ(live->held_root, 46u);
  const absl::StatusOr<MetadataSuperblock> held = ReadSuperblock(file, live->held_root);
  ASSERT_THAT(held, IsOk());
  EXPECT_EQ(held->held_root, 0u);
  EXPECT_EQ(held->data_blocks, sys::DataBlocks(0));
  EXPECT_EQ(ReadDevices(file, *held)->size(), 7u);
}

TEST(SuperblockTest, EveryDamagedByteIsFound) {
  std::string block(Load("docker_pool.blocks").block(0));
  ASSERT_THAT(DecodeSuperblock(block, 0), IsOk());
  for (size_t offset = 0; offset < block.size(); ++offset) {
    const char good = block[offset];
    for (const char flip : {'\x01', '\x80'}) {
      block[offset] = static_cast<char>(good ^ flip);
      EXPECT_THAT(DecodeSuperblock(block, 0), FailsWithCode(absl::StatusCode::kDataLoss)) << offset;
    }
    block[offset] = good;
  }
}

TEST(SuperblockTest, AnyOtherLengthThanABlockIsRefused) {
  const MetadataImage image = Load("docker_pool.blocks");
  const std::string two_blocks = image.bytes().substr(0, 8192);
  for (size_t length : {0u, 1u, 4u, 364u, 368u, 512u, 4095u, 4097u, 8192u}) {
    EXPECT_THAT(DecodeSuperblock(absl::string_view(two_blocks).substr(0, length), 0),
                FailsWithCode(absl::StatusCode::kDataLoss))
        << length;
  }
}

TEST(SuperblockTest, BlankBlockIsNone) {
  EXPECT_THAT(Decode(MetadataImage(1)), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST(SuperblockTest, AnotherBlocksSuperblockIsRefused) {
  MetadataImage image = Load("docker_pool.blocks");
  EXPECT_THAT(DecodeSuperblock(image.block(0), 46), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(std::string(DecodeSuperblock(image.block(0), 46).status().message()),
              HasSubstr("block 46"));
}

// What is wrong although the checksum is right.
TEST(SuperblockTest, ImpossibleFieldsAreRefused) {
  struct Case {
    const char* name;
    size_t offset;
    uint64_t value;
    size_t width;
  };
  const Case cases[] = {
      {"block number", 8, 1, 8},
      {"magic", 32, 27022011, 8},
      {"magic", 32, 0, 8},
      {"held root is itself out of range", 56, 8192, 8},
      {"held root", 56, uint64_t{1} << 63, 8},
      {"mapping root 0", 320, 0, 8},
      {"mapping root past the end", 320, 8192, 8},
      {"mapping root", 320, ~uint64_t{0}, 8},
      {"details root 0", 328, 0, 8},
      {"details root past the end", 328, 8192, 8},
      {"details root", 328, ~uint64_t{0}, 8},
      {"data block size 0", 336, 0, 4},
      {"data block size 64", 336, 64, 4},
      {"data block size 129", 336, 129, 4},
      {"data block size too large", 336, 2097152 + 128, 4},
      {"incompatible features", 360, 1, 4},
  };
  for (const Case& c : cases) {
    MetadataImage image = Load("docker_pool.blocks");
    if (c.width == 8) {
      image.Put<uint64_t>(0, c.offset, c.value);
    } else {
      image.Put<uint32_t>(0, c.offset, static_cast<uint32_t>(c.value));
    }
    image.Seal(0, BlockKind::kSuperblock);
    EXPECT_THAT(Decode(image), FailsWithCode(absl::StatusCode::kDataLoss)) << c.name;
  }
}

TEST(SuperblockTest, RootsAreBoundedByTheSpaceMapAndOtherwiseByTheFormat) {
  MetadataImage image = Load("docker_pool.blocks");
  const auto details_root_is_good = [&image](uint64_t root) {
    image.Put<uint64_t>(0, 328, root);
    image.Seal(0, BlockKind::kSuperblock);
    return Decode(image).ok();
  };
  EXPECT_TRUE(details_root_is_good(8191));
  EXPECT_FALSE(details_root_is_good(8192));
  image.Put<uint64_t>(0, 192, 0);
  EXPECT_TRUE(details_root_is_good(8192));
  EXPECT_TRUE(details_root_is_good(4161599));
  EXPECT_FALSE(details_root_is_good(4161600));
  image.Put<uint64_t>(0, 192, ~uint64_t{0});
  EXPECT_FALSE(details_root_is_good(4161600));
}

TEST(SuperblockTest, MetadataSnapshotMayNotBeItsOwnTreeNorHaveNone) {
  MetadataImage image = Load("docker_pool.blocks");
  image.Move(0, 46, BlockKind::kSuperblock);
  ASSERT_THAT(Decode(image, 46), IsOk());
  for (const size_t offset : {320u, 328u}) {
    for (const uint64_t root : {0u, 46u}) {
      MetadataImage damaged = image;
      damaged.Put<uint64_t>(46, offset, root);
      damaged.Seal(46, BlockKind::kSuperblock);
      EXPECT_THAT(Decode(damaged, 46), FailsWithCode(absl::StatusCode::kDataLoss)) << offset;
    }
  }
  image.Put<uint64_t>(46, 56, 46);
  image.Seal(46, BlockKind::kSuperblock);
  EXPECT_THAT(Decode(image, 46), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST(SuperblockTest, ReadingPastTheEndIsDataLoss) {
  const MetadataImage image = Load("docker_pool.blocks");
  for (size_t length : {0u, 1u, 4095u}) {
    MemoryFile file(image.bytes().substr(0, length));
    EXPECT_THAT(ReadSuperblock(file, 0), FailsWithCode(absl::StatusCode::kDataLoss)) << length;
  }
  MemoryFile file(image.bytes());
  EXPECT_THAT(ReadSuperblock(file, 288), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST(SuperblockTest, BlockThatNoMetadataHasIsRefusedWithoutReading) {
  MemoryFile file(Load("docker_pool.blocks").bytes());
  for (uint64_t number : {uint64_t{4161600}, uint64_t{1} << 52, ~uint64_t{0}}) {
    EXPECT_THAT(ReadSuperblock(file, number), FailsWithCode(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(file.reads(), 0u);
}

TEST(SuperblockTest, ErrorsOfReadingKeepTheirErrno) {
  MemoryFile file(Load("docker_pool.blocks").bytes());
  file.FailReadsAt(0, EIO);
  EXPECT_THAT(ReadSuperblock(file, 0), FailsWithErrno(EIO));
  EXPECT_THAT(IsBlankMetadata(file), FailsWithErrno(EIO));
}

TEST(BlankMetadataTest, BlankIsAllZeroInTheFirstBlock) {
  MemoryFile blank(std::string(8192, '\0'));
  blank.RequireAlignment();
  EXPECT_THAT(IsBlankMetadata(blank), IsOkAndHolds(true));
  for (size_t offset : {0u, 1u, 511u, 2048u, 4094u, 4095u}) {
    std::string bytes(8192, '\0');
    bytes[offset] = '\1';
    MemoryFile file(bytes);
    EXPECT_THAT(IsBlankMetadata(file), IsOkAndHolds(false)) << offset;
  }
  MemoryFile second_block(std::string(4096, '\0') + std::string(4096, 'x'));
  EXPECT_THAT(IsBlankMetadata(second_block), IsOkAndHolds(true));
}

TEST(BlankMetadataTest, DeviceShorterThanABlockIsNeitherBlankNorUsed) {
  for (size_t length : {0u, 512u, 4095u}) {
    MemoryFile file(std::string(length, '\0'));
    EXPECT_THAT(IsBlankMetadata(file), FailsWithCode(absl::StatusCode::kDataLoss)) << length;
  }
}

TEST(ReadDevicesTest, ReadsThePoolOfTheKernel) {
  const absl::StatusOr<std::vector<MetadataDevice>> devices =
      Devices(Load("docker_pool.blocks"), kDockerDetails);
  ASSERT_THAT(devices, IsOk());
  const uint64_t mapped[] = {144, 149, 151, 152, 153, 154, 155};
  const uint32_t snapshotted[] = {1, 2, 3, 7, 6, 5, 6};
  ASSERT_EQ(devices->size(), 7u);
  for (uint32_t i = 0; i < 7; ++i) {
    const MetadataDevice& device = (*devices)[i];
    EXPECT_EQ(device.id.value(), i + 1);
    EXPECT_EQ(device.mapped_blocks, mapped[i]);
    EXPECT_EQ(device.transaction_id, i);
    EXPECT_EQ(device.creation_time, i);
    EXPECT_EQ(device.snapshotted_time, snapshotted[i]);
  }
}

TEST(ReadDevicesTest, ReadsATreeOfTwoLevelsInTheOrderOfIds) {
  const MetadataImage image = Load("restored_200.blocks");
  const absl::StatusOr<MetadataSuperblock> superblock = Decode(image);
  ASSERT_THAT(superblock, IsOk());
  MemoryFile file(image.bytes());
  file.RequireAlignment();
  const absl::StatusOr<std::vector<MetadataDevice>> devices = ReadDevices(file, *superblock);
  ASSERT_THAT(devices, IsOk());
  ASSERT_EQ(devices->size(), 200u);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < 200; ++i) {
    const MetadataDevice& device = (*devices)[i];
    if (i > 0) {
      EXPECT_LT((*devices)[i - 1].id, device.id);
    }
    EXPECT_EQ(device.transaction_id, i % 41);
    EXPECT_EQ(device.creation_time, i % 7);
    EXPECT_EQ(device.snapshotted_time, i % 7 + 1);
    sum += device.id.value();
  }
  EXPECT_EQ(devices->front().id.value(), 0u);
  EXPECT_EQ(devices->back().id.value(), ThinId::kMax);
  EXPECT_EQ(sum, 1678423952u);
  EXPECT_LE(file.reads(), 5u);
}

TEST(ReadDevicesTest, PoolWithoutDevicesHasNone) {
  const MetadataImage image = Load("restored_none.blocks");
  const absl::StatusOr<MetadataSuperblock> superblock = Decode(image);
  ASSERT_THAT(superblock, IsOk());
  const auto devices = Devices(image, superblock->device_details_root);
  ASSERT_THAT(devices, IsOk());
  EXPECT_TRUE(devices->empty());
}

TEST(ReadDevicesTest, RootThatNoSuperblockHasIsRefusedWithoutReading) {
  MemoryFile file(Load("docker_pool.blocks").bytes());
  for (uint64_t root : {uint64_t{0}, uint64_t{4161600}, ~uint64_t{0}}) {
    MetadataSuperblock superblock;
    superblock.device_details_root = root;
    EXPECT_THAT(ReadDevices(file, superblock), FailsWithCode(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(file.reads(), 0u);
}

TEST(ReadDevicesTest, ErrorsOfReadingKeepTheirErrno) {
  MemoryFile file(Load("docker_pool.blocks").bytes());
  file.FailReadsAt(kDockerDetails * 4096 + 100, EIO);
  EXPECT_THAT(ReadDevices(file, *ReadSuperblock(file, 0)), FailsWithErrno(EIO));
}

}  // namespace
}  // namespace dmkit::thinp
