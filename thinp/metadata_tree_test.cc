// SPDX-License-Identifier: Apache-2.0
// The walk of the device tree over nodes made here. metadata_test.cc has the real images.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"
#include "thinp/metadata.h"
#include "thinp/testdata/memory_file.h"
#include "thinp/testdata/metadata_image.h"

namespace dmkit::thinp {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;

absl::StatusOr<std::vector<MetadataDevice>> Devices(const MetadataImage& image, uint64_t root) {
  MemoryFile file(image.bytes());
  file.RequireAlignment();
  MetadataSuperblock superblock;
  superblock.device_details_root = root;
  return ReadDevices(file, superblock);
}

// A tree whose root is block 1.
constexpr uint64_t kRoot = 1;

class DeviceTreeTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<MetadataDevice>> Read() const { return Devices(image_, kRoot); }
  // Damages the root, and hides that from the checksum.
  template <typename T>
  void Damage(size_t offset, T value) {
    image_.Put<T>(kRoot, offset, value);
    image_.Seal(kRoot, BlockKind::kNode);
  }

  MetadataImage image_{16};
};

TEST_F(DeviceTreeTest, EveryDamagedByteOfANodeIsFound) {
  image_.PutLeaf(kRoot, {{1, 10}, {2, 20}});
  for (size_t offset = 0; offset < MetadataImage::kBlockBytes; ++offset) {
    MetadataImage damaged = image_;
    const auto byte = static_cast<uint8_t>(image_.block(kRoot)[offset]);
    damaged.Put<uint8_t>(kRoot, offset, static_cast<uint8_t>(byte ^ (1u << (offset % 8))));
    EXPECT_THAT(Devices(damaged, kRoot), FailsWithCode(absl::StatusCode::kDataLoss)) << offset;
  }
}

TEST_F(DeviceTreeTest, ReadsALeaf) {
  image_.PutLeaf(kRoot, {{0, 10}, {7, 20}, {ThinId::kMax, 30}});
  ASSERT_THAT(Read(), IsOk());
  EXPECT_EQ(Read()->size(), 3u);
  EXPECT_EQ((*Read())[1].mapped_blocks, 20u);
}

TEST_F(DeviceTreeTest, FullNodesAreRead) {
  std::vector<MetadataImage::Entry> entries;
  for (uint64_t i = 0; i < 126; ++i) entries.push_back({i, i});
  image_.PutLeaf(kRoot, entries);
  ASSERT_THAT(Read(), IsOk());
  EXPECT_EQ(Read()->back().mapped_blocks, 125u);
}

// A key of an inner node is a lower bound: its device may have been deleted.
TEST_F(DeviceTreeTest, KeyOfAChildMayBeSmallerThanItsFirst) {
  image_.PutInternal(kRoot, {{1, 2}, {10, 3}});
  image_.PutLeaf(2, {{5, 0}, {9, 0}});
  image_.PutLeaf(3, {{10, 0}});
  ASSERT_THAT(Read(), IsOk());
  EXPECT_EQ(Read()->size(), 3u);
}

TEST_F(DeviceTreeTest, KeysOutOfOrderAreRefused) {
  for (const std::vector<MetadataImage::Entry>& entries :
       {std::vector<MetadataImage::Entry>{{2, 2}, {1, 3}},
        {{2, 2}, {2, 3}},
        {{5, 2}, {7, 3}, {6, 4}}}) {
    image_.PutLeaf(kRoot, entries);
    EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
    image_.PutInternal(kRoot, entries);
    EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
  }
}

TEST_F(DeviceTreeTest, KeysOutsideTheParentsRangeAreRefused) {
  image_.PutInternal(kRoot, {{5, 2}, {10, 3}});
  image_.PutLeaf(3, {{10, 0}});
  for (uint64_t key : {0u, 4u, 10u, 11u}) {
    image_.PutLeaf(2, {{key, 0}});
    EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss)) << key;
  }
  image_.PutLeaf(2, {{5, 0}});
  EXPECT_THAT(Read(), IsOk());
}

TEST_F(DeviceTreeTest, IdsOfMoreThan24BitsAreRefused) {
  for (uint64_t key : {uint64_t{1} << 24, uint64_t{1} << 32, ~uint64_t{0}}) {
    image_.PutLeaf(kRoot, {{1, 0}, {key, 0}});
    EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss)) << key;
    image_.PutInternal(kRoot, {{key, 2}});
    EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss)) << key;
  }
}

TEST_F(DeviceTreeTest, ImpossibleNodeHeadersAreRefused) {
  struct Case {
    const char* name;
    size_t offset;
    uint32_t value;
  };
  const Case cases[] = {
      {"no flags", 4, 0},
      {"both flags", 4, 3},
      {"unknown flag", 4, 4},
      {"leaf and more", 4, 6},
      {"another block", 8, 2},
      {"more than room", 16, 127},
      {"many more", 16, ~0u},
      {"room past the end", 20, 128},
      {"room wraps", 20, ~0u},
      {"less room", 20, 1},
      {"no room", 20, 0},
      {"value size 8", 24, 8},
      {"value size 0", 24, 0},
      {"value size 25", 24, 25},
      {"value size wraps", 24, ~0u},
      {"is internal now", 4, 1},
  };
  for (const Case& c : cases) {
    image_.PutLeaf(kRoot, {{1, 10}, {2, 20}});
    ASSERT_THAT(Read(), IsOk());
    Damage<uint32_t>(c.offset, c.value);
    EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss)) << c.name;
  }
}

TEST_F(DeviceTreeTest, InternalNodeWithValuesOfALeafIsRefused) {
  image_.PutInternal(kRoot, {{1, 2}});
  image_.PutLeaf(2, {{1, 0}});
  ASSERT_THAT(Read(), IsOk());
  Damage<uint32_t>(24, 24);
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_F(DeviceTreeTest, InternalNodeWithOtherFlagsIsRefused) {
  image_.PutLeaf(2, {{1, 0}});
  for (const uint32_t flags : {0u, 2u, 3u, 4u, 5u, 0x80000001u}) {
    image_.PutInternal(kRoot, {{1, 2}});
    Damage<uint32_t>(4, flags);
    EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss)) << flags;
  }
}

TEST_F(DeviceTreeTest, ChildrenPastTheEndAreRefused) {
  image_.PutInternal(kRoot, {{1, 16}});
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_F(DeviceTreeTest, ChildrenThatNoMetadataHasAreNotEvenRead) {
  for (uint64_t child :
       {uint64_t{0}, uint64_t{4161600}, uint64_t{1} << 52, (uint64_t{1} << 52) + 2, ~uint64_t{0}}) {
    image_.PutInternal(kRoot, {{1, child}});
    MemoryFile file(image_.bytes());
    MetadataSuperblock superblock;
    superblock.device_details_root = kRoot;
    EXPECT_THAT(ReadDevices(file, superblock), FailsWithCode(absl::StatusCode::kDataLoss)) << child;
    EXPECT_EQ(file.reads(), 1u) << child;
  }
}

TEST_F(DeviceTreeTest, WideTreeIsNoDeepOne) {
  std::vector<MetadataImage::Entry> entries;
  for (uint64_t child = 2; child < 16; ++child) {
    entries.push_back({child * 10, child});
    image_.PutLeaf(child, {{child * 10, child}});
  }
  image_.PutInternal(kRoot, entries);
  ASSERT_THAT(Read(), IsOk());
  EXPECT_EQ(Read()->size(), 14u);
}

TEST_F(DeviceTreeTest, NodesWithoutEntriesAreRefusedExceptAnEmptyTree) {
  image_.PutLeaf(kRoot, {});
  EXPECT_THAT(Read(), IsOk());
  image_.PutInternal(kRoot, {});
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
  image_.PutInternal(kRoot, {{1, 2}});
  image_.PutLeaf(2, {});
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_F(DeviceTreeTest, CyclesAreFound) {
  image_.PutInternal(kRoot, {{1, kRoot}});
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
  image_.PutInternal(kRoot, {{1, 2}});
  image_.PutInternal(2, {{1, 3}});
  image_.PutInternal(3, {{1, kRoot}});
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(std::string(Read().status().message()), HasSubstr("below itself"));
}

// Many links to few nodes would otherwise be walked an exponential number of times.
TEST_F(DeviceTreeTest, NodeLinkedTwiceIsFoundAtItsSecondVisit) {
  for (uint64_t level = 1; level < 7; ++level) {
    std::vector<MetadataImage::Entry> entries;
    for (uint64_t i = 0; i < 252; ++i) entries.push_back({i, level + 1});
    image_.PutInternal(level, entries);
  }
  image_.PutLeaf(7, {{0, 0}});
  MemoryFile file(image_.bytes());
  MetadataSuperblock superblock;
  superblock.device_details_root = kRoot;
  EXPECT_THAT(ReadDevices(file, superblock), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_LE(file.reads(), 8u);
}

TEST_F(DeviceTreeTest, EightLevelsAreReadAndNineAreRefused) {
  for (uint64_t level = 1; level < 8; ++level) image_.PutInternal(level, {{5, level + 1}});
  image_.PutLeaf(8, {{5, 55}});
  ASSERT_THAT(Read(), IsOk());
  EXPECT_EQ(Read()->front().mapped_blocks, 55u);
  image_.PutInternal(8, {{5, 9}});
  image_.PutLeaf(9, {{5, 55}});
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST_F(DeviceTreeTest, DamageBelowTheRootNamesTheBlock) {
  image_.PutInternal(kRoot, {{1, 2}, {10, 3}});
  image_.PutLeaf(2, {{1, 0}});
  image_.PutLeaf(3, {{10, 0}});
  image_.Put<uint8_t>(3, 1000, 1);
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(std::string(Read().status().message()), HasSubstr("block 3"));
}

}  // namespace
}  // namespace dmkit::thinp
