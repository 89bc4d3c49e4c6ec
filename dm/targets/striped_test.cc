// SPDX-License-Identifier: Apache-2.0
// Tests of the striped target's line and status.

#include "dm/targets/striped.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::testing::ElementsAre;

constexpr absl::StatusCode kRefused = absl::StatusCode::kInvalidArgument;

std::vector<StripedTarget::Stripe> Stripes(uint32_t count) {
  std::vector<StripedTarget::Stripe> stripes;
  for (uint32_t i = 0; i < count; ++i) stripes.push_back({{253, i}, sys::Sectors(i * 8)});
  return stripes;
}

TEST(StripedTest, ParsingGivesBackWhatWasPrinted) {
  const StripedTarget two = StripedTarget::Create(sys::Sectors(128), Stripes(2)).value();
  EXPECT_EQ(two.Params(), "2 128 253:0 0 253:1 8");
  const StripedTarget largest =
      StripedTarget::Create(sys::Sectors(4294967295), {{{7, 0}, sys::Sectors(~uint64_t{0})}})
          .value();
  const StripedTarget odd = StripedTarget::Create(sys::Sectors(3), Stripes(5)).value();
  for (const StripedTarget& target : {two, largest, odd}) {
    EXPECT_EQ(StripedTarget::Parse(target.Params()).value(), target);
  }
  EXPECT_EQ(StripedTarget::Parse("1 8 7:0 16").value().stripes()[0].offset, sys::Sectors(16));
}

TEST(StripedTest, WhatTheKernelRefusesIsNotMade) {
  EXPECT_THAT(StripedTarget::Create(sys::Sectors(8), {}), FailsWithCode(kRefused));
  EXPECT_THAT(StripedTarget::Create(sys::Sectors(0), Stripes(2)), FailsWithCode(kRefused));
  EXPECT_THAT(StripedTarget::Create(sys::Sectors(4294967296), Stripes(2)), FailsWithCode(kRefused));
}

TEST(StripedTest, ALineHasWholeChunksOnEachStripe) {
  const StripedTarget target = StripedTarget::Create(sys::Sectors(8), Stripes(3)).value();
  const auto line = target.Line(sys::Sectors(1), sys::Sectors(48));
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line->type.text(), "striped");
  EXPECT_EQ(line->start, sys::Sectors(1));
  EXPECT_EQ(line->length, sys::Sectors(48));
  EXPECT_EQ(line->params, target.Params());
  for (uint64_t length : {uint64_t{1}, uint64_t{8}, uint64_t{12}, uint64_t{47}, ~uint64_t{0}}) {
    EXPECT_THAT(target.Line(sys::Sectors(0), sys::Sectors(length)), FailsWithCode(kRefused))
        << length;
  }
}

TEST(StripedTest, WhatTheKernelDoesNotPrintIsRefused) {
  for (absl::string_view text :
       {"", "2", "2 128", "0 128", "1 0 7:0 0", "2 128 7:0 0", "2 128 7:0 0 7:1", "2 128 7:0 7:1 0",
        "1 8 7:0 0 7:1 0", "1 8 7:0 0 x", "1 8 /dev/loop0 0", "1 8 7:0 -1", "-1 8 7:0 0",
        "4294967296 8 7:0 0", "1 4294967296 7:0 0", "4294967295 8", " 1 8 7:0 0", "1  8 7:0 0"}) {
    EXPECT_THAT(StripedTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(StripedTest, StatusNamesTheStripesThatFailed) {
  const auto status = ParseStripedStatus("3 253:0 7:1 253:2 1 ADA");
  ASSERT_TRUE(status.ok());
  EXPECT_THAT(status->stripes, ElementsAre(StripedStatus::Stripe{{253, 0}, false},
                                           StripedStatus::Stripe{{7, 1}, true},
                                           StripedStatus::Stripe{{253, 2}, false}));
  EXPECT_EQ(status->unknown_tail, "");
  EXPECT_EQ(ParseStripedStatus("1 7:0 1 D new words ")->unknown_tail, "new words");
}

TEST(StripedTest, AStatusThatIsNotOneIsRefused) {
  for (absl::string_view text :
       {"", "1", "1 7:0", "1 7:0 1", "1 7:0 A", "1 7:0 2 A", "1 7:0 1 AA", "2 7:0 7:1 1 A",
        "2 7:0 1 AA", "1 7:0 1 a", "1 7:0 1 A  x", "x 7:0 1 A", "1 loop0 1 A", "4294967295 1 A"}) {
    EXPECT_THAT(ParseStripedStatus(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace dmkit::dm
