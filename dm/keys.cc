// SPDX-License-Identifier: Apache-2.0
// Finds keys in parameters and messages. Pure: no file descriptors, no clock, no logging.

#include "dm/keys.h"

#include <algorithm>
#include <variant>

#include "absl/strings/match.h"
#include "sys/secret.h"

namespace dmkit::dm {
namespace {

// The options of an integrity target that may end with a key: "internal_hash:hmac(sha256):00ff".
constexpr absl::string_view kIntegrityKeyOptions[] = {
    "internal_hash:", "journal_crypt:", "journal_mac:"};

struct Range {
  size_t begin = 0;
  size_t end = 0;
};

// White space to the kernel, whose table of characters is Latin-1.
bool IsSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || static_cast<unsigned char>(c) == 0xa0;
}

std::vector<Range> CutWords(absl::string_view text) {
  std::vector<Range> words;
  size_t at = 0;
  while (true) {
    while (at < text.size() && IsSpace(text[at])) ++at;
    if (at == text.size()) return words;
    Range word{at, at};
    while (at < text.size() && !IsSpace(text[at])) at += text[at] == '\\' ? size_t{2} : size_t{1};
    at = std::min(at, text.size());
    word.end = at;
    words.push_back(word);
  }
}

absl::string_view In(absl::string_view text, Range range) {
  return text.substr(range.begin, range.end - range.begin);
}

// Nothing for the name of a key in a keyring.
void AddDigits(absl::string_view text, Range digits, std::vector<Range>& keys) {
  if (digits.begin == digits.end || text[digits.begin] == ':') return;
  keys.push_back(digits);
}

void AddIntegrityKey(absl::string_view text, Range option, std::vector<Range>& keys) {
  const absl::string_view word = In(text, option);
  for (absl::string_view name : kIntegrityKeyOptions) {
    if (!absl::StartsWith(word, name)) continue;
    const size_t colon = word.find(':', name.size());
    if (colon == absl::string_view::npos) return;
    AddDigits(text, {option.begin + colon + 1, option.end}, keys);
  }
}

std::vector<Range> FindKeys(absl::string_view type, absl::string_view params) {
  std::vector<Range> keys;
  if (type != "crypt" && type != "integrity") return keys;
  const std::vector<Range> words = CutWords(params);
  if (type == "crypt") {
    if (words.size() > 1) AddDigits(params, words[1], keys);
    return keys;
  }
  for (const Range& word : words) AddIntegrityKey(params, word, keys);
  return keys;
}

std::vector<Range> FindMessageKeys(absl::string_view message) {
  std::vector<Range> keys;
  const std::vector<Range> words = CutWords(message);
  if (words.size() > 2 && absl::EqualsIgnoreCase(In(message, words[0]), "key") &&
      absl::EqualsIgnoreCase(In(message, words[1]), "set")) {
    AddDigits(message, words[2], keys);
  }
  return keys;
}

void Hide(const std::vector<Range>& keys, std::string& text) {
  for (const Range& key : keys) {
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(key.begin),
              text.begin() + static_cast<std::ptrdiff_t>(key.end), '0');
  }
}

}  // namespace

bool HoldsKey(absl::string_view type, absl::string_view params) {
  const std::vector<Range> keys = FindKeys(type, params);
  return std::any_of(keys.begin(), keys.end(),
                     [params](const Range& key) { return In(params, key) != "-"; });
}

bool HoldsKey(const std::vector<TableLine>& table) {
  return std::any_of(table.begin(), table.end(),
                     [](const TableLine& line) { return HoldsKey(line.type.text(), line.params); });
}

bool MessageHoldsKey(absl::string_view message) { return !FindMessageKeys(message).empty(); }

std::string HideKeys(absl::string_view type, absl::string_view params) {
  std::string hidden(params);
  Hide(FindKeys(type, params), hidden);
  return hidden;
}

void HideKeys(TableReply& reply) {
  for (TargetStatus& target : reply.targets) {
    Hide(FindKeys(target.type, target.text), target.text);
  }
}

std::string HideMessageKey(absl::string_view message) {
  std::string hidden(message);
  Hide(FindMessageKeys(message), hidden);
  return hidden;
}

void WipeParams(std::vector<TableLine>& table) {
  for (TableLine& line : table) sys::Wipe(line.params);
}

void WipeTexts(TableReply& reply) {
  for (TargetStatus& target : reply.targets) sys::Wipe(target.text);
}

bool IsSecure(const Request& request) {
  if (const auto* load = std::get_if<LoadRequest>(&request)) return load->secure;
  if (const auto* status = std::get_if<StatusRequest>(&request)) return status->secure;
  if (const auto* message = std::get_if<MessageRequest>(&request)) return message->secure;
  return false;
}

void WipeKeys(Request& request) {
  if (auto* load = std::get_if<LoadRequest>(&request)) WipeParams(load->table);
  if (auto* message = std::get_if<MessageRequest>(&request)) sys::Wipe(message->message);
}

}  // namespace dmkit::dm
