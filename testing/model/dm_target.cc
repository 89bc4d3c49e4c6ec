// SPDX-License-Identifier: Apache-2.0
// What all targets have.

#include "testing/model/dm_target.h"

#include "absl/strings/str_cat.h"

namespace dmkit::model {

std::string Target::ImaPrefix() const {
  const Version& version = type_.version();
  return absl::StrCat("target_name=", type_.name(), ",target_version=", version[0], ".", version[1],
                      ".", version[2]);
}

}  // namespace dmkit::model
