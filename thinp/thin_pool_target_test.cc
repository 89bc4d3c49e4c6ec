// SPDX-License-Identifier: Apache-2.0

#include "thinp/thin_pool_target.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::thinp {
namespace {

using ::dmkit::sys::FailsWithCode;

ThinPoolParams Params() {
  ThinPoolParams params;
  params.metadata = {7, 3};
  params.data = {7, 4};
  params.block_size = sys::Sectors(128);
  return params;
}

TEST(ThinPoolParamsTest, FormatsDevicesAsNumbersAndCountsFeatures) {
  ThinPoolParams params = Params();
  EXPECT_EQ(*FormatThinPoolParams(params), "7:3 7:4 128 0 0");
  params.low_water_mark = sys::DataBlocks(9);
  params.features.error_if_no_space = true;
  params.features.no_discard_passdown = true;
  EXPECT_EQ(*FormatThinPoolParams(params), "7:3 7:4 128 9 2 no_discard_passdown error_if_no_space");
}

TEST(ThinPoolParamsTest, FeaturesComeInTheKernelsOrder) {
  ThinPoolParams params = Params();
  params.features = {true, true, true, true, false};
  EXPECT_EQ(*FormatThinPoolParams(params),
            "7:3 7:4 128 0 4 skip_block_zeroing ignore_discard no_discard_passdown read_only");
  params.features = {false, true, true, true, true};
  EXPECT_EQ(*FormatThinPoolParams(params),
            "7:3 7:4 128 0 4 ignore_discard no_discard_passdown read_only error_if_no_space");
}

TEST(ThinPoolParamsTest, FiveFeaturesAreRefusedBecauseTheKernelCountsToFour) {
  ThinPoolParams params = Params();
  params.features = {true, true, true, true, true};
  EXPECT_THAT(FormatThinPoolParams(params), FailsWithCode(absl::StatusCode::kInvalidArgument));
}

TEST(ThinPoolParamsTest, BlockSizeIsAMultipleOf128WithinTheKernelsBounds) {
  ThinPoolParams params = Params();
  for (uint64_t good : {128u, 256u, 384u, 2097024u, 2097152u}) {
    params.block_size = sys::Sectors(good);
    EXPECT_TRUE(ValidateThinPoolParams(params).ok()) << good;
  }
  for (uint64_t bad :
       {uint64_t{0}, uint64_t{1}, uint64_t{64}, uint64_t{127}, uint64_t{129}, uint64_t{192},
        uint64_t{2097151}, uint64_t{2097153}, uint64_t{2097280}, (uint64_t{1} << 32) + 128}) {
    params.block_size = sys::Sectors(bad);
    EXPECT_THAT(ValidateThinPoolParams(params), FailsWithCode(absl::StatusCode::kInvalidArgument))
        << bad;
    EXPECT_THAT(FormatThinPoolParams(params), FailsWithCode(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

TEST(ThinPoolParamsTest, OneDeviceForBothHalvesIsRefused) {
  ThinPoolParams params = Params();
  params.data = params.metadata;
  EXPECT_THAT(ValidateThinPoolParams(params), FailsWithCode(absl::StatusCode::kInvalidArgument));
}

TEST(ThinPoolParamsTest, ParsesWhatKernelsPrint) {
  const absl::StatusOr<ThinPoolParams> two =
      ParseThinPoolParams("7:3 7:4 128 0 2 no_discard_passdown error_if_no_space ");
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(two->metadata, (sys::DeviceNumber{7, 3}));
  EXPECT_EQ(two->data, (sys::DeviceNumber{7, 4}));
  EXPECT_EQ(two->block_size, sys::Sectors(128));
  EXPECT_EQ(two->low_water_mark, sys::DataBlocks(0));
  EXPECT_TRUE(two->features.no_discard_passdown);
  EXPECT_TRUE(two->features.error_if_no_space);
  EXPECT_FALSE(two->features.skip_block_zeroing);
  EXPECT_FALSE(two->features.ignore_discard);
  EXPECT_FALSE(two->features.read_only);

  const absl::StatusOr<ThinPoolParams> none = ParseThinPoolParams("259:0 8:17 1024 9 0 ");
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->low_water_mark, sys::DataBlocks(9));
  EXPECT_EQ(*FormatThinPoolParams(*none), "259:0 8:17 1024 9 0");
}

TEST(ThinPoolParamsTest, ParsesAPoolOnOneDeviceBecauseTheKernelMakesSuch) {
  EXPECT_TRUE(ParseThinPoolParams("7:1 7:1 128 0 0 ").ok());
}

TEST(ThinPoolParamsTest, EverySetOfUpToFourFeaturesSurvivesTheRoundTrip) {
  for (unsigned bits = 0; bits < 31; ++bits) {
    ThinPoolParams params = Params();
    params.low_water_mark = sys::DataBlocks(bits);
    params.features = {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                       (bits & 16) != 0};
    const std::string text = *FormatThinPoolParams(params);
    for (absl::string_view end : {"", " "}) {
      const absl::StatusOr<ThinPoolParams> parsed = ParseThinPoolParams(absl::StrCat(text, end));
      ASSERT_TRUE(parsed.ok()) << parsed.status();
      EXPECT_EQ(*FormatThinPoolParams(*parsed), text);
    }
  }
}

TEST(ThinPoolParamsTest, WhatNoKernelPrintsIsDataLoss) {
  const char* const all_five =
      "7:3 7:4 128 0 5 skip_block_zeroing ignore_discard no_discard_passdown read_only "
      "error_if_no_space ";
  for (absl::string_view text : {
           "",
           " ",
           "7:3",
           "7:3 7:4",
           "7:3 7:4 128",
           "7:3 7:4 128 0",
           "7:3 7:4 128 0 1",
           "7:3 7:4 128 0 2 read_only ",
           "7:3 7:4 128 0 1 read_only error_if_no_space ",
           "7:3 7:4 128 0 0 junk ",
           "7:3 7:4 128 0 1 junk ",
           "7:3 7:4 128 0 1 Read_Only ",
           "7:3 7:4 128 0 2 read_only read_only ",
           "7:3 7:4 128 0 5 skip_block_zeroing ignore_discard read_only error_if_no_space x ",
           all_five,
           "7:3 7:4 128 0 -1 ",
           "7:3 7:4 128 0 x ",
           "7:3 7:4 128 x 0 ",
           "7:3 7:4 128 -1 0 ",
           "7:3 7:4 0 0 0 ",
           "7:3 7:4 129 0 0 ",
           "7:3 7:4 64 0 0 ",
           "7:3 7:4 4194304 0 0 ",
           "7:3 7:4 18446744073709551744 0 0 ",
           "7:3 /dev/loop4 128 0 0 ",
           "7:3 7: 128 0 0 ",
           "7 7:4 128 0 0 ",
           "7:3 7:4  128 0 0 ",
           " 7:3 7:4 128 0 0 ",
           "7:3 7:4 128 0 0  ",
           "7:3 7:4 128 0 0\n",
           "Fail",
       }) {
    EXPECT_THAT(ParseThinPoolParams(text), FailsWithCode(absl::StatusCode::kDataLoss))
        << '"' << text << '"';
  }
}

TEST(ThinPoolStatusTest, ParsesAWorkingPool) {
  const absl::StatusOr<ThinPoolStatus> status =
      ParseThinPoolStatus("1 116/1024 0/256 46 rw discard_passdown queue_if_no_space - 256 ");
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->mode, PoolMode::kWrite);
  EXPECT_EQ(status->transaction_id, 1u);
  EXPECT_EQ(status->used_metadata_blocks, 116u);
  EXPECT_EQ(status->total_metadata_blocks, 1024u);
  EXPECT_EQ(status->used_data, sys::DataBlocks(0));
  EXPECT_EQ(status->total_data, sys::DataBlocks(256));
  EXPECT_EQ(status->held_metadata_root, 46u);
  EXPECT_EQ(status->discard, DiscardMode::kPassdown);
  EXPECT_FALSE(status->error_if_no_space);
  EXPECT_FALSE(status->needs_check);
  EXPECT_EQ(status->metadata_low_watermark, 256u);
  EXPECT_EQ(status->unknown_tail, "");
}

TEST(ThinPoolStatusTest, EveryModeAndWordSurvivesTheRoundTrip) {
  for (const char* mode : {"rw", "ro", "out_of_data_space"}) {
    for (const char* discard : {"ignore_discard", "discard_passdown", "no_discard_passdown"}) {
      for (const char* full : {"error_if_no_space", "queue_if_no_space"}) {
        for (const char* check : {"needs_check", "-"}) {
          const std::string text = absl::StrCat("18446744073709551615 7/8 9/10 - ", mode, " ",
                                                discard, " ", full, " ", check, " 1024 ");
          const absl::StatusOr<ThinPoolStatus> status = ParseThinPoolStatus(text);
          ASSERT_TRUE(status.ok()) << status.status();
          EXPECT_EQ(PoolModeName(status->mode), mode);
          EXPECT_EQ(status->held_metadata_root, std::nullopt);
          EXPECT_EQ(FormatThinPoolStatus(*status), text);
        }
      }
    }
  }
}

TEST(ThinPoolStatusTest, FailAndErrorAreSingleWords) {
  for (PoolMode mode : {PoolMode::kFail, PoolMode::kError}) {
    const std::string word(PoolModeName(mode));
    const absl::StatusOr<ThinPoolStatus> status = ParseThinPoolStatus(word);
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(status->mode, mode);
    EXPECT_EQ(FormatThinPoolStatus(*status), word);
  }
  EXPECT_EQ(ParseThinPoolStatus("Fail reason ")->unknown_tail, "reason");
  EXPECT_EQ(FormatThinPoolStatus(*ParseThinPoolStatus("Fail reason ")), "Fail reason ");
}

TEST(ThinPoolStatusTest, KernelsBefore419PrintNoMetadataLowWatermark) {
  const std::string text = "0 10/1024 0/256 - rw discard_passdown queue_if_no_space - ";
  const absl::StatusOr<ThinPoolStatus> status = ParseThinPoolStatus(text);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->metadata_low_watermark, std::nullopt);
  EXPECT_EQ(FormatThinPoolStatus(*status), text);
}

TEST(ThinPoolStatusTest, WordsOfNewerKernelsAreKept) {
  const std::string text =
      "0 10/1024 0/256 - rw discard_passdown queue_if_no_space - 256 compressed 3/4 ";
  const absl::StatusOr<ThinPoolStatus> status = ParseThinPoolStatus(text);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->unknown_tail, "compressed 3/4");
  EXPECT_EQ(FormatThinPoolStatus(*status), text);
}

TEST(ThinPoolStatusTest, WhatNoKernelPrintsIsDataLoss) {
  for (absl::string_view text : {
           "",
           " ",
           "fail",
           "FAIL",
           "Fail\n",
           "Fail  ",
           "Failed",
           "Error: 5",
           "1",
           "1 116/1024",
           "1 116/1024 0/256",
           "1 116/1024 0/256 -",
           "1 116/1024 0/256 - rw",
           "1 116/1024 0/256 - rw discard_passdown",
           "1 116/1024 0/256 - rw discard_passdown queue_if_no_space",
           "-1 116/1024 0/256 - rw discard_passdown queue_if_no_space - 256 ",
           "x 116/1024 0/256 - rw discard_passdown queue_if_no_space - 256 ",
           "1 1025/1024 0/256 - rw discard_passdown queue_if_no_space - 256 ",
           "1 116 0/256 - rw discard_passdown queue_if_no_space - 256 ",
           "1 116/1024 257/256 - rw discard_passdown queue_if_no_space - 256 ",
           "1 116/1024 0 - rw discard_passdown queue_if_no_space - 256 ",
           "1 116/1024 0/256 x rw discard_passdown queue_if_no_space - 256 ",
           "1 116/1024 0/256 - RW discard_passdown queue_if_no_space - 256 ",
           "1 116/1024 0/256 - Fail discard_passdown queue_if_no_space - 256 ",
           "1 116/1024 0/256 - out_of_metadata_space discard_passdown queue_if_no_space - 256 ",
           "1 116/1024 0/256 - rw discard queue_if_no_space - 256 ",
           "1 116/1024 0/256 - rw discard_passdown if_no_space - 256 ",
           "1 116/1024 0/256 - rw discard_passdown queue_if_no_space check 256 ",
           "1 116/1024 0/256 - rw discard_passdown queue_if_no_space - x ",
           "1 116/1024 0/256 - rw discard_passdown queue_if_no_space -  ",
           "1 116/1024 0/256 - rw discard_passdown queue_if_no_space - 256  tail",
           "1 116/1024 0/256 - rw discard_passdown queue_if_no_space - 256\n",
           "1  116/1024 0/256 - rw discard_passdown queue_if_no_space - 256 ",
           "1 116/1024 0/256 rw discard_passdown queue_if_no_space - 256 ",
       }) {
    EXPECT_THAT(ParseThinPoolStatus(text), FailsWithCode(absl::StatusCode::kDataLoss))
        << '"' << text << '"';
  }
}

TEST(ThinPoolStatusTest, NoPrefixOfAStatusReadsAsAnotherStatus) {
  const std::string text = "1 116/1024 0/256 46 rw discard_passdown queue_if_no_space - 256 ";
  const size_t without_watermark = text.size() - 5;  // as kernels before 4.19 end it
  for (size_t length = 0; length < without_watermark; ++length) {
    EXPECT_FALSE(ParseThinPoolStatus(text.substr(0, length)).ok()) << length;
  }
}

}  // namespace
}  // namespace dmkit::thinp
