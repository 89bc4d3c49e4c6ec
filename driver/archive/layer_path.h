// SPDX-License-Identifier: Apache-2.0
// Names of an archive as places in a layer, by their text alone. No file is looked at here.

#ifndef DMKIT_DRIVER_ARCHIVE_LAYER_PATH_H_
#define DMKIT_DRIVER_ARCHIVE_LAYER_PATH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver {

// A place in a layer: "usr/lib" and "libc.so". Both are empty for the root itself, `parent` for
// what is in it. Neither has "", "." or ".." as a component.
struct LayerPath {
  std::string parent;
  std::string base;
  // "usr/lib/libc.so", "" for the root.
  std::string Join() const { return parent.empty() ? base : parent + "/" + base; }
};

// The place that `name` means, as text: "." and "" count for nothing, ".." takes one away, and a
// "/" in front is the layer's root. Errors: INVALID_ARGUMENT when a ".." leaves the root;
// ENAMETOOLONG from 64 KiB on.
absl::StatusOr<LayerPath> ParseLayerPath(absl::string_view name);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_LAYER_PATH_H_
