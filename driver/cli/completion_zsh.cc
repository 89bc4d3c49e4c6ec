// SPDX-License-Identifier: Apache-2.0
// The script for zsh: one _arguments call per command, with its options, the global ones and what
// its operands are.

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "driver/cli/commands.h"
#include "driver/cli/completion_parts.h"

namespace dmkit::driver::cli {
namespace {

constexpr absl::string_view kHead = R"zsh(#compdef dmkit
# zsh completion for dmkit, written by `dmkit completion zsh`.
# SPDX-License-Identifier: Apache-2.0

# The names of the layers, without opening the store.
_dmkit_layers() {
  local -a layers
  layers=($dmkit_root/devices/[A-Za-z0-9]*(N:t))
  layers=(${layers:#base})
  compadd -a layers
}

_dmkit_devices() {
  local -a devices
  devices=(${${(M)${(f)"$(dmkit dm ls 2>/dev/null)"}:#*:*}%%[[:blank:]]*})
  compadd -a devices
}

)zsh";

constexpr absl::string_view kStart = R"zsh(_dmkit() {
  local curcontext=$curcontext state line dmkit_root=/var/lib/dmkit
  local -i i
  local -a global
  typeset -A opt_args
  for ((i = 2; i < CURRENT; i++)); do
    case $words[i] in
      --root=*) dmkit_root=${(Q)words[i]#*=} ;;
      --root) dmkit_root=${(Q)words[i+1]} ;;
    esac
  done
  global=(
)zsh";

// `text` inside single quotes and brackets or behind a colon.
std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"'", "'\\''"}, {"[", "\\["}, {"]", "\\]"}, {":", "\\:"}, {"\\", "\\\\"}});
}

std::string Action(WordKind kind, absl::string_view name) {
  switch (kind) {
    case WordKind::kOther:
      return " ";
    case WordKind::kChoice:
      return absl::StrCat("(", absl::StrJoin(Choices(name), " "), ")");
    case WordKind::kLayer:
      return "_dmkit_layers";
    case WordKind::kFile:
    case WordKind::kLoopDevice:
      return "_files";
    case WordKind::kDirectory:
      return "_files -/";
    case WordKind::kMappedDevice:
      return "_dmkit_devices";
    case WordKind::kDriverOption:
      return absl::StrCat("compadd -S \"\" ", absl::StrJoin(DriverOptionPrefixes(), " "));
    case WordKind::kCommand:
      return "_dmkit_commands";
  }
  return " ";
}

// '--name=[help]:VALUE:action'
std::string OptionArgument(const OptionSpec& option) {
  const std::string help = absl::StrCat("[", Escaped(FirstSentence(option.help)), "]");
  const absl::string_view star = option.repeatable ? "*" : "";
  if (option.value.empty()) return absl::StrCat("'", star, "--", option.name, help, "'");
  return absl::StrCat("'", star, "--", option.name, "=", help, ":", Escaped(option.value), ":",
                      Action(option.kind, option.value), "'");
}

// '1:ID:action', with a second colon where the operand may be left out.
std::string OperandArgument(const OperandSpec& operand, size_t position) {
  const bool optional = operand.count == Count::kOptional || operand.count == Count::kAny;
  const std::string place = TakesSeveral(operand) ? "*" : absl::StrCat(position);
  return absl::StrCat("'", place, optional && place != "*" ? "::" : ":", Escaped(operand.name), ":",
                      Action(operand.kind, operand.name), "'");
}

// A function that offers `words`, each as "word:summary".
std::string DescribeFunction(absl::string_view name, const std::vector<FirstWord>& words) {
  std::string text = absl::StrCat(name, "() {\n  local -a commands\n  commands=(\n");
  for (const FirstWord& word : words) {
    absl::StrAppend(&text, "    '", word.word, ":", Escaped(word.summary), "'\n");
  }
  absl::StrAppend(&text, "  )\n  _describe -t commands command commands\n}\n\n");
  return text;
}

std::string GroupFunction(absl::string_view group) {
  return absl::StrCat("_dmkit_", group, "_commands");
}

// The branch of `case $words[1]` that completes behind the command.
std::string CommandBranch(const CommandSpec& command, absl::string_view indent) {
  std::string text = absl::StrCat(indent, command.word, ")\n", indent, "  _arguments $global");
  for (const OptionSpec& option : command.options) {
    absl::StrAppend(&text, " \\\n", indent, "    ", OptionArgument(option));
  }
  for (size_t i = 0; i < command.operands.size(); ++i) {
    absl::StrAppend(&text, " \\\n", indent, "    ", OperandArgument(command.operands[i], i + 1));
  }
  absl::StrAppend(&text, "\n", indent, "  ;;\n");
  return text;
}

std::string GroupBranch(const SectionSpec& section) {
  std::string text = absl::StrCat(
      "    ", section.group,
      ")\n      _arguments -C $global '1:command:", GroupFunction(section.group),
      "' '*:: :->group'\n      [[ $state == group ]] || return\n", "      case $words[1] in\n");
  for (const CommandSpec& command : AllCommands()) {
    if (command.section == section.id) absl::StrAppend(&text, CommandBranch(command, "        "));
  }
  absl::StrAppend(&text, "      esac\n      ;;\n");
  return text;
}

}  // namespace

std::string ZshScript() {
  std::string text(kHead);
  absl::StrAppend(&text, DescribeFunction("_dmkit_commands", FirstWords()));
  for (const SectionSpec& section : AllSections()) {
    if (section.group.empty()) continue;
    std::vector<FirstWord> words;
    for (const CommandSpec& command : AllCommands()) {
      if (command.section == section.id) words.push_back({command.word, command.summary});
    }
    absl::StrAppend(&text, DescribeFunction(GroupFunction(section.group), words));
  }
  absl::StrAppend(&text, kStart);
  for (const OptionSpec& option : GlobalOptions()) {
    absl::StrAppend(&text, "    ", OptionArgument(option), "\n");
  }
  absl::StrAppend(&text,
                  "  )\n  _arguments -C $global '1:command:_dmkit_commands' '*:: :->words'\n"
                  "  [[ $state == words ]] || return\n"
                  "  case $words[1] in\n");
  for (const CommandSpec& command : AllCommands()) {
    if (GroupOf(command).empty()) absl::StrAppend(&text, CommandBranch(command, "    "));
  }
  for (const SectionSpec& section : AllSections()) {
    if (!section.group.empty()) absl::StrAppend(&text, GroupBranch(section));
  }
  absl::StrAppend(&text, "  esac\n}\n\n_dmkit \"$@\"\n");
  return text;
}

}  // namespace dmkit::driver::cli
