// SPDX-License-Identifier: Apache-2.0
// Tests of the writecache target's line and status.

#include "dm/targets/writecache.h"

#include <functional>

#include "dm/targets/read_back_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using testing::ExpectRefused;
using testing::Good;
using testing::ParamsOf;

WritecacheArgs Ssd() {
  WritecacheArgs args;
  args.origin = {7, 0};
  args.cache = {7, 1};
  return args;
}

WritecacheArgs With(const std::function<void(WritecacheArgs&)>& change) {
  WritecacheArgs args = Ssd();
  change(args);
  return args;
}

WritecacheArgs WithPmem(const std::function<void(WritecacheArgs&)>& change) {
  return With([&](WritecacheArgs& args) {
    args.persistent_memory = true;
    change(args);
  });
}

WritecacheArgs All() {
  return With([](WritecacheArgs& args) {
    args.block_bytes = 512;
    args.start_sector = 8;
    args.high_watermark = 100;
    args.low_watermark = 0;
    args.writeback_jobs = 4294967295;
    args.autocommit_blocks = 64;
    args.autocommit_ms = 3600000;
    args.max_age_ms = 86400000;
    args.cleaner = args.metadata_only = true;
    args.pause_writeback_ms = 60000;
  });
}

TEST(WritecacheTargetTest, PrintsWhatTheKernelPrintsAndReadsItBack) {
  const std::vector<Good<WritecacheArgs>> goods = {
      {Ssd(), "s 7:0 7:1 4096 0"},
      {With([](WritecacheArgs& a) { a.block_bytes = 65536; }), "s 7:0 7:1 65536 0"},
      {WithPmem([](WritecacheArgs&) {}), "p 7:0 7:1 4096 0"},
      {WithPmem([](WritecacheArgs& a) { a.fua = true; }), "p 7:0 7:1 4096 1 fua"},
      {WithPmem([](WritecacheArgs& a) { a.fua = false; }), "p 7:0 7:1 4096 1 nofua"},
      {With([](WritecacheArgs& a) { a.low_watermark = 50; }), "s 7:0 7:1 4096 2 low_watermark 50"},
      {With([](WritecacheArgs& a) {
         a.high_watermark = 45;
         a.other_options = {"new", "5"};
       }),
       "s 7:0 7:1 4096 4 high_watermark 45 new 5"},
      {All(),
       "s 7:0 7:1 512 18 start_sector 8 high_watermark 100 low_watermark 0 writeback_jobs "
       "4294967295 autocommit_blocks 64 autocommit_time 3600000 max_age 86400000 cleaner "
       "metadata_only pause_writeback 60000"},
  };
  for (const Good<WritecacheArgs>& good : goods)
    EXPECT_EQ(ParamsOf<WritecacheTarget>(good.args), good.params);
}

TEST(WritecacheTargetTest, WhatTheKernelRefusesIsRefused) {
  const std::vector<WritecacheArgs> bads = {
      With([](WritecacheArgs& a) { a.block_bytes = 0; }),
      With([](WritecacheArgs& a) { a.block_bytes = 256; }),
      With([](WritecacheArgs& a) { a.block_bytes = 4095; }),
      With([](WritecacheArgs& a) { a.block_bytes = 131072; }),
      With([](WritecacheArgs& a) { a.high_watermark = 101; }),
      With([](WritecacheArgs& a) { a.low_watermark = 101; }),
      With([](WritecacheArgs& a) { a.high_watermark = 44; }),
      With([](WritecacheArgs& a) { a.low_watermark = 51; }),
      With([](WritecacheArgs& a) {
        a.high_watermark = 10;
        a.low_watermark = 11;
      }),
      With([](WritecacheArgs& a) { a.autocommit_ms = 3600001; }),
      With([](WritecacheArgs& a) { a.max_age_ms = 86400001; }),
      With([](WritecacheArgs& a) { a.pause_writeback_ms = 60001; }),
      With([](WritecacheArgs& a) { a.fua = true; }),
      With([](WritecacheArgs& a) { a.fua = false; }),
      WithPmem([](WritecacheArgs& a) { a.pause_writeback_ms = 1; }),
      With([](WritecacheArgs& a) { a.other_options = {""}; }),
      With([](WritecacheArgs& a) { a.other_options = {"a b"}; }),
      With([](WritecacheArgs& a) { a.other_options = std::vector<std::string>(19, "x"); }),
  };
  ExpectRefused<WritecacheTarget>(bads);
}

TEST(WritecacheTargetTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text : {"",
                                 "s",
                                 "s 7:0",
                                 "s 7:0 7:1",
                                 "s 7:0 7:1 4096",
                                 "s 7:0 7:1 4096 x",
                                 "s 7:0 7:1 4096 1",
                                 "s 7:0 7:1 4096 0 x",
                                 "S 7:0 7:1 4096 0",
                                 "x 7:0 7:1 4096 0",
                                 "s /dev/a 7:1 4096 0",
                                 "s 7:0 7:1 100 0",
                                 "s 7:0 7:1 4096 1 low_watermark",
                                 "s 7:0 7:1 4096 2 low_watermark x",
                                 "s 7:0 7:1 4096 2 low_watermark 101",
                                 "s 7:0 7:1 4096 2 high_watermark 1",
                                 "s 7:0 7:1 4096 2 start_sector -1",
                                 "s 7:0 7:1 4096 2 writeback_jobs 4294967296",
                                 "s 7:0 7:1 4096 1 fua",
                                 "p 7:0 7:1 4096 2 pause_writeback 0",
                                 " s 7:0 7:1 4096 0",
                                 "s 7:0  7:1 4096 0"}) {
    EXPECT_THAT(WritecacheTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(WritecacheTargetTest, ALineHasTheTargetsType) {
  const WritecacheTarget target = WritecacheTarget::Create(Ssd()).value();
  const TableLine line = target.Line(sys::Sectors(8), sys::Sectors(64));
  EXPECT_EQ(line.type.text(), "writecache");
  EXPECT_EQ(line.start, sys::Sectors(8));
  EXPECT_EQ(line.length, sys::Sectors(64));
  EXPECT_EQ(line.params, target.Params());
}

TEST(WritecacheStatusTest, ReadsEachColumn) {
  const auto status = ParseWritecacheStatus("0 100 90 5 1 2 3 4 5 6 7 8 9 10");
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(*status, (WritecacheStatus{false, 100, 90, 5,
                                       WritecacheCounters{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, ""}));
}

TEST(WritecacheStatusTest, ReadsErrorsOlderKernelsAndWhatIsNotKnown) {
  EXPECT_EQ(ParseWritecacheStatus("1 100 90 5").value(),
            (WritecacheStatus{true, 100, 90, 5, std::nullopt, ""}));
  EXPECT_TRUE(ParseWritecacheStatus("-5 100 90 5")->has_error);
  EXPECT_EQ(ParseWritecacheStatus("0 1 1 0 1 2 3 4 5 6 7 8 9 10 11 new")->unknown_tail, "11 new");
}

TEST(WritecacheStatusTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text :
       {"", "0", "0 100", "0 100 90", "x 100 90 5", "- 100 90 5", "--1 100 90 5", "0 -100 90 5",
        "0 100 90 5 1", "0 100 90 5 1 2 3 4 5 6 7 8 9", "0 100 90 5 x 2 3 4 5 6 7 8 9 10",
        " 0 100 90 5", "0  100 90 5"}) {
    EXPECT_THAT(ParseWritecacheStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
