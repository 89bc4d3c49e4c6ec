// SPDX-License-Identifier: Apache-2.0
// Tests of the readers of numbers and words.

#include "sys/text.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::sys {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::string_view kNoNumbers[] = {
    "",    " ",   "-1", "+1",  "- 1", " 1", "1 ", "1\n", "1\t", "0x10", "1e3",  "1.0",
    "1,0", "1_0", "a",  "12a", "a12", "--", "1-", "1:",  ":",   "\xff", "1\xff"};

TEST(ParseUnsignedTest, ReadsWholeNumbers) {
  EXPECT_EQ(ParseUnsigned("0"), 0u);
  EXPECT_EQ(ParseUnsigned("007"), 7u);
  EXPECT_EQ(ParseUnsigned("18446744073709551615"), ~uint64_t{0});
  EXPECT_EQ(ParseUnsigned("00000000000000000000000000000001"), 1u);
}

TEST(ParseUnsignedTest, RefusesAnythingElse) {
  for (const absl::string_view text : kNoNumbers) {
    EXPECT_EQ(ParseUnsigned(text), std::nullopt) << "'" << text << "'";
    EXPECT_EQ(ParseUnsigned32(text), std::nullopt) << "'" << text << "'";
  }
  EXPECT_EQ(ParseUnsigned(absl::string_view("1\0", 2)), std::nullopt);
  EXPECT_EQ(ParseUnsigned(absl::string_view("\0001", 2)), std::nullopt);
}

TEST(ParseUnsignedTest, RefusesWhatDoesNotFit) {
  EXPECT_EQ(ParseUnsigned("18446744073709551616"), std::nullopt);
  EXPECT_EQ(ParseUnsigned("18446744073709551620"), std::nullopt);
  EXPECT_EQ(ParseUnsigned("99999999999999999999"), std::nullopt);
  EXPECT_EQ(ParseUnsigned("184467440737095516150"), std::nullopt);
  EXPECT_EQ(ParseUnsigned(std::string(1000, '9')), std::nullopt);
}

TEST(ParseUnsigned32Test, EndsAt32Bits) {
  EXPECT_EQ(ParseUnsigned32("4294967295"), 4294967295u);
  EXPECT_EQ(ParseUnsigned32("4294967296"), std::nullopt);
  EXPECT_EQ(ParseUnsigned32("18446744073709551615"), std::nullopt);
  EXPECT_EQ(ParseUnsigned32("18446744073709551617"), std::nullopt);
}

TEST(ParseDeviceNumberTest, ReadsMajorAndMinor) {
  EXPECT_EQ(ParseDeviceNumber("253:0"), (DeviceNumber{253, 0}));
  EXPECT_EQ(ParseDeviceNumber("0:0"), (DeviceNumber{0, 0}));
  EXPECT_EQ(ParseDeviceNumber("4095:1048575"), (DeviceNumber{4095, 1048575}));
}

TEST(ParseDeviceNumberTest, RefusesAnythingElse) {
  for (const absl::string_view text :
       {"", ":", "253", "253:", ":0", "253:0:1", "253::0", " 253:0", "253:0 ", "253: 0", "253 :0",
        "-1:0", "253:-1", "0xfd:0", "a:b", "253,0", "/dev/dm-0", "4294967296:0", "0:4294967296"}) {
    EXPECT_EQ(ParseDeviceNumber(text), std::nullopt) << "'" << text << "'";
  }
}

TEST(ParseDeviceNumberTest, InvertsFormat) {
  for (const DeviceNumber device :
       {DeviceNumber{0, 0}, DeviceNumber{7, 255}, DeviceNumber{4294967295, 4294967295}}) {
    EXPECT_EQ(ParseDeviceNumber(FormatDeviceNumber(device)), device);
  }
}

TEST(SplitWordsTest, SpacesSeparateAndNothingElseDoes) {
  EXPECT_THAT(SplitWords("a bc  d"), ElementsAre("a", "bc", "d"));
  EXPECT_THAT(SplitWords("  a "), ElementsAre("a"));
  EXPECT_THAT(SplitWords("a\tb\nc"), ElementsAre("a\tb\nc"));
}

TEST(SplitWordsTest, BlankTextHasNone) {
  EXPECT_THAT(SplitWords(""), IsEmpty());
  EXPECT_THAT(SplitWords(" "), IsEmpty());
  EXPECT_THAT(SplitWords("    "), IsEmpty());
}

TEST(PrintableTest, PlainTextStays) {
  EXPECT_EQ(Printable(""), "");
  EXPECT_EQ(Printable("layer 'web' ~ 100%"), "layer 'web' ~ 100%");
}

TEST(PrintableTest, EverythingElseIsEscaped) {
  EXPECT_EQ(Printable("a\nb"), "a\\x0ab");
  EXPECT_EQ(Printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(Printable("a\\b"), "a\\x5cb");
  EXPECT_EQ(Printable("\x7f\x80\xff"), "\\x7f\\x80\\xff");
  EXPECT_EQ(Printable(absl::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(Printable("\xc3\xa4"), "\\xc3\\xa4");
}

}  // namespace
}  // namespace dmkit::sys
