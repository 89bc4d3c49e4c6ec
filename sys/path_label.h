// SPDX-License-Identifier: Apache-2.0
// How messages of the seam name a path. Resolves nothing: no symbolic links, no "..".

#ifndef DMKIT_SYS_PATH_LABEL_H_
#define DMKIT_SYS_PATH_LABEL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmkit::sys {

// `path` as seen from `directory`: "/a" and "b" give "/a/b", an absolute `path` stays, "" and "."
// are the directory itself.
std::string PathLabel(absl::string_view directory, absl::string_view path);

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_PATH_LABEL_H_
