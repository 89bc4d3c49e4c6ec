// SPDX-License-Identifier: Apache-2.0
// Tests of the era target's line and status.

#include "dm/targets/era.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;

absl::StatusOr<EraTarget> Era(uint64_t block_size) {
  return EraTarget::Create({253, 0}, {253, 1}, sys::Sectors(block_size));
}

TEST(EraTest, ParsingGivesBackWhatWasPrinted) {
  for (uint64_t block_size : {8u, 24u, 4096u, 4294967288u}) {
    const EraTarget target = Era(block_size).value();
    EXPECT_EQ(EraTarget::Parse(target.Params()).value(), target);
  }
  EXPECT_EQ(Era(8)->Params(), "253:0 253:1 8");
}

TEST(EraTest, WhatTheKernelRefusesIsNotMade) {
  for (uint64_t block_size : {uint64_t{0}, uint64_t{4}, uint64_t{12}, uint64_t{4294967296}}) {
    EXPECT_THAT(Era(block_size), FailsWithCode(absl::StatusCode::kInvalidArgument)) << block_size;
  }
}

TEST(EraTest, ALineHasTheTargetsType) {
  const TableLine line = Era(128)->Line(sys::Sectors(1), sys::Sectors(2));
  EXPECT_EQ(line.type.text(), "era");
  EXPECT_EQ(line.start, sys::Sectors(1));
  EXPECT_EQ(line.length, sys::Sectors(2));
  EXPECT_EQ(line.params, "253:0 253:1 128");
}

TEST(EraTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text :
       {"", "253:0", "253:0 253:1", "253:0 253:1 0", "253:0 253:1 12", "253:0 253:1 4294967296",
        "253:0 253:1 8 8", "253:0 - 8", "a 253:1 8", "253:0  253:1 8", "253:0 253:1 -8"}) {
    EXPECT_THAT(EraTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(EraTest, StatusTellsErasAndMetadata) {
  const auto status = ParseEraStatus("8 5/1024 3 -");
  ASSERT_TRUE(status.ok());
  EXPECT_FALSE(status->has_failed);
  EXPECT_EQ(status->metadata_block_size, sys::Sectors(8));
  EXPECT_EQ(status->used_metadata_blocks, 5u);
  EXPECT_EQ(status->total_metadata_blocks, 1024u);
  EXPECT_EQ(status->current_era, 3u);
  EXPECT_EQ(status->metadata_snapshot, std::nullopt);
  EXPECT_EQ(ParseEraStatus("8 5/1024 3 77")->metadata_snapshot, 77u);
  EXPECT_EQ(ParseEraStatus("8 5/1024 3 77 more")->unknown_tail, "more");
  EXPECT_TRUE(ParseEraStatus("Error")->has_failed);
}

TEST(EraTest, AStatusThatIsNotOneIsRefused) {
  for (absl::string_view text :
       {"", "8", "8 5/1024", "8 5/1024 3", "8 1025/1024 3 -", "8 5 3 -", "8 5/1024 - 3",
        "8 5/1024 4294967296 -", "8 5/1024 3 --", "error", "Fail", "8  5/1024 3 -"}) {
    EXPECT_THAT(ParseEraStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
