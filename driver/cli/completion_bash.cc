// SPDX-License-Identifier: Apache-2.0
// The script for bash. It needs nothing but bash: not the package bash-completion either.

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

constexpr absl::string_view kFixed =
    R"bash(# bash completion for dmkit, written by `dmkit completion bash`.
# SPDX-License-Identifier: Apache-2.0

# The names of the layers below the root $1, without opening the store.
_dmkit_layers() {
  local path
  for path in "$1"/devices/[A-Za-z0-9]*; do
    [[ -e $path && ${path##*/} != base ]] && printf '%s\n' "${path##*/}"
  done
}

_dmkit_devices() {
  dmkit dm ls 2>/dev/null | sed -n 's/[[:blank:]].*:.*//p'
}

# _dmkit_offer KIND [WORD...]: what can stand for $current.
_dmkit_offer() {
  local kind=$1
  shift
  case $kind in
    words) mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current") ;;
    layer) mapfile -t COMPREPLY < <(compgen -W "$(_dmkit_layers "$root")" -- "$current") ;;
    device) mapfile -t COMPREPLY < <(compgen -W "$(_dmkit_devices)" -- "$current") ;;
    directory)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$current")
      ;;
    file)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
    prefix)
      compopt -o nospace 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current")
      ;;
  esac
}

_dmkit() {
  local current=${COMP_WORDS[COMP_CWORD]} root=/var/lib/dmkit
  local command='' option='' word front=''
  local -i i operands=0
  COMPREPLY=()
  # readline makes three words of --name=value.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -n $option ]]; then
      [[ $word == = ]] && continue
      [[ $option == --root ]] && root=$word
      option=
      continue
    fi
    case $word in
      --root=*) root=${word#*=} ;;
      %VALUED%) option=$word ;;
      -*) ;;
      *)
        case $command in
          %GROUPS%) command=${command:+$command }$word ;;
          *) operands+=1 ;;
        esac
        ;;
    esac
  done
  if [[ -n $option && $current == = ]]; then
    current=
  elif [[ -z $option && $current == --*=* ]]; then
    option=${current%%=*}
    front=$option=
    current=${current#*=}
  fi
)bash";

constexpr absl::string_view kTail = R"bash(  COMPREPLY=("${COMPREPLY[@]/#/$front}")
}

complete -F _dmkit dmkit
)bash";

// The words behind _dmkit_offer; empty where a shell knows nothing.
std::string Offer(WordKind kind, absl::string_view name) {
  switch (kind) {
    case WordKind::kOther:
      return "";
    case WordKind::kChoice:
      return absl::StrCat("words ", absl::StrJoin(Choices(name), " "));
    case WordKind::kLayer:
      return "layer";
    case WordKind::kFile:
    case WordKind::kLoopDevice:
      return "file";
    case WordKind::kDirectory:
      return "directory";
    case WordKind::kMappedDevice:
      return "device";
    case WordKind::kDriverOption:
      return absl::StrCat("prefix ", absl::StrJoin(DriverOptionPrefixes(), " "));
    case WordKind::kCommand:
      return "words $first_words";
  }
  return "";
}

// One branch of a case; nothing where there is nothing to offer.
std::string Branch(absl::string_view pattern, absl::string_view offer) {
  if (offer.empty()) return "";
  return absl::StrCat("      ", pattern, ") _dmkit_offer ", offer, " ;;\n");
}

std::string ValueBranches(absl::Span<const OptionSpec> options, absl::string_view command) {
  std::string text;
  for (const OptionSpec& option : options) {
    if (option.value.empty()) continue;
    absl::StrAppend(&text, Branch(absl::StrCat(command, "' --", option.name, "'"),
                                  Offer(option.kind, option.value)));
  }
  return text;
}

std::string OptionNames(absl::Span<const OptionSpec> options) {
  return absl::StrJoin(options, " ", [](std::string* out, const OptionSpec& option) {
    absl::StrAppend(out, "--", option.name);
  });
}

std::string OptionBranches() {
  std::string text;
  for (const CommandSpec& command : AllCommands()) {
    if (command.options.empty()) continue;
    absl::StrAppend(&text, Branch(absl::StrCat("'", CommandWords(command), "'"),
                                  absl::StrCat("words $global ", OptionNames(command.options))));
  }
  return absl::StrCat(text, Branch("*", "words $global"));
}

// Behind a command, by how many operands stand before the cursor.
std::string OperandBranches(const CommandSpec& command) {
  std::string text;
  for (size_t i = 0; i < command.operands.size(); ++i) {
    const OperandSpec& operand = command.operands[i];
    absl::StrAppend(&text, Branch(absl::StrCat("'", CommandWords(command), " '",
                                               TakesSeveral(operand) ? "*" : absl::StrCat(i)),
                                  Offer(operand.kind, operand.name)));
  }
  return text;
}

std::string WordBranches() {
  std::string text = Branch("' 0'", "words $first_words");
  for (const SectionSpec& section : AllSections()) {
    std::vector<absl::string_view> words;
    for (const CommandSpec& command : AllCommands()) {
      if (command.section == section.id) words.push_back(command.word);
    }
    if (section.group.empty()) continue;
    absl::StrAppend(&text, Branch(absl::StrCat("'", section.group, " 0'"),
                                  absl::StrCat("words ", absl::StrJoin(words, " "))));
  }
  for (const CommandSpec& command : AllCommands()) absl::StrAppend(&text, OperandBranches(command));
  return text;
}

}  // namespace

std::string BashScript() {
  std::vector<absl::string_view> groups = {"''"};
  for (const SectionSpec& section : AllSections()) {
    if (!section.group.empty()) groups.push_back(section.group);
  }
  std::vector<absl::string_view> first_words;
  for (const FirstWord& first : FirstWords()) first_words.push_back(first.word);

  std::string text =
      absl::StrReplaceAll(kFixed, {{"%VALUED%", absl::StrJoin(OptionsWithValue(), "|")},
                                   {"%GROUPS%", absl::StrJoin(groups, "|")}});
  absl::StrAppend(&text, "  local first_words='", absl::StrJoin(first_words, " "), "'\n",
                  "  local global='", OptionNames(GlobalOptions()), "'\n",
                  "  if [[ -n $option ]]; then\n    case \"$command $option\" in\n");
  for (const CommandSpec& command : AllCommands()) {
    absl::StrAppend(&text,
                    ValueBranches(command.options, absl::StrCat("'", CommandWords(command), "'")));
  }
  absl::StrAppend(&text, ValueBranches(GlobalOptions(), "*"), "    esac\n",
                  "  elif [[ $current == -* ]]; then\n    case $command in\n", OptionBranches(),
                  "    esac\n  else\n    case \"$command $operands\" in\n", WordBranches(),
                  "    esac\n  fi\n", kTail);
  return text;
}

}  // namespace dmkit::driver::cli
