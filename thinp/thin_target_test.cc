// SPDX-License-Identifier: Apache-2.0

#include "thinp/thin_target.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::thinp {
namespace {

using ::dmkit::sys::FailsWithCode;

TEST(ThinParamsTest, BothFormsSurviveTheRoundTrip) {
  for (absl::string_view text : {"254:1 0", "254:1 7", "253:1048575 16777215", "254:1 7 7:9"}) {
    const absl::StatusOr<ThinParams> params = ParseThinParams(text);
    ASSERT_TRUE(params.ok()) << params.status();
    EXPECT_EQ(FormatThinParams(*params), text);
    EXPECT_TRUE(ParseThinParams(absl::StrCat(text, " ")).ok()) << "with a trailing space";
  }
}

TEST(ThinParamsTest, ParsesTheFields) {
  const absl::StatusOr<ThinParams> params = ParseThinParams("254:1 7 7:9");
  ASSERT_TRUE(params.ok()) << params.status();
  EXPECT_EQ(params->pool, (sys::DeviceNumber{254, 1}));
  EXPECT_EQ(params->id, *ThinId::Create(7));
  EXPECT_EQ(params->external_origin, (sys::DeviceNumber{7, 9}));
  EXPECT_EQ(ParseThinParams("254:1 7")->external_origin, std::nullopt);
}

TEST(ThinParamsTest, WhatAFailedPoolPrintsIsFailedPrecondition) {
  for (absl::string_view text : {"Fail", "Error", "Fail "}) {
    EXPECT_THAT(ParseThinParams(text), FailsWithCode(absl::StatusCode::kFailedPrecondition))
        << '"' << text << '"';
  }
}

TEST(ThinParamsTest, WhatNoKernelPrintsIsDataLoss) {
  for (absl::string_view text :
       {"", " ", "254:1", "254:1 ", "254:1 x", "254:1 -1", "254:1 16777216", "254:1 4294967297",
        "254:1 7  ", "254:1 7 x", "254:1 7 7:9 8", "254 7", "/dev/dm-1 7", "254:1  7", " 254:1 7",
        "254:1 7\n", "fail", "Failed", "254:1 7 -"}) {
    EXPECT_THAT(ParseThinParams(text), FailsWithCode(absl::StatusCode::kDataLoss))
        << '"' << text << '"';
  }
}

TEST(ThinStatusTest, ParsesWhatKernelsPrint) {
  const absl::StatusOr<ThinStatus> some = ParseThinStatus("256 1407");
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ(some->state, ThinState::kWorking);
  EXPECT_EQ(some->mapped, sys::Sectors(256));
  EXPECT_EQ(some->highest_mapped, sys::Sectors(1407));

  const absl::StatusOr<ThinStatus> none = ParseThinStatus("0 -");
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->mapped, sys::Sectors(0));
  EXPECT_EQ(none->highest_mapped, std::nullopt);

  EXPECT_EQ(ParseThinStatus("Fail")->state, ThinState::kFail);
  EXPECT_EQ(ParseThinStatus("Error")->state, ThinState::kError);
}

TEST(ThinStatusTest, EveryFormSurvivesTheRoundTrip) {
  for (absl::string_view text : {"0 -", "128 127", "18446744073709551615 18446744073709551615",
                                 "Fail", "Error", "128 127 more words", "Fail more"}) {
    const absl::StatusOr<ThinStatus> status = ParseThinStatus(text);
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(FormatThinStatus(*status), text);
  }
}

TEST(ThinStatusTest, WordsOfNewerKernelsAreKept) {
  EXPECT_EQ(ParseThinStatus("128 127 more words ")->unknown_tail, "more words");
}

TEST(ThinStatusTest, WhatNoKernelPrintsIsDataLoss) {
  for (absl::string_view text :
       {"", " ", "128", "128 ", "- -", "x 127", "128 x", "-1 127", "128 -1", "+128 127", "128 0x7f",
        "128  127", " 128 127", "128 127\n", "128 127  tail", "18446744073709551616 0", "fail",
        "Error\n", "128/127"}) {
    EXPECT_THAT(ParseThinStatus(text), FailsWithCode(absl::StatusCode::kDataLoss))
        << '"' << text << '"';
  }
}

}  // namespace
}  // namespace dmkit::thinp
