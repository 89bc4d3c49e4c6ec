// SPDX-License-Identifier: Apache-2.0
// Tests of the mirror target's line.

#include "dm/targets/mirror.h"

#include <string>

#include "dm/targets/read_back_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using testing::ParamsOf;

MirrorTarget::Arguments Mirror(uint32_t legs, uint64_t region_size) {
  MirrorTarget::Arguments arguments;
  arguments.log.region_size = sys::Sectors(region_size);
  for (uint32_t i = 0; i < legs; ++i) arguments.legs.push_back({{253, i}, sys::Sectors(i * 8)});
  return arguments;
}

TEST(MirrorTest, ParsingGivesBackWhatWasPrinted) {
  MirrorTarget::Arguments arguments = Mirror(2, 1024);
  EXPECT_EQ(ParamsOf<MirrorTarget>(arguments), "core 1 1024 2 253:0 0 253:1 8");
  arguments.log.sync = MirrorSync::kNoSync;
  arguments.handle_errors = true;
  EXPECT_EQ(ParamsOf<MirrorTarget>(arguments),
            "core 2 1024 nosync 2 253:0 0 253:1 8 1 handle_errors");
  arguments.log.disk = sys::DeviceNumber{7, 5};
  arguments.keep_log = true;
  EXPECT_EQ(ParamsOf<MirrorTarget>(arguments),
            "disk 3 7:5 1024 nosync 2 253:0 0 253:1 8 2 handle_errors keep_log");
  arguments.log.sync = MirrorSync::kSync;
  EXPECT_EQ(ParamsOf<MirrorTarget>(arguments),
            "disk 3 7:5 1024 sync 2 253:0 0 253:1 8 2 handle_errors keep_log");
  arguments = Mirror(9, 2147483648);
  arguments.log.disk = sys::DeviceNumber{7, 5};
  EXPECT_THAT(ParamsOf<MirrorTarget>(arguments),
              ::testing::StartsWith("disk 2 7:5 2147483648 9 253:0 0 "));
  EXPECT_EQ(MirrorTarget::Parse("core 2 2 sync 2 7:0 0 7:1 0")->arguments().log.sync,
            MirrorSync::kSync);
}

TEST(MirrorTest, WhatTheKernelRefusesIsNotMade) {
  MirrorTarget::Arguments keep_log = Mirror(2, 8);
  keep_log.keep_log = true;
  for (const MirrorTarget::Arguments& arguments :
       {Mirror(0, 8), Mirror(1, 8), Mirror(10, 8), Mirror(2, 0), Mirror(2, 1), Mirror(2, 12),
        Mirror(2, uint64_t{1} << 32), keep_log}) {
    EXPECT_THAT(MirrorTarget::Create(arguments), FailsWithCode(absl::StatusCode::kInvalidArgument));
  }
}

TEST(MirrorTest, ALineHoldsARegionAndNotTooMany) {
  const MirrorTarget target = MirrorTarget::Create(Mirror(2, 2)).value();
  const auto line = target.Line(sys::Sectors(8), sys::Sectors(3));
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line->type.text(), "mirror");
  EXPECT_EQ(line->start, sys::Sectors(8));
  EXPECT_EQ(line->length, sys::Sectors(3));
  EXPECT_EQ(line->params, target.Params());
  EXPECT_TRUE(target.Line(sys::Sectors(0), sys::Sectors(8589934590)).ok());
  for (uint64_t length : {uint64_t{0}, uint64_t{1}, uint64_t{8589934591}, ~uint64_t{0}}) {
    EXPECT_THAT(target.Line(sys::Sectors(0), sys::Sectors(length)),
                FailsWithCode(absl::StatusCode::kInvalidArgument))
        << length;
  }
}

TEST(MirrorTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text : {"",
                                 "core",
                                 "core 1",
                                 "core 1 8",
                                 "core 1 8 2",
                                 "core 1 8 2 7:0 0",
                                 "core 1 8 2 7:0 0 7:1",
                                 "core 1 8 1 7:0 0",
                                 "core 1 8 10 7:0 0",
                                 "core 2 8 2 7:0 0 7:1 0",
                                 "core 1 8 sync 2 7:0 0 7:1 0",
                                 "core 2 8 SYNC 2 7:0 0 7:1 0",
                                 "core 3 8 sync nosync 2 7:0 0 7:1 0",
                                 "core 1 12 2 7:0 0 7:1 0",
                                 "core 1 1 2 7:0 0 7:1 0",
                                 "core 1 4294967296 2 7:0 0 7:1 0",
                                 "disk 1 8 2 7:0 0 7:1 0",
                                 "disk 2 8 2 7:0 0 7:1 0",
                                 "disk 3 7:5 8 2 7:0 0 7:1 0",
                                 "userspace 3 uuid clustered-disk 8 2 7:0 0 7:1 0",
                                 "core 1 8 2 7:0 0 7:1 0 0",
                                 "core 1 8 2 7:0 0 7:1 0 1",
                                 "core 1 8 2 7:0 0 7:1 0 1 keep_log",
                                 "core 1 8 2 7:0 0 7:1 0 2 handle_errors",
                                 "core 1 8 2 7:0 0 7:1 0 handle_errors",
                                 "core 1 8 2 7:0 0 7:1 0 2 keep_log handle_errors",
                                 "core 1 8 2 7:0 0 7:1 0 7:2 0"}) {
    EXPECT_THAT(MirrorTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
