// SPDX-License-Identifier: Apache-2.0
#include "driver/cli/dm_words.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/match.h"
#include "driver/cli/commands.h"

namespace dmkit::driver::cli {
namespace {

// How many of `words` from `at` on are one global option with its value; 0: none of them, or the
// value is missing.
size_t GlobalOptionWords(const std::vector<std::string>& words, size_t at) {
  const absl::string_view word = words[at];
  if (!absl::StartsWith(word, "--")) return 0;
  const size_t equals = word.find('=');
  const OptionSpec* option = FindOption(
      GlobalOptions(), word.substr(2, equals == absl::string_view::npos ? equals : equals - 2));
  if (option == nullptr) return 0;
  const bool value_follows = !option->value.empty() && equals == absl::string_view::npos;
  if (value_follows && at + 1 == words.size()) return 0;
  return value_follows ? 2 : 1;
}

// The options that mean something to `dm` stand among dmsetup's own words, too.
bool IsOurs(absl::string_view word) {
  return word == "--trace" || word == "--format" || absl::StartsWith(word, "--format=");
}

bool IsForUs(absl::string_view word) { return word == "--help" || word == "-h"; }

// The command among dmsetup's words; null: none of those that are known.
const CommandSpec* NamedCommand(const std::vector<std::string>& dmsetup) {
  for (const std::string& word : dmsetup) {
    const CommandSpec* command = FindCommand("dm", word);
    if (command != nullptr) return command;
  }
  return nullptr;
}

}  // namespace

std::optional<DmWords> FindDmWords(const std::vector<std::string>& words) {
  DmWords found;
  size_t at = 0;
  while (at < words.size() && words[at] != "dm") {
    const size_t count = GlobalOptionWords(words, at);
    if (count == 0) return std::nullopt;
    for (const size_t end = at + count; at < end; ++at) found.global.push_back(words[at]);
  }
  bool options_end = false;
  for (++at; at < words.size();) {
    options_end = options_end || words[at] == "--";
    if (!options_end && IsForUs(words[at])) return std::nullopt;
    const bool is_ours = !options_end && IsOurs(words[at]);
    const size_t ours = is_ours ? GlobalOptionWords(words, at) : 0;
    if (is_ours && ours == 0) return std::nullopt;
    std::vector<std::string>& list = ours > 0 ? found.global : found.dmsetup;
    for (const size_t end = at + std::max<size_t>(ours, 1); at < end; ++at) {
      list.push_back(words[at]);
    }
  }
  if (found.dmsetup.empty()) return std::nullopt;
  for (const std::string& word : found.global) {
    if (word == "--help" || word == "--version") return std::nullopt;
  }
  return found;
}

Parsed ParseOwnOptions(const DmWords& words) {
  // A command that needs no more words.
  std::vector<std::string> own = words.global;
  own.emplace_back("ls");
  Parsed parsed = Parse(own);
  parsed.command = NamedCommand(words.dmsetup);
  parsed.section = FindGroup("dm");
  return parsed;
}

bool IsDmsetup(absl::string_view path) { return path.substr(path.rfind('/') + 1) == "dmsetup"; }

}  // namespace dmkit::driver::cli
