// SPDX-License-Identifier: Apache-2.0
// One walk over the words, led by the table.

#include "driver/cli/words.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver::cli {
namespace {

// Enough of a wrong word to recognise it by.
constexpr size_t kShownBytes = 100;

std::string Quoted(absl::string_view word) {
  return absl::StrCat("\"", sys::Printable(word.substr(0, kShownBytes)),
                      word.size() > kShownBytes ? "...\"" : "\"");
}

class Sorter {
 public:
  Sorter(const std::vector<std::string>& words, SortedWords& sorted)
      : words_(words), sorted_(sorted) {}

  absl::Status Run() {
    bool options_end = false;
    while (next_ < words_.size()) {
      const std::string& word = words_[next_++];
      if (options_end || word.size() < 2 || word[0] != '-') {
        DMKIT_RETURN_IF_ERROR(TakePlain(word));
      } else if (word == "--") {
        options_end = true;
      } else {
        DMKIT_RETURN_IF_ERROR(TakeOption(word));
      }
    }
    return absl::OkStatus();
  }

 private:
  // A word that is no option: the command's words first, then operands.
  absl::Status TakePlain(const std::string& word) {
    if (sorted_.command != nullptr) {
      sorted_.operands.push_back(word);
      return absl::OkStatus();
    }
    const absl::string_view group = sorted_.group == nullptr ? "" : sorted_.group->group;
    sorted_.command = FindCommand(group, word);
    if (sorted_.command != nullptr) {
      sorted_.group = nullptr;
      return absl::OkStatus();
    }
    if (group.empty()) {
      sorted_.group = FindGroup(word);
      if (sorted_.group != nullptr) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("there is no command ", Quoted(word)));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("there is no command ", Quoted(word), " in the group ", group));
  }

  const OptionSpec* Find(absl::string_view word) const {
    if (word[1] != '-') {
      for (const OptionSpec& option : GlobalOptions()) {
        if (option.letter != 0 && word.size() == 2 && word[1] == option.letter) return &option;
      }
      return nullptr;
    }
    const absl::string_view name = word.substr(2);
    const OptionSpec* option = FindOption(GlobalOptions(), name);
    if (option == nullptr && sorted_.command != nullptr) {
      option = FindOption(sorted_.command->options, name);
    }
    return option;
  }

  absl::Status Unknown(absl::string_view word) const {
    if (sorted_.command != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(CommandWords(*sorted_.command),
                                                     " has no option ", Quoted(word),
                                                     "; `--` ends the options"));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("there is no global option ", Quoted(word),
                     "; a command's own options stand behind the command"));
  }

  absl::Status TakeOption(absl::string_view word) {
    const size_t equals = word.find('=');
    const absl::string_view name = word.substr(0, equals);
    const OptionSpec* option = name.size() < 2 ? nullptr : Find(name);
    if (option == nullptr) return Unknown(name);
    if (!option->repeatable && sorted_.Has(option->id)) {
      return absl::InvalidArgumentError(absl::StrCat("--", option->name, " is given twice"));
    }
    if (option->value.empty()) {
      if (equals != absl::string_view::npos) {
        return absl::InvalidArgumentError(absl::StrCat("--", option->name, " takes no value"));
      }
      sorted_.options.push_back({option->id, ""});
      return absl::OkStatus();
    }
    std::string value;
    if (equals != absl::string_view::npos) {
      value = std::string(word.substr(equals + 1));
    } else if (next_ < words_.size()) {
      value = words_[next_++];
    }
    if (value.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", option->name, " wants a value: --", option->name, " ", option->value));
    }
    sorted_.options.push_back({option->id, std::move(value)});
    return absl::OkStatus();
  }

  const std::vector<std::string>& words_;
  SortedWords& sorted_;
  size_t next_ = 0;
};

}  // namespace

bool SortedWords::Has(OptionId id) const {
  for (const OptionValue& option : options) {
    if (option.id == id) return true;
  }
  return false;
}

std::optional<absl::string_view> SortedWords::Value(OptionId id) const {
  for (const OptionValue& option : options) {
    if (option.id == id) return option.value;
  }
  return std::nullopt;
}

std::vector<std::string> SortedWords::Values(OptionId id) const {
  std::vector<std::string> values;
  for (const OptionValue& option : options) {
    if (option.id == id) values.push_back(option.value);
  }
  return values;
}

absl::Status SortWords(const std::vector<std::string>& words, SortedWords& sorted) {
  return Sorter(words, sorted).Run();
}

bool AsksForJson(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (words[i] == "--format=json") return true;
    if (words[i] == "--format" && i + 1 < words.size() && words[i + 1] == "json") return true;
  }
  return false;
}

absl::Status CheckOperands(const CommandSpec& command, const std::vector<std::string>& operands) {
  const std::string name = CommandWords(command);
  size_t at_least = 0;
  bool unlimited = false;
  for (const OperandSpec& operand : command.operands) {
    const bool required = operand.count == Count::kOne || operand.count == Count::kOneOrMore;
    if (required && ++at_least > operands.size()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " wants ", operand.name));
    }
    unlimited = unlimited || operand.count == Count::kAny || operand.count == Count::kOneOrMore;
  }
  if (!unlimited && operands.size() > command.operands.size()) {
    const std::string& extra = operands[command.operands.size()];
    return absl::InvalidArgumentError(
        absl::StrCat(name, " does not take the word ", Quoted(extra)));
  }
  for (const std::string& operand : operands) {
    if (operand.empty()) return absl::InvalidArgumentError(absl::StrCat(name, ": an empty word"));
  }
  return absl::OkStatus();
}

}  // namespace dmkit::driver::cli
