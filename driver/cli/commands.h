// SPDX-License-Identifier: Apache-2.0
// The one table of what dmkit understands: command words, operands, options and their
// documentation. The parser, the usage lines, the help text, the manual page and the shells'
// completion come from it. Nothing is done here, only said.

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
  kGrow,
  kCollect,
  kImportDocker,
  kChanges,
  kDiff,
  kDiffSize,
  kApply,
  kPoolStatus,
  kPoolCheck,
  kPoolGrow,
  kPoolWatch,
  kDmsetup,  // all commands of `dm`: their words are dmsetup's
  kLoopAttach,
  kLoopDetach,
  kLoopList,
  kVersion,
  kCompletion,
  kManual,
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
  kSize,
  kInit,
  kOutput,
  kDryRun,
  kAdopt,
  kCount,
  kTimeout,
  kLow,
};

// What a word is, for the shells that complete it.
enum class WordKind {
  kOther,   // nothing that a shell could know
  kChoice,  // one of the words in its name, which stand there as "a|b"
  kLayer,   // a layer of the store
  kFile,
  kDirectory,
  kMappedDevice,
  kLoopDevice,    // a loop device, or a file
  kDriverOption,  // dm.KEY=VALUE
  kCommand,       // the words of a command of dmkit
};

struct OptionSpec {
  OptionId id;
  char letter;  // of the short form, 0 for none
  bool repeatable;
  absl::string_view name;   // without the dashes
  absl::string_view value;  // what stands for the value in usage; empty: the option has none
  WordKind kind;            // of the value
  absl::string_view help;
};

// A storage option, given with --opt.
struct DriverOptionSpec {
  absl::string_view name;   // "dm.basesize"
  absl::string_view value;  // what stands for the value
  absl::string_view help;
};

// How many words an operand takes. Only the last operand of a command takes not exactly one.
enum class Count { kOne, kOptional, kAny, kOneOrMore };

struct OperandSpec {
  absl::string_view name;
  Count count;
  WordKind kind;
};

// What each exit status of a command means. An empty text stands for the usual meaning.
struct ExitTexts {
  absl::string_view done;    // 0
  absl::string_view failed;  // 1
  absl::string_view usage;   // 2
};

// How the help text is divided. Commands of a section with a group word have two words.
enum class SectionId { kLayers, kArchives, kPool, kDm, kLoop, kGeneral };

struct SectionSpec {
  SectionId id;
  absl::string_view group;  // "dm" in `dmkit dm ls`; empty: its commands are of one word
  absl::string_view title;
};

// What stands for a report's name where a command prints none.
inline constexpr absl::string_view kEmptyReport = "";  // `{}`
inline constexpr absl::string_view kNoReport = "-";    // text in either format

struct CommandSpec {
  CommandId id;
  SectionId section;
  absl::string_view word;  // the last of its words
  absl::Span<const OperandSpec> operands;
  absl::Span<const OptionSpec> options;
  absl::string_view summary;      // one line, no full stop
  absl::string_view description;  // sentences; an empty line starts a paragraph
  ExitTexts exits;
  absl::string_view report;   // the message of report.proto that --format json prints
  absl::string_view example;  // lines of a shell
  bool needs_root;
};

// Both in the order of the help text, the commands of a section together.
absl::Span<const SectionSpec> AllSections();
absl::Span<const CommandSpec> AllCommands();
// Options that every command takes, before or after its words.
absl::Span<const OptionSpec> GlobalOptions();
// By subject.
absl::Span<const DriverOptionSpec> DriverOptions();

// Null when there is none. `group` is empty for a command of one word.
const CommandSpec* FindCommand(absl::string_view group, absl::string_view word);
const OptionSpec* FindOption(absl::Span<const OptionSpec> options, absl::string_view name);

// The section whose commands start with the group word `word`; null when there is none.
const SectionSpec* FindGroup(absl::string_view word);

// The group word of the command's section; empty for a command of one word.
absl::string_view GroupOf(const CommandSpec& command);

// The words of the command: "create", "dm ls".
std::string CommandWords(const CommandSpec& command);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_COMMANDS_H_
