// SPDX-License-Identifier: Apache-2.0

#include "driver/directory_name.h"

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver {

absl::StatusOr<std::string> CleanDirectory(absl::string_view path, absl::string_view what) {
  const size_t last = path.find_last_not_of('/');
  if (!absl::StartsWith(path, "/") || last == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " \"", path, "\" must be the absolute path of a directory below /"));
  }
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part != "." && part != "..") continue;
    return absl::InvalidArgumentError(
        absl::StrCat(what, " \"", path, "\" goes by \"", part,
                     "\": name the directory itself (`realpath` tells its name)"));
  }
  return std::string(path.substr(0, last + 1));
}

}  // namespace dmkit::driver
