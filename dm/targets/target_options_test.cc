// SPDX-License-Identifier: Apache-2.0
// Tests of groups of optional words.

#include "dm/targets/target_options.h"

#include "dm/targets/target_words.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(TargetOptionsTest, AWordIsWhatTheKernelReadsAsOne) {
  for (absl::string_view word : {"a", "-", ":32:logon:k", "a\"b", "\x7f", "caf\xc3\xa9"}) {
    EXPECT_THAT(CheckWord("crypt", "the key", word), IsOk()) << word;
  }
  for (absl::string_view word :
       {absl::string_view(""), absl::string_view("a b"), absl::string_view(" a"),
        absl::string_view("a\t"), absl::string_view("a\nb"), absl::string_view("a\vb"),
        absl::string_view("a\fb"), absl::string_view("a\rb"), absl::string_view("a\\b"),
        absl::string_view("a\0b", 3), absl::string_view("a\xa0"), absl::string_view("\\")}) {
    const absl::Status checked = CheckWord("crypt", "the secret", word);
    EXPECT_THAT(checked, FailsWithCode(kInvalid));
    EXPECT_THAT(std::string(checked.message()), HasSubstr("crypt target: the secret"));
  }
  EXPECT_THAT(std::string(CheckWord("crypt", "the key", "se\\cret").message()),
              Not(HasSubstr("cret")));
  EXPECT_THAT(CheckWords("crypt", "an option", {"a", "b"}), IsOk());
  EXPECT_THAT(CheckWords("crypt", "an option", {"a", "b c"}), FailsWithCode(kInvalid));
}

TEST(TargetOptionsTest, HexIsAnEvenNumberOfDigits) {
  EXPECT_TRUE(IsHex("00"));
  EXPECT_TRUE(IsHex("0123456789abcdefABCDEF"));
  for (absl::string_view text : {"", "0", "000", "0g", " 0", "0x", "-1"}) {
    EXPECT_FALSE(IsHex(text)) << text;
  }
}

TEST(TargetOptionsTest, AGroupStartsWithTheNumberOfItsWords) {
  EXPECT_EQ(FormatGroup({"a", "b"}, WhenEmpty::kNothing), " 2 a b");
  EXPECT_EQ(FormatGroup({}, WhenEmpty::kNothing), "");
  EXPECT_EQ(FormatGroup({}, WhenEmpty::kZero), " 0");
  TargetWords words("line", "2 a b 0 c");
  EXPECT_THAT(TakeGroup(words, "group").value(), ElementsAre("a", "b"));
  EXPECT_THAT(TakeGroup(words, "group").value(), ElementsAre());
  EXPECT_THAT(TakeSome(words, 1, "word").value(), ElementsAre("c"));
  EXPECT_TRUE(words.AtEnd());
}

TEST(TargetOptionsTest, AGroupThatIsCutIsRefused) {
  for (absl::string_view line :
       {"", "1", "2 a", "-1 a", "x", "18446744073709551615 a", "18446744073709551616 a", "1  a"}) {
    TargetWords words("line", line);
    EXPECT_THAT(TakeGroup(words, "group"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
  TargetWords words("line", "a");
  EXPECT_THAT(TakeSome(words, ~uint64_t{0}, "word"), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST(TargetOptionsTest, NamedValuesComeInPairs) {
  TargetWords words("line", "4 a 1 b 2 0");
  EXPECT_THAT(TakeNamedValues(words, "values").value(),
              ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_THAT(TakeNamedValues(words, "values").value(), ElementsAre());
  for (absl::string_view line : {"", "1 a", "3 a 1 b", "2 a"}) {
    TargetWords bad("line", line);
    EXPECT_THAT(TakeNamedValues(bad, "values"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
}

}  // namespace
}  // namespace dmkit::dm
