// SPDX-License-Identifier: Apache-2.0
// That the scripts hold the whole table. What the shells make of them: completion_shell_test.sh.

#include "driver/cli/completion.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Shell kShells[] = {Shell::kBash, Shell::kZsh, Shell::kFish};

// Whether some line of `text` has all of `parts`.
bool HasLine(absl::string_view text, const std::vector<std::string>& parts) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    bool all = true;
    for (const std::string& part : parts) all = all && absl::StrContains(line, part);
    if (all) return true;
  }
  return false;
}

TEST(CompletionTest, EveryCommandIsOffered) {
  const std::string bash = CompletionScript(Shell::kBash);
  for (const CommandSpec& command : AllCommands()) {
    SCOPED_TRACE(CommandWords(command));
    const std::string group(GroupOf(command));
    const std::string word(command.word);
    EXPECT_TRUE(
        HasLine(bash, {group.empty() ? "first_words='" : absl::StrCat("'", group, " 0')"), word}));
    EXPECT_TRUE(HasLine(CompletionScript(Shell::kZsh), {absl::StrCat("'", word, ":")}));
    EXPECT_TRUE(HasLine(
        CompletionScript(Shell::kFish),
        {absl::StrCat("__dmkit_at '", group, "' 0 0"), absl::StrCat(" -a ", word, " -d ")}));
  }
}

TEST(CompletionTest, EveryOptionOfACommandIsOfferedBehindIt) {
  const std::string zsh = CompletionScript(Shell::kZsh);
  for (const CommandSpec& command : AllCommands()) {
    const std::string words = CommandWords(command);
    for (const OptionSpec& option : command.options) {
      SCOPED_TRACE(absl::StrCat(words, " --", option.name));
      EXPECT_TRUE(HasLine(CompletionScript(Shell::kBash),
                          {absl::StrCat("'", words, "')"), absl::StrCat("--", option.name)}));
      EXPECT_THAT(
          zsh, HasSubstr(absl::StrCat("'--", option.name, option.value.empty() ? "" : "=", "[")));
      EXPECT_TRUE(HasLine(
          CompletionScript(Shell::kFish),
          {absl::StrCat("__dmkit_at '", words, "'"), absl::StrCat(" -l ", option.name, " ")}));
    }
  }
}

TEST(CompletionTest, EveryGlobalOptionIsOffered) {
  for (const OptionSpec& option : GlobalOptions()) {
    SCOPED_TRACE(option.name);
    EXPECT_TRUE(
        HasLine(CompletionScript(Shell::kBash), {"global='", absl::StrCat("--", option.name)}));
    EXPECT_THAT(CompletionScript(Shell::kZsh),
                HasSubstr(absl::StrCat("--", option.name, option.value.empty() ? "" : "=", "[")));
    EXPECT_TRUE(HasLine(CompletionScript(Shell::kFish),
                        {"complete -c dmkit -l", absl::StrCat(" -l ", option.name, " ")}));
  }
}

TEST(CompletionTest, EveryStorageOptionIsOffered) {
  for (const Shell shell : kShells) {
    for (const DriverOptionSpec& option : DriverOptions()) {
      EXPECT_THAT(CompletionScript(shell), HasSubstr(absl::StrCat(option.name, "=")));
    }
  }
}

TEST(CompletionTest, OptionHasAValueEverywhereOrNowhere) {
  // The scripts skip the word behind an option of that name, whatever the command is.
  std::vector<OptionSpec> options(GlobalOptions().begin(), GlobalOptions().end());
  for (const CommandSpec& command : AllCommands()) {
    options.insert(options.end(), command.options.begin(), command.options.end());
  }
  for (const OptionSpec& one : options) {
    for (const OptionSpec& other : options) {
      if (one.name != other.name) continue;
      EXPECT_EQ(one.value.empty(), other.value.empty()) << one.name;
    }
  }
}

TEST(CompletionTest, NoPlaceholderIsLeft) {
  for (const Shell shell : kShells) {
    EXPECT_THAT(CompletionScript(shell), Not(HasSubstr("%VALUED%")));
    EXPECT_THAT(CompletionScript(shell), Not(HasSubstr("%GROUPS%")));
  }
}

}  // namespace
}  // namespace dmkit::driver::cli
