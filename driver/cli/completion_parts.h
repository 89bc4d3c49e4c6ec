// SPDX-License-Identifier: Apache-2.0
// What the writers of completion scripts have in common. For them only.

#ifndef DMKIT_DRIVER_CLI_COMPLETION_PARTS_H_
#define DMKIT_DRIVER_CLI_COMPLETION_PARTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"

namespace dmkit::driver::cli {

std::string BashScript();
std::string ZshScript();
std::string FishScript();

// The first sentence of `help`, without its full stop.
absl::string_view FirstSentence(absl::string_view help);

// The words that a kChoice stands for: those of "text|json".
std::vector<std::string> Choices(absl::string_view name);

// What a dm.* option starts with, up to its "=".
std::vector<std::string> DriverOptionPrefixes();

// "--name" of every option of any command that has a value, each once, in the order of the table.
std::vector<std::string> OptionsWithValue();

// The words that may stand first: commands of one word, then groups.
struct FirstWord {
  absl::string_view word;
  absl::string_view summary;
};
std::vector<FirstWord> FirstWords();

// Whether the operand takes more than one word.
bool TakesSeveral(const OperandSpec& operand);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_COMPLETION_PARTS_H_
