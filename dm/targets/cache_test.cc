// SPDX-License-Identifier: Apache-2.0
// Tests of the cache target's line and status.

#include "dm/targets/cache.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "dm/targets/read_back_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::testing::ElementsAre;
using testing::ExpectRefused;
using testing::Good;
using ::testing::Pair;
using testing::ParamsOf;

CacheArgs Plain() {
  CacheArgs args;
  args.metadata = {7, 0};
  args.cache = {7, 1};
  args.origin = {7, 2};
  args.block_size = sys::Sectors(128);
  return args;
}

CacheArgs With(const std::function<void(CacheArgs&)>& change) {
  CacheArgs args = Plain();
  change(args);
  return args;
}

TEST(CacheTargetTest, PrintsWhatTheKernelPrintsAndReadsItBack) {
  const std::vector<Good<CacheArgs>> goods = {
      {Plain(), "7:0 7:1 7:2 128 0 smq 0"},
      {With([](CacheArgs& a) { a.block_size = sys::Sectors(64); }), "7:0 7:1 7:2 64 0 smq 0"},
      {With([](CacheArgs& a) { a.mode = CacheMode::kWriteback; }),
       "7:0 7:1 7:2 128 1 writeback smq 0"},
      {With([](CacheArgs& a) {
         a.block_size = sys::Sectors(2097152);
         a.mode = CacheMode::kPassthrough;
         a.policy = "cleaner";
       }),
       "7:0 7:1 7:2 2097152 1 passthrough cleaner 0"},
      {With([](CacheArgs& a) {
         a.mode = CacheMode::kWritethrough;
         a.metadata2 = a.no_discard_passdown = true;
         a.policy = "mq";
         a.settings = {{"migration_threshold", "2048"}, {"random_threshold", "4"}};
       }),
       "7:0 7:1 7:2 128 3 metadata2 writethrough no_discard_passdown mq 4 migration_threshold "
       "2048 random_threshold 4"},
      {With([](CacheArgs& a) {
         a.policy = "other";
         a.settings = {{"any", "thing"}};
       }),
       "7:0 7:1 7:2 128 0 other 2 any thing"},
  };
  for (const Good<CacheArgs>& good : goods)
    EXPECT_EQ(ParamsOf<CacheTarget>(good.args), good.params);
}

TEST(CacheTargetTest, ReadsTheWordsOfTheLoadWhateverTheirOrderAndCase) {
  const auto target = CacheTarget::Parse(
      "7:0 7:1 7:2 128 2 WriteThrough METADATA2 default 2 Migration_Threshold 0");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ(target->Params(),
            "7:0 7:1 7:2 128 2 metadata2 writethrough default 2 Migration_Threshold 0");
}

TEST(CacheTargetTest, WhatTheKernelRefusesIsRefused) {
  using Settings = std::vector<std::pair<std::string, std::string>>;
  const auto with_settings = [](absl::string_view policy, const Settings& settings) {
    return With([&](CacheArgs& a) {
      a.policy = std::string(policy);
      a.settings = settings;
    });
  };
  const std::vector<CacheArgs> bads = {
      With([](CacheArgs& a) { a.block_size = sys::Sectors(0); }),
      With([](CacheArgs& a) { a.block_size = sys::Sectors(32); }),
      With([](CacheArgs& a) { a.block_size = sys::Sectors(100); }),
      With([](CacheArgs& a) { a.block_size = sys::Sectors(2097152 + 64); }),
      With([](CacheArgs& a) { a.cache = a.metadata; }),
      With([](CacheArgs& a) { a.origin = a.metadata; }),
      With([](CacheArgs& a) { a.origin = a.cache; }),
      With([](CacheArgs& a) { a.policy = ""; }),
      With([](CacheArgs& a) { a.policy = "s mq"; }),
      With([](CacheArgs& a) { a.policy = "sixteen-letters-"; }),
      with_settings("smq", {{"random_threshold", "4"}}),
      with_settings("smq", {{"migration_threshold", "x"}}),
      with_settings("smq", {{"migration_threshold", "-1"}}),
      with_settings("smq", {{"migration_threshold", ""}}),
      with_settings("smq", {{"", "1"}}),
      with_settings("cleaner", {{"any", "1"}}),
      with_settings("default", {{"any", "1"}}),
      with_settings("mq", {{"random_threshold", "x"}}),
      with_settings("mq", {{"any", "1"}}),
      with_settings("other", {{"a b", "1"}}),
      with_settings("other", {{"a", "1 2"}}),
      with_settings("smq", Settings(513, {"migration_threshold", "1"})),
  };
  ExpectRefused<CacheTarget>(bads);
}

TEST(CacheTargetTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text :
       {"", "7:0", "7:0 7:1 7:2 128", "7:0 7:1 7:2 128 0", "7:0 7:1 7:2 128 0 smq",
        "7:0 7:1 7:2 128 0 smq 1 a", "7:0 7:1 7:2 128 0 smq 2 a", "7:0 7:1 7:2 128 0 smq 0 x",
        "7:0 7:1 7:2 128 1 new smq 0", "7:0 7:1 7:2 128 x smq 0", "7:0 7:1 7:1 128 0 smq 0",
        "7:0 7:1 /dev/a 128 0 smq 0", "7:0 7:1 7:2 100 0 smq 0", " 7:0 7:1 7:2 128 0 smq 0",
        "7:0 7:1 7:2  128 0 smq 0", "7:0 7:1 7:2 128 0 smq 2 any 1"}) {
    EXPECT_THAT(CacheTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(CacheTargetTest, ALineHasTheTargetsType) {
  const CacheTarget target = CacheTarget::Create(Plain()).value();
  const TableLine line = target.Line(sys::Sectors(8), sys::Sectors(64));
  EXPECT_EQ(line.type.text(), "cache");
  EXPECT_EQ(line.start, sys::Sectors(8));
  EXPECT_EQ(line.length, sys::Sectors(64));
  EXPECT_EQ(line.params, target.Params());
}

constexpr absl::string_view kFront = "8 72/1024 128 3/16 1 2 3 4 5 6 7 ";

TEST(CacheStatusTest, ReadsEachColumn) {
  const auto status = ParseCacheStatus(absl::StrCat(
      kFront,
      "3 metadata2 passthrough no_discard_passdown 2 migration_threshold 2048 mq 4 a 0 b 1 rw - "));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->state, CacheState::kReadWrite);
  EXPECT_EQ(status->metadata_block_size, sys::Sectors(8));
  EXPECT_EQ(status->used_metadata_blocks, 72u);
  EXPECT_EQ(status->total_metadata_blocks, 1024u);
  EXPECT_EQ(status->block_size, sys::Sectors(128));
  EXPECT_EQ(status->used_blocks, 3u);
  EXPECT_EQ(status->total_blocks, 16u);
  EXPECT_EQ(status->read_hits, 1u);
  EXPECT_EQ(status->read_misses, 2u);
  EXPECT_EQ(status->write_hits, 3u);
  EXPECT_EQ(status->write_misses, 4u);
  EXPECT_EQ(status->demotions, 5u);
  EXPECT_EQ(status->promotions, 6u);
  EXPECT_EQ(status->dirty_blocks, 7u);
  EXPECT_EQ(status->mode, CacheMode::kPassthrough);
  EXPECT_TRUE(status->metadata2);
  EXPECT_TRUE(status->no_discard_passdown);
  EXPECT_THAT(status->core_settings, ElementsAre(Pair("migration_threshold", "2048")));
  EXPECT_EQ(status->policy, "mq");
  EXPECT_THAT(status->policy_settings, ElementsAre(Pair("a", "0"), Pair("b", "1")));
  EXPECT_FALSE(status->needs_check);
  EXPECT_EQ(status->unknown_tail, "");
}

TEST(CacheStatusTest, ReadsStatesAndWhatIsNotKnown) {
  const auto status =
      ParseCacheStatus(absl::StrCat(kFront, "2 unknown new 0 smq 0 ro needs_check tail 7"));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->state, CacheState::kReadOnly);
  EXPECT_TRUE(status->needs_check);
  EXPECT_EQ(status->mode, std::nullopt);
  EXPECT_THAT(status->other_features, ElementsAre("unknown", "new"));
  EXPECT_EQ(status->unknown_tail, "tail 7");
  EXPECT_EQ(ParseCacheStatus("Fail")->state, CacheState::kFailed);
  EXPECT_EQ(ParseCacheStatus("Error")->state, CacheState::kError);
  EXPECT_EQ(ParseCacheStatus("Fail why")->unknown_tail, "why");
}

TEST(CacheStatusTest, WhatTheKernelDoesNotPrintIsRefused) {
  const std::string front(kFront);
  for (const std::string& text : {
           std::string(),
           std::string("fail"),
           std::string("Fail  x"),
           std::string("8"),
           front,
           front + "1",
           front + "1 writeback",
           front + "1 writeback 0",
           front + "1 writeback 0 smq",
           front + "1 writeback 0 smq 0",
           front + "1 writeback 0 smq 0 rw",
           front + "1 writeback 0 smq 0 rx -",
           front + "1 writeback 0 smq 0 rw x",
           front + "1 writeback 1 a smq 0 rw -",
           front + "1 writeback 0 smq 3 a b c rw -",
           std::string("8 72/71 128 3/16 1 2 3 4 5 6 7 1 writeback 0 smq 0 rw -"),
           std::string("8 72/1024 128 17/16 1 2 3 4 5 6 7 1 writeback 0 smq 0 rw -"),
           std::string("8 72/1024 128 3/16 1 2 3 4 5 6 -7 1 writeback 0 smq 0 rw -"),
           std::string("8 72 128 3/16 1 2 3 4 5 6 7 1 writeback 0 smq 0 rw -"),
       }) {
    EXPECT_THAT(ParseCacheStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
