// SPDX-License-Identifier: Apache-2.0
// The names of the directories that a user hands in, in one form. No file is looked at.

#ifndef DMKIT_DRIVER_DIRECTORY_NAME_H_
#define DMKIT_DRIVER_DIRECTORY_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver {

// `path` without slashes at its end, so that a path below it has one form. INVALID_ARGUMENT one
// that is not absolute, or the root directory itself, whose mnt/ is not for us; the message calls
// it `what`.
absl::StatusOr<std::string> CleanDirectory(absl::string_view path, absl::string_view what);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DIRECTORY_NAME_H_
