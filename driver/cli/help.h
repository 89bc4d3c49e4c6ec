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

// What stands below the message about wrong usage, a few lines: how the command, the section, or
// dmkit as a whole is used, and where to read more. Both may be null.
std::string ShortUsage(const CommandSpec* command, const SectionSpec* section);

// The overview of everything, the commands of one section, and all about one command.
std::string Overview();
std::string SectionHelp(const SectionSpec& section);
std::string CommandHelp(const CommandSpec& command);

// `text` in lines of at most 80 columns where its words allow, each behind `indent` blanks. An
// empty line in `text` stays one. Ends with a newline.
std::string Wrap(absl::string_view text, size_t indent);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_HELP_H_
