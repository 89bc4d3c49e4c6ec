// SPDX-License-Identifier: Apache-2.0

#include "thinp/thin_id.h"

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::thinp {
namespace {

using ::dmkit::sys::FailsWithCode;

ThinId Id(uint64_t value) { return *ThinId::Create(value); }

TEST(ThinIdTest, DefaultIsZero) { EXPECT_EQ(ThinId().value(), 0u); }

TEST(ThinIdTest, EveryValueOf24BitsIsAnId) {
  for (uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{0xfffffe}, uint64_t{0xffffff}}) {
    const absl::StatusOr<ThinId> id = ThinId::Create(value);
    ASSERT_TRUE(id.ok()) << id.status();
    EXPECT_EQ(id->value(), value);
  }
}

TEST(ThinIdTest, LargerValuesAreRefusedAndNeverCut) {
  for (uint64_t value :
       {uint64_t{1} << 24, (uint64_t{1} << 24) + 1, uint64_t{1} << 31, uint64_t{1} << 32,
        (uint64_t{1} << 32) + 5, (uint64_t{1} << 56) + 7, std::numeric_limits<uint64_t>::max()}) {
    EXPECT_THAT(ThinId::Create(value), FailsWithCode(absl::StatusCode::kInvalidArgument)) << value;
  }
}

TEST(ThinIdTest, PlusWrapsToZeroAfterTheLargest) {
  EXPECT_EQ(Id(7).Plus(0), Id(7));
  EXPECT_EQ(Id(7).Plus(3), Id(10));
  EXPECT_EQ(Id(ThinId::kMax).Plus(1), Id(0));
  EXPECT_EQ(Id(ThinId::kMax).Plus(3), Id(2));
  EXPECT_EQ(Id(5).Plus(ThinId::kMax), Id(4));
  EXPECT_EQ(Id(5).Plus(std::numeric_limits<uint32_t>::max()), Id(4));
}

TEST(ThinIdTest, OrderIsTheOrderOfTheNumbers) {
  EXPECT_LT(Id(1), Id(2));
  EXPECT_FALSE(Id(2) < Id(2));
  EXPECT_NE(Id(1), Id(2));
}

}  // namespace
}  // namespace dmkit::thinp
