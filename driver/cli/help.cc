// SPDX-License-Identifier: Apache-2.0
// Layout of the help texts. What they say stands in commands.cc.

#include "driver/cli/help.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "driver/cli/commands.h"

namespace dmkit::driver::cli {
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kIndent = 2;
constexpr size_t kOptionIndent = 6;
constexpr size_t kUsageIndent = sizeof("usage: dmkit ") - 1;

std::string OptionHelp(const OptionSpec& option) {
  std::string heading = OptionUsage(option);
  if (option.letter != 0) absl::StrAppend(&heading, ", -", absl::string_view(&option.letter, 1));
  return absl::StrCat("  ", heading, "\n", Wrap(option.help, kOptionIndent));
}

std::string ExitHelp(const ExitTexts& exits) {
  const ExitTexts texts = FullExitTexts(exits);
  return absl::StrCat("exit status:\n  0  ", texts.done, "\n  1  ", texts.failed, "\n  2  ",
                      texts.usage, "\n");
}

// One line for each command: its words, padded, and the summary.
std::string CommandList(const SectionSpec& section) {
  std::string text;
  size_t width = 0;
  for (const CommandSpec& command : AllCommands()) {
    width = std::max(width, CommandWords(command).size());
  }
  for (const CommandSpec& command : AllCommands()) {
    if (command.section != section.id) continue;
    std::string words = CommandWords(command);
    words.resize(width, ' ');
    absl::StrAppend(&text, "  ", words, "  ", command.summary, "\n");
  }
  return text;
}

// `parts` with blanks between them, in lines of kColumns where they allow, each behind `indent`
// blanks.
std::string Fill(const std::vector<std::string>& parts, size_t indent) {
  std::string text;
  std::string line;
  for (const std::string& part : parts) {
    if (!line.empty() && line.size() + 1 + part.size() > kColumns) {
      absl::StrAppend(&text, line, "\n");
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? std::string(indent, ' ') : " ", part);
  }
  return absl::StrCat(text, line, "\n");
}

// What is not to be broken over two lines.
std::vector<std::string> SynopsisParts(const CommandSpec& command) {
  std::vector<std::string> parts = {CommandWords(command)};
  for (const OperandSpec& operand : command.operands) parts.push_back(OperandUsage(operand));
  for (const OptionSpec& option : command.options) {
    parts.push_back(absl::StrCat("[", OptionUsage(option), "]"));
  }
  return parts;
}

// `usage: dmkit ...`, continued below the command where it is too long for one line.
std::string UsageLines(const CommandSpec& command) {
  const std::string lines = Fill(SynopsisParts(command), kUsageIndent);
  return absl::StrCat("usage: dmkit ", lines.substr(kUsageIndent));
}

// The commands of the section behind `heading`, as "a|b|c", continued below the first where they
// are too many for one line.
std::string WordLines(const SectionSpec& section, absl::string_view heading) {
  const size_t indent = heading.size();
  std::string text;
  std::string line(heading);
  for (const CommandSpec& command : AllCommands()) {
    if (command.section != section.id) continue;
    if (line.size() > indent) line += '|';
    if (line.size() + command.word.size() >= kColumns) {
      absl::StrAppend(&text, line, "\n");
      line.assign(indent, ' ');
    }
    absl::StrAppend(&line, command.word);
  }
  return absl::StrCat(text, line, "\n");
}

}  // namespace

std::string OperandUsage(const OperandSpec& operand) {
  switch (operand.count) {
    case Count::kOne:
      return std::string(operand.name);
    case Count::kOptional:
      return absl::StrCat("[", operand.name, "]");
    case Count::kAny:
      return absl::StrCat("[", operand.name, "...]");
    case Count::kOneOrMore:
      return absl::StrCat(operand.name, "...");
  }
  return "";
}

std::string OptionUsage(const OptionSpec& option) {
  const std::string name = absl::StrCat("--", option.name);
  return option.value.empty() ? name : absl::StrCat(name, " ", option.value);
}

ExitTexts FullExitTexts(const ExitTexts& exits) {
  const auto or_usual = [](absl::string_view text, absl::string_view usual) {
    return text.empty() ? usual : text;
  };
  return {or_usual(exits.done, "done"),
          or_usual(exits.failed, "failed; the reason is on standard error"),
          or_usual(exits.usage, "wrong usage")};
}

std::string JsonSentence(const CommandSpec& command) {
  if (command.report == kNoReport) return "";
  if (command.report == kEmptyReport) return "With --format json, prints an empty object.";
  return absl::StrCat("With --format json, prints the object ", command.report, ".");
}

std::string Wrap(absl::string_view text, size_t indent) {
  std::string result;
  for (absl::string_view paragraph : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&result, Fill(absl::StrSplit(paragraph, ' ', absl::SkipEmpty()), indent));
  }
  return result;
}

std::string Synopsis(const CommandSpec& command) {
  return absl::StrJoin(SynopsisParts(command), " ");
}

std::string ShortUsage(const CommandSpec* command, const SectionSpec* section) {
  if (command != nullptr) {
    return absl::StrCat(UsageLines(*command), "Try `dmkit help ", CommandWords(*command), "`.\n");
  }
  if (section != nullptr) {
    return absl::StrCat(WordLines(*section, absl::StrCat("usage: dmkit ", section->group, " ")),
                        "Try `dmkit help ", section->group, "`.\n");
  }
  std::string text;
  for (const SectionSpec& each : AllSections()) {
    text += WordLines(each, absl::StrCat(text.empty() ? "usage: dmkit " : "       dmkit ",
                                         each.group, each.group.empty() ? "" : " "));
  }
  return absl::StrCat(text, "Try `dmkit help`.\n");
}

std::string Overview() {
  std::string text =
      "dmkit - copy-on-write layers on device-mapper thin pools\n"
      "\n"
      "usage: dmkit [OPTION]... COMMAND [WORD]...\n";
  for (const SectionSpec& section : AllSections()) {
    absl::StrAppend(&text, "\n", section.title, ":\n", CommandList(section));
  }
  absl::StrAppend(&text, "\nOptions, before or after the command; --NAME VALUE or --NAME=VALUE:\n");
  for (const OptionSpec& option : GlobalOptions()) absl::StrAppend(&text, OptionHelp(option));
  absl::StrAppend(&text, "\n", ExitHelp({}), "\n`dmkit help COMMAND` says more.\n");
  return text;
}

std::string DriverOptionsHelp() {
  std::string text = "Storage options, each given as --opt NAME=VALUE:\n";
  for (const DriverOptionSpec& option : DriverOptions()) {
    absl::StrAppend(&text, "  ", option.name, "=", option.value, "\n",
                    Wrap(option.help, kOptionIndent));
  }
  absl::StrAppend(&text, "\n",
                  Wrap("A SIZE is a number of bytes, or has a suffix k, m, g, t or p for powers of "
                       "1024. The store remembers what it was made with; what must not change "
                       "between starts is refused when it is given differently later.",
                       0));
  return text;
}

std::string SectionHelp(const SectionSpec& section) {
  std::string text = absl::StrCat(section.title, ":\n");
  for (const CommandSpec& command : AllCommands()) {
    if (command.section != section.id) continue;
    absl::StrAppend(&text, Wrap(absl::StrCat("dmkit ", Synopsis(command)), kIndent), "      ",
                    command.summary, "\n");
  }
  absl::StrAppend(&text, "\n`dmkit help ", section.group, " COMMAND` says more.\n");
  return text;
}

std::string CommandHelp(const CommandSpec& command) {
  std::string text = absl::StrCat("dmkit ", CommandWords(command), " - ", command.summary, "\n\n",
                                  UsageLines(command), "\n", Wrap(command.description, 0));
  if (!command.options.empty()) {
    absl::StrAppend(&text, "\noptions:\n");
    for (const OptionSpec& option : command.options) absl::StrAppend(&text, OptionHelp(option));
  }
  const std::string json = JsonSentence(command);
  if (!json.empty()) absl::StrAppend(&text, "\n", json, "\n");
  if (command.needs_root) absl::StrAppend(&text, "\nNeeds root.\n");
  absl::StrAppend(&text, "\n", ExitHelp(command.exits), "\nexample:\n  ",
                  absl::StrReplaceAll(command.example, {{"\n", "\n  "}}), "\n");
  return text;
}

}  // namespace dmkit::driver::cli
