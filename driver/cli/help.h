// SPDX-License-Identifier: Apache-2.0
// Usage lines and help texts, written from the table of commands alone.

#ifndef DMKIT_DRIVER_CLI_HELP_H_
#define DMKIT_DRIVER_CLI_HELP_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"

namespace dmkit::driver::cli {

// The command with operands and options, without the program: "create ID [--parent PARENT]".
std::string Synopsis(const CommandSpec& command);

// The operand as in usage: "[NAME...]". The option: "--parent PARENT".
std::string OperandUsage(const OperandSpec& operand);
std::string OptionUsage(const OptionSpec& option);

// What each exit status of a command means, 0 to 2, with the usual texts filled in.
ExitTexts FullExitTexts(const ExitTexts& exits);

// What `--format json` prints for the command, as a sentence; empty when it prints text.
std::string JsonSentence(const CommandSpec& command);

// What stands below the message about wrong usage, a few lines: how the command, the section, or
// dmkit as a whole is used, and where to read more. Both may be null.
std::string ShortUsage(const CommandSpec* command, const SectionSpec* section);

// The overview of everything, the storage options, the commands of one section, and all about one
// command.
std::string Overview();
std::string DriverOptionsHelp();
std::string SectionHelp(const SectionSpec& section);
std::string CommandHelp(const CommandSpec& command);

// `text` in lines of at most 80 columns where its words allow, each behind `indent` blanks. An
// empty line in `text` stays one. Ends with a newline.
std::string Wrap(absl::string_view text, size_t indent);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_HELP_H_
