// SPDX-License-Identifier: Apache-2.0
// The first half of parsing: which command, which options with which values, which operands. What
// the values mean is not known here.

#ifndef DMKIT_DRIVER_CLI_WORDS_H_
#define DMKIT_DRIVER_CLI_WORDS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"

namespace dmkit::driver::cli {

struct OptionValue {
  OptionId id;
  std::string value;  // empty for an option without one
};

struct SortedWords {
  const CommandSpec* command = nullptr;  // null when no command was named
  const SectionSpec* group = nullptr;    // a group word with no command behind it
  std::vector<OptionValue> options;
  std::vector<std::string> operands;

  bool Has(OptionId id) const;
  // The value of an option that is not repeatable.
  std::optional<absl::string_view> Value(OptionId id) const;
  std::vector<std::string> Values(OptionId id) const;
};

// Sorts `words` into `sorted`, as far as they are right. INVALID_ARGUMENT for an unknown command or
// option, an option without its value or with one it does not take, and one given twice. How many
// operands there must be is for CheckOperands.
absl::Status SortWords(const std::vector<std::string>& words, SortedWords& sorted);

// Whether --format json stands before `--`: an error is told in the asked format, whatever else is
// wrong with the words.
bool AsksForJson(const std::vector<std::string>& words);

// INVALID_ARGUMENT unless there are as many operands as `command` takes, none of them empty.
absl::Status CheckOperands(const CommandSpec& command, const std::vector<std::string>& operands);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_WORDS_H_
