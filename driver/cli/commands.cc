// SPDX-License-Identifier: Apache-2.0
// Finding things in the table.

#include "driver/cli/commands.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmkit::driver::cli {

absl::string_view GroupOf(const CommandSpec& command) {
  for (const SectionSpec& section : AllSections()) {
    if (section.id == command.section) return section.group;
  }
  return "";
}

const CommandSpec* FindCommand(absl::string_view group, absl::string_view word) {
  for (const CommandSpec& command : AllCommands()) {
    if (GroupOf(command) == group && command.word == word) return &command;
  }
  return nullptr;
}

const OptionSpec* FindOption(absl::Span<const OptionSpec> options, absl::string_view name) {
  for (const OptionSpec& option : options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

const SectionSpec* FindGroup(absl::string_view word) {
  if (word.empty()) return nullptr;
  for (const SectionSpec& section : AllSections()) {
    if (section.group == word) return &section;
  }
  return nullptr;
}

std::string CommandWords(const CommandSpec& command) {
  const absl::string_view group = GroupOf(command);
  if (group.empty()) return std::string(command.word);
  return absl::StrCat(group, " ", command.word);
}

}  // namespace dmkit::driver::cli
