// SPDX-License-Identifier: Apache-2.0
// Tables as people write them: a line per target, and whole devices in one line (--concise). Pure:
// text in, tables or the lines of an error out.

#ifndef DMKIT_DM_DMSETUP_TABLE_TEXT_H_
#define DMKIT_DM_DMSETUP_TABLE_TEXT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"

namespace dmkit::dm::dmsetup {

// Lines "START LENGTH TYPE PARAMETERS"; blank ones, and what is behind a '#', are dropped. No line
// at all is a table too, without targets. `where` stands in messages behind "table": "on stdin", a
// file, or nothing. INVALID_ARGUMENT, with the line to print, for what is no such line or has a NUL
// (dmsetup's own words), for a type that is too long (dmsetup's too), and, before the kernel could
// refuse it, for a line that is empty, leaves a gap, overlaps the one before it, ends behind the
// last sector there can be, or whose parameters are longer than kParametersMax. A backslash comes
// out twice, for the kernel takes one off. Of keys (keys.h) nothing is left but in the table that
// is returned: the caller wipes it, and `text`.
absl::StatusOr<std::vector<TableLine>> ParseTable(absl::string_view text, absl::string_view where);

// Longer than the parameters of any target: the kernel's buffer for one line of a status is
// shorter.
inline constexpr size_t kParametersMax = 1 << 20;

// One device of --concise: "NAME,UUID,MINOR,FLAGS,TABLE[,TABLE...]".
struct ConciseDevice {
  std::string name;
  std::string uuid;   // empty: none
  std::string minor;  // empty: any
  bool read_only = false;
  std::string table;  // lines for ParseTable
};

// What can be created of a --concise text, and what is wrong with the rest of it.
struct ConciseText {
  std::vector<ConciseDevice> devices;
  // Lines to print, once the devices before the mistake have been made. Empty: no mistake.
  std::vector<std::string> errors;
};

// Devices separated by semicolons; a backslash takes the next byte as it is. Of keys nothing is
// left but in the tables of `devices`; errors have them hidden (see HideKeys), also those of a
// table that stands in another field's place.
ConciseText ParseConcise(absl::string_view text);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_TABLE_TEXT_H_
