// SPDX-License-Identifier: Apache-2.0
// Completion scripts for the shells, written from the table of commands alone. A script runs no
// command that could bring a pool up: it reads the names of state files for layers.

#ifndef DMKIT_DRIVER_CLI_COMPLETION_H_
#define DMKIT_DRIVER_CLI_COMPLETION_H_

#include <string>

namespace dmkit::driver::cli {

enum class Shell { kBash, kZsh, kFish };

// The script that makes `shell` complete the words of dmkit. The same at every call.
std::string CompletionScript(Shell shell);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_COMPLETION_H_
