// SPDX-License-Identifier: Apache-2.0
// The names of the directories that a user hands in, checked. No file is looked at.

#ifndef DMKIT_DRIVER_DIRECTORY_NAME_H_
#define DMKIT_DRIVER_DIRECTORY_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver {

// `path` without slashes at its end, and as it is otherwise: "//" in it stays. INVALID_ARGUMENT one
// that is not absolute, one that is slashes alone (the root directory, whose mnt/ is not for us),
// and one that goes by "." or "..", which may end there too and mean something else after a link.
// The message calls it `what`.
absl::StatusOr<std::string> CleanDirectory(absl::string_view path, absl::string_view what);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DIRECTORY_NAME_H_
