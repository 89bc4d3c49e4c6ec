// SPDX-License-Identifier: Apache-2.0
// What changed between two trees, as a list and as a size.

#ifndef DMKIT_DRIVER_ARCHIVE_CHANGES_H_
#define DMKIT_DRIVER_ARCHIVE_CHANGES_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sys/host.h"

namespace dmkit::driver {

enum class ChangeKind { kModify, kAdd, kDelete };

// The letter that stands for a kind in a list: C, A or D.
char ChangeLetter(ChangeKind kind);

struct Change {
  ChangeKind kind = ChangeKind::kModify;
  std::string path;  // "/etc/hosts": bytes, from the root of the layer
};

// Calls `visit` for each difference between `newer` and `older`; with `older` null everything in
// `newer` is added. A directory comes before what is in it, siblings in the order of their bytes.
//
// A name of both trees is modified when difference.h says so. A directory with a change inside is
// modified, too. Of a removed directory only its own name is told; of an added one everything. A
// directory in the place of a file, or the other way round, is modified, and what is in the new one
// is added. The root itself is never told. Not looked at: lost+found in the root, and AUFS's own
// files: ".wh..wh..opq", and what begins with ".wh..wh." in the root.
//
// `visit` gets the change, the directory of `newer` that holds (or held) the name, the name, and
// what StatLink says of it: null when it is deleted. They are valid during the call. An error of
// `visit` ends the walk and is returned.
//
// One stat for each name in each tree, and little else where nothing changed. Memory is bounded by
// the depth and by the directories on one path. Depth and length of a path are not limited; of
// descriptors a deep tree takes up to 130, and two for each 64 levels (dir_chain.h). A file that
// vanishes between the listing and the stat counts as not there. Errors: those of the seam, by
// errno; EBUSY when a directory was replaced while the walk was below it. Blocks on both
// filesystems. Safe to repeat.
absl::Status WalkChanges(
    sys::Dir& newer, sys::Dir* older,
    absl::FunctionRef<absl::Status(const Change& change, sys::Dir& parent_dir,
                                   const std::string& name, const sys::FileStat* stat)>
        visit);

// How many bytes the added and modified files of `newer` have: their sizes, not the space that they
// take; directories count nothing, a file with several names once, a symbolic link as many bytes as
// its target has. Errors and cost as WalkChanges, and memory for each file with several names.
absl::StatusOr<uint64_t> ChangesSize(sys::Dir& newer, sys::Dir* older);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_CHANGES_H_
