// SPDX-License-Identifier: Apache-2.0

#include "thinp/thin_target_text.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::thinp {
namespace {

using ::dmkit::sys::FailsWithCode;

using ::testing::HasSubstr;

TargetText Text(absl::string_view line) { return TargetText("test line", line); }

TEST(TargetTextTest, WordsComeInTheirOrder) {
  TargetText text = Text("one two");
  EXPECT_EQ(text.Peek(), "one");
  EXPECT_EQ(*text.Word("first"), "one");
  EXPECT_FALSE(text.AtEnd());
  EXPECT_FALSE(text.ExpectEnd().ok());
  EXPECT_EQ(*text.Word("second"), "two");
  EXPECT_TRUE(text.AtEnd());
  EXPECT_TRUE(text.ExpectEnd().ok());
  EXPECT_EQ(text.Peek(), "");
}

TEST(TargetTextTest, OneSpaceMayEndTheLine) {
  TargetText text = Text("7 ");
  EXPECT_EQ(*text.Number("n"), 7u);
  EXPECT_TRUE(text.ExpectEnd().ok());
}

TEST(TargetTextTest, BlankLineHasNoWords) {
  EXPECT_TRUE(Text("").AtEnd());
  EXPECT_TRUE(Text(" ").AtEnd());
}

TEST(TargetTextTest, TwoSpacesMakeAnEmptyWordWhichIsRefused) {
  for (absl::string_view line : {"  ", " 1", "  1"}) {
    TargetText text = Text(line);
    EXPECT_THAT(text.Word("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << '"' << line << '"';
  }
  TargetText text = Text("1  2");
  EXPECT_TRUE(text.Word("a").ok());
  EXPECT_THAT(text.Word("b"), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(Text("1  ").Tail().ok());
}

TEST(TargetTextTest, EndNamesTheFieldThatIsMissing) {
  TargetText text = Text("1 ");
  ASSERT_TRUE(text.Number("a").ok());
  for (const absl::Status& status :
       {text.Word("held root").status(), text.Number("held root").status(),
        text.NumberOrDash("held root").status(), text.UsedOfTotal("held root").status(),
        text.Device("held root").status(), text.OneOfTwo("held root", "a", "b").status()}) {
    EXPECT_THAT(status, FailsWithCode(absl::StatusCode::kDataLoss));
    EXPECT_THAT(std::string(status.message()), HasSubstr("held root"));
  }
}

TEST(TargetTextTest, NumbersAreReadWhole) {
  EXPECT_EQ(*Text("0").Number("n"), 0u);
  EXPECT_EQ(*Text("18446744073709551615").Number("n"), 18446744073709551615u);
  for (absl::string_view line :
       {"-1", "+1", "1x", "x", "0x10", "1.5", "18446744073709551616", "1\n", "\t1", "-"}) {
    EXPECT_THAT(Text(line).Number("n"), FailsWithCode(absl::StatusCode::kDataLoss))
        << '"' << line << '"';
  }
}

TEST(TargetTextTest, DashIsNoNumber) {
  EXPECT_EQ(*Text("-").NumberOrDash("n"), std::nullopt);
  EXPECT_EQ(**Text("46").NumberOrDash("n"), 46u);
  for (absl::string_view line : {"--", "-1", "none"}) {
    EXPECT_THAT(Text(line).NumberOrDash("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
}

TEST(TargetTextTest, UsageIsTwoNumbersAndTheFirstIsNotTheLarger) {
  const absl::StatusOr<TargetText::Usage> usage = Text("116/1024").UsedOfTotal("n");
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

TEST(TargetTextTest, DeviceIsMajorAndMinor) {
  EXPECT_EQ(*Text("254:1048575").Device("n"), (sys::DeviceNumber{254, 1048575}));
  for (absl::string_view line :
       {"254", "254:", ":1", "7:1:2", "a:1", "7:-1", "7:4294967296", "/dev/loop1", "7-1"}) {
    EXPECT_THAT(Text(line).Device("n"), FailsWithCode(absl::StatusCode::kDataLoss)) << line;
  }
}

TEST(TargetTextTest, OneOfTwoTakesExactlyThose) {
  EXPECT_TRUE(*Text("yes").OneOfTwo("n", "yes", "no"));
  EXPECT_FALSE(*Text("no").OneOfTwo("n", "yes", "no"));
  for (absl::string_view line : {"Yes", "ye", "yess", "noo", "-"}) {
    EXPECT_THAT(Text(line).OneOfTwo("n", "yes", "no"), FailsWithCode(absl::StatusCode::kDataLoss))
        << line;
  }
}

TEST(TargetTextTest, TailKeepsTheWords) {
  TargetText text = Text("1 two 3/4 ");
  ASSERT_TRUE(text.Number("n").ok());
  EXPECT_EQ(*text.Tail(), "two 3/4");
  EXPECT_EQ(*text.Tail(), "");
}

TEST(TargetTextTest, MessageQuotesTheLineSafely) {
  const std::string message(Text("\x1b[2J").Number("n").status().message());
  EXPECT_THAT(message, HasSubstr("test line"));
  EXPECT_THAT(message, HasSubstr("\\x1b[2J"));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace dmkit::thinp
