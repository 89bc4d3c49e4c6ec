// SPDX-License-Identifier: Apache-2.0
// Tests of the flag printer.

#include "dm/flags.h"

#include "dm/uapi.h"
#include "gtest/gtest.h"

namespace dmkit::dm {
namespace {

TEST(FlagsTest, NoBitIsZero) { EXPECT_EQ(FormatFlags(0), "0"); }

TEST(FlagsTest, KnownBitsAreNamedLowestFirst) {
  EXPECT_EQ(FormatFlags(DM_SUSPEND_FLAG), "SUSPEND");
  EXPECT_EQ(FormatFlags(DM_DEFERRED_REMOVE | DM_READONLY_FLAG), "READONLY|DEFERRED_REMOVE");
}

TEST(FlagsTest, UnknownBitsAreShownInHexadecimal) {
  EXPECT_EQ(FormatFlags(0x80), "0x80");
  EXPECT_EQ(FormatFlags(0x80000084 | DM_ACTIVE_PRESENT_FLAG), "ACTIVE_PRESENT|0x80000084");
}

TEST(FlagsTest, EveryBitIsEitherNamedOrShown) {
  for (uint32_t bit = 1; bit != 0; bit <<= 1) {
    const bool hexadecimal = FormatFlags(bit).rfind("0x", 0) == 0;
    EXPECT_EQ(hexadecimal, (KnownFlags() & bit) == 0) << bit;
  }
  // 0..19 without 2 and 7, which never had a meaning.
  EXPECT_EQ(KnownFlags(), 0xfffffu & ~0x84u);
}

}  // namespace
}  // namespace dmkit::dm
