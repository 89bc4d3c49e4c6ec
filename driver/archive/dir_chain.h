// SPDX-License-Identifier: Apache-2.0
// A way down a tree of directories, of any depth, that holds few of them open. What is done in them
// must not come in.

#ifndef DMKIT_DRIVER_ARCHIVE_DIR_CHAIN_H_
#define DMKIT_DRIVER_ARCHIVE_DIR_CHAIN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sys/device_number.h"
#include "sys/host.h"

namespace dmkit::driver {

// The directories from a root to where somebody is. Open are the last 64 and every 64th of the
// others; one that was closed is opened again by the names that led to it, and is the same
// directory or an error (EBUSY). So there is no limit but that of descriptors at some 30,000
// levels, and none on the length of the path. Symbolic links are not followed. Not thread-safe.
class DirChain {
 public:
  // `root` is borrowed.
  explicit DirChain(sys::Dir& root) : root_(root) {}

  size_t depth() const { return levels_.size(); }  // 0: at the root
  sys::Dir& top() { return levels_.empty() ? root_ : *levels_.back().dir; }

  // Goes into the directory `name` of the top. Errors: ENOENT; ENOTDIR or ELOOP when it is another
  // file (by now); EMFILE.
  absl::Status Enter(const std::string& name);
  // Goes back to the one that holds the top. Not at the root.
  absl::Status Leave();

  // The directory at `depth`, at most that of the top. Valid until the next call on this object.
  absl::StatusOr<sys::Dir*> At(size_t depth);

 private:
  struct Level {
    std::string name;
    std::unique_ptr<sys::Dir> dir;  // null: closed, and then it is the one with this identity
    sys::DeviceNumber device;
    uint64_t inode = 0;
  };

  // The open directory at `depth`, or null.
  sys::Dir* OpenAt(size_t depth);
  // Opens the closed directory at `depth`, whose parent is `parent`.
  absl::StatusOr<std::unique_ptr<sys::Dir>> OpenAgain(sys::Dir& parent, size_t depth);

  sys::Dir& root_;
  std::vector<Level> levels_;
  // One more open directory: what At opened last.
  std::unique_ptr<sys::Dir> aside_;
  size_t aside_depth_ = 0;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_DIR_CHAIN_H_
