// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/table_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/keys.h"
#include "dm/uapi.h"
#include "sys/status.h"
#include "sys/units.h"

namespace dmkit::dm::dmsetup {
namespace {

bool IsSpace(char byte) { return absl::ascii_isspace(static_cast<unsigned char>(byte)); }

// Takes a number off the front of `text`, with white space before it, and a plus. The byte behind
// it may be any: "100linear" is a number and a type.
bool TakeNumber(absl::string_view& text, uint64_t& number) {
  text = absl::StripLeadingAsciiWhitespace(text);
  absl::ConsumePrefix(&text, "+");
  number = 0;
  size_t digits = 0;
  for (; digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]));
       ++digits) {
    const auto digit = static_cast<uint64_t>(text[digits] - '0');
    if (number > (std::numeric_limits<uint64_t>::max() - digit) / 10) return false;
    number = number * 10 + digit;
  }
  text.remove_prefix(digits);
  return digits > 0;
}

absl::string_view TakeWord(absl::string_view& text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  size_t end = 0;
  while (end < text.size() && !IsSpace(text[end])) ++end;
  const absl::string_view word = text.substr(0, end);
  text = absl::StripLeadingAsciiWhitespace(text.substr(end));
  return word;
}

// In one piece of memory: it may be wiped.
std::string WithDoubledBackslashes(absl::string_view text) {
  const auto backslashes = static_cast<size_t>(std::count(text.begin(), text.end(), '\\'));
  std::string doubled;
  doubled.reserve(text.size() + backslashes);
  for (const char byte : text) doubled.append(byte == '\\' ? 2 : 1, byte);
  return doubled;
}

class TableParser {
 public:
  explicit TableParser(absl::string_view where) : where_(where) {}
  ~TableParser() { WipeParams(table_); }
  TableParser(const TableParser&) = delete;
  TableParser& operator=(const TableParser&) = delete;

  absl::Status Take(absl::string_view line) {
    ++line_number_;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') return absl::OkStatus();
    uint64_t start = 0;
    uint64_t length = 0;
    const bool has_place = TakeNumber(line, start) && TakeNumber(line, length);
    const absl::string_view type = TakeWord(line);
    if (!has_place || type.empty() || type.find('\0') != absl::string_view::npos ||
        line.find('\0') != absl::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("Invalid format on line ", line_number_, " of table ", where_, "."));
    }
    if (type.size() >= DM_MAX_TYPE_NAME) {
      return absl::InvalidArgumentError(absl::StrCat("Target type name ", type, " is too long."));
    }
    DMKIT_RETURN_IF_ERROR(CheckPlace(start, length));
    const absl::string_view params = line.substr(0, line.find('#'));
    if (params.size() > kParametersMax) {
      return Refuse(absl::StrCat("its parameters are longer than ", kParametersMax, " bytes"));
    }
    absl::StatusOr<TargetType> checked = TargetType::Create(type);
    if (!checked.ok()) return checked.status();
    table_.push_back({sys::Sectors(start), sys::Sectors(length), *std::move(checked),
                      WithDoubledBackslashes(params)});
    return absl::OkStatus();
  }

  std::vector<TableLine> TakeTable() { return std::move(table_); }

 private:
  absl::Status Refuse(absl::string_view why) const {
    return absl::InvalidArgumentError(absl::StrCat("Invalid target on line ", line_number_,
                                                   " of table ", where_, ": ", why, "."));
  }

  absl::Status CheckPlace(uint64_t start, uint64_t length) {
    if (length == 0) return Refuse("it is zero sectors long");
    if (start != end_) {
      const absl::string_view what = start > end_ ? "leaves a gap" : "overlaps another";
      return Refuse(
          absl::StrCat("it ", what, ": it starts at sector ", start, " instead of ", end_));
    }
    if (start > kTableSectorsMax || length > kTableSectorsMax - start) {
      return Refuse(absl::StrCat("it ends behind sector ", kTableSectorsMax));
    }
    end_ = start + length;
    return absl::OkStatus();
  }

  const absl::string_view where_;
  uint64_t line_number_ = 0;
  uint64_t end_ = 0;
  std::vector<TableLine> table_;
};

// Hides the keys in a field that may be a table, for it may stand where another is expected: on
// each line, behind every word that is a type with keys, since the first may be a device's name. In
// its place: nothing of them is left.
void HideKeysIn(std::string& field) {
  size_t begin = 0;
  while (begin < field.size()) {
    const size_t end = std::min(field.find('\n', begin), field.size());
    absl::string_view params(field.data() + begin, end - begin);
    while (!params.empty()) {
      const absl::string_view word = TakeWord(params);
      if (!HoldsKey(word, params)) continue;
      const auto at = static_cast<size_t>(params.data() - field.data());
      field.replace(at, params.size(), HideKeys(word, params));
    }
    begin = end + 1;
  }
}

constexpr size_t kConciseFields = 5;

// Reads byte by byte, as quoting demands.
class ConciseParser {
 public:
  explicit ConciseParser(absl::string_view text) : rest_(text) { BeginField(); }

  ConciseText Parse() {
    while (!rest_.empty() && result_.errors.empty()) Step();
    if (result_.errors.empty() && (fields_.size() > 1 || !fields_[0].empty())) {
      Refuse("Incomplete entry: five comma-separated fields are required for each device");
    }
    return std::move(result_);
  }

 private:
  void Step() {
    const char byte = rest_[0];
    const bool is_last = rest_.size() == 1;
    const bool in_table = fields_.size() == kConciseFields;
    if (byte == '\\') {
      if (is_last) {
        return Refuse("Backslash must be followed by another character at end of string.");
      }
      AddToField(2);
    } else if (byte == ',' && !in_table) {
      rest_.remove_prefix(1);
      BeginField();
    } else if (byte == ';') {
      rest_.remove_prefix(1);
      EndDevice();
    } else {
      AddToField(1);
      if (is_last && byte != ',') EndDevice();
    }
  }

  void BeginField() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    fields_.push_back(rest_.substr(0, 0));
  }

  void AddToField(size_t bytes) {
    fields_.back() = absl::string_view(fields_.back().data(), fields_.back().size() + bytes);
    rest_.remove_prefix(bytes);
  }

  // In one piece of memory: a table may be wiped.
  std::string Unquoted(size_t field) const {
    const absl::string_view quoted = fields_[field];
    std::string text;
    text.reserve(quoted.size());
    for (size_t i = 0; i < quoted.size(); ++i) {
      if (quoted[i] == '\\') {
        text += quoted[++i];
      } else {
        // Only a table has a comma, between its lines.
        text += quoted[i] == ',' ? '\n' : quoted[i];
      }
    }
    return text;
  }

  void EndDevice() {
    if (fields_.size() != kConciseFields) {
      return Refuse("Five comma-separated fields are required for each device");
    }
    std::string flags = Unquoted(3);
    if (!flags.empty() && flags != "ro" && flags != "rw") {
      HideKeysIn(flags);
      result_.errors.push_back(
          absl::StrCat("Invalid flags parameter '", flags, "' must be 'ro' or 'rw' or empty."));
      return;
    }
    result_.devices.push_back({Unquoted(0), Unquoted(1), Unquoted(2), flags == "ro", Unquoted(4)});
    fields_.clear();
    BeginField();
  }

  void Refuse(absl::string_view why) {
    result_.errors.emplace_back(why);
    std::string parsed = absl::StrCat("Parsed ", fields_.size(), " fields:");
    constexpr absl::string_view kNames[kConciseFields] = {"name", "uuid", "minor", "flags",
                                                          "table"};
    for (size_t i = 0; i < kConciseFields; ++i) {
      std::string field = i < fields_.size() ? Unquoted(i) : "(null)";
      HideKeysIn(field);
      absl::StrAppend(&parsed, " ", kNames[i], ": ", field);
    }
    result_.errors.push_back(std::move(parsed));
  }

  absl::string_view rest_;
  std::vector<absl::string_view> fields_;  // as they are quoted; the last is being read
  ConciseText result_;
};

}  // namespace

absl::StatusOr<std::vector<TableLine>> ParseTable(absl::string_view text, absl::string_view where) {
  TableParser parser(where);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    DMKIT_RETURN_IF_ERROR(parser.Take(text.substr(0, end)));
    text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
  }
  return parser.TakeTable();
}

ConciseText ParseConcise(absl::string_view text) { return ConciseParser(text).Parse(); }

}  // namespace dmkit::dm::dmsetup
