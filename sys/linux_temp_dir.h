// SPDX-License-Identifier: Apache-2.0
// A temporary directory of this machine. For tests only.

#ifndef DMKIT_SYS_LINUX_TEMP_DIR_H_
#define DMKIT_SYS_LINUX_TEMP_DIR_H_

#include <string>

namespace dmkit::sys {

// Made below TEST_TMPDIR, or below the system's directory for such; removed with all in it on
// destruction. The process ends when it cannot be made.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_LINUX_TEMP_DIR_H_
