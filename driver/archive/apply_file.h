// SPDX-License-Identifier: Apache-2.0
// One entry of an archive as one file of a directory. Where that is, and what was there before, is
// apply.cc's.

#ifndef DMKIT_DRIVER_ARCHIVE_APPLY_FILE_H_
#define DMKIT_DRIVER_ARCHIVE_APPLY_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "driver/archive/tar_reader.h"
#include "sys/host.h"

namespace dmkit::driver {

// Extended attributes that the filesystem does not have.
struct XattrReport {
  uint64_t refused = 0;
  std::string first;  // printable
};

// Makes `entry`, the current one of `reader` and no hard link, as `name` in `dir`: contents, owner,
// extended attributes, mode and times, in this order. A directory that is there is taken over, its
// times are left alone. Errors: EEXIST, nothing changed, when anything else is there; those of
// reading; the errno of the call.
absl::Status MakeFile(sys::Dir& dir, const std::string& name, const TarEntry& entry,
                      TarReader& reader, XattrReport& report);

// Gives the directory `dir` the owner, the extended attributes and the mode of `entry`. Attributes
// that `entry` does not have are removed, except for the host's own labels.
absl::Status SetDirectoryMetadata(sys::Dir& dir, const TarEntry& entry, XattrReport& report);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_APPLY_FILE_H_
