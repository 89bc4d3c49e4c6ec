// SPDX-License-Identifier: Apache-2.0
// Looks for devices that a table opens for reading only, and then for writing.

#include "dm/open_modes.h"

#include <cstddef>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

// The place of the word that a target of `type` opens for reading only, also in a table that is to
// be written. dm-thin.c, thin_ctr(); dm-snap.c, snapshot_ctr().
constexpr size_t kNone = ~size_t{0};
size_t OriginOf(absl::string_view type) {
  if (type == "thin") return 2;
  return type == "snapshot" ? 0 : kNone;
}

std::set<absl::string_view> OriginsOf(const std::vector<TableLine>& table) {
  std::set<absl::string_view> origins;
  for (const TableLine& line : table) {
    const size_t origin = OriginOf(line.type.text());
    if (origin == kNone) continue;
    const std::vector<absl::string_view> words = sys::SplitWords(line.params);
    if (origin < words.size()) origins.insert(words[origin]);
  }
  return origins;
}

}  // namespace

absl::Status CheckOpenModes(const std::vector<TableLine>& table) {
  const std::set<absl::string_view> origins = OriginsOf(table);
  if (origins.empty()) return absl::OkStatus();
  std::set<absl::string_view> written;
  std::map<absl::string_view, size_t> read_only;  // and the line
  for (size_t line = 0; line < table.size(); ++line) {
    const std::vector<absl::string_view> words = sys::SplitWords(table[line].params);
    for (size_t i = 0; i < words.size(); ++i) {
      if (origins.count(words[i]) == 0 || written.count(words[i]) != 0) continue;
      if (i == OriginOf(table[line].type.text())) {
        read_only.emplace(words[i], line);
        continue;
      }
      const auto opened = read_only.find(words[i]);
      // One target with the same device twice is refused by the kernel before it opens the second.
      if (opened != read_only.end() && opened->second != line) {
        return absl::InvalidArgumentError(
            absl::StrCat("table line ", line + 1, " opens ", sys::Printable(words[i]),
                         " for writing behind line ", opened->second + 1,
                         ", which opens it for reading only: the kernel would crash; put a "
                         "linear device on it, and use that in one of them"));
      }
      written.insert(words[i]);
    }
  }
  return absl::OkStatus();
}

}  // namespace dmkit::dm
