// SPDX-License-Identifier: Apache-2.0
// The joining of two paths.

#include "sys/path_label.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dmkit::sys {

std::string PathLabel(absl::string_view directory, absl::string_view path) {
  if (path.empty() || path == ".") return std::string(directory);
  if (absl::StartsWith(path, "/")) return std::string(path);
  return absl::StrCat(directory, absl::EndsWith(directory, "/") ? "" : "/", path);
}

}  // namespace dmkit::sys
