// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/displayable.h"

#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

TEST(DisplayableTest, WellFormedTextStays) {
  for (const std::string text :
       {"", "plain \\ text", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac", "\xf0\x9f\x90\xa7",
        "\xed\x9f\xbf\xee\x80\x80", "\xf4\x8f\xbf\xbf", "\xe0\xa0\x80"}) {
    EXPECT_EQ(ValidUtf8(text), text);
    EXPECT_EQ(DisplayableLine(text), text);
    EXPECT_EQ(DisplayableMessage(text), text);
  }
}

TEST(DisplayableTest, MalformedBytesAreEscapedOneByOne) {
  const struct {
    absl::string_view bytes;
    absl::string_view want;
  } kCases[] = {
      {"a\x80z", "a\\x80z"},                         // continuation without a lead
      {"\xc3", "\\xc3"},                             // cut off
      {"\xc3z", "\\xc3z"},                           // lead without a continuation
      {"\xc0\xaf", "\\xc0\\xaf"},                    // overlong
      {"\xc1\xbf", "\\xc1\\xbf"},                    // overlong
      {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},           // overlong
      {"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},  // overlong
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // above U+10FFFF
      {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},  // no such lead
      {"\xff\xfe", "\\xff\\xfe"},                    // never in UTF-8
      {"\xe2\x82", "\\xe2\\x82"},                    // cut off
      {"\xf0\x9f\x90", "\\xf0\\x9f\\x90"},           // cut off
      {"\xe2\x82\xc3\xbc", "\\xe2\\x82\xc3\xbc"},    // the next character is whole
      {"\xf0\x9f\x90\x27", "\\xf0\\x9f\\x90\x27"},   // the last byte is no continuation
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(ValidUtf8(test.bytes), test.want);
    EXPECT_EQ(DisplayableLine(test.bytes), test.want);
  }
}

TEST(DisplayableTest, ControlsAreEscapedForTerminals) {
  const std::string text("\x1b[31m\r\b\t\0\x7f\xc2\x9b", 12);
  EXPECT_EQ(DisplayableMessage(text), "\\x1b[31m\\x0d\\x08\\x09\\x00\\x7f\\xc2\\x9b");
  EXPECT_EQ(DisplayableLine(text), DisplayableMessage(text));
  EXPECT_EQ(ValidUtf8(text), text);
}

TEST(DisplayableTest, OnlyAMessageHasLines) {
  EXPECT_EQ(DisplayableMessage("a\nb"), "a\nb");
  EXPECT_EQ(DisplayableLine("a\nb"), "a\\x0ab");
}

TEST(DisplayableTest, NoBreakSpaceIsNoControl) {
  EXPECT_EQ(DisplayableLine("\xc2\xa0"), "\xc2\xa0");
}

}  // namespace
}  // namespace dmkit::driver::cli
