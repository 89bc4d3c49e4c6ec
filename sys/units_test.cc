// SPDX-License-Identifier: Apache-2.0
// Tests of the conversions between units.

#include "sys/units.h"

#include <cstdint>
#include <type_traits>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

constexpr uint64_t kMax = ~uint64_t{0};

// An amount of one unit is no amount of another, and no bare number.
static_assert(!std::is_convertible_v<Bytes, Sectors>);
static_assert(!std::is_convertible_v<Sectors, DataBlocks>);
static_assert(!std::is_convertible_v<uint64_t, Bytes>);
static_assert(!std::is_convertible_v<Bytes, uint64_t>);

TEST(AmountTest, ComparesByCount) {
  EXPECT_EQ(Bytes(), Bytes(0));
  EXPECT_NE(Bytes(1), Bytes(2));
  EXPECT_LT(Sectors(1), Sectors(2));
  EXPECT_LE(Sectors(2), Sectors(2));
  EXPECT_GT(DataBlocks(3), DataBlocks(2));
  EXPECT_GE(DataBlocks(kMax), DataBlocks(kMax));
}

TEST(ToSectorsTest, TakesMultiplesOf512) {
  EXPECT_THAT(ToSectors(Bytes(0)), IsOkAndHolds(Sectors(0)));
  EXPECT_THAT(ToSectors(Bytes(512)), IsOkAndHolds(Sectors(1)));
  EXPECT_THAT(ToSectors(Bytes(kMax - 511)), IsOkAndHolds(Sectors(kMax / 512)));
}

TEST(ToSectorsTest, RefusesRemainders) {
  for (const uint64_t count :
       {uint64_t{1}, uint64_t{511}, uint64_t{513}, uint64_t{1000}, (uint64_t{1} << 40) + 4, kMax}) {
    EXPECT_THAT(ToSectors(Bytes(count)), FailsWithCode(absl::StatusCode::kInvalidArgument))
        << count;
  }
}

TEST(WholeSectorsTest, DropsTheRest) {
  EXPECT_EQ(WholeSectors(Bytes(511)), Sectors(0));
  EXPECT_EQ(WholeSectors(Bytes(1023)), Sectors(1));
  EXPECT_EQ(WholeSectors(Bytes(kMax)), Sectors(kMax / 512));
}

TEST(ToBytesTest, MultipliesSectors) {
  EXPECT_THAT(ToBytes(Sectors(0)), IsOkAndHolds(Bytes(0)));
  EXPECT_THAT(ToBytes(Sectors(kMax / 512)), IsOkAndHolds(Bytes(kMax - 511)));
}

TEST(ToBytesTest, RefusesSectorsThatOverflow) {
  for (const uint64_t count : {kMax / 512 + 1, kMax / 2, uint64_t{1} << 55, kMax}) {
    EXPECT_THAT(ToBytes(Sectors(count)), FailsWithCode(absl::StatusCode::kInvalidArgument))
        << count;
  }
}

TEST(ToBytesTest, MultipliesBlocksByTheirSize) {
  EXPECT_THAT(ToBytes(DataBlocks(3), Sectors(128)), IsOkAndHolds(Bytes(196608)));
  EXPECT_THAT(ToBytes(DataBlocks(kMax), Sectors(0)), IsOkAndHolds(Bytes(0)));
}

TEST(ToBytesTest, RefusesBlocksThatOverflow) {
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(ToBytes(DataBlocks(kMax), Sectors(128)), FailsWithCode(code));
  EXPECT_THAT(ToBytes(DataBlocks(kMax), Sectors(1)), FailsWithCode(code));
  EXPECT_THAT(ToBytes(DataBlocks(uint64_t{1} << 48), Sectors(128)), FailsWithCode(code));
  EXPECT_THAT(ToBytes(DataBlocks(2), Sectors(uint64_t{1} << 63)), FailsWithCode(code));
}

TEST(WholeBlocksTest, DropsTheRest) {
  EXPECT_EQ(WholeBlocks(Sectors(127), Sectors(128)), DataBlocks(0));
  EXPECT_EQ(WholeBlocks(Sectors(256), Sectors(128)), DataBlocks(2));
  EXPECT_EQ(WholeBlocks(Sectors(kMax), Sectors(1)), DataBlocks(kMax));
}

TEST(WholeBlocksDeathTest, BlocksOfNothingAreAProgrammerError) {
  EXPECT_DEATH(WholeBlocks(Sectors(1), Sectors(0)), "check failed: block_size.count\\(\\) != 0");
}

}  // namespace
}  // namespace dmkit::sys
