// SPDX-License-Identifier: Apache-2.0
// Tests of the multipath target's line and status.

#include "dm/targets/multipath.h"

#include <functional>

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
using testing::ParamsOf;

using Words = std::vector<std::string>;

// One group of one path.
MultipathArgs One(absl::string_view selector, const Words& selector_args, const Words& path_args) {
  MultipathArgs args;
  args.initial_group = 1;
  args.groups = {{std::string(selector), selector_args, {{{8, 0}, path_args}}}};
  return args;
}

MultipathArgs With(const std::function<void(MultipathArgs&)>& change) {
  MultipathArgs args = One("round-robin", {}, {"1"});
  change(args);
  return args;
}

MultipathArgs All() {
  MultipathArgs args;
  args.queue_if_no_path = args.retain_attached_hw_handler = args.bio_based = true;
  args.pg_init_retries = 50;
  args.pg_init_delay_ms = 60000;
  args.hardware_handler = {"alua", "1"};
  args.initial_group = 2;
  args.groups = {{"service-time", {}, {{{8, 0}, {"1", "100"}}, {{8, 16}, {"1", "0"}}}},
                 {"queue-length", {}, {{{8, 32}, {"1"}}}},
                 {"historical-service-time", {"1023", "5"}, {{{8, 48}, {}}}},
                 {"io-affinity", {}, {{{8, 64}, {"ff,00000001"}}}}};
  return args;
}

TEST(MultipathTargetTest, PrintsWhatTheKernelPrintsAndReadsItBack) {
  const std::vector<Good<MultipathArgs>> goods = {
      {MultipathArgs(), "0 0 0 0"},
      {One("round-robin", {}, {}), "0 0 1 1 round-robin 0 1 0 8:0"},
      {One("mine", {"any"}, {"thing", "2"}), "0 0 1 1 mine 1 any 1 2 8:0 thing 2"},
      {With([](MultipathArgs& a) {
         a.pg_init_delay_ms = 0;
         a.pg_init_retries = 1;
       }),
       "4 pg_init_retries 1 pg_init_delay_msecs 0 0 1 1 round-robin 0 1 1 8:0 1"},
      {With([](MultipathArgs& a) {
         a.other_features = {"new", "5"};
       }),
       "2 new 5 0 1 1 round-robin 0 1 1 8:0 1"},
      {All(),
       "8 queue_if_no_path pg_init_retries 50 pg_init_delay_msecs 60000 "
       "retain_attached_hw_handler queue_mode bio 2 alua 1 4 2 "
       "service-time 0 2 2 8:0 1 100 8:16 1 0 queue-length 0 1 1 8:32 1 "
       "historical-service-time 2 1023 5 1 0 8:48 io-affinity 0 1 1 8:64 ff,00000001"},
  };
  for (const Good<MultipathArgs>& good : goods)
    EXPECT_EQ(ParamsOf<MultipathTarget>(good.args), good.params);
}

TEST(MultipathTargetTest, WhatTheKernelRefusesIsRefused) {
  const std::vector<MultipathArgs> bads = {
      With([](MultipathArgs& a) { a.pg_init_retries = 0; }),
      With([](MultipathArgs& a) { a.pg_init_retries = 51; }),
      With([](MultipathArgs& a) { a.pg_init_delay_ms = 60001; }),
      With([](MultipathArgs& a) { a.other_features = {"a b"}; }),
      With([](MultipathArgs& a) { a.other_features = Words(9, "x"); }),
      With([](MultipathArgs& a) { a.hardware_handler = {""}; }),
      With([](MultipathArgs& a) { a.hardware_handler = Words(1025, "x"); }),
      With([](MultipathArgs& a) { a.initial_group = 0; }),
      With([](MultipathArgs& a) { a.initial_group = 2; }),
      With([](MultipathArgs& a) { a.groups.clear(); }),
      With([](MultipathArgs& a) { a.groups.resize(1025, a.groups[0]); }),
      With([](MultipathArgs& a) { a.groups[0].paths.clear(); }),
      With([](MultipathArgs& a) { a.groups[0].paths.resize(1025, a.groups[0].paths[0]); }),
      With([](MultipathArgs& a) {
        a.groups[0].paths.push_back({{8, 16}, {}});
      }),
      With([](MultipathArgs& a) { a.groups[0].selector = ""; }),
      With([](MultipathArgs& a) { a.groups[0].selector = "round robin"; }),
      One("mine", {"a b"}, {}),
      One("mine", {}, {"a b"}),
      One("mine", Words(1025, "x"), {}),
      One("mine", {}, Words(1025, "x")),
      One("round-robin", {}, {"x"}),
      One("round-robin", {}, {"1", "2"}),
      One("queue-length", {}, {"-1"}),
      One("queue-length", {}, {"1", "2"}),
      One("service-time", {}, {"1", "101"}),
      One("service-time", {}, {"1", "x"}),
      One("service-time", {}, {"1", "2", "3"}),
      One("historical-service-time", {"1024"}, {}),
      One("historical-service-time", {"1", "x"}, {}),
      One("historical-service-time", {"1", "2", "3"}, {}),
      One("historical-service-time", {}, {"1", "2"}),
      One("io-affinity", {}, {}),
      One("io-affinity", {}, {"1", "2"}),
      One("io-affinity", {}, {"g"}),
      One("io-affinity", {}, {"00000000,0"}),
  };
  ExpectRefused<MultipathTarget>(bads);
}

TEST(MultipathTargetTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text : {"",
                                 "0",
                                 "0 0",
                                 "0 0 0",
                                 "0 0 0 0 x",
                                 "0 0 1 0",
                                 "0 0 1 1",
                                 "0 0 0 1",
                                 "x 0 0 0",
                                 "1 0 0 0",
                                 "1 pg_init_retries 0 0 0",
                                 "2 pg_init_retries x 0 0 0",
                                 "2 pg_init_retries 51 0 0 0",
                                 "2 queue_mode rq 0 0 0",
                                 "0 1 0 0",
                                 "0 0 1 1 round-robin",
                                 "0 0 1 1 round-robin 0",
                                 "0 0 1 1 round-robin 0 1",
                                 "0 0 1 1 round-robin 0 1 0",
                                 "0 0 1 1 round-robin 0 0 0",
                                 "0 0 1 1 round-robin 0 2 0 8:0",
                                 "0 0 1 1 round-robin 0 1 1 8:0",
                                 "0 0 1 1 round-robin 0 1 0 /dev/sda",
                                 "0 0 1 1 round-robin 0 1 0 8:0 1",
                                 "0 0 2 1 round-robin 0 1 0 8:0",
                                 "0 0 1 2 round-robin 0 1 0 8:0",
                                 "0 0 18446744073709551615 1 round-robin 0 1 0 8:0",
                                 "0 0 1 1 round-robin 0 18446744073709551615 0 8:0",
                                 "0 0 1 1 round-robin 0 1 18446744073709551615 8:0",
                                 " 0 0 0 0",
                                 "0  0 0 0"}) {
    EXPECT_THAT(MultipathTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(MultipathTargetTest, ALineHasTheTargetsType) {
  const MultipathTarget target = MultipathTarget::Create(All()).value();
  const TableLine line = target.Line(sys::Sectors(8), sys::Sectors(64));
  EXPECT_EQ(line.type.text(), "multipath");
  EXPECT_EQ(line.start, sys::Sectors(8));
  EXPECT_EQ(line.length, sys::Sectors(64));
  EXPECT_EQ(line.params, target.Params());
}

TEST(MultipathStatusTest, ReadsGroupsAndPaths) {
  const auto status = ParseMultipathStatus(
      "2 1 3 0 3 2 E 0 1 0 8:0 A 0 A 2 500 7 2 3 8:16 F 4 1 2 3 8:32 A 0 4 5 6 D 0 1 2 8:48 F 1 0 "
      "1 ");
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_TRUE(status->queues_io);
  EXPECT_EQ(status->pg_init_count, 3u);
  EXPECT_EQ(status->next_group, 2u);
  EXPECT_EQ(status->unknown_tail, "");
  EXPECT_THAT(
      status->groups,
      ElementsAre(MultipathGroupStatus{MultipathGroupState::kEnabled, {}, {{{8, 0}, false, 0, {}}}},
                  MultipathGroupStatus{
                      MultipathGroupState::kActive,
                      {"500", "7"},
                      {{{8, 16}, true, 4, {"1", "2", "3"}}, {{8, 32}, false, 0, {"4", "5", "6"}}}},
                  MultipathGroupStatus{
                      MultipathGroupState::kDisabled, {}, {{{8, 48}, true, 1, {"0", "1"}}}}));
}

TEST(MultipathStatusTest, KeepsWhatIsNotKnown) {
  EXPECT_EQ(ParseMultipathStatus("2 0 0 0 0 0").value(), MultipathStatus());
  const auto status = ParseMultipathStatus("4 0 0 new 5 2 alua 1 0 0 tail 7");
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_THAT(status->other_features, ElementsAre("new", "5"));
  EXPECT_THAT(status->hardware_handler_words, ElementsAre("alua", "1"));
  EXPECT_EQ(status->unknown_tail, "tail 7");
}

TEST(MultipathStatusTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text : {"",
                                 "2",
                                 "2 0",
                                 "2 0 0",
                                 "2 0 0 0",
                                 "2 0 0 0 0",
                                 "1 0 0 0 0",
                                 "0 0 0 0",
                                 "x 0 0 0 0 0",
                                 "3 0 0",
                                 "2 x 0 0 0 0",
                                 "2 0 0 1",
                                 "2 0 0 0 1 1",
                                 "2 0 0 0 1 1 X 0 0 0",
                                 "2 0 0 0 1 1 AE 0 0 0",
                                 "2 0 0 0 1 1 A 0 1 0",
                                 "2 0 0 0 1 1 A 0 1 0 sda A 0",
                                 "2 0 0 0 1 1 A 0 1 0 8:0 E 0",
                                 "2 0 0 0 1 1 A 0 1 0 8:0 A x",
                                 "2 0 0 0 1 1 A 0 1 1 8:0 A 0",
                                 "2 0 0 0 1 1 A 2 x 1 0 8:0 A 0",
                                 "2 0 0 0 18446744073709551615 1 A 0 1 0 8:0 A 0",
                                 "2 0 0 0 1 1 A 0 18446744073709551615 0 8:0 A 0",
                                 "2 0 0 0 1 1 A 0 1 18446744073709551615 8:0 A 0",
                                 " 2 0 0 0 0 0",
                                 "2 0  0 0 0 0"}) {
    EXPECT_THAT(ParseMultipathStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
