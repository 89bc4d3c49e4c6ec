// SPDX-License-Identifier: Apache-2.0
// The script for fish: one `complete` per command, option and operand.

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "driver/cli/commands.h"
#include "driver/cli/completion_parts.h"

namespace dmkit::driver::cli {
namespace {

// More operands than anybody writes.
constexpr size_t kManyOperands = 9999;

constexpr absl::string_view kHead =
    R"fish(# fish completion for dmkit, written by `dmkit completion fish`.
# SPDX-License-Identifier: Apache-2.0

# The words before the cursor that are no options and no values of options.
function __dmkit_words
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case %VALUED%
                set skip yes
            case '-*'
            case '*'
                echo -- $word
        end
    end
end

# __dmkit_at COMMAND LEAST MOST: whether the words are COMMAND and so many operands behind it.
function __dmkit_at
    set -l words (__dmkit_words)
    set -l wanted (string split --no-empty ' ' -- $argv[1])
    set -l operands (math (count $words) - (count $wanted))
    test $operands -ge $argv[2] -a $operands -le $argv[3]; or return 1
    for i in (seq (count $wanted))
        test "$words[$i]" = "$wanted[$i]"; or return 1
    end
end

# The names of the layers, without opening the store.
function __dmkit_layers
    set -l root /var/lib/dmkit
    set -l words (commandline -opc)
    for i in (seq (count $words))
        string match -q -- '--root=*' $words[$i]
        and set root (string replace -- --root= '' $words[$i])
        test "$words[$i]" = --root
        and set root $words[(math $i + 1)]
    end
    for path in $root/devices/*
        set -l name (string replace -r '.*/' '' -- $path)
        test $name != base; and echo $name
    end
end

function __dmkit_devices
    dmkit dm ls 2>/dev/null | string match -r '^\S+(?=\s.*:)'
end

complete -c dmkit -f
)fish";

std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

// The arguments of `complete` that offer a word of this kind; empty where a shell knows nothing.
std::string Offer(WordKind kind, absl::string_view name) {
  switch (kind) {
    case WordKind::kOther:
      return "";
    case WordKind::kChoice:
      return absl::StrCat("-a ", Quoted(absl::StrJoin(Choices(name), " ")));
    case WordKind::kLayer:
      return "-a '(__dmkit_layers)'";
    case WordKind::kFile:
    case WordKind::kLoopDevice:
      return "-F";
    case WordKind::kDirectory:
      return "-a '(__fish_complete_directories)'";
    case WordKind::kMappedDevice:
      return "-a '(__dmkit_devices)'";
    case WordKind::kDriverOption:
      return absl::StrCat("-a ", Quoted(absl::StrJoin(DriverOptionPrefixes(), " ")));
    case WordKind::kCommand: {
      std::vector<absl::string_view> words;
      for (const FirstWord& first : FirstWords()) words.push_back(first.word);
      return absl::StrCat("-a ", Quoted(absl::StrJoin(words, " ")));
    }
  }
  return "";
}

std::string At(absl::string_view command, size_t least, size_t most) {
  return absl::StrCat("complete -c dmkit -n \"__dmkit_at '", command, "' ", least, " ", most, "\"");
}

void AppendOption(const OptionSpec& option, absl::string_view condition, std::string& text) {
  absl::StrAppend(&text, condition, " -l ", option.name);
  if (option.letter != 0) absl::StrAppend(&text, " -s ", absl::string_view(&option.letter, 1));
  if (!option.value.empty()) {
    const std::string offer = Offer(option.kind, option.value);
    // -x: a value, and no file names beside what is offered.
    absl::StrAppend(&text, offer == "-F" ? " -r " : " -x ", offer);
  }
  absl::StrAppend(&text, " -d ", Quoted(FirstSentence(option.help)), "\n");
}

void AppendWord(absl::string_view behind, absl::string_view word, absl::string_view summary,
                std::string& text) {
  absl::StrAppend(&text, At(behind, 0, 0), " -a ", word, " -d ", Quoted(summary), "\n");
}

void AppendCommand(const CommandSpec& command, std::string& text) {
  const std::string words = CommandWords(command);
  for (size_t i = 0; i < command.operands.size(); ++i) {
    const OperandSpec& operand = command.operands[i];
    const std::string offer = Offer(operand.kind, operand.name);
    if (offer.empty()) continue;
    absl::StrAppend(&text, At(words, i, TakesSeveral(operand) ? kManyOperands : i), " ", offer,
                    "\n");
  }
  for (const OptionSpec& option : command.options) {
    AppendOption(option, At(words, 0, kManyOperands), text);
  }
}

}  // namespace

std::string FishScript() {
  std::string text =
      absl::StrReplaceAll(kHead, {{"%VALUED%", absl::StrJoin(OptionsWithValue(), " ")}});
  for (const OptionSpec& option : GlobalOptions()) AppendOption(option, "complete -c dmkit", text);
  for (const FirstWord& first : FirstWords()) AppendWord("", first.word, first.summary, text);
  for (const CommandSpec& command : AllCommands()) {
    if (!GroupOf(command).empty()) {
      AppendWord(GroupOf(command), command.word, command.summary, text);
    }
  }
  for (const CommandSpec& command : AllCommands()) AppendCommand(command, text);
  return text;
}

}  // namespace dmkit::driver::cli
