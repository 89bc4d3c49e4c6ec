// SPDX-License-Identifier: Apache-2.0
// Extended attributes through the seam.

#include "driver/archive/xattrs.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

absl::StatusOr<std::vector<std::string>> Names(sys::Dir& dir, absl::string_view name) {
  auto names = dir.ListXattrs(name);
  if (sys::GetErrno(names.status()) == ENOTSUP) return std::vector<std::string>();
  return names;
}

// Nothing when it is gone.
absl::StatusOr<std::optional<std::string>> Value(sys::Dir& dir, absl::string_view name,
                                                 const std::string& xattr) {
  auto value = dir.GetXattr(name, xattr);
  if (sys::GetErrno(value.status()) == ENODATA) return std::optional<std::string>();
  DMKIT_RETURN_IF_ERROR(value);
  return std::optional<std::string>(*std::move(value));
}

}  // namespace

absl::StatusOr<std::vector<Xattr>> ReadXattrs(sys::Dir& dir, absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(dir, name));
  std::vector<Xattr> xattrs;
  for (const std::string& xattr : names) {
    DMKIT_ASSIGN_OR_RETURN(std::optional<std::string> value, Value(dir, name, xattr));
    if (value.has_value()) xattrs.push_back({xattr, *std::move(value)});
  }
  return xattrs;
}

absl::StatusOr<bool> SameXattrs(sys::Dir& dir, sys::Dir& other, absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(dir, name));
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> other_names, Names(other, name));
  if (names != other_names) return false;
  for (const std::string& xattr : names) {
    DMKIT_ASSIGN_OR_RETURN(const std::optional<std::string> value, Value(dir, name, xattr));
    DMKIT_ASSIGN_OR_RETURN(const std::optional<std::string> other_value, Value(other, name, xattr));
    if (value != other_value) return false;
  }
  return true;
}

}  // namespace dmkit::driver
