// SPDX-License-Identifier: Apache-2.0
// Tests of the words of a line.

#include "dm/targets/target_words.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::testing::HasSubstr;
using ::testing::Not;

TargetWords Text(absl::string_view line) { return TargetWords("test line", line); }

TEST(TargetWordsTest, WordsComeInTheirOrder) {
  TargetWords text = Text("one two");
  EXPECT_EQ(text.Peek(), "one");
  EXPECT_EQ(*text.Word("first"), "one");
  EXPECT_FALSE(text.AtEnd());
  EXPECT_FALSE(text.ExpectEnd().ok());
  EXPECT_EQ(*text.Word("second"), "two");
  EXPECT_TRUE(text.AtEnd());
  EXPECT_TRUE(text.ExpectEnd().ok());
  EXPECT_EQ(text.Peek(), "");
}

TEST(TargetWordsTest, OneSpaceMayEndTheLine) {
  TargetWords text = Text("7 ");
  EXPECT_EQ(*text.Number("n"), 7u);
  EXPECT_TRUE(text.ExpectEnd().ok());
}

TEST(TargetWordsTest, BlankLineHasNoWords) {
  EXPECT_TRUE(Text("").AtEnd());
  EXPECT_TRUE(Text(" ").AtEnd());
}

TEST(TargetWordsTest, TwoSpacesMakeAnEmptyWordWhichIsRefused) {
  for (absl::string_view line : {"  ", " 1", "  1"}) {
    TargetWords text = Text(line);
    EXPECT_THAT(text.Word("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << '"' << line << '"';
  }
  TargetWords text = Text("1  2");
  EXPECT_TRUE(text.Word("a").ok());
  EXPECT_THAT(text.Word("b"), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(Text("1  ").Tail().ok());
}

TEST(TargetWordsTest, EndNamesTheFieldThatIsMissing) {
  TargetWords text = Text("1 ");
  ASSERT_TRUE(text.Number("a").ok());
  for (const absl::Status& status :
       {text.Word("held root").status(), text.Number("held root").status(),
        text.NumberOrDash("held root").status(), text.UsedOfTotal("held root").status(),
        text.Device("held root").status(), text.OneOfTwo("held root", "a", "b").status(),
        text.Letters("held root", "a", 1).status(), text.ExpectCountOfRest("held root")}) {
    EXPECT_THAT(status, FailsWithCode(absl::StatusCode::kDataLoss));
    EXPECT_THAT(std::string(status.message()), HasSubstr("held root"));
  }
}

TEST(TargetWordsTest, NumbersAreReadWhole) {
  EXPECT_EQ(*Text("0").Number("n"), 0u);
  EXPECT_EQ(*Text("18446744073709551615").Number("n"), 18446744073709551615u);
  for (absl::string_view line :
       {"-1", "+1", "1x", "x", "0x10", "1.5", "18446744073709551616", "1\n", "\t1", "-"}) {
    EXPECT_THAT(Text(line).Number("n"), FailsWithCode(absl::StatusCode::kDataLoss))
        << '"' << line << '"';
  }
}

TEST(TargetWordsTest, DashIsNoNumber) {
  EXPECT_EQ(*Text("-").NumberOrDash("n"), std::nullopt);
  EXPECT_EQ(**Text("46").NumberOrDash("n"), 46u);
  for (absl::string_view line : {"--", "-1", "none"}) {
    EXPECT_THAT(Text(line).NumberOrDash("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
}

TEST(TargetWordsTest, UsageIsTwoNumbersAndTheFirstIsNotTheLarger) {
  const absl::StatusOr<TargetWords::Usage> usage = Text("116/1024").UsedOfTotal("n");
  ASSERT_TRUE(usage.ok());
  EXPECT_EQ(usage->used, 116u);
  EXPECT_EQ(usage->total, 1024u);
  EXPECT_TRUE(Text("0/0").UsedOfTotal("n").ok());
  EXPECT_TRUE(Text("5/5").UsedOfTotal("n").ok());
  for (absl::string_view line : {"116", "/", "1/", "/1", "1//2", "1/2/3", "6/5", "a/1", "1/b",
                                 "-/-", "1/-1", "1/18446744073709551616"}) {
    EXPECT_THAT(Text(line).UsedOfTotal("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
}

TEST(TargetWordsTest, TheFirstOfARatioMayBeTheLarger) {
  const absl::StatusOr<TargetWords::Usage> ratio = Text("6/5").Ratio("n");
  ASSERT_TRUE(ratio.ok());
  EXPECT_EQ(ratio->used, 6u);
  EXPECT_EQ(ratio->total, 5u);
  for (absl::string_view line : {"6", "/5", "6/", "6/5/4", "a/5", "6/-5", ""}) {
    EXPECT_THAT(Text(line).Ratio("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
}

TEST(TargetWordsTest, PowersOfTwoHaveOneBit) {
  EXPECT_TRUE(IsPowerOfTwo(1));
  EXPECT_TRUE(IsPowerOfTwo(uint64_t{1} << 63));
  for (uint64_t number : {uint64_t{0}, uint64_t{3}, ~uint64_t{0}}) {
    EXPECT_FALSE(IsPowerOfTwo(number)) << number;
  }
}

TEST(TargetWordsTest, DeviceIsMajorAndMinor) {
  EXPECT_EQ(*Text("254:1048575").Device("n"), (sys::DeviceNumber{254, 1048575}));
  for (absl::string_view line :
       {"254", "254:", ":1", "7:1:2", "a:1", "7:-1", "7:4294967296", "/dev/loop1", "7-1"}) {
    EXPECT_THAT(Text(line).Device("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
}

TEST(TargetWordsTest, OneOfTwoTakesExactlyThose) {
  EXPECT_TRUE(*Text("yes").OneOfTwo("n", "yes", "no"));
  EXPECT_FALSE(*Text("no").OneOfTwo("n", "yes", "no"));
  for (absl::string_view line : {"Yes", "ye", "yess", "noo", "-"}) {
    EXPECT_THAT(Text(line).OneOfTwo("n", "yes", "no"), FailsWithCode(absl::StatusCode::kDataLoss))
        << line;
  }
}

TEST(TargetWordsTest, LettersAreSoManyOfThose) {
  EXPECT_EQ(*Text("ABBA").Letters("n", "AB", 4), "ABBA");
  for (absl::string_view line : {"A", "ABB", "ABBAA", "ABBC", "abba", "AB BA", "-", ""}) {
    EXPECT_THAT(Text(line).Letters("n", "AB", 4), FailsWithCode(absl::StatusCode::kDataLoss))
        << line;
  }
}

TEST(TargetWordsTest, CountIsThatOfTheWordsBehindIt) {
  for (absl::string_view line : {"0", "0 ", "1 a", "2 a b "}) {
    EXPECT_TRUE(Text(line).ExpectCountOfRest("n").ok()) << line;
  }
  for (absl::string_view line : {"1", "0 a", "1 a b", "3 a b", "-1 a", "x a", "a 1", "4294967297 a",
                                 "18446744073709551616 a"}) {
    EXPECT_THAT(Text(line).ExpectCountOfRest("n"), FailsWithCode(absl::StatusCode::kDataLoss))
        << line;
  }
}

TEST(TargetWordsTest, WhatIsJudgedBadWasNotUnderstood) {
  EXPECT_TRUE(Text("1").ExpectOk(absl::OkStatus()).ok());
  const absl::Status bad = Text("1").ExpectOk(absl::InvalidArgumentError("too few"));
  EXPECT_THAT(bad, FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_EQ(bad.message(), "parse test line \"1\": too few");
}

TEST(TargetWordsTest, ShortNumbersEndAt32Bits) {
  EXPECT_EQ(*Text("4294967295").Number32("n"), 4294967295u);
  EXPECT_EQ(*Text("8").SectorCount("n"), sys::Sectors(8));
  for (absl::string_view line : {"4294967296", "-1", "1.", ""}) {
    EXPECT_THAT(Text(line).Number32("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
  EXPECT_THAT(Text("8s").SectorCount("n"), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST(TargetWordsTest, DashIsNoDevice) {
  EXPECT_EQ(*Text("-").DeviceOrDash("n"), std::nullopt);
  EXPECT_EQ(*Text("7:1").DeviceOrDash("n"), (sys::DeviceNumber{7, 1}));
  for (absl::string_view line : {"--", "7", "", "-:-"}) {
    EXPECT_THAT(Text(line).DeviceOrDash("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
}

TEST(TargetWordsTest, OnlyTheWordThatIsAskedForIsTaken) {
  TargetWords text = Text("a b");
  EXPECT_FALSE(text.TakeIf("b"));
  EXPECT_FALSE(text.TakeIf(""));
  EXPECT_EQ(text.left(), 2u);
  EXPECT_TRUE(text.TakeIf("a"));
  EXPECT_EQ(text.left(), 1u);
  EXPECT_TRUE(text.TakeIf("b"));
  EXPECT_EQ(text.left(), 0u);
  EXPECT_FALSE(text.TakeIf("b"));
  EXPECT_FALSE(text.TakeIf(""));
}

TEST(TargetWordsTest, MessagesOfASecretLineShowNothingOfIt) {
  TargetWords text("crypt table", "00c0ffee x", TargetWords::Shown::kSecret);
  const std::string message(text.Device("device").status().message());
  EXPECT_THAT(message, HasSubstr("crypt table"));
  EXPECT_THAT(message, HasSubstr("device"));
  EXPECT_THAT(message, Not(HasSubstr("c0ffee")));
  EXPECT_THAT(std::string(text.ExpectEnd().message()), Not(HasSubstr("\"x")));
  EXPECT_EQ(text.ExpectOk(absl::InvalidArgumentError("why")).message(), "parse crypt table: why");
  ASSERT_TRUE(text.Word("last").ok());
  EXPECT_THAT(std::string(text.Word("key").status().message()), Not(HasSubstr("c0ffee")));
}

TEST(TargetWordsTest, TailKeepsTheWords) {
  TargetWords text = Text("1 two 3/4 ");
  ASSERT_TRUE(text.Number("n").ok());
  EXPECT_EQ(*text.Tail(), "two 3/4");
  EXPECT_EQ(*text.Tail(), "");
}

TEST(TargetWordsTest, MessageQuotesTheLineSafely) {
  const std::string message(Text("\x1b[2J").Number("n").status().message());
  EXPECT_THAT(message, HasSubstr("test line"));
  EXPECT_THAT(message, HasSubstr("\\x1b[2J"));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace dmkit::dm
