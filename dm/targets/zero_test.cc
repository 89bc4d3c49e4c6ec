// SPDX-License-Identifier: Apache-2.0
// Tests of the zero target's line.

#include "dm/targets/zero.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;

TEST(ZeroTargetTest, HasNoParameters) {
  EXPECT_THAT(ZeroTarget::Parse(ZeroTarget().Params()), IsOk());
  for (absl::string_view text : {" ", "0", "7:0 0"}) {
    EXPECT_THAT(ZeroTarget::Parse(text), FailsWithCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(ZeroTargetTest, ALineHasTheTargetsType) {
  const TableLine line = ZeroTarget().Line(sys::Sectors(1), sys::Sectors(2));
  EXPECT_EQ(line.type.text(), "zero");
  EXPECT_EQ(line.length, sys::Sectors(2));
  EXPECT_EQ(line.params, "");
}

}  // namespace
}  // namespace dmkit::dm
