// SPDX-License-Identifier: Apache-2.0
// The only file that is compiled anew for another commit.

#include "driver/cli/version.h"

#include "absl/strings/string_view.h"
#include "driver/cli/commit.h"

namespace dmkit::driver::cli {

absl::string_view Commit() { return kCommit; }

}  // namespace dmkit::driver::cli
