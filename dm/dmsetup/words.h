// SPDX-License-Identifier: Apache-2.0
// The words behind `dmsetup`: options in dmsetup's own spellings, anywhere among the arguments,
// shortened as getopt_long allows. Pure: words in, values and lines for standard error out. What
// an option means to a command does not belong here.

#ifndef DMKIT_DM_DMSETUP_WORDS_H_
#define DMKIT_DM_DMSETUP_WORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dm/dmsetup/mangling.h"

namespace dmkit::dm::dmsetup {

// --readahead: nothing means "auto".
struct ReadAhead {
  uint32_t sectors = 0;
  bool at_least = false;  // "+SECTORS": what is larger already stays
};

// Options that change nothing here, as those of `dmsetup stats`, are accepted and dropped.
struct Words {
  std::optional<std::string> command;
  std::vector<std::string> arguments;

  bool add_node_on_create = false;
  bool add_node_on_resume = false;
  bool columns = false;  // -c, -C
  bool concise = false;
  bool deferred = false;
  bool force = false;
  bool help = false;
  bool inactive = false;
  bool name_prefixes = false;
  bool no_flush = false;
  bool no_headings = false;
  bool no_lockfs = false;
  bool no_table = false;  // -n
  bool no_udev_rules = false;
  bool no_udev_sync = false;
  bool read_only = false;  // -r
  bool retry = false;
  bool rows = false;
  bool set_uuid = false;
  bool show_keys = false;
  bool tree = false;
  bool unquoted = false;
  bool verify_udev = false;
  bool version = false;
  bool yes = false;
  int verbose = 0;

  std::optional<int32_t> major;  // both or none
  std::optional<int32_t> minor;
  std::optional<int32_t> user;   // --uid
  std::optional<int32_t> group;  // --gid
  std::optional<int32_t> mode;
  std::optional<Mangling> mangling;
  std::optional<ReadAhead> read_ahead;
  std::optional<uint32_t> udev_cookie;  // one that could not be read is none

  std::optional<std::string> exec;
  std::optional<std::string> options;  // -o
  std::optional<std::string> select;
  std::optional<std::string> separator;
  std::optional<std::string> sort;
  std::optional<std::string> table;
  std::optional<std::string> target;
  std::optional<std::string> uuid;
};

struct ParsedWords {
  Words words;
  bool ok = true;      // false: `errors` says why; help and version were not looked for yet
  std::string errors;  // whole lines for standard error, also when `ok`
};

// `program` stands where getopt_long prints argv[0].
ParsedWords ParseWords(absl::string_view program, const std::vector<std::string>& words);

// The number that `text` begins with, as atoi() reads it: 0 where there is none; what does not fit
// is cut to its low 32 bits.
int32_t LeadingNumber(absl::string_view text);

// A cookie as strtoul(text, _, 0) reads it, whole, and not 0. Nothing for any other text.
std::optional<uint32_t> ParseCookie(absl::string_view text);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_WORDS_H_
