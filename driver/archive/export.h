// SPDX-License-Identifier: Apache-2.0
// A layer as a tar archive: what changed since its parent, with whiteouts for what is gone.

#ifndef DMKIT_DRIVER_ARCHIVE_EXPORT_H_
#define DMKIT_DRIVER_ARCHIVE_EXPORT_H_

#include "absl/status/status.h"
#include "driver/archive/options.h"
#include "sys/host.h"
#include "sys/stream.h"

namespace dmkit::driver {

// Writes what WalkChanges tells of `newer` and `older` to `out`, in that order, as a layer archive
// that makes `newer` from a copy of `older` when it is applied; with `older` null all of `newer`.
// The same trees give the same bytes.
//
// Of several names of one file the first that is written carries the contents, the others are hard
// links to it. A file that got a name has all its names written, also those that did not change:
// only so they stay one file, and the archive needs nothing that is not in it. What is gone is an
// empty file ".wh.<name>". A socket is left out with a warning; one in the place of something else
// is a whiteout for that.
//
// An error with any file is an error of the export; `out` has then got an archive without an end.
// EINVAL: a changed file is called ".wh.<something>", which a layer archive cannot say. EBUSY: a
// file became another or shrank while it was read, somebody writes to the layer. ENOENT: one
// vanished. E2BIG: more than a MiB of extended attributes. Others: those of the seam and of `out`.
// Memory does not depend on the sizes of files; besides that of WalkChanges it holds the names of
// files with several names, and 100 bytes for each of those in both trees. Blocks on both
// filesystems and on `out`.
absl::Status ExportChanges(sys::Dir& newer, sys::Dir* older, const ArchiveOptions& options,
                           sys::ByteSink& out);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_EXPORT_H_
