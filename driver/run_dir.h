// SPDX-License-Identifier: Apache-2.0
// The directories of one store under /run: for what means nothing after a reboot. Nothing that is
// to last may come in there.

#ifndef DMKIT_DRIVER_RUN_DIR_H_
#define DMKIT_DRIVER_RUN_DIR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::driver {

// Opens <run_dir>/<name>, making it and its missing parents (mode 0700) when it is missing.
// `run_dir` is absolute. Errors are those of making and opening directories (EACCES, EROFS, ENOSPC,
// ENOTDIR). Safe to repeat.
absl::StatusOr<std::unique_ptr<sys::Dir>> OpenRunDir(const sys::Host& host,
                                                     absl::string_view run_dir,
                                                     absl::string_view name);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_RUN_DIR_H_
