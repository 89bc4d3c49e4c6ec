// SPDX-License-Identifier: Apache-2.0
// Tests of the flakey target's line.

#include "dm/targets/flakey.h"

#include <string>

#include "dm/targets/read_back_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using testing::ParamsOf;

FlakeyTarget::Arguments UpAndDown(uint32_t up, uint32_t down) {
  FlakeyTarget::Arguments arguments;
  arguments.device = {7, 0};
  arguments.offset = sys::Sectors(16);
  arguments.up_seconds = up;
  arguments.down_seconds = down;
  return arguments;
}

FlakeyTarget::Arguments With(const FlakeyTarget::Features& features) {
  FlakeyTarget::Arguments arguments = UpAndDown(1, 2);
  arguments.features = features;
  return arguments;
}

FlakeyTarget::Features CorruptWrites() {
  FlakeyTarget::Features features;
  features.corrupt_byte = FlakeyTarget::CorruptByte{32, true, 255, 4294967295};
  return features;
}

TEST(FlakeyTest, ParsingGivesBackWhatWasPrinted) {
  EXPECT_EQ(ParamsOf<FlakeyTarget>(UpAndDown(0, 4294967295)), "7:0 16 0 4294967295 0");
  FlakeyTarget::Features features;
  features.drop_writes = true;
  EXPECT_EQ(ParamsOf<FlakeyTarget>(With(features)), "7:0 16 1 2 1 drop_writes");
  features.corrupt_byte = FlakeyTarget::CorruptByte{1, false, 0, 0};
  EXPECT_EQ(ParamsOf<FlakeyTarget>(With(features)),
            "7:0 16 1 2 6 drop_writes corrupt_bio_byte 1 r 0 0");
  EXPECT_EQ(ParamsOf<FlakeyTarget>(With(CorruptWrites())),
            "7:0 16 1 2 5 corrupt_bio_byte 32 w 255 4294967295");
  features = {};
  features.error_reads = true;
  features.error_writes = true;
  features.random_read_corrupt = 1;
  features.random_write_corrupt = FlakeyTarget::kAlways;
  EXPECT_EQ(ParamsOf<FlakeyTarget>(With(features)),
            "7:0 16 1 2 6 error_reads error_writes random_read_corrupt 1 "
            "random_write_corrupt 1000000000");
}

TEST(FlakeyTest, BothKernelsShowATargetWithoutFeatures) {
  EXPECT_EQ(FlakeyTarget::Parse("7:0 16 1 2 0 ")->arguments(), UpAndDown(1, 2)) << "6.1";
  FlakeyTarget::Features features;
  features.error_reads = true;
  features.error_writes = true;
  EXPECT_EQ(FlakeyTarget::Parse("7:0 16 1 2 2 error_reads error_writes")->arguments(),
            With(features))
      << "6.12";
}

TEST(FlakeyTest, WhatTheKernelRefusesIsNotMade) {
  FlakeyTarget::Features both;
  both.drop_writes = true;
  both.error_writes = true;
  FlakeyTarget::Features dropped = CorruptWrites();
  dropped.drop_writes = true;
  FlakeyTarget::Features failed = CorruptWrites();
  failed.error_writes = true;
  FlakeyTarget::Features byte_0;
  byte_0.corrupt_byte = FlakeyTarget::CorruptByte{0, false, 0, 0};
  FlakeyTarget::Features reads;
  reads.random_read_corrupt = FlakeyTarget::kAlways + 1;
  FlakeyTarget::Features writes;
  writes.random_write_corrupt = FlakeyTarget::kAlways + 1;
  for (const FlakeyTarget::Arguments& arguments :
       {UpAndDown(0, 0), UpAndDown(4294967295, 1), UpAndDown(2147483648, 2147483648), With(both),
        With(dropped), With(failed), With(byte_0), With(reads), With(writes)}) {
    EXPECT_THAT(FlakeyTarget::Create(arguments), FailsWithCode(absl::StatusCode::kInvalidArgument));
  }
}

TEST(FlakeyTest, ALineHasTheTargetsType) {
  const TableLine line =
      FlakeyTarget::Create(UpAndDown(1, 2))->Line(sys::Sectors(0), sys::Sectors(8));
  EXPECT_EQ(line.type.text(), "flakey");
  EXPECT_EQ(line.length, sys::Sectors(8));
  EXPECT_EQ(line.params, "7:0 16 1 2 0");
}

TEST(FlakeyTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text : {"",
                                 "7:0",
                                 "7:0 0 1",
                                 "7:0 0 1 1",
                                 "7:0 0 0 0 0",
                                 "7:0 0 4294967295 1 0",
                                 "7:0 0 1 1 1",
                                 "7:0 0 1 1 0 drop_writes",
                                 "7:0 0 1 1 2 drop_writes",
                                 "7:0 0 1 1 1 DROP_WRITES",
                                 "7:0 0 1 1 2 drop_writes error_writes",
                                 "7:0 0 1 1 2 drop_writes drop_writes",
                                 "7:0 0 1 1 2 error_writes error_reads",
                                 "7:0 0 1 1 5 corrupt_bio_byte 1 x 0 0",
                                 "7:0 0 1 1 5 corrupt_bio_byte 0 r 0 0",
                                 "7:0 0 1 1 5 corrupt_bio_byte 1 r 256 0",
                                 "7:0 0 1 1 4 corrupt_bio_byte 1 r 0",
                                 "7:0 0 1 1 6 drop_writes corrupt_bio_byte 1 w 0 0",
                                 "7:0 0 1 1 2 random_read_corrupt 0",
                                 "7:0 0 1 1 2 random_write_corrupt 1000000001",
                                 "7:0 0 1 1 1 random_read_corrupt",
                                 "7:0 x 1 1 0",
                                 "loop0 0 1 1 0",
                                 "7:0 0 -1 1 0",
                                 "7:0 0 1 1 0  "}) {
    EXPECT_THAT(FlakeyTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
