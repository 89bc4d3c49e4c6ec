// SPDX-License-Identifier: Apache-2.0
// The manual page, written from the table of commands alone.

#ifndef DMKIT_DRIVER_CLI_MANUAL_H_
#define DMKIT_DRIVER_CLI_MANUAL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmkit::driver::cli {

// dmkit(8) in the macros of man(7), for the program's version `version`. The same at every call.
std::string ManualPage(absl::string_view version);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_MANUAL_H_
