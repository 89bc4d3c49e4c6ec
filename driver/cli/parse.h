// SPDX-License-Identifier: Apache-2.0
// From the words of a command line to a typed request. Pure: looks at nothing but the words, so
// that wrong usage is known before anything is touched.

#ifndef DMKIT_DRIVER_CLI_PARSE_H_
#define DMKIT_DRIVER_CLI_PARSE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "driver/cli/commands.h"
#include "driver/cli/request.h"

namespace dmkit::driver::cli {

struct Parsed {
  // What was asked for, or INVALID_ARGUMENT with what is wrong and what would be right.
  absl::StatusOr<Request> request;
  // Valid when `request` is. The format is that of a --format option wherever it stands, also when
  // something else is wrong.
  GlobalValues global;
  // The command; set when `request` is valid. After an error, what was named of the two, if
  // anything.
  const CommandSpec* command = nullptr;
  const SectionSpec* section = nullptr;
};

// Parses the words behind the program's name. Options are `--name VALUE` or `--name=VALUE`; the
// global ones stand anywhere, those of a command behind its words; `--` ends them. An option that
// is not repeatable is refused the second time. Names, ids, numbers and dm.* options are validated
// here.
Parsed Parse(const std::vector<std::string>& words);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_PARSE_H_
