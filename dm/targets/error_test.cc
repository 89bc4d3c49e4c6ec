// SPDX-License-Identifier: Apache-2.0
// Tests of the error target's line.

#include "dm/targets/error.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;

TEST(ErrorTargetTest, HasNoParameters) {
  EXPECT_THAT(ErrorTarget::Parse(ErrorTarget().Params()), IsOk());
  for (absl::string_view text : {" ", "0", "7:0 0"}) {
    EXPECT_THAT(ErrorTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(ErrorTargetTest, ALineHasTheTargetsType) {
  const TableLine line = ErrorTarget().Line(sys::Sectors(1), sys::Sectors(2));
  EXPECT_EQ(line.type.text(), "error");
  EXPECT_EQ(line.length, sys::Sectors(2));
  EXPECT_EQ(line.params, "");
}

}  // namespace
}  // namespace dmkit::dm
