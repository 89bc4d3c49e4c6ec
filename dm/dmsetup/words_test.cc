// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/words.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::dm::dmsetup {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ParsedWords Parse(const std::vector<std::string>& words) { return ParseWords("dmsetup", words); }

Words Good(const std::vector<std::string>& words) {
  const ParsedWords parsed = Parse(words);
  EXPECT_TRUE(parsed.ok) << parsed.errors;
  EXPECT_EQ(parsed.errors, "");
  return parsed.words;
}

std::string Errors(const std::vector<std::string>& words) {
  const ParsedWords parsed = Parse(words);
  EXPECT_FALSE(parsed.ok);
  return parsed.errors;
}

TEST(WordsTest, OptionsStandAnywhere) {
  const Words words = Good({"--force", "remove", "a", "-v", "b", "--retry", "-v"});
  EXPECT_EQ(words.command, "remove");
  EXPECT_THAT(words.arguments, ElementsAre("a", "b"));
  EXPECT_TRUE(words.force);
  EXPECT_TRUE(words.retry);
  EXPECT_EQ(words.verbose, 2);
}

TEST(WordsTest, NothingIsNoCommand) {
  EXPECT_EQ(Good({}).command, std::nullopt);
  EXPECT_EQ(Good({"-v"}).command, std::nullopt);
  EXPECT_EQ(Good({"--"}).command, std::nullopt);
  EXPECT_EQ(Good({""}).command, "");
}

TEST(WordsTest, TwoDashesEndTheOptions) {
  const Words words = Good({"message", "--", "dev", "0", "--force", "--"});
  EXPECT_THAT(words.arguments, ElementsAre("dev", "0", "--force", "--"));
  EXPECT_FALSE(words.force);
}

TEST(WordsTest, OneDashIsAnArgument) {
  EXPECT_THAT(Good({"load", "dev", "-"}).arguments, ElementsAre("dev", "-"));
}

TEST(WordsTest, ValuesFollowOrAreAttached) {
  EXPECT_EQ(Good({"create", "--table", "0 1 zero"}).table, "0 1 zero");
  EXPECT_EQ(Good({"create", "--table=0 1 zero"}).table, "0 1 zero");
  EXPECT_EQ(Good({"create", "--table="}).table, "");
  EXPECT_EQ(Good({"info", "-uABC"}).uuid, "ABC");
  EXPECT_EQ(Good({"info", "-u", "-v"}).uuid, "-v") << "a value may look like an option";
  EXPECT_EQ(Good({"info", "-cu", "ABC"}).uuid, "ABC");
  EXPECT_TRUE(Good({"info", "-cu", "ABC"}).columns);
}

TEST(WordsTest, TheLastValueCounts) {
  EXPECT_EQ(Good({"info", "-o", "name", "--options", "uuid"}).options, "uuid");
}

TEST(WordsTest, LongOptionsMayBeShortened) {
  EXPECT_TRUE(Good({"info", "--col"}).columns);
  EXPECT_TRUE(Good({"remove", "--forc"}).force);
  EXPECT_EQ(Good({"status", "--target", "linear"}).target, "linear");
  EXPECT_EQ(Good({"create", "--tab=0 1 zero"}).table, "0 1 zero");
  EXPECT_TRUE(Good({"suspend", "--nofl"}).no_flush);
}

TEST(WordsTest, AWholeNameIsNotTheBeginningOfAnother) {
  EXPECT_TRUE(Good({"--version"}).version);
  EXPECT_FALSE(Good({"stats", "--area"}).force) << "--areas and --areasize begin with it";
}

TEST(WordsTest, OptionsOfStatsAreTakenAndDropped) {
  EXPECT_THAT(Good({"stats", "create", "--programid", "x", "--raw"}).arguments,
              ElementsAre("create"));
}

TEST(WordsTest, NumbersAreReadAsAtoiDoes) {
  const Words words = Good({"info", "-j", " 253x", "-m", "nonsense"});
  EXPECT_EQ(words.major, 253);
  EXPECT_EQ(words.minor, 0);
  EXPECT_EQ(Good({"create", "--uid", "0x10", "--gid=-5"}).user, 0);
  EXPECT_EQ(Good({"create", "--uid", "0x10", "--gid=-5"}).group, -5);
}

TEST(WordsTest, TheModeIsOctal) {
  EXPECT_EQ(Good({"create", "-M", "640"}).mode, 0640);
  EXPECT_EQ(Good({"create", "--mode", "0600"}).mode, 0600);
}

TEST(WordsTest, ReadAheadHasItsWords) {
  EXPECT_FALSE(Good({"create", "--readahead", "AUTO"}).read_ahead.has_value());
  EXPECT_FALSE(Good({"create", "--readahead", "-1"}).read_ahead.has_value());
  EXPECT_EQ(Good({"create", "--readahead", "none"}).read_ahead->sectors, 0u);
  EXPECT_EQ(Good({"create", "--readahead", "256"}).read_ahead->sectors, 256u);
  EXPECT_FALSE(Good({"create", "--readahead", "256"}).read_ahead->at_least);
  EXPECT_EQ(Good({"create", "--readahead", " +256"}).read_ahead->sectors, 256u);
  EXPECT_TRUE(Good({"create", "--readahead", " +256"}).read_ahead->at_least);
}

TEST(WordsTest, ACookieThatIsNoneIsToldAndDropped) {
  EXPECT_EQ(Good({"resume", "--udevcookie", "0xd4d1234"}).udev_cookie, 0xd4d1234u);
  for (const char* cookie : {"", "0", "12x", "x", "0x", "4294967296", "99999999999999999999"}) {
    const ParsedWords parsed = Parse({"resume", "--udevcookie", cookie});
    EXPECT_TRUE(parsed.ok);
    EXPECT_EQ(parsed.errors, "Incorrect cookie value.\n") << cookie;
    EXPECT_FALSE(parsed.words.udev_cookie.has_value()) << cookie;
  }
}

TEST(WordsTest, UnknownOptionsAreToldAsGetoptDoes) {
  EXPECT_EQ(Errors({"info", "--nosuch"}), "dmsetup: unrecognized option '--nosuch'\n");
  EXPECT_EQ(Errors({"info", "--nosuch=1"}), "dmsetup: unrecognized option '--nosuch=1'\n");
  EXPECT_EQ(Errors({"info", "-cx"}), "dmsetup: invalid option -- 'x'\n");
  EXPECT_EQ(ParseWords("/sbin/dmsetup", {"-x"}).errors, "/sbin/dmsetup: invalid option -- 'x'\n");
}

TEST(WordsTest, AmbiguousOptionsAreToldWithWhatTheyMayBe) {
  EXPECT_EQ(Errors({"info", "--m"}),
            "dmsetup: option '--m' is ambiguous; possibilities: '--manglename' '--major' '--minor' "
            "'--mode'\n");
  EXPECT_EQ(Errors({"info", "--ver"}),
            "dmsetup: option '--ver' is ambiguous; possibilities: '--verbose' '--verifyudev' "
            "'--version'\n");
  EXPECT_EQ(Errors({"status", "--ta=x"}),
            "dmsetup: option '--ta=x' is ambiguous; possibilities: '--table' '--target'\n");
}

TEST(WordsTest, MissingAndSurplusValuesAreTold) {
  EXPECT_EQ(Errors({"create", "--tab"}), "dmsetup: option '--table' requires an argument\n");
  EXPECT_EQ(Errors({"info", "-u"}), "dmsetup: option requires an argument -- 'u'\n");
  EXPECT_EQ(Errors({"remove", "--forc=1"}),
            "dmsetup: option '--force' doesn't allow an argument\n");
  EXPECT_EQ(Errors({"info", "--verbose"}), "dmsetup: option '--verbose' requires an argument\n");
}

TEST(WordsTest, ValuesThatCannotBeAreTold) {
  EXPECT_EQ(Errors({"create", "-M", "rw"}), "Invalid argument for --mode: rw. \n");
  EXPECT_EQ(Errors({"create", "-M", "0"}), "Invalid argument for --mode: 0. \n");
  EXPECT_EQ(Errors({"create", "-M", "68"}), "Invalid argument for --mode: 68. \n");
  EXPECT_EQ(Errors({"create", "-M", ""}), "Invalid argument for --mode: . \n");
  EXPECT_EQ(Errors({"create", "-M", "7777777777777777777777777"}),
            "Invalid argument for --mode: 7777777777777777777777777. Numerical result out of "
            "range\n");
  EXPECT_EQ(Errors({"create", "--readahead", "-2"}),
            "Negative read ahead value (-2) is not understood.\n");
  EXPECT_EQ(Errors({"info", "--manglename", "both"}), "Unknown name mangling mode.\n");
  EXPECT_EQ(Errors({"info", "--count", "-1"}), "Count must be zero or greater.\n");
  EXPECT_EQ(Errors({"info", "--interval", "0"}), "Interval must be a positive integer.\n");
}

TEST(WordsTest, OptionsThatExcludeEachOtherAreTold) {
  EXPECT_EQ(Errors({"info", "-j", "253"}), "Please specify both major number and minor number.\n");
  EXPECT_EQ(Errors({"info", "-m", "1"}), "Please specify both major number and minor number.\n");
  EXPECT_EQ(Errors({"create", "-n", "--table", "x"}), "--table and --notable are incompatible.\n");
  EXPECT_EQ(Errors({"create", "--addnodeoncreate", "--addnodeonresume"}),
            "--addnodeonresume and --addnodeoncreate are incompatible.\n");
}

TEST(WordsTest, TheFirstMistakeEndsTheReading) {
  const ParsedWords parsed = Parse({"--help", "-x", "-y", "--nosuch"});
  EXPECT_EQ(parsed.errors, "dmsetup: invalid option -- 'x'\n");
  EXPECT_TRUE(parsed.words.help);
  EXPECT_FALSE(parsed.words.yes);
}

TEST(WordsTest, LeadingNumbersOverflowAsInC) {
  EXPECT_EQ(LeadingNumber("4294967297"), 1);
  EXPECT_EQ(LeadingNumber("99999999999999999999"), -1);
  EXPECT_EQ(LeadingNumber(""), 0);
  EXPECT_THAT(Good({"ls"}).arguments, IsEmpty());
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
