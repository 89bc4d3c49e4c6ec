// SPDX-License-Identifier: Apache-2.0
// What a caller may ask of an export or an apply. Values only.

#ifndef DMKIT_DRIVER_ARCHIVE_OPTIONS_H_
#define DMKIT_DRIVER_ARCHIVE_OPTIONS_H_

#include <cstdint>
#include <functional>

#include "absl/strings/string_view.h"

namespace dmkit::driver {

struct ArchiveOptions {
  // Told the bytes of the archive so far, about once a MiB and at the end; may be empty. Called in
  // the thread that made the call; must not fail and should not block.
  std::function<void(uint64_t bytes)> progress;
  // Told, as one line without a newline, what an export leaves out on purpose; may be empty.
  std::function<void(absl::string_view message)> warn;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_OPTIONS_H_
