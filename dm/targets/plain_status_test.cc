// SPDX-License-Identifier: Apache-2.0
// Tests of the status without a word.

#include "dm/targets/plain_status.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::dm {
namespace {

TEST(PlainStatusTest, IsEmptyOnTheKernelsThatAreKnown) {
  EXPECT_EQ(ParsePlainStatus(""), PlainStatus());
  EXPECT_EQ(ParsePlainStatus(" "), PlainStatus());
}

TEST(PlainStatusTest, WhatANewerKernelAppendsIsKept) {
  EXPECT_THAT(ParsePlainStatus("a 7 -").unknown_words, ::testing::ElementsAre("a", "7", "-"));
}

}  // namespace
}  // namespace dmkit::dm
