// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr absl::string_view kNamePrefix = "DM_";
constexpr size_t kCanonicalMax = 31;

void Say(std::string* messages, absl::string_view line) { absl::StrAppend(messages, line, "\n"); }

// libdevmapper's buffer for the name of a field has an end, and it prints what did not fit.
bool IsTooLong(absl::string_view word, absl::string_view rest, std::string* messages) {
  size_t taken = 0;
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '_') continue;
    if (taken == kCanonicalMax) {
      Say(messages, absl::StrCat(rest.substr(i), ": field name too long."));
      return true;
    }
    ++taken;
  }
  return false;
}

void SayUnrecognised(absl::string_view prefix, absl::string_view word, std::string* messages) {
  absl::StrAppend(messages, FieldHelp());
  Say(messages, absl::StrCat(prefix, "Unrecognised field: ", word));
}

// Cuts the next word off `rest`, behind any commas. `all` is what was there from the word on.
absl::string_view NextWord(absl::string_view* rest, absl::string_view* all) {
  while (!rest->empty() && rest->front() == ',') rest->remove_prefix(1);
  *all = *rest;
  const absl::string_view word = rest->substr(0, rest->find(','));
  rest->remove_prefix(word.size());
  return word;
}

std::string Padded(absl::string_view text, size_t width, bool to_the_right) {
  const std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
  return to_the_right ? absl::StrCat(blanks, text) : absl::StrCat(text, blanks);
}

}  // namespace

bool Report::Parse(absl::string_view fields, absl::string_view keys, uint32_t groups,
                   std::string* messages) {
  groups_ = groups;
  // "all" means the groups of the other fields, also of those that follow.
  for (const Pass pass : {Pass::kGroups, Pass::kColumns}) {
    if (!TakeFields(fields, pass, messages) || !TakeKeys(keys, pass, messages)) return false;
  }
  // Cells of hidden columns are worked out before the others.
  std::vector<ReportColumn> columns;
  std::vector<size_t> place(columns_.size());
  for (const bool hidden : {true, false}) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].hidden != hidden) continue;
      place[i] = columns.size();
      columns.push_back(columns_[i]);
    }
  }
  columns_ = std::move(columns);
  for (size_t& key : keys_) key = place[key];
  for (const ReportColumn& column : columns_) {
    if (column.field->id == kFieldHelp) help_only_ = true;
  }
  if (help_only_) absl::StrAppend(messages, FieldHelp());
  groups_ &= ~static_cast<uint32_t>(kGroupSpecial);
  return true;
}

bool Report::TakeFields(absl::string_view fields, Pass pass, std::string* messages) {
  absl::string_view rest = fields;
  while (!rest.empty()) {
    absl::string_view all;
    const absl::string_view word = NextWord(&rest, &all);
    if (TakeField(word, all, pass, messages)) continue;
    SayUnrecognised("", word, messages);
    return false;
  }
  return true;
}

bool Report::TakeField(absl::string_view word, absl::string_view rest, Pass pass,
                       std::string* messages) {
  if (word.empty()) return false;
  const bool too_long = IsTooLong(word, rest, messages);
  if (too_long) IsTooLong(word, rest, messages);
  const std::string canonical = CanonicalFieldName(word);
  const Field* field = too_long ? nullptr : FindField(canonical);
  if (field != nullptr) {
    if (pass == Pass::kGroups) {
      groups_ |= field->group;
    } else {
      columns_.push_back({field});
    }
    return true;
  }
  uint32_t groups = 0;
  if (absl::AsciiStrToLower(word) == "all") {
    groups = groups_ != 0 ? groups_ : kGroupsAll;
  } else if (!too_long) {
    groups = GroupsOfAll(canonical);
  }
  if (groups == 0) return false;
  if (pass == Pass::kGroups) {
    groups_ |= groups;
    return true;
  }
  for (const Field& candidate : ReportFields()) {
    if ((candidate.group & groups) != 0) columns_.push_back({&candidate});
  }
  return true;
}

bool Report::TakeKeys(absl::string_view keys, Pass pass, std::string* messages) {
  absl::string_view rest = keys;
  while (!rest.empty()) {
    absl::string_view all;
    const absl::string_view word = NextWord(&rest, &all);
    if (TakeKey(word, all, pass, messages)) continue;
    SayUnrecognised("dm_report: ", word, messages);
    return false;
  }
  return true;
}

bool Report::TakeKey(absl::string_view key, absl::string_view rest, Pass pass,
                     std::string* messages) {
  if (key.empty()) return false;
  const bool descending = key[0] == '-';
  if (descending || key[0] == '+') {
    key.remove_prefix(1);
    rest.remove_prefix(1);
  }
  if (key.empty()) {
    Say(messages, "dm_report: Missing sort field name");
    return false;
  }
  if (IsTooLong(key, rest, messages)) return false;
  const Field* field = FindField(CanonicalFieldName(key));
  if (field == nullptr) return false;
  AddKey(*field, descending, pass, messages);
  return true;
}

void Report::AddKey(const Field& field, bool descending, Pass pass, std::string* messages) {
  if (pass == Pass::kGroups) {
    groups_ |= field.group;
    return;
  }
  size_t found = 0;
  while (found < columns_.size() && columns_[found].field != &field) ++found;
  if (found == columns_.size()) columns_.push_back({&field, true});
  ReportColumn& column = columns_[found];
  if (column.is_key) {
    Say(messages, absl::StrCat("dm_report: Ignoring duplicate sort field: ", field.name, "."));
    return;
  }
  column.is_key = true;
  column.descending = descending;
  keys_.push_back(found);
}

bool Report::RowBefore(const Row& a, const Row& b) const {
  for (const size_t key : keys_) {
    const ReportColumn& column = columns_[key];
    int order = a[key].text.compare(b[key].text);
    if (column.field->number) {
      order = a[key].number == b[key].number ? 0 : (a[key].number < b[key].number ? -1 : 1);
    }
    if (order != 0) return column.descending ? order > 0 : order < 0;
  }
  return false;
}

void Report::SortRows() {
  if (keys_.empty()) return;
  std::stable_sort(rows_.begin(), rows_.end(),
                   [this](const Row& a, const Row& b) { return RowBefore(a, b); });
}

std::vector<std::vector<std::pair<std::string, std::string>>> Report::TakeRows() {
  SortRows();
  std::vector<std::vector<std::pair<std::string, std::string>>> rows;
  for (Row& row : rows_) {
    auto& cells = rows.emplace_back();
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].hidden) continue;
      cells.emplace_back(std::string(columns_[i].field->name), std::move(row[i].text));
    }
  }
  rows_.clear();
  return rows;
}

std::string Report::TakeText() {
  if (rows_.empty()) return "";
  SortRows();
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = columns_[i].field->width;
    for (const Row& row : rows_) width = std::max(width, row[i].text.size());
    widths.push_back(width);
  }
  std::string text = style.as_rows ? TextOfColumns() : TextOfLines(widths);
  rows_.clear();
  return text;
}

void Report::AppendCell(std::string* text, size_t column, const ReportCell& cell,
                        const std::vector<size_t>& widths) const {
  const Field& field = *columns_[column].field;
  const absl::string_view quote = style.prefixes && style.quoted ? "'" : "";
  if (style.prefixes) {
    absl::StrAppend(text, kNamePrefix, absl::AsciiStrToUpper(field.name), "=", quote);
  }
  if (style.aligned) {
    absl::StrAppend(text, Padded(cell.text, widths[column], field.number));
  } else {
    absl::StrAppend(text, cell.text);
  }
  absl::StrAppend(text, quote);
}

std::string Report::TextOfLines(const std::vector<size_t>& widths) {
  std::string text;
  if (style.headings && !headings_printed_) {
    absl::string_view separator;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].hidden) continue;
      const absl::string_view heading = columns_[i].field->heading;
      absl::StrAppend(&text, separator,
                      style.aligned ? Padded(heading, widths[i], false) : std::string(heading));
      separator = style.separator;
    }
    absl::StrAppend(&text, "\n");
  }
  headings_printed_ = true;
  for (const Row& row : rows_) {
    absl::string_view separator;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].hidden) continue;
      absl::StrAppend(&text, separator);
      AppendCell(&text, i, row[i], widths);
      separator = style.separator;
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

std::string Report::TextOfColumns() const {
  std::string text;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].hidden) continue;
    if (style.headings) absl::StrAppend(&text, columns_[i].field->heading, style.separator);
    absl::string_view separator;
    for (const Row& row : rows_) {
      absl::StrAppend(&text, separator);
      AppendCell(&text, i, row[i], {});
      separator = style.separator;
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

}  // namespace dmkit::dm::dmsetup
