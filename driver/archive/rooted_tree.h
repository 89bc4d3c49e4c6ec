// SPDX-License-Identifier: Apache-2.0
// Directories of a layer by name, found so that no name and no symbolic link leads out of it: as
// if the layer's root were "/". What is done in them must not come in.

#ifndef DMKIT_DRIVER_ARCHIVE_ROOTED_TREE_H_
#define DMKIT_DRIVER_ARCHIVE_ROOTED_TREE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::driver {

// Remembers the last directory, since archives list a directory's files one after the other. Not
// thread-safe; nobody else may rename directories of the tree meanwhile.
class RootedTree {
 public:
  // `root` must outlive this object.
  explicit RootedTree(sys::Dir& root);

  // A directory that is valid until the next call on this object.
  struct Place {
    sys::Dir* dir = nullptr;
    uint64_t inode = 0;
  };
  // The directory `path`, "" for the root. Errors: ENOENT; ENOTDIR; ELOOP after 40 symbolic links.
  absl::StatusOr<Place> Open(absl::string_view path);
  // The same, and makes what is missing of it: mode 0755, owner 0:0. Where a symbolic link leads is
  // not made. Repeating it is safe.
  absl::StatusOr<Place> OpenOrMake(absl::string_view path);

  // Gives the file `from` of the directory `from_dir` the name `to` in the directory `to_dir`, as
  // Open() finds both. OK when that is its name already. Errors: those of Open(), EEXIST, EPERM for
  // a directory, EMLINK; ENAMETOOLONG two names of which each is longer than the kernel takes at
  // once (4095 bytes) even as seen from the last directory that both are in.
  absl::Status Link(absl::string_view from_dir, absl::string_view from, absl::string_view to_dir,
                    absl::string_view to);

  // Removes `name` of the directory `dir`, with all that is in it, however deep that is. OK when it
  // is not there. `dir` may be that of the last place, which stays valid.
  absl::Status Remove(sys::Dir& dir, absl::string_view name);

 private:
  // A directory found component by component, and its name without any symbolic link.
  struct Walked {
    std::unique_ptr<sys::Dir> dir;
    std::string real_path;
  };
  enum class Missing { kFail, kMake };
  absl::StatusOr<Walked> Walk(absl::string_view path, Missing missing);
  absl::StatusOr<std::unique_ptr<sys::Dir>> Find(absl::string_view path);
  absl::StatusOr<std::unique_ptr<sys::Dir>> FindChild(absl::string_view path);
  absl::StatusOr<Place> Remember(absl::string_view path, std::unique_ptr<sys::Dir> dir);

  sys::Dir& root_;
  bool kernel_resolves_ = true;  // until it says otherwise
  bool remembered_ = false;
  std::string path_;
  std::unique_ptr<sys::Dir> dir_;
  uint64_t inode_ = 0;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_ROOTED_TREE_H_
