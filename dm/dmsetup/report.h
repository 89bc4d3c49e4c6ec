// SPDX-License-Identifier: Apache-2.0
// The table that `dmsetup info -c` and `dmsetup splitname` print: which columns were asked for, in
// which order the rows come, and their text. Pure: where the cells come from does not belong here.

#ifndef DMKIT_DM_DMSETUP_REPORT_H_
#define DMKIT_DM_DMSETUP_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/dmsetup/report_fields.h"

namespace dmkit::dm::dmsetup {

struct ReportStyle {
  std::string separator = " ";
  bool aligned = true;
  bool headings = true;
  bool prefixes = false;  // DM_NAME='value'
  bool quoted = true;
  bool as_rows = false;  // a line per field
};

struct ReportColumn {
  const Field* field = nullptr;
  bool hidden = false;  // only sorted by
  bool is_key = false;
  bool descending = false;
};

struct ReportCell {
  std::string text;
  uint64_t number = 0;  // what a number is sorted by
};

class Report {
 public:
  // Reads "field,field" and "field,+field,-field". False: a word is wrong; `messages` has the lines
  // that say so, which may come beside true as well. `groups` are those that the command needs
  // whatever is asked. Without the call there are no columns.
  bool Parse(absl::string_view fields, absl::string_view keys, uint32_t groups,
             std::string* messages);

  ReportStyle style;

  // The groups of all columns.
  uint32_t groups() const { return groups_; }
  // Hidden ones first. A row has a cell for each.
  absl::Span<const ReportColumn> columns() const { return columns_; }
  // -o help: the fields are printed, and no rows.
  bool help_only() const { return help_only_; }

  // `cells` as columns().
  void AddRow(std::vector<ReportCell> cells) { rows_.push_back(std::move(cells)); }
  // The rows added since the last call, sorted, below the headings when these are the first rows.
  // Empty without rows.
  std::string TakeText();
  // The same as the names of the columns and the cells below them, without the hidden ones.
  std::vector<std::vector<std::pair<std::string, std::string>>> TakeRows();

 private:
  using Row = std::vector<ReportCell>;
  enum class Pass { kGroups, kColumns };

  bool TakeFields(absl::string_view fields, Pass pass, std::string* messages);
  bool TakeField(absl::string_view word, absl::string_view rest, Pass pass, std::string* messages);
  bool TakeKeys(absl::string_view keys, Pass pass, std::string* messages);
  bool TakeKey(absl::string_view key, absl::string_view rest, Pass pass, std::string* messages);
  void AddKey(const Field& field, bool descending, Pass pass, std::string* messages);
  bool RowBefore(const Row& a, const Row& b) const;
  void SortRows();
  void AppendCell(std::string* text, size_t column, const ReportCell& cell,
                  const std::vector<size_t>& widths) const;
  std::string TextOfLines(const std::vector<size_t>& widths);
  std::string TextOfColumns() const;

  uint32_t groups_ = 0;
  bool help_only_ = false;
  bool headings_printed_ = false;
  std::vector<ReportColumn> columns_;
  std::vector<size_t> keys_;  // columns, the first key first
  std::vector<Row> rows_;
};

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_REPORT_H_
