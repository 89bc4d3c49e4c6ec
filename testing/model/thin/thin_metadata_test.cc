// SPDX-License-Identifier: Apache-2.0
// The rules for thin devices, mappings and data blocks.

#include "testing/model/thin/thin_metadata.h"

#include <cerrno>

#include "testing/model/thin/metadata_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::IsEmpty;

class ThinMetadataTest : public MetadataTest {
 protected:
  void SetUp() override { machine_.Make(); }
  PoolMetadata& pool() { return machine_.metadata(); }
  ThinState State(uint32_t id) {
    std::vector<ThinState> thins;
    EXPECT_EQ(pool().ListThins(&thins), 0);
    for (const ThinState& thin : thins) {
      if (thin.id == id) return thin;
    }
    return {};
  }
  bool IsShared(uint32_t id, uint64_t block) {
    ThinDevice* device = nullptr;
    EXPECT_EQ(pool().OpenThinDevice(id, &device), 0);
    ThinLookup lookup;
    EXPECT_EQ(pool().FindBlock(*device, block, &lookup), 0);
    pool().CloseThinDevice(*device);
    return lookup.shared;
  }
};

TEST_F(ThinMetadataTest, SecondCreateIsEexistCommittedOrNot) {
  ASSERT_EQ(pool().CreateThin(7), 0);
  EXPECT_EQ(pool().CreateThin(7), -EEXIST);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_EQ(pool().CreateThin(7), -EEXIST);
  EXPECT_THAT(machine_.Check(), IsEmpty());
}

TEST_F(ThinMetadataTest, SnapOfNothingIsEnodataAndAnIdInUseComesFirst) {
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_EQ(pool().CreateSnap(2, 9), -ENODATA);
  EXPECT_EQ(pool().CreateSnap(1, 9), -EEXIST);
}

TEST_F(ThinMetadataTest, DeleteOfNothingIsEnodataAndOfAnOpenDeviceEbusy) {
  EXPECT_EQ(pool().DeleteThinDevice(1), -ENODATA);
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(pool().Commit(), 0);
  ThinDevice* device = nullptr;
  ASSERT_EQ(pool().OpenThinDevice(1, &device), 0);
  ASSERT_EQ(pool().OpenThinDevice(1, &device), 0);
  EXPECT_EQ(pool().DeleteThinDevice(1), -EBUSY);
  EXPECT_EQ(pool().Close(), -EBUSY);
  pool().CloseThinDevice(*device);
  EXPECT_EQ(pool().DeleteThinDevice(1), -EBUSY) << "one open is left";
  pool().CloseThinDevice(*device);
  EXPECT_EQ(pool().DeleteThinDevice(1), 0);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_THAT(machine_.Check(), IsEmpty());
}

TEST_F(ThinMetadataTest, OpenOfNothingIsEnodata) {
  ThinDevice* device = nullptr;
  EXPECT_EQ(pool().OpenThinDevice(3, &device), -ENODATA);
}

TEST_F(ThinMetadataTest, SnapshotMovesTheTimeAndBothDevicesKnow) {
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(machine_.Provision(1, 0, 5), 0);
  ASSERT_EQ(pool().SetTransactionId(0, 4), 0);
  ASSERT_EQ(pool().CreateSnap(2, 1), 0);
  ASSERT_EQ(pool().Commit(), 0);
  ASSERT_EQ(machine_.Reopen(), 0);
  EXPECT_EQ(State(1).snapshotted_time, 1u);
  EXPECT_EQ(State(1).creation_time, 0u);
  EXPECT_EQ(State(2).creation_time, 1u);
  EXPECT_EQ(State(2).snapshotted_time, 1u);
  EXPECT_EQ(State(2).mapped_blocks, 5u);
  EXPECT_EQ(State(2).transaction_id, 4u);
  EXPECT_EQ(State(1).transaction_id, 0u);
}

TEST_F(ThinMetadataTest, BlockIsSharedWhenItIsOlderThanTheLastSnapshot) {
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(machine_.Provision(1, 0, 2), 0);
  EXPECT_FALSE(IsShared(1, 0));
  ASSERT_EQ(pool().CreateSnap(2, 1), 0);
  EXPECT_TRUE(IsShared(1, 0));
  EXPECT_TRUE(IsShared(2, 0));
  const int64_t before = machine_.Mapped(1, 0);
  ASSERT_EQ(machine_.Provision(1, 0, 1), 0);
  EXPECT_FALSE(IsShared(1, 0));
  EXPECT_NE(machine_.Mapped(1, 0), before);
  EXPECT_EQ(machine_.Mapped(2, 0), before);
  EXPECT_TRUE(IsShared(2, 0)) << "nobody tells the snapshot that it is alone";
  bool shared = true;
  ASSERT_EQ(pool().BlockIsShared(static_cast<uint64_t>(before), &shared), 0);
  EXPECT_FALSE(shared) << "counts know better";
}

TEST_F(ThinMetadataTest, DeletedDeviceGivesItsDataBack) {
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(machine_.Provision(1, 0, 1000), 0);
  ASSERT_EQ(pool().CreateSnap(2, 1), 0);
  ASSERT_EQ(pool().CreateSnap(3, 1), 0);
  ASSERT_EQ(pool().CreateSnap(4, 1), 0);
  ASSERT_EQ(machine_.Provision(4, 0, 100), 0);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_EQ(machine_.FreeData(), 10000u - 1100);
  for (const uint32_t id : {1u, 3u}) ASSERT_EQ(pool().DeleteThinDevice(id), 0);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_EQ(machine_.FreeData(), 10000u - 1100);
  ASSERT_EQ(pool().DeleteThinDevice(2), 0);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_EQ(machine_.FreeData(), 10000u - 1000);
  ASSERT_EQ(pool().DeleteThinDevice(4), 0);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_EQ(machine_.FreeData(), 10000u);
  EXPECT_EQ(machine_.UsedMetadata(), 111u);
  EXPECT_THAT(machine_.Check(), IsEmpty());
}

TEST_F(ThinMetadataTest, SnapshotCostsTheSameWhateverItsOriginMaps) {
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(machine_.Provision(1, 0, 9000), 0);
  ASSERT_EQ(pool().Commit(), 0);
  const uint64_t before = machine_.UsedMetadata();
  ASSERT_EQ(pool().CreateSnap(2, 1), 0);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_EQ(machine_.UsedMetadata(), before);
}

TEST_F(ThinMetadataTest, DataBlocksComeInOrderAndAFreedOneNotBeforeTheCommit) {
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(machine_.Provision(1, 0, 3), 0);
  EXPECT_EQ(machine_.Mapped(1, 2), 2);
  ASSERT_EQ(machine_.Provision(1, 3, 10000), 0);
  ASSERT_EQ(pool().Commit(), 0);
  uint64_t block = 0;
  EXPECT_EQ(pool().AllocDataBlock(&block), -ENOSPC);
  ASSERT_EQ(machine_.Discard(1, 5, 6), 0);
  EXPECT_EQ(machine_.FreeData(), 1u) << "free, but the committed transaction uses it";
  EXPECT_EQ(pool().AllocDataBlock(&block), -ENOSPC);
  ASSERT_EQ(pool().Commit(), 0);
  ASSERT_EQ(pool().AllocDataBlock(&block), 0);
  EXPECT_EQ(block, 5u);
}

TEST_F(ThinMetadataTest, MappedRangeEndsWhereDataOrSharingChanges) {
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(machine_.Provision(1, 10, 14), 0);  // data 0-3
  ASSERT_EQ(machine_.Provision(1, 20, 22), 0);  // data 4-5
  ASSERT_EQ(machine_.Provision(1, 14, 16), 0);  // data 6-7
  ThinDevice* device = nullptr;
  ASSERT_EQ(pool().OpenThinDevice(1, &device), 0);
  ThinRange range;
  ASSERT_EQ(pool().FindMappedRange(*device, 0, 100, &range), 0);
  EXPECT_EQ(range.begin, 10u);
  EXPECT_EQ(range.end, 14u);
  EXPECT_EQ(range.data_begin, 0u);
  ASSERT_EQ(pool().FindMappedRange(*device, 14, 15, &range), 0);
  EXPECT_EQ(range.end, 15u);
  EXPECT_EQ(range.data_begin, 6u);
  EXPECT_EQ(pool().FindMappedRange(*device, 16, 20, &range), -ENODATA);
  EXPECT_EQ(pool().FindMappedRange(*device, 22, 100, &range), -ENODATA);
  EXPECT_EQ(pool().FindMappedRange(*device, 30, 20, &range), -ENODATA);
  uint64_t highest = 0;
  ASSERT_EQ(pool().HighestMappedBlock(*device, &highest), 0);
  EXPECT_EQ(highest, 21u);
  ASSERT_EQ(pool().RemoveRange(*device, 0, 1000), 0);
  EXPECT_EQ(pool().HighestMappedBlock(*device, &highest), -ENODATA);
  EXPECT_EQ(device->state().mapped_blocks, 0u);
  ThinLookup lookup;
  EXPECT_EQ(pool().FindBlock(*device, 10, &lookup), -ENODATA);
  pool().CloseThinDevice(*device);
}

TEST_F(ThinMetadataTest, MappingTwiceCountsOnceAndDropsTheFormerBlock) {
  ASSERT_EQ(pool().CreateThin(1), 0);
  ASSERT_EQ(machine_.Provision(1, 0, 1), 0);
  ASSERT_EQ(pool().Commit(), 0);
  ThinDevice* device = nullptr;
  ASSERT_EQ(pool().OpenThinDevice(1, &device), 0);
  uint64_t block = 0;
  ASSERT_EQ(pool().AllocDataBlock(&block), 0);
  ASSERT_EQ(pool().InsertBlock(*device, 0, block), 0);
  EXPECT_TRUE(device->changed_this_transaction());
  EXPECT_EQ(device->state().mapped_blocks, 1u);
  EXPECT_EQ(machine_.FreeData(), 9999u);
  ASSERT_EQ(pool().Commit(), 0);
  EXPECT_FALSE(device->changed_this_transaction());
  pool().CloseThinDevice(*device);
  EXPECT_THAT(machine_.Check(), IsEmpty());
}

TEST_F(ThinMetadataTest, DataBlockHeldByNobodyCannotBeGivenBack) {
  EXPECT_EQ(pool().DecDataRange(5, 6), -EINVAL);
  EXPECT_EQ(pool().IncDataRange(9999, 10001), -EINVAL) << "behind the end";
}

TEST_F(ThinMetadataTest, TransactionIdNeedsTheCurrentOneAndTakesAny) {
  EXPECT_EQ(pool().SetTransactionId(1, 2), -EINVAL);
  EXPECT_EQ(pool().SetTransactionId(0, ~uint64_t{0}), 0);
  EXPECT_EQ(pool().SetTransactionId(~uint64_t{0}, 3), 0);
  ASSERT_EQ(machine_.Reopen(), 0);
  uint64_t id = 0;
  ASSERT_EQ(pool().GetTransactionId(&id), 0);
  EXPECT_EQ(id, 3u);
}

TEST_F(ThinMetadataTest, TenThousandDevicesAndOneChangeWriteFewBlocks) {
  MetadataMachine large(40000);
  large.Make();
  for (uint32_t id = 0; id < 10000; ++id) ASSERT_EQ(large.metadata().CreateThin(id), 0);
  ASSERT_EQ(large.metadata().Commit(), 0);
  int writes = 0;
  large.disk().SetFault([&writes](const Io& io) {
    if (io.kind == IoKind::kWrite) ++writes;
    return 0;
  });
  ASSERT_EQ(large.Provision(5000, 0, 1), 0);
  ASSERT_EQ(large.metadata().Commit(), 0);
  EXPECT_LT(writes, 20);
  EXPECT_THAT(large.Check(), IsEmpty());
}

}  // namespace
}  // namespace dmkit::model
