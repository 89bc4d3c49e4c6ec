// SPDX-License-Identifier: Apache-2.0
// Bytes from kernels, file names and programs made fit for a terminal and for JSON.

#ifndef DMKIT_DRIVER_CLI_DISPLAYABLE_H_
#define DMKIT_DRIVER_CLI_DISPLAYABLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmkit::driver::cli {

// `bytes` with each byte that is not part of well-formed UTF-8 written as \xNN. The result is
// well-formed; text that was is unchanged.
std::string ValidUtf8(absl::string_view bytes);

// The same, and control characters (C0 without newline, DEL, C1) written as \xNN too: what is left
// cannot steer a terminal. A message may have several lines.
std::string DisplayableMessage(absl::string_view bytes);

// The same with newlines written as \x0a: fits a line of a table.
std::string DisplayableLine(absl::string_view bytes);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_DISPLAYABLE_H_
