// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool_conditions.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::thinp {
namespace {

using ::testing::Eq;
using ::testing::Optional;

// A pool of 1000 data and 1000 metadata blocks.
PoolSight Sight(uint64_t used_data = 0, uint64_t used_metadata = 0,
                PoolMode mode = PoolMode::kWrite) {
  PoolSight sight;
  sight.name = "pool";
  sight.uuid = "UUID";
  sight.device = {253, 3};
  sight.event_nr = 5;
  sight.block_size = sys::Sectors(128);
  sight.low_water_mark = sys::DataBlocks(10);
  sight.status.mode = mode;
  sight.status.used_data = sys::DataBlocks(used_data);
  sight.status.total_data = sys::DataBlocks(1000);
  sight.status.used_metadata_blocks = used_metadata;
  sight.status.total_metadata_blocks = 1000;
  sight.status.metadata_low_watermark = 30;
  return sight;
}

class PoolConditionsTest : public ::testing::Test {
 protected:
  // The events as words: "mode(rw>ro) needs_check".
  std::string Update(const std::optional<PoolSight>& now) {
    std::vector<std::string> words;
    for (const PoolEvent& event : conditions_.Update(now)) {
      EXPECT_EQ(event.sight.has_value(), event.kind != PoolEventKind::kGone);
      words.emplace_back(PoolEventName(event.kind));
      if (event.kind != PoolEventKind::kModeChanged) continue;
      const std::string before =
          event.mode_before.has_value() ? std::string(PoolModeName(*event.mode_before)) : "?";
      absl::StrAppend(&words.back(), "(", before, ">", PoolModeName(event.sight->status.mode), ")");
    }
    return absl::StrJoin(words, " ");
  }
  PoolConditions conditions_{PoolLimits()};
};

TEST_F(PoolConditionsTest, AHealthyPoolHasNothingToTell) {
  EXPECT_EQ(Update(Sight()), "");
  EXPECT_EQ(Update(Sight()), "");
}

TEST_F(PoolConditionsTest, LowDataIsToldOnceUntilItHasEnded) {
  EXPECT_EQ(Update(Sight(800)), "") << "a fifth is free";
  EXPECT_EQ(Update(Sight(801)), "low_data");
  EXPECT_EQ(Update(Sight(801)), "");
  EXPECT_EQ(Update(Sight(995)), "") << "the low water mark is no second crossing";
  EXPECT_EQ(Update(Sight(800)), "");
  EXPECT_EQ(Update(Sight(801)), "low_data");
}

TEST_F(PoolConditionsTest, LowMetadataIsToldOnceUntilItHasEnded) {
  EXPECT_EQ(Update(Sight(0, 800)), "");
  EXPECT_EQ(Update(Sight(0, 801)), "low_metadata");
  EXPECT_EQ(Update(Sight(0, 1000)), "");
  EXPECT_EQ(Update(Sight(0, 100)), "");
  EXPECT_EQ(Update(Sight(0, 900)), "low_metadata");
}

TEST_F(PoolConditionsTest, WithoutPercentagesTheKernelsMarksCount) {
  conditions_ = PoolConditions(PoolLimits{0, 0});
  EXPECT_EQ(Update(Sight(989, 969)), "");
  EXPECT_EQ(Update(Sight(990, 969)), "low_data") << "at the mark, as in the kernel";
  EXPECT_EQ(Update(Sight(990, 970)), "low_metadata");
}

TEST_F(PoolConditionsTest, AMarkAboveThePercentageCountsFirst) {
  PoolSight sight = Sight(500, 400);
  sight.low_water_mark = sys::DataBlocks(500);
  sight.status.metadata_low_watermark = 600;
  EXPECT_EQ(Update(sight), "low_data low_metadata");
}

TEST_F(PoolConditionsTest, AnOlderKernelHasNoMarkForMetadata) {
  conditions_ = PoolConditions(PoolLimits{0, 0});
  PoolSight sight = Sight(0, 999);
  sight.status.metadata_low_watermark = std::nullopt;
  EXPECT_EQ(Update(sight), "");
  sight.status.used_metadata_blocks = 1000;
  EXPECT_EQ(Update(sight), "low_metadata");
}

TEST_F(PoolConditionsTest, OutOfDataSpaceIsAnEventOfItsOwn) {
  EXPECT_EQ(Update(Sight(700)), "");
  EXPECT_EQ(Update(Sight(1000, 0, PoolMode::kOutOfDataSpace)), "out_of_data_space low_data");
  EXPECT_EQ(Update(Sight(1000, 0, PoolMode::kOutOfDataSpace)), "");
  EXPECT_EQ(Update(Sight(500)), "mode(out_of_data_space>rw)");
  EXPECT_EQ(Update(Sight(1000, 0, PoolMode::kOutOfDataSpace)), "out_of_data_space low_data");
}

TEST_F(PoolConditionsTest, OutOfDataSpaceTellsTheModeBefore) {
  Update(Sight(0, 0, PoolMode::kReadOnly));
  const auto events = conditions_.Update(Sight(0, 0, PoolMode::kOutOfDataSpace));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_THAT(events[0].mode_before, Optional(PoolMode::kReadOnly));
}

TEST_F(PoolConditionsTest, EachChangeOfModeIsTold) {
  EXPECT_EQ(Update(Sight()), "");
  EXPECT_EQ(Update(Sight(0, 0, PoolMode::kReadOnly)), "mode(rw>ro)");
  EXPECT_EQ(Update(Sight(0, 0, PoolMode::kReadOnly)), "");
  EXPECT_EQ(Update(Sight(0, 0, PoolMode::kError)), "mode(ro>Error)");
  EXPECT_EQ(Update(Sight(0, 0, PoolMode::kFail)), "mode(Error>Fail)");
  EXPECT_EQ(Update(Sight(0, 0, PoolMode::kFail)), "");
}

TEST_F(PoolConditionsTest, NeedsCheckIsToldOnce) {
  PoolSight broken = Sight(0, 0, PoolMode::kReadOnly);
  broken.status.needs_check = true;
  EXPECT_EQ(Update(Sight()), "");
  EXPECT_EQ(Update(broken), "mode(rw>ro) needs_check");
  EXPECT_EQ(Update(broken), "");
}

TEST_F(PoolConditionsTest, AStatusWithoutNumbersEndsNothing) {
  PoolSight broken = Sight(900, 900, PoolMode::kReadOnly);
  broken.status.needs_check = true;
  EXPECT_EQ(Update(broken), "mode(?>ro) needs_check low_data low_metadata");
  PoolSight silent = Sight();
  silent.status = ThinPoolStatus();
  silent.status.mode = PoolMode::kError;
  EXPECT_EQ(Update(silent), "mode(ro>Error)");
  EXPECT_EQ(Update(broken), "mode(Error>ro)");
}

TEST_F(PoolConditionsTest, APoolThatNeverRanHasNoLowSpace) {
  PoolSight fresh = Sight();
  fresh.status.total_data = sys::DataBlocks(0);
  fresh.status.used_metadata_blocks = 999;
  EXPECT_EQ(Update(fresh), "");
}

TEST_F(PoolConditionsTest, TheFirstLookTellsWhatIsWrongAlready) {
  EXPECT_EQ(Update(Sight(900, 0, PoolMode::kReadOnly)), "mode(?>ro) low_data");
}

TEST_F(PoolConditionsTest, AMissingPoolIsGoneAndThenBack) {
  EXPECT_EQ(Update(std::nullopt), "gone");
  EXPECT_EQ(Update(std::nullopt), "");
  EXPECT_EQ(Update(Sight(900)), "back low_data");
  EXPECT_EQ(Update(std::nullopt), "gone");
  EXPECT_EQ(Update(Sight(900)), "back low_data") << "after a gap all counts anew";
}

TEST_F(PoolConditionsTest, APoolThatWasMadeAnewBetweenTwoLooksWasGone) {
  EXPECT_EQ(Update(Sight(900)), "low_data");
  PoolSight other = Sight(900);
  other.device.minor = 4;
  EXPECT_EQ(Update(other), "gone back low_data");
  other.uuid = "OTHER";
  EXPECT_EQ(Update(other), "gone back low_data");
  other.event_nr = 0;
  EXPECT_EQ(Update(other), "gone back low_data");
}

TEST_F(PoolConditionsTest, RenamingAndEventsDoNotMakeItAnotherPool) {
  PoolSight sight = Sight();
  sight.uuid = "";
  sight.event_nr = 0xffffffff;
  EXPECT_EQ(Update(sight), "");
  sight.name = "renamed";
  sight.uuid = "GIVEN";
  sight.event_nr = 1;
  EXPECT_EQ(Update(sight), "") << "the numbers go round";
}

}  // namespace
}  // namespace dmkit::thinp
