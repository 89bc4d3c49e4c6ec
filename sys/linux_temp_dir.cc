// SPDX-License-Identifier: Apache-2.0
// mkdtemp, and the removal of a whole tree.

#include "sys/linux_temp_dir.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::sys {

TempDir::TempDir() {
  const char* const base = std::getenv("TEST_TMPDIR");
  std::string pattern = absl::StrCat(base == nullptr ? "/tmp" : base, "/dmkit_XXXXXX");
  DMKIT_CHECK(mkdtemp(&pattern[0]) != nullptr);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace dmkit::sys
