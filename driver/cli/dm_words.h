// SPDX-License-Identifier: Apache-2.0
// Which words of a command line are dmsetup's. Pure: what dmsetup makes of them is dm/dmsetup's
// business.

#ifndef DMKIT_DRIVER_CLI_DM_WORDS_H_
#define DMKIT_DRIVER_CLI_DM_WORDS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "driver/cli/parse.h"

namespace dmkit::driver::cli {

// `dmkit [GLOBAL OPTIONS] dm WORDS...`.
struct DmWords {
  std::vector<std::string> global;   // dmkit's own options, wherever they stood
  std::vector<std::string> dmsetup;  // what dmsetup would have behind its name
};

// Nothing when `words` are of another kind: another command, no word behind `dm`, or a help that is
// dmkit's own (--help).
std::optional<DmWords> FindDmWords(const std::vector<std::string>& words);

// What dmkit's own options of such words say. The request is good for nothing but to tell whether
// they are right; where they are not, its error and the rest are those of the command that is
// named.
Parsed ParseOwnOptions(const DmWords& words);

// Whether a program that was called as `path` is dmsetup.
bool IsDmsetup(absl::string_view path);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_DM_WORDS_H_
