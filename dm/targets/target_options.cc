// SPDX-License-Identifier: Apache-2.0
// Checking, writing and reading groups of optional words. Nothing about any one target.

#include "dm/targets/target_options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::dm {

absl::Status CheckWord(absl::string_view type, absl::string_view field, absl::string_view word) {
  if (word.empty()) return RefusedArguments(type, absl::StrCat(field, " is empty"));
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\0' || byte == '\\' || byte == 0xa0 || absl::ascii_isspace(byte)) {
      return RefusedArguments(
          type,
          absl::StrCat(field, " holds white space, a backslash or a NUL byte; it must be one ",
                       "word"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckWords(absl::string_view type, absl::string_view field,
                        const std::vector<std::string>& words) {
  for (const std::string& word : words) DMKIT_RETURN_IF_ERROR(CheckWord(type, field, word));
  return absl::OkStatus();
}

bool IsHex(absl::string_view text) {
  return !text.empty() && text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
}

std::string FormatGroup(const std::vector<std::string>& words, WhenEmpty when_empty) {
  if (words.empty() && when_empty == WhenEmpty::kNothing) return "";
  std::string text = absl::StrCat(" ", words.size());
  AppendWords(words, text);
  return text;
}

void AppendWords(const std::vector<std::string>& words, std::string& text) {
  for (const std::string& word : words) absl::StrAppend(&text, " ", word);
}

absl::StatusOr<std::vector<absl::string_view>> TakeGroup(TargetWords& words,
                                                         absl::string_view field) {
  const absl::string_view number = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const uint64_t count, words.Number(field));
  if (count > words.left()) return words.NotUnderstood(field, number);
  std::vector<absl::string_view> group;
  for (uint64_t i = 0; i < count; ++i) {
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, words.Word(field));
    group.push_back(word);
  }
  return group;
}

absl::StatusOr<std::vector<std::string>> TakeSome(TargetWords& words, uint64_t count,
                                                  absl::string_view field) {
  std::vector<std::string> taken;
  for (uint64_t i = 0; i < count; ++i) {
    DMKIT_ASSIGN_OR_RETURN(const absl::string_view word, words.Word(field));
    taken.emplace_back(word);
  }
  return taken;
}

absl::StatusOr<NamedValues> TakeNamedValues(TargetWords& words, absl::string_view field) {
  const absl::string_view number = words.Peek();
  DMKIT_ASSIGN_OR_RETURN(const std::vector<absl::string_view> group, TakeGroup(words, field));
  if (group.size() % 2 != 0) return words.NotUnderstood(field, number);
  NamedValues values;
  for (size_t i = 0; i < group.size(); i += 2) {
    values.emplace_back(std::string(group[i]), std::string(group[i + 1]));
  }
  return values;
}

}  // namespace dmkit::dm
