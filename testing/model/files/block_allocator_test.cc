// SPDX-License-Identifier: Apache-2.0
// Free blocks.

#include "testing/model/files/block_allocator.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace dmkit::model {
namespace {

TEST(BlockAllocatorTest, TheGoalIsGivenWhenItIsFreeElseTheLowest) {
  BlockAllocator allocator(1, 10);
  EXPECT_EQ(allocator.free(), 9u);
  EXPECT_EQ(allocator.Allocate(5), 5u);
  EXPECT_EQ(allocator.Allocate(5), 1u);
  EXPECT_EQ(allocator.Allocate(0), 2u);
  EXPECT_EQ(allocator.Allocate(10), 3u);
}

TEST(BlockAllocatorTest, OnlyAFreeBlockCanBeTaken) {
  BlockAllocator allocator(1, 4);
  EXPECT_FALSE(allocator.Take(0));
  EXPECT_FALSE(allocator.Take(4));
  EXPECT_TRUE(allocator.Take(2));
  EXPECT_FALSE(allocator.Take(2));
  allocator.Free(2);
  EXPECT_TRUE(allocator.Take(2));
}

TEST(BlockAllocatorTest, NothingIsLeftWhenAllAreTaken) {
  BlockAllocator allocator(1, 3);
  allocator.Allocate(0);
  allocator.Allocate(0);
  EXPECT_EQ(allocator.Allocate(0), 0u);
  allocator.Grow(5);
  EXPECT_EQ(allocator.free(), 2u);
  EXPECT_EQ(allocator.Allocate(0), 3u);
}

TEST(BlockAllocatorTest, AgreesWithASet) {
  std::mt19937 random(1);
  BlockAllocator allocator(1, 200);
  std::set<uint64_t> free;
  for (uint64_t block = 1; block < 200; ++block) free.insert(block);
  for (int i = 0; i < 5000; ++i) {
    const uint64_t block = 1 + random() % 199;
    if (free.count(block) == 0) {
      allocator.Free(block);
      free.insert(block);
    } else if (random() % 2 == 0) {
      ASSERT_TRUE(allocator.Take(block));
      free.erase(block);
    } else {
      ASSERT_EQ(allocator.Allocate(0), *free.begin());
      free.erase(free.begin());
    }
    ASSERT_EQ(allocator.free(), free.size());
  }
}

}  // namespace
}  // namespace dmkit::model
