// SPDX-License-Identifier: Apache-2.0
// Reading the extended attributes of one file. No choice among them: all count.

#ifndef DMKIT_DRIVER_ARCHIVE_XATTRS_H_
#define DMKIT_DRIVER_ARCHIVE_XATTRS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"

namespace dmkit::driver {

struct Xattr {
  std::string name;
  std::string value;  // bytes
};

// The extended attributes of `name` itself (a symbolic link is not followed), in the order of their
// names; none on a filesystem that has none (ENOTSUP). One that is removed meanwhile is left out.
// Errors: those of the seam's ListXattrs and GetXattr.
absl::StatusOr<std::vector<Xattr>> ReadXattrs(sys::Dir& dir, absl::string_view name);

// Whether `name` has the same extended attributes in both directories. Holds one value of each at a
// time. Errors as ReadXattrs.
absl::StatusOr<bool> SameXattrs(sys::Dir& dir, sys::Dir& other, absl::string_view name);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_XATTRS_H_
