// SPDX-License-Identifier: Apache-2.0
// What Debian 12's `dmsetup splitname` (1.02.185) says of the same names.
#include "dm/dmsetup/split_name.h"

#include "gtest/gtest.h"

namespace dmkit::dm::dmsetup {
namespace {

std::string Parts(absl::string_view name, absl::string_view subsystem = "LVM") {
  const SplitDeviceName split = SplitName(name, subsystem);
  return split.subsystem + "|" + split.vg_name + "|" + split.lv_name + "|" + split.lv_layer;
}

TEST(SplitNameTest, PartsAreSeparatedBySingleHyphens) {
  EXPECT_EQ(Parts("a-b-c"), "LVM|a|b|c");
  EXPECT_EQ(Parts("vg0-lv--one-real"), "LVM|vg0|lv-one|real");
  EXPECT_EQ(Parts("a--b---c-d-e-f"), "LVM|a-b-|c|d");
}

TEST(SplitNameTest, WhatIsMissingIsEmpty) {
  EXPECT_EQ(Parts("a"), "LVM|a||");
  EXPECT_EQ(Parts("a-b"), "LVM|a|b|");
  EXPECT_EQ(Parts(""), "LVM|||");
  EXPECT_EQ(Parts("-a-b"), "LVM||a|b");
}

TEST(SplitNameTest, HyphenAtTheEndBelongsToThePart) {
  EXPECT_EQ(Parts("a-"), "LVM|a-||");
  EXPECT_EQ(Parts("a--"), "LVM|a-||");
  EXPECT_EQ(Parts("a-b-"), "LVM|a|b-|");
}

TEST(SplitNameTest, OnlyNamesOfLvmHaveParts) {
  EXPECT_EQ(Parts("a-b-c", "OTHER"), "OTHER|||");
  EXPECT_EQ(Parts("a-b-c", "LVM-foo"), "LVM-foo|||");
  EXPECT_EQ(Parts("a-b-c", ""), "|||");
}

TEST(SplitNameTest, SubsystemEndsAtTheFirstHyphen) {
  EXPECT_EQ(SubsystemOf("LVM-abcdef-real"), "LVM");
  EXPECT_EQ(SubsystemOf("-x"), "");
  EXPECT_EQ(SubsystemOf("mpath"), "");
  EXPECT_EQ(SubsystemOf(""), "");
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
