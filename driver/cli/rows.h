// SPDX-License-Identifier: Apache-2.0
// Aligned columns of text. What is in them is not known here.

#ifndef DMKIT_DRIVER_CLI_ROWS_H_
#define DMKIT_DRIVER_CLI_ROWS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmkit::driver::cli {

// The number of characters in `text`, which is UTF-8: close enough to its width on a terminal.
size_t Width(absl::string_view text);

// One line per row. Columns are as wide as their widest cell and two blanks apart; no line ends
// with a blank. Rows may be shorter than others.
std::string FormatColumns(const std::vector<std::vector<std::string>>& rows);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_ROWS_H_
