// SPDX-License-Identifier: Apache-2.0
// Looks for devices that a table opens in one mode, and then in a further one.

#include "dm/open_modes.h"

#include <cstddef>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

constexpr unsigned kRead = 1;
constexpr unsigned kWrite = 2;

// A word of a target that is opened in the same mode whatever the table's is.
struct FixedMode {
  absl::string_view type;
  size_t word;
  unsigned mode;
};

// dm-thin.c, thin_ctr(); dm-snap.c, snapshot_ctr(); dm-cache-target.c, parse_cache_args();
// dm-clone-target.c, clone_ctr(); dm-era-target.c, era_ctr(). verity, which reads alone, takes no
// table that is to be written, and a thin-pool is alone in its table.
constexpr FixedMode kFixedModes[] = {
    {"cache", 0, kRead | kWrite},  {"cache", 1, kRead | kWrite}, {"cache", 2, kRead | kWrite},
    {"clone", 0, kRead | kWrite},  {"clone", 1, kRead | kWrite}, {"clone", 2, kRead},
    {"era", 0, kRead | kWrite},    {"era", 1, kRead | kWrite},   {"snapshot", 0, kRead},
    {"snapshot-merge", 0, kWrite}, {"thin", 2, kRead},
};

// Null: as the table is loaded, if the word is a device at all.
const FixedMode* FindFixedMode(absl::string_view type, size_t word) {
  for (const FixedMode& fixed : kFixedModes) {
    if (fixed.type == type && fixed.word == word) return &fixed;
  }
  return nullptr;
}

// The devices that some line opens in a mode of its own: no other can be opened in two.
std::set<absl::string_view> DevicesWithFixedModes(const std::vector<TableLine>& table) {
  std::set<absl::string_view> devices;
  for (const TableLine& line : table) {
    const std::vector<absl::string_view> words = sys::SplitWords(line.params);
    for (size_t i = 0; i < words.size(); ++i) {
      if (FindFixedMode(line.type.text(), i) != nullptr) devices.insert(words[i]);
    }
  }
  return devices;
}

struct Opened {
  unsigned mode;
  size_t line;
};

}  // namespace

absl::Status CheckOpenModes(const std::vector<TableLine>& table, bool read_only) {
  const std::set<absl::string_view> devices = DevicesWithFixedModes(table);
  std::map<absl::string_view, Opened> all;
  for (size_t line = 0; line < table.size() && !devices.empty(); ++line) {
    const std::vector<absl::string_view> words = sys::SplitWords(table[line].params);
    for (size_t i = 0; i < words.size(); ++i) {
      if (devices.count(words[i]) == 0) continue;
      const FixedMode* fixed = FindFixedMode(table[line].type.text(), i);
      const unsigned usual = read_only ? kRead : kRead | kWrite;
      const unsigned mode = fixed != nullptr ? fixed->mode : usual;
      const Opened& opened = all.emplace(words[i], Opened{mode, line}).first->second;
      const unsigned further = mode & ~opened.mode;
      // One target with the same device twice is refused by the kernel before it opens the second.
      if (further == 0 || opened.line == line) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("table line ", line + 1, " opens ", sys::Printable(words[i]), " for ",
                       (further & kWrite) != 0 ? "writing" : "reading", " behind line ",
                       opened.line + 1, ", which does not: the kernel would crash; put a linear ",
                       "device on it, and use that in one of them"));
    }
  }
  return absl::OkStatus();
}

}  // namespace dmkit::dm
