// SPDX-License-Identifier: Apache-2.0

#include "testing/model/kernel_parse.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace dmkit::model {
namespace {

TEST(KernelParseTest, ScanSkipsSpacesAndWraps) {
  EXPECT_EQ(ScanWholeU64("0"), 0u);
  EXPECT_EQ(ScanWholeU64(" \t\n\xa0"
                         "12"),
            12u);
  EXPECT_EQ(ScanWholeU64("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(ScanWholeU64("18446744073709551617"), 1u);
  EXPECT_EQ(ScanWholeU32("4294967297"), 1u);
  EXPECT_EQ(ScanWholeS32("-5"), -5);
  EXPECT_EQ(ScanWholeS32(" 5"), 5);
}

TEST(KernelParseTest, ScanRefusesWhatIsNoNumber) {
  for (const char* text : {"", " ", "-1", "+1", "x", "1x", "1 ", "0x1", "1,2", "--1"}) {
    EXPECT_EQ(ScanWholeU64(text), std::nullopt) << text;
    EXPECT_EQ(ScanWholeU32(text), std::nullopt) << text;
  }
  for (const char* text : {"", "-", "- 1", "--1", "1-"}) {
    EXPECT_EQ(ScanWholeS32(text), std::nullopt) << text;
  }
}

TEST(KernelParseTest, ScanLeavesWhatFollows) {
  absl::string_view text = "12:34";
  EXPECT_EQ(ScanU64(&text), 12u);
  EXPECT_EQ(text, ":34");
  EXPECT_EQ(ScanU64(&text), std::nullopt);
  EXPECT_EQ(text, ":34");
}

TEST(KernelParseTest, KstrtoTakesAPlusAndANewlineAndNoOverflow) {
  EXPECT_EQ(KstrtoU64("5"), 5u);
  EXPECT_EQ(KstrtoU64("+5"), 5u);
  EXPECT_EQ(KstrtoU64("003\n"), 3u);
  EXPECT_EQ(KstrtoU64("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(KstrtoU32("4294967295"), std::numeric_limits<uint32_t>::max());
  for (const char* text : {"", "+", "\n", "+\n", "-5", " 5", "5 ", "5\n\n", "0x5", "5a",
                           "18446744073709551616", "++5"}) {
    EXPECT_EQ(KstrtoU64(text), std::nullopt) << text;
  }
  EXPECT_EQ(KstrtoU32("4294967296"), std::nullopt);
}

TEST(KernelParseTest, WordsAreTheSameInEitherCase) {
  EXPECT_TRUE(SameWord("Delete", "dELETE"));
  EXPECT_FALSE(SameWord("delete", "deletes"));
}

}  // namespace
}  // namespace dmkit::model
