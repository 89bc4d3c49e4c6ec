// SPDX-License-Identifier: Apache-2.0
// What the scripts have in common.

#include "driver/cli/completion.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "driver/cli/commands.h"
#include "driver/cli/completion_parts.h"

namespace dmkit::driver::cli {

std::string CompletionScript(Shell shell) {
  switch (shell) {
    case Shell::kBash:
      return BashScript();
    case Shell::kZsh:
      return ZshScript();
    case Shell::kFish:
      return FishScript();
  }
  return "";
}

absl::string_view FirstSentence(absl::string_view help) {
  return absl::StripSuffix(help.substr(0, help.find(". ")), ".");
}

std::vector<std::string> Choices(absl::string_view name) { return absl::StrSplit(name, '|'); }

std::vector<std::string> DriverOptionPrefixes() {
  std::vector<std::string> prefixes;
  for (const DriverOptionSpec& option : DriverOptions()) {
    prefixes.push_back(absl::StrCat(option.name, "="));
  }
  return prefixes;
}

std::vector<std::string> OptionsWithValue() {
  std::vector<std::string> names;
  const auto add = [&](absl::Span<const OptionSpec> options) {
    for (const OptionSpec& option : options) {
      const std::string name = absl::StrCat("--", option.name);
      if (option.value.empty() || std::find(names.begin(), names.end(), name) != names.end()) {
        continue;
      }
      names.push_back(name);
    }
  };
  add(GlobalOptions());
  for (const CommandSpec& command : AllCommands()) add(command.options);
  return names;
}

std::vector<FirstWord> FirstWords() {
  std::vector<FirstWord> words;
  for (const CommandSpec& command : AllCommands()) {
    if (GroupOf(command).empty()) words.push_back({command.word, command.summary});
  }
  for (const SectionSpec& section : AllSections()) {
    if (!section.group.empty()) words.push_back({section.group, section.title});
  }
  return words;
}

bool TakesSeveral(const OperandSpec& operand) {
  return operand.count == Count::kAny || operand.count == Count::kOneOrMore;
}

}  // namespace dmkit::driver::cli
