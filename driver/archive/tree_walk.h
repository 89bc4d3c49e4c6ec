// SPDX-License-Identifier: Apache-2.0
// The walk over two trees at once that changes, sizes and exports are made from. Says what differs,
// in order; what is done with it is the visitor's.

#ifndef DMKIT_DRIVER_ARCHIVE_TREE_WALK_H_
#define DMKIT_DRIVER_ARCHIVE_TREE_WALK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/archive/changes.h"
#include "sys/host.h"

namespace dmkit::driver {

// One changed name. The references are valid during the call only.
struct TreeChange {
  const Change& change;
  sys::Dir& parent;            // the directory of the newer tree that holds, or held, `name`
  const std::string& name;     // the last component of change.path
  const sys::FileStat* newer;  // null: deleted
  const sys::FileStat* older;  // null: added
};

class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;
  // An error ends the walk and is returned by it.
  virtual absl::Status OnChange(const TreeChange& change) = 0;
  // A file of AUFS in the newer tree, which is no part of the layer.
  virtual void OnLeftOut(const std::string& /*path*/) {}
  // An unchanged file, no directory, that has or had several names. True: to be told as kModify.
  virtual absl::StatusOr<bool> IsRelinked(const std::string& /*path*/,
                                          const sys::FileStat& /*newer*/,
                                          const sys::FileStat& /*older*/) {
    return false;
  }
};

// Tells what differs, as WalkChanges says. With `older` null everything is added.
absl::Status WalkTrees(sys::Dir& newer, sys::Dir* older, TreeVisitor& visitor);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_TREE_WALK_H_
