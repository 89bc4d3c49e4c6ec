// SPDX-License-Identifier: Apache-2.0
// The one table of what dmkit understands: command words, operands, options and their
// documentation. The parser, the usage lines and the help text come from it. Nothing is done here,
// only said.

#ifndef DMKIT_DRIVER_CLI_COMMANDS_H_
#define DMKIT_DRIVER_CLI_COMMANDS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmkit::driver::cli {

enum class CommandId {
  kCreate,
  kRemove,
  kGet,
  kPut,
  kExists,
  kList,
  kInspect,
  kStatus,
  kCleanup,
  kPoolStatus,
  kPoolCheck,
  kDmList,
  kDmStatus,
  kDmTable,
  kDmInfo,
  kDmMessage,
  kDmTargets,
  kLoopAttach,
  kLoopDetach,
  kLoopList,
  kVersion,
  kHelp,
};

enum class OptionId {
  kRoot,
  kOpt,
  kFormat,
  kTrace,
  kHelp,
  kVersion,
  kParent,
  kAll,
  kNoFlush,
  kReadOnly,
  kOffset,
  kSizeLimit,
  kBlockSize,
  kDirectIo,
};

struct OptionSpec {
  OptionId id;
  char letter;  // of the short form, 0 for none
  bool repeatable;
  absl::string_view name;   // without the dashes
  absl::string_view value;  // what stands for the value in usage; empty: the option has none
  absl::string_view help;
};

// How many words an operand takes. At most one operand of a command takes more than one, the last.
enum class Count { kOne, kAny, kOneOrMore };

struct OperandSpec {
  absl::string_view name;
  Count count;
};

// What each exit status of a command means. An empty text stands for the usual meaning.
struct ExitTexts {
  absl::string_view done;    // 0
  absl::string_view failed;  // 1
  absl::string_view usage;   // 2
};

// How the help text is divided. Commands of a section with a group word have two words.
enum class SectionId { kLayers, kPool, kDm, kLoop, kGeneral };

struct SectionSpec {
  SectionId id;
  absl::string_view group;  // "dm" in `dmkit dm ls`; empty: its commands are of one word
  absl::string_view title;
};

struct CommandSpec {
  CommandId id;
  SectionId section;
  absl::string_view word;  // the last of its words
  absl::Span<const OperandSpec> operands;
  absl::Span<const OptionSpec> options;
  absl::string_view summary;      // one line, no full stop
  absl::string_view description;  // sentences; an empty line starts a paragraph
  ExitTexts exits;
  absl::string_view example;  // lines of a shell
  bool needs_root;
};

// Both in the order of the help text, the commands of a section together.
absl::Span<const SectionSpec> AllSections();
absl::Span<const CommandSpec> AllCommands();
// Options that every command takes, before or after its words.
absl::Span<const OptionSpec> GlobalOptions();

// Null when there is none. `group` is empty for a command of one word.
const CommandSpec* FindCommand(absl::string_view group, absl::string_view word);
const OptionSpec* FindOption(absl::Span<const OptionSpec> options, absl::string_view name);

// The section whose commands start with the group word `word`; null when there is none.
const SectionSpec* FindGroup(absl::string_view word);

// The words of the command: "create", "dm ls".
std::string CommandWords(const CommandSpec& command);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_COMMANDS_H_
