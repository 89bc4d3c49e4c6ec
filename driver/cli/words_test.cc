// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/words.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "driver/cli/commands.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Words = std::vector<std::string>;

SortedWords Sorted(const Words& words) {
  SortedWords sorted;
  const absl::Status status = SortWords(words, sorted);
  EXPECT_TRUE(status.ok()) << status;
  return sorted;
}

std::string Refusal(const Words& words) {
  SortedWords sorted;
  absl::Status status = SortWords(words, sorted);
  if (status.ok() && sorted.command != nullptr) {
    status = CheckOperands(*sorted.command, sorted.operands);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << ::testing::PrintToString(words);
  return std::string(status.message());
}

TEST(WordsTest, CommandOfOneWordIsFound) {
  const SortedWords sorted = Sorted({"ls"});
  ASSERT_NE(sorted.command, nullptr);
  EXPECT_EQ(sorted.command->id, CommandId::kList);
  EXPECT_EQ(sorted.group, nullptr);
  EXPECT_THAT(sorted.operands, IsEmpty());
}

TEST(WordsTest, CommandOfTwoWordsIsFound) {
  const SortedWords sorted = Sorted({"dm", "ls"});
  ASSERT_NE(sorted.command, nullptr);
  EXPECT_EQ(sorted.command, FindCommand("dm", "ls"));
}

TEST(WordsTest, GroupAloneNamesNoCommand) {
  const SortedWords sorted = Sorted({"dm"});
  EXPECT_EQ(sorted.command, nullptr);
  ASSERT_NE(sorted.group, nullptr);
  EXPECT_EQ(sorted.group->group, "dm");
}

TEST(WordsTest, GlobalOptionsStandAnywhere) {
  for (const Words& words :
       {Words{"--root", "/r", "dm", "status", "a"}, Words{"dm", "--root=/r", "status", "a"},
        Words{"dm", "status", "--root", "/r", "a"}, Words{"dm", "status", "a", "--root=/r"}}) {
    const SortedWords sorted = Sorted(words);
    ASSERT_NE(sorted.command, nullptr);
    EXPECT_EQ(sorted.command, FindCommand("dm", "status"));
    EXPECT_EQ(sorted.Value(OptionId::kRoot).value(), "/r");
    EXPECT_THAT(sorted.operands, ElementsAre("a"));
  }
}

TEST(WordsTest, RepeatableOptionKeepsAllValuesInOrder) {
  const SortedWords sorted = Sorted({"--opt", "dm.fs=xfs", "ls", "--opt=dm.basesize=1g"});
  EXPECT_THAT(sorted.Values(OptionId::kOpt), ElementsAre("dm.fs=xfs", "dm.basesize=1g"));
}

TEST(WordsTest, DoubleDashEndsOptions) {
  const SortedWords sorted = Sorted({"dm", "message", "x", "0", "--", "--root", "--"});
  EXPECT_THAT(sorted.operands, ElementsAre("x", "0", "--root", "--"));
  EXPECT_THAT(sorted.options, IsEmpty());
}

TEST(WordsTest, ValueMayLookLikeAnOption) {
  EXPECT_EQ(Sorted({"--root", "--trace", "ls"}).Value(OptionId::kRoot).value(), "--trace");
}

TEST(WordsTest, SingleDashIsAnOperand) {
  EXPECT_THAT(Sorted({"dm", "message", "x", "0", "-"}).operands, ElementsAre("x", "0", "-"));
}

TEST(WordsTest, ShortHelpIsHelp) { EXPECT_TRUE(Sorted({"ls", "-h"}).Has(OptionId::kHelp)); }

TEST(WordsTest, UnknownCommandIsNamed) {
  EXPECT_THAT(Refusal({"lss"}), HasSubstr("\"lss\""));
  EXPECT_THAT(Refusal({""}), HasSubstr("\"\""));
  EXPECT_THAT(Refusal({"dm", "stats"}), HasSubstr("in the group dm"));
  EXPECT_THAT(Refusal({"dm", "dm", "ls"}), HasSubstr("\"dm\""));
  EXPECT_THAT(Refusal({"LS"}), HasSubstr("\"LS\""));
}

TEST(WordsTest, UnknownOptionIsNamed) {
  EXPECT_THAT(Refusal({"ls", "--all"}), HasSubstr("--all"));
  EXPECT_THAT(Refusal({"--frobnicate", "ls"}), HasSubstr("--frobnicate"));
  EXPECT_THAT(Refusal({"ls", "-x"}), HasSubstr("-x"));
  EXPECT_THAT(Refusal({"ls", "-hh"}), HasSubstr("-hh"));
  EXPECT_THAT(Refusal({"ls", "--roo", "/r"}), HasSubstr("--roo"));
  EXPECT_THAT(Refusal({"ls", "-root", "/r"}), HasSubstr("-root"));
  EXPECT_THAT(Refusal({"ls", "-="}), HasSubstr("-"));
  EXPECT_THAT(Refusal({"ls", "--=x"}), HasSubstr("--"));
}

TEST(WordsTest, CommandsOptionBeforeTheCommandIsRefused) {
  EXPECT_THAT(Refusal({"--parent", "a", "create", "b"}), HasSubstr("behind the command"));
}

TEST(WordsTest, OptionWithoutItsValueIsRefused) {
  EXPECT_THAT(Refusal({"ls", "--root"}), HasSubstr("--root DIR"));
  EXPECT_THAT(Refusal({"ls", "--root="}), HasSubstr("--root DIR"));
  EXPECT_THAT(Refusal({"ls", "--root", ""}), HasSubstr("--root DIR"));
  EXPECT_THAT(Refusal({"create", "a", "--parent"}), HasSubstr("--parent PARENT"));
}

TEST(WordsTest, FlagWithAValueIsRefused) {
  EXPECT_THAT(Refusal({"ls", "--trace=yes"}), HasSubstr("takes no value"));
  EXPECT_THAT(Refusal({"put", "a", "--all="}), HasSubstr("takes no value"));
}

TEST(WordsTest, OptionGivenTwiceIsRefused) {
  EXPECT_THAT(Refusal({"--root", "/a", "ls", "--root", "/b"}), HasSubstr("twice"));
  EXPECT_THAT(Refusal({"put", "a", "--all", "--all"}), HasSubstr("twice"));
}

TEST(WordsTest, MissingOperandIsNamed) {
  EXPECT_THAT(Refusal({"create"}), HasSubstr("ID"));
  EXPECT_THAT(Refusal({"rm"}), HasSubstr("ID"));
  EXPECT_THAT(Refusal({"dm", "message"}), HasSubstr("NAME"));
  EXPECT_THAT(Refusal({"dm", "message", "a"}), HasSubstr("SECTOR"));
  EXPECT_THAT(Refusal({"dm", "message", "a", "0"}), HasSubstr("WORD"));
  EXPECT_THAT(Refusal({"loop", "attach"}), HasSubstr("FILE"));
}

TEST(WordsTest, ExtraOperandIsNamed) {
  EXPECT_THAT(Refusal({"create", "a", "b"}), HasSubstr("\"b\""));
  EXPECT_THAT(Refusal({"ls", "extra"}), HasSubstr("\"extra\""));
  EXPECT_THAT(Refusal({"ls", "--", "--root"}), HasSubstr("\"--root\""));
}

TEST(WordsTest, EmptyOperandIsRefused) {
  EXPECT_THAT(Refusal({"rm", "a", ""}), HasSubstr("empty"));
  EXPECT_THAT(Refusal({"loop", "attach", ""}), HasSubstr("empty"));
}

TEST(WordsTest, WrongWordIsSafeOnATerminal) {
  EXPECT_THAT(Refusal({"\x1b[2J"}), HasSubstr("\\x1b"));
}

}  // namespace
}  // namespace dmkit::driver::cli
