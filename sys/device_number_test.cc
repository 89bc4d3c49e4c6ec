// SPDX-License-Identifier: Apache-2.0
// Tests of device numbers. That their text is read back is tested beside the reader, in
// text_test.cc.

#include "sys/device_number.h"

#include "gtest/gtest.h"

namespace dmkit::sys {
namespace {

TEST(DeviceNumberTest, IsEqualInBothParts) {
  EXPECT_EQ((DeviceNumber{253, 1}), (DeviceNumber{253, 1}));
  EXPECT_NE((DeviceNumber{253, 1}), (DeviceNumber{253, 2}));
  EXPECT_NE((DeviceNumber{253, 1}), (DeviceNumber{252, 1}));
  EXPECT_NE((DeviceNumber{253, 1}), (DeviceNumber{1, 253}));
}

TEST(DeviceNumberTest, TextIsDecimal) {
  EXPECT_EQ(FormatDeviceNumber(DeviceNumber{}), "0:0");
  EXPECT_EQ(FormatDeviceNumber(DeviceNumber{10, 236}), "10:236");
  EXPECT_EQ(FormatDeviceNumber(DeviceNumber{4294967295, 4294967295}), "4294967295:4294967295");
}

}  // namespace
}  // namespace dmkit::sys
