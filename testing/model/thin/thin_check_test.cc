// SPDX-License-Identifier: Apache-2.0
// The check finds damage, and nothing else; and what the model writes is what others can read.

#include "testing/model/thin/thin_check.h"

#include <map>
#include <random>
#include <utility>

#include "sys/status_matchers.h"
#include "testing/model/thin/metadata_fixture.h"
#include "thinp/metadata.h"
#include "thinp/testdata/memory_file.h"

namespace dmkit::model {
namespace {

using ::dmkit::sys::IsOk;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ThinCheckTest : public MetadataTest {
 protected:
  void SetUp() override {
    machine_.Make();
    ASSERT_EQ(machine_.metadata().CreateThin(1), 0);
    ASSERT_EQ(machine_.Provision(1, 0, 600), 0);
    for (uint32_t id = 2; id < 6; ++id) ASSERT_EQ(machine_.metadata().CreateSnap(id, 1), 0);
    ASSERT_EQ(machine_.metadata().SetTransactionId(0, 3), 0);
    ASSERT_EQ(machine_.metadata().ReserveMetadataSnap(), 0);
    ASSERT_EQ(machine_.metadata().Commit(), 0);
    ASSERT_EQ(machine_.Provision(2, 0, 300), 0);
    ASSERT_EQ(machine_.metadata().Close(), 0);
    ASSERT_THAT(machine_.Check(), IsEmpty());
    superblock_ = machine_.ReadBlock(0);
  }
  uint64_t Super(size_t at) const { return Get64(superblock_.data() + at); }
  // Damages a block, and hides that from its checksum.
  template <typename Damage>
  std::vector<std::string> CheckWith(uint64_t number, BlockKind kind, const Damage& damage) {
    const auto before = machine_.ReadBlock(number);
    auto block = before;
    damage(block.data());
    machine_.SealBlock(number, kind, block);
    std::vector<std::string> faults = machine_.Check();
    machine_.WriteBlock(number, before);
    return faults;
  }

  std::array<char, kMetadataBlockBytes> superblock_;
};

TEST_F(ThinCheckTest, BlankDeviceHasNothingWrong) {
  EXPECT_THAT(MetadataMachine().Check(), IsEmpty());
}

TEST_F(ThinCheckTest, EveryBlockInUseIsCovered) {
  int damaged = 0;
  for (uint64_t number = 0; number < 1024; ++number) {
    const auto before = machine_.ReadBlock(number);
    auto block = before;
    block[2000] ^= 4;
    machine_.WriteBlock(number, block);
    if (!machine_.Check().empty()) ++damaged;
    machine_.WriteBlock(number, before);
  }
  EXPECT_EQ(static_cast<uint64_t>(damaged),
            Super(SuperblockAt::kMetadataSpaceMap + SpaceMapRootAt::kAllocated));
}

TEST_F(ThinCheckTest, WrongCountsAreFound) {
  const auto index =
      machine_.ReadBlock(Super(SuperblockAt::kMetadataSpaceMap + SpaceMapRootAt::kBitmapRoot));
  const uint64_t bitmap = Get64(index.data() + kIndexHeaderBytes);
  EXPECT_THAT(CheckWith(bitmap, BlockKind::kBitmap, [](char* b) { b[16] ^= 2; }),
              Contains(HasSubstr("metadata block 0: count")));
  EXPECT_THAT(CheckWith(bitmap, BlockKind::kBitmap, [](char* b) { b[16 + 200] |= 1; }),
              Contains(HasSubstr("references 0")));
  EXPECT_THAT(CheckWith(0, BlockKind::kSuperblock,
                        [](char* b) {
                          char* at = b + SuperblockAt::kDataSpaceMap + SpaceMapRootAt::kAllocated;
                          Put64(at, Get64(at) + 1);
                        }),
              Contains(HasSubstr("the superblock says")));
}

TEST_F(ThinCheckTest, CountThatIsMissingInTheTreeIsFound) {
  const uint64_t counts = Super(SuperblockAt::kMetadataSpaceMap + SpaceMapRootAt::kCountRoot);
  ASSERT_NE(Get32(machine_.ReadBlock(counts).data() + NodeAt::kEntries), 0u);
  EXPECT_THAT(CheckWith(counts, BlockKind::kNode, [](char* b) { Put32(b + NodeAt::kEntries, 0); }),
              Contains(HasSubstr("not in the tree")));
}

TEST_F(ThinCheckTest, DevicesThatDoNotAgreeAreFound) {
  const uint64_t details = Super(SuperblockAt::kDetailsRoot);
  const size_t first_value = NodeAt::kKeys + 8 * size_t{126};
  EXPECT_THAT(CheckWith(details, BlockKind::kNode, [=](char* b) { Put64(b + first_value, 7); }),
              Contains("device 1 has 600 mapped blocks and says 7"));
  EXPECT_THAT(CheckWith(details, BlockKind::kNode, [](char* b) { Put64(b + NodeAt::kKeys, 0); }),
              Contains("device 0 has details and no mappings"));
  EXPECT_THAT(
      CheckWith(details, BlockKind::kNode, [=](char* b) { Put32(b + first_value + 20, 99); }),
      Contains("device 1 has impossible times"));
  EXPECT_THAT(CheckWith(Super(SuperblockAt::kMappingRoot), BlockKind::kNode,
                        [](char* b) { Put32(b + NodeAt::kEntries, 4); }),
              Contains("device 5 has details and no mappings"));
}

TEST_F(ThinCheckTest, BrokenNodesAreFound) {
  const uint64_t root = Super(SuperblockAt::kMappingRoot);
  const auto check = [&](size_t at, uint32_t value) {
    return CheckWith(root, BlockKind::kNode, [=](char* b) { Put32(b + at, value); });
  };
  EXPECT_THAT(check(NodeAt::kFlags, 0), Contains(HasSubstr("impossible measures")));
  EXPECT_THAT(check(NodeAt::kEntries, 253), Contains(HasSubstr("impossible measures")));
  EXPECT_THAT(check(NodeAt::kMaxEntries, 1000), Contains(HasSubstr("impossible measures")));
  EXPECT_THAT(check(NodeAt::kValueBytes, 4), Contains(HasSubstr("impossible measures")));
  EXPECT_THAT(check(NodeAt::kKeys, 90), Contains(HasSubstr("in a wrong place")));
  EXPECT_THAT(CheckWith(root, BlockKind::kNode,
                        [](char* b) { Put64(b + NodeAt::kKeys + 8 * size_t{252}, 5000); }),
              Contains(HasSubstr("behind the end")));
}

TEST_F(ThinCheckTest, BrokenSuperblocksAreFound) {
  const auto check = [&](size_t at, uint32_t value) {
    return CheckWith(0, BlockKind::kSuperblock, [=](char* b) { Put32(b + at, value); });
  };
  EXPECT_THAT(check(SuperblockAt::kMagic, 1), Contains(HasSubstr("wrong magic")));
  EXPECT_THAT(check(SuperblockAt::kVersion, 1), Contains(HasSubstr("wrong version")));
  EXPECT_THAT(check(SuperblockAt::kFlags, 2), Contains(HasSubstr("unknown flags")));
  EXPECT_THAT(check(SuperblockAt::kDataBlockSectors, 127), Contains(HasSubstr("data block size")));
  EXPECT_THAT(check(SuperblockAt::kHeldRoot, 0), Not(IsEmpty()));
  EXPECT_THAT(check(SuperblockAt::kTime, 0), Contains(HasSubstr("impossible times")));
}

TEST_F(ThinCheckTest, OurReaderUnderstandsWhatIsWritten) {
  std::string bytes(machine_.disk().contents().size(), '\0');
  machine_.disk().contents().Read(0, absl::MakeSpan(&bytes[0], bytes.size()));
  thinp::MemoryFile file(bytes);
  const auto superblock = thinp::ReadSuperblock(file, 0);
  ASSERT_THAT(superblock, IsOk());
  EXPECT_EQ(superblock->transaction_id, 3u);
  EXPECT_EQ(superblock->time, 4u);
  EXPECT_EQ(superblock->data_blocks.count(), 10000u);
  const auto devices = thinp::ReadDevices(file, *superblock);
  ASSERT_THAT(devices, IsOk());
  ASSERT_EQ(devices->size(), 5u);
  EXPECT_EQ((*devices)[1].snapshotted_time, 2u - 1);
  const auto held = thinp::ReadSuperblock(file, superblock->held_root);
  ASSERT_THAT(held, IsOk());
  EXPECT_EQ(held->data_blocks.count(), 0u);
  const auto held_devices = thinp::ReadDevices(file, *held);
  ASSERT_THAT(held_devices, IsOk());
  EXPECT_EQ(held_devices->size(), 5u);
}

// Any history keeps mappings, counts and bytes in step.
TEST(MetadataHistoryTest, RandomHistoriesAgreeWithAPlainMap) {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    std::mt19937 random(seed);
    MetadataMachine machine(6000);
    machine.Make(20000);
    PoolMetadata& pool = machine.metadata();
    std::map<uint32_t, std::map<uint64_t, int64_t>> expected;
    uint32_t next_id = 1;
    for (int step = 0; step < 600; ++step) {
      const uint64_t kind = random() % 20;
      auto chosen = expected.begin();
      if (!expected.empty()) std::advance(chosen, random() % expected.size());
      if (expected.empty() || kind == 0) {
        ASSERT_EQ(pool.CreateThin(next_id), 0);
        expected[next_id++];
      } else if (kind < 4) {
        ASSERT_EQ(pool.CreateSnap(next_id, chosen->first), 0);
        expected[next_id++] = chosen->second;
      } else if (kind < 6 && expected.size() > 10) {
        ASSERT_EQ(pool.DeleteThinDevice(chosen->first), 0);
        expected.erase(chosen);
      } else if (kind == 6) {
        uint64_t held = 0;
        ASSERT_EQ(pool.GetMetadataSnap(&held), 0);
        ASSERT_EQ(held == 0 ? pool.ReserveMetadataSnap() : pool.ReleaseMetadataSnap(), 0);
      } else {
        const uint64_t begin = random() % 4000;
        const uint64_t end = begin + random() % 200;
        auto& mapped = chosen->second;
        if (kind < 9) {
          ASSERT_EQ(machine.Discard(chosen->first, begin, end), 0);
          mapped.erase(mapped.lower_bound(begin), mapped.lower_bound(end));
        } else if (machine.FreeData() > 400) {
          ASSERT_EQ(machine.Provision(chosen->first, begin, end), 0);
          for (uint64_t block = begin; block < end; ++block) {
            mapped[block] = machine.Mapped(chosen->first, block);
          }
        }
      }
      ASSERT_EQ(pool.Commit(), 0);
    }
    ASSERT_THAT(machine.Check(), IsEmpty()) << "seed " << seed;
    ASSERT_EQ(machine.Reopen(), 0);
    for (const auto& [id, mapped] : expected) {
      for (uint64_t block = 0; block < 4200; ++block) {
        const auto found = mapped.find(block);
        ASSERT_EQ(machine.Mapped(id, block), found == mapped.end() ? -1 : found->second);
      }
    }
  }
}

}  // namespace
}  // namespace dmkit::model
