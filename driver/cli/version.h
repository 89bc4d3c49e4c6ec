// SPDX-License-Identifier: Apache-2.0
// Which dmkit this is.

#ifndef DMKIT_DRIVER_CLI_VERSION_H_
#define DMKIT_DRIVER_CLI_VERSION_H_

#include "absl/strings/string_view.h"

namespace dmkit::driver::cli {

inline constexpr absl::string_view kVersion = "0.1.0";

// The commit that the binary was built from, with "+changes" behind it when the tree had others;
// "unknown" when it was not built from a git checkout.
absl::string_view Commit();

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_VERSION_H_
