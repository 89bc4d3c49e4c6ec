// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/help.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"
#include "driver/options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool Contains(absl::string_view text, absl::string_view part) {
  return absl::StrContains(text, part);
}

// Blanks and line breaks as single blanks.
std::string Flat(absl::string_view text) {
  std::string flat;
  for (absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    absl::StrAppend(&flat, flat.empty() ? "" : " ", word);
  }
  return flat;
}

TEST(CommandTableTest, EveryIdHasExactlyOneEntry) {
  std::set<CommandId> ids;
  for (const CommandSpec& command : AllCommands()) {
    // One id is for all commands whose words are dmsetup's.
    EXPECT_TRUE(ids.insert(command.id).second || command.id == CommandId::kDmsetup)
        << CommandWords(command);
  }
  // kHelp is the last one.
  EXPECT_EQ(ids.size(), static_cast<size_t>(CommandId::kHelp) + 1);
}

TEST(CommandTableTest, EveryCommandIsDocumented) {
  for (const CommandSpec& command : AllCommands()) {
    SCOPED_TRACE(CommandWords(command));
    EXPECT_FALSE(command.summary.empty());
    EXPECT_FALSE(absl::EndsWith(command.summary, "."));
    EXPECT_LE(command.summary.size(), 62u);
    EXPECT_TRUE(absl::EndsWith(command.description, "."));
    EXPECT_TRUE(Contains(command.example, absl::StrCat("dmkit ", CommandWords(command))));
  }
}

TEST(CommandTableTest, EveryOptionIsDocumented) {
  std::vector<OptionSpec> options(GlobalOptions().begin(), GlobalOptions().end());
  for (const CommandSpec& command : AllCommands()) {
    options.insert(options.end(), command.options.begin(), command.options.end());
  }
  for (const OptionSpec& option : options) {
    EXPECT_TRUE(absl::EndsWith(option.help, ".")) << option.name;
    EXPECT_FALSE(option.name.empty());
  }
}

TEST(CommandTableTest, NoOptionOfACommandHidesAGlobalOne) {
  for (const CommandSpec& command : AllCommands()) {
    std::set<absl::string_view> names;
    for (const OptionSpec& option : GlobalOptions()) names.insert(option.name);
    for (const OptionSpec& option : command.options) {
      EXPECT_TRUE(names.insert(option.name).second) << CommandWords(command) << " " << option.name;
    }
  }
}

TEST(CommandTableTest, NoCommandIsAlsoAGroup) {
  for (const CommandSpec& command : AllCommands()) {
    if (command.section == SectionId::kLayers || command.section == SectionId::kGeneral) {
      EXPECT_EQ(FindGroup(command.word), nullptr) << command.word;
    }
  }
}

TEST(CommandTableTest, OnlyTheLastOperandTakesSeveralWords) {
  for (const CommandSpec& command : AllCommands()) {
    for (size_t i = 0; i + 1 < command.operands.size(); ++i) {
      EXPECT_EQ(command.operands[i].count, Count::kOne) << CommandWords(command);
    }
  }
}

TEST(CommandTableTest, CommandsAreFoundByTheirWords) {
  for (const CommandSpec& command : AllCommands()) {
    const std::pair<std::string, std::string> words =
        Contains(CommandWords(command), " ")
            ? absl::StrSplit(CommandWords(command), ' ')
            : std::pair<std::string, std::string>{"", CommandWords(command)};
    EXPECT_EQ(FindCommand(words.first, words.second), &command);
  }
  EXPECT_EQ(FindCommand("", "frobnicate"), nullptr);
  EXPECT_EQ(FindCommand("dm", "frobnicate"), nullptr);
  EXPECT_EQ(FindCommand("nogroup", "ls"), nullptr);
  EXPECT_EQ(FindGroup(""), nullptr);
  EXPECT_EQ(FindGroup("ls"), nullptr);
}

TEST(CommandTableTest, DriverOptionsAreThoseThatTheDriverKnows) {
  const absl::Status unknown = ParseOptions({"dm.frobnicate=1"}).status();
  const std::pair<std::string, std::string> halves =
      absl::StrSplit(unknown.message(), absl::MaxSplits("known are ", 1));
  const std::set<std::string> known = absl::StrSplit(halves.second, ", ");
  std::set<std::string> documented;
  for (const DriverOptionSpec& option : DriverOptions()) {
    EXPECT_TRUE(absl::EndsWith(option.help, ".")) << option.name;
    EXPECT_FALSE(option.value.empty()) << option.name;
    documented.emplace(option.name);
  }
  EXPECT_EQ(documented, known);
}

TEST(HelpTest, OverviewNamesEveryCommandAndGlobalOption) {
  const std::string text = Overview();
  for (const CommandSpec& command : AllCommands()) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("  ", CommandWords(command), " ")));
    EXPECT_THAT(text, HasSubstr(std::string(command.summary)));
  }
  for (const OptionSpec& option : GlobalOptions()) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("  --", option.name)));
    EXPECT_THAT(Flat(text), HasSubstr(Flat(option.help)));
  }
}

TEST(HelpTest, CommandHelpTellsAllThatTheTableKnows) {
  for (const CommandSpec& command : AllCommands()) {
    const std::string text = CommandHelp(command);
    SCOPED_TRACE(text);
    EXPECT_THAT(Flat(text), HasSubstr(absl::StrCat("usage: dmkit ", Synopsis(command), " ")));
    EXPECT_THAT(Flat(text), HasSubstr(Flat(command.description)));
    EXPECT_THAT(text, HasSubstr("exit status:\n  0  "));
    EXPECT_THAT(text, HasSubstr("\nexample:\n  "));
    EXPECT_THAT(Flat(text), HasSubstr(Flat(command.example)));
    EXPECT_EQ(Contains(text, "Needs root."), command.needs_root);
    for (const OptionSpec& option : command.options) {
      EXPECT_THAT(text, HasSubstr(absl::StrCat("  --", option.name)));
      EXPECT_THAT(Flat(text), HasSubstr(Flat(option.help)));
    }
  }
}

TEST(HelpTest, DriverOptionsHelpTellsEachOption) {
  const std::string text = DriverOptionsHelp();
  for (const DriverOptionSpec& option : DriverOptions()) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("  ", option.name, "=", option.value, "\n")));
    EXPECT_THAT(Flat(text), HasSubstr(Flat(option.help)));
  }
}

TEST(HelpTest, JsonIsSaidToBeWhatTheTableSays) {
  EXPECT_EQ(JsonSentence(*FindCommand("", "ls")),
            "With --format json, prints the object LayerList.");
  EXPECT_EQ(JsonSentence(*FindCommand("", "rm")), "With --format json, prints an empty object.");
  EXPECT_EQ(JsonSentence(*FindCommand("", "man")), "");
  EXPECT_THAT(CommandHelp(*FindCommand("", "ls")), HasSubstr("the object LayerList"));
}

TEST(HelpTest, SectionHelpNamesItsCommandsOnly) {
  const std::string text = SectionHelp(*FindGroup("loop"));
  EXPECT_THAT(text, HasSubstr("dmkit loop attach FILE [--read-only]"));
  EXPECT_THAT(text, HasSubstr("dmkit loop ls\n"));
  EXPECT_THAT(text, Not(HasSubstr("dmkit dm")));
}

TEST(HelpTest, NoLineIsWiderThanATerminal) {
  std::vector<std::string> texts = {Overview(), DriverOptionsHelp(), ShortUsage(nullptr, nullptr)};
  for (const CommandSpec& command : AllCommands()) texts.push_back(CommandHelp(command));
  for (const std::string& text : texts) {
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      EXPECT_LE(line.size(), 80u) << line;
      EXPECT_FALSE(absl::EndsWith(line, " ")) << line;
    }
  }
}

TEST(HelpTest, SynopsisShowsOperandsAndOptions) {
  EXPECT_EQ(Synopsis(*FindCommand("", "create")),
            "create ID [--parent PARENT] [--size SIZE] [--init]");
  EXPECT_EQ(Synopsis(*FindCommand("", "rm")), "rm ID...");
  EXPECT_EQ(Synopsis(*FindCommand("dm", "status")), "dm status [NAME...] [--noflush]");
  EXPECT_EQ(Synopsis(*FindCommand("dm", "message")), "dm message NAME SECTOR WORD...");
  EXPECT_EQ(Synopsis(*FindCommand("", "ls")), "ls");
}

TEST(HelpTest, ShortUsageIsOfWhatWasNamed) {
  EXPECT_EQ(ShortUsage(FindCommand("", "rm"), nullptr),
            "usage: dmkit rm ID...\nTry `dmkit help rm`.\n");
  EXPECT_EQ(ShortUsage(nullptr, FindGroup("pool")),
            "usage: dmkit pool status|check|grow|watch\nTry `dmkit help pool`.\n");
  EXPECT_THAT(ShortUsage(nullptr, nullptr), HasSubstr("usage: dmkit create|rm|get|put|"));
  EXPECT_THAT(ShortUsage(nullptr, nullptr), HasSubstr("dmkit dm ls|status|"));
}

TEST(WrapTest, BreaksBetweenWordsAndIndents) {
  const std::string word(30, 'x');
  EXPECT_EQ(Wrap(absl::StrCat(word, " ", word, " ", word), 2),
            absl::StrCat("  ", word, " ", word, "\n  ", word, "\n"));
}

TEST(WrapTest, KeepsEmptyLinesEmpty) { EXPECT_EQ(Wrap("a\n\nb", 4), "    a\n\n    b\n"); }

TEST(WrapTest, LeavesALongWordWhole) {
  const std::string word(100, 'x');
  EXPECT_EQ(Wrap(word, 0), word + "\n");
}

}  // namespace
}  // namespace dmkit::driver::cli
