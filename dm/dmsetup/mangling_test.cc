// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/mangling.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm::dmsetup {
namespace {

using ::dmkit::sys::IsOkAndHolds;
using ::testing::HasSubstr;

constexpr size_t kMax = 127;

absl::StatusOr<std::string> Auto(absl::string_view name) {
  return Mangle(name, "name", Mangling::kAuto, kMax);
}
absl::StatusOr<std::string> Hex(absl::string_view name) {
  return Mangle(name, "name", Mangling::kHex, kMax);
}

TEST(ManglingTest, ModesAreNamedInAnyCase) {
  EXPECT_EQ(ParseMangling("none"), Mangling::kNone);
  EXPECT_EQ(ParseMangling("AUTO"), Mangling::kAuto);
  EXPECT_EQ(ParseMangling("Hex"), Mangling::kHex);
  for (const char* word : {"", "non", "none ", "yes", "0", "hexx"}) {
    EXPECT_EQ(ParseMangling(word), std::nullopt) << word;
  }
}

TEST(ManglingTest, NamesOfPlainBytesStay) {
  const std::string plain = "vg-lv_0.1:a=b@c#d+e";
  EXPECT_THAT(Auto(plain), IsOkAndHolds(plain));
  EXPECT_THAT(Hex(plain), IsOkAndHolds(plain));
}

TEST(ManglingTest, OtherBytesBecomeTheirNumber) {
  EXPECT_THAT(Auto("a b/c"), IsOkAndHolds("a\\x20b\\x2fc"));
  EXPECT_THAT(Auto("\xc3\xa4\n"), IsOkAndHolds("\\xc3\\xa4\\x0a"));
  EXPECT_THAT(Auto("a\\b"), IsOkAndHolds("a\\x5cb"));
}

TEST(ManglingTest, AutoLeavesWhatIsMangled) {
  EXPECT_THAT(Auto("a\\x20b"), IsOkAndHolds("a\\x20b"));
  EXPECT_THAT(Auto("a\\xzzb"), IsOkAndHolds("a\\xzzb")) << "whatever the two bytes are";
}

TEST(ManglingTest, HexManglesTheBackslashOfWhatIsMangled) {
  EXPECT_THAT(Hex("a\\x20b"), IsOkAndHolds("a\\x5cx20b"));
}

TEST(ManglingTest, NoneChangesNothing) {
  for (const char* name : {"a b", "a\\x20b", "a\\x5cx20b", "a\\x20 b", "\\x"}) {
    EXPECT_THAT(Mangle(name, "name", Mangling::kNone, kMax), IsOkAndHolds(name));
    EXPECT_THAT(Shown(name, "name", Mangling::kNone), IsOkAndHolds(name));
  }
}

TEST(ManglingTest, AutoRefusesAMixture) {
  for (const char* name : {"a b\\x20c", "a\\x20b c", "a\\x2", "a\\x", " \\x20"}) {
    EXPECT_THAT(std::string(Auto(name).status().message()),
                HasSubstr("contains mixed mangled and unmangled"))
        << name;
  }
}

TEST(ManglingTest, AutoRefusesWhatIsMangledTwice) {
  EXPECT_EQ(Auto("a\\x5cx20b").status().message(),
            "The name \"a\\x5cx20b\" seems to be mangled more than once. This is not allowed in "
            "auto mode.");
  EXPECT_EQ(Shown("a\\x5cx20b", "UUID", Mangling::kAuto).status().message(),
            "The UUID \"a\\x5cx20b\" seems to be mangled more than once. This is not allowed in "
            "auto mode.");
  EXPECT_THAT(Shown("a\\x5cx20b", "name", Mangling::kHex), IsOkAndHolds("a\\x20b"));
}

TEST(ManglingTest, AResultThatIsTooLongIsRefused) {
  EXPECT_THAT(Auto(std::string(kMax, 'a')), IsOkAndHolds(std::string(kMax, 'a')));
  const std::string blanks(kMax / 4 + 1, ' ');
  EXPECT_EQ(Auto(blanks).status().message(),
            "Mangled form of the name too long for \"" + blanks + "\".");
  EXPECT_FALSE(Auto(std::string(kMax - 3, 'a') + " ").ok());
  EXPECT_TRUE(Auto(std::string(kMax - 4, 'a') + " ").ok());
}

TEST(ManglingTest, WhatIsMangledIsShownAsItsBytes) {
  EXPECT_THAT(Shown("a\\x20b\\xC3\\xa4", "name", Mangling::kAuto), IsOkAndHolds("a b\xc3\xa4"));
  EXPECT_THAT(Shown("plain", "name", Mangling::kHex), IsOkAndHolds("plain"));
  EXPECT_THAT(Unmangle("a\\x20b", "name", Mangling::kNone), IsOkAndHolds("a b"));
}

TEST(ManglingTest, ShowingRefusesNamesThatNobodyMangled) {
  for (const char* name : {"a b", "a/b", "\xc3\xa4", "a\nb"}) {
    EXPECT_EQ(Shown(name, "name", Mangling::kAuto).status().message(),
              absl::StrCat("The name \"", name,
                           "\" should be mangled but it contains blacklisted characters."));
  }
}

TEST(ManglingTest, ShowingEndsAtAnEscapeThatIsNone) {
  EXPECT_THAT(Shown("a\\x20b\\xg0cd", "name", Mangling::kAuto), IsOkAndHolds("a b"));
  EXPECT_THAT(Shown("ab\\xg0cd", "name", Mangling::kAuto), IsOkAndHolds("ab\\xg0cd"));
  EXPECT_THAT(Shown("ab\\x", "name", Mangling::kAuto), IsOkAndHolds("ab"));
  EXPECT_THAT(Shown("a\\b", "name", Mangling::kAuto), IsOkAndHolds("a\\b"));
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
