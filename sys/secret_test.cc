// SPDX-License-Identifier: Apache-2.0
// Tests of texts that are overwritten. What they leave in memory is looked at in dm.

#include "sys/secret.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::sys {
namespace {

TEST(WipeTest, OverwritesAlsoWhatLiesBehindTheEnd) {
  for (size_t size : {size_t{3}, size_t{200}}) {
    std::string text(size, 'k');
    const char* const bytes = text.data();
    text.resize(1);
    Wipe(text);
    EXPECT_TRUE(text.empty());
    ASSERT_EQ(text.data(), bytes);
    // As long as the string has this room, its bytes may be looked at.
    text.resize(text.capacity(), '\0');
    ASSERT_EQ(text.data(), bytes);
    EXPECT_EQ(text.find('k'), std::string::npos) << size;
  }
}

TEST(WipeTest, AnEmptyTextIsFine) {
  std::string text;
  Wipe(text);
  EXPECT_TRUE(text.empty());
}

TEST(SecretTest, MovingLeavesNothingBehind) {
  for (size_t size : {size_t{3}, size_t{200}}) {
    Secret first(std::string(size, 'k'));
    const Secret second = std::move(first);
    EXPECT_TRUE(first.empty());  // NOLINT: what a move leaves is what this is about
    EXPECT_EQ(second.Reveal(), std::string(size, 'k'));
    EXPECT_EQ(second.size(), size);
  }
}

TEST(SecretTest, AssigningReplacesAndAssigningToItselfKeeps) {
  Secret secret("old");
  secret = Secret("new");
  EXPECT_EQ(secret.Reveal(), "new");
  const Secret& self = secret;
  secret = self;
  EXPECT_EQ(secret.Reveal(), "new");
}

TEST(SecretTest, EqualityIsThatOfAllBytes) {
  EXPECT_EQ(Secret("abc"), Secret("abc"));
  EXPECT_EQ(Secret(), Secret(""));
  EXPECT_NE(Secret("abc"), Secret("abd"));
  EXPECT_NE(Secret("abc"), Secret("bbc"));
  EXPECT_NE(Secret("abc"), Secret("ab"));
}

}  // namespace
}  // namespace dmkit::sys
