// SPDX-License-Identifier: Apache-2.0
// Extended attributes on Linux: of a file by its path below a directory. The calls that take a
// descriptor and a path are younger than the kernels that must do, and a descriptor of the file
// itself cannot be had of every kind of file.

#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "sys/linux_internal.h"
#include "sys/status.h"

namespace dmkit::sys::internal {
namespace {

// XATTR_SIZE_MAX and XATTR_LIST_MAX: no value and no list is longer.
constexpr size_t kBytesMax = 65536;
// Nearly all are shorter.
constexpr size_t kBytesFirst = 512;

// A path for the calls that take no descriptor.
absl::StatusOr<std::string> WholePath(absl::string_view operation, const PathAt& at) {
  DMKIT_ASSIGN_OR_RETURN(std::string path, KernelPath(operation, at.path));
  if (at.path.empty()) return ErrnoStatus(ENOENT, absl::StrCat(operation, " ", at.label));
  if (at.path.front() == '/') return path;
  return absl::StrCat("/proc/self/fd/", at.dir, "/", path);
}

// What `call(buffer, size)` writes, which is more than kBytesMax never.
template <typename Call>
absl::StatusOr<std::string> ReadAll(absl::string_view operation, absl::string_view object,
                                    Call call) {
  std::string bytes(kBytesFirst, '\0');
  ssize_t got = RetryOnEintr([&] { return call(&bytes[0], bytes.size()); });
  if (got == -1 && errno == ERANGE) {
    bytes.resize(kBytesMax);
    got = RetryOnEintr([&] { return call(&bytes[0], bytes.size()); });
  }
  if (got == -1) return CallStatus(-1, operation, object);
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

std::string Object(const PathAt& at, absl::string_view name) {
  return absl::StrCat(name, " of ", at.label);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ListXattrsAt(const PathAt& at) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, WholePath("list xattrs", at));
  DMKIT_ASSIGN_OR_RETURN(const std::string text,
                         ReadAll("list xattrs", at.label, [&path](char* buffer, size_t size) {
                           return llistxattr(path.c_str(), buffer, size);
                         }));
  std::vector<std::string> names = absl::StrSplit(text, '\0', absl::SkipEmpty());
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::string> GetXattrAt(const PathAt& at, absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, WholePath("get xattr", at));
  DMKIT_ASSIGN_OR_RETURN(const std::string key, KernelPath("get xattr", name));
  return ReadAll("get xattr", Object(at, name), [&path, &key](char* buffer, size_t size) {
    return lgetxattr(path.c_str(), key.c_str(), buffer, size);
  });
}

absl::Status SetXattrAt(const PathAt& at, absl::string_view name, absl::string_view value) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, WholePath("set xattr", at));
  DMKIT_ASSIGN_OR_RETURN(const std::string key, KernelPath("set xattr", name));
  const int result = RetryOnEintr(
      [&] { return lsetxattr(path.c_str(), key.c_str(), value.data(), value.size(), 0); });
  return CallStatus(result, "set xattr", Object(at, name));
}

absl::Status RemoveXattrAt(const PathAt& at, absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, WholePath("remove xattr", at));
  DMKIT_ASSIGN_OR_RETURN(const std::string key, KernelPath("remove xattr", name));
  const int result = RetryOnEintr([&] { return lremovexattr(path.c_str(), key.c_str()); });
  return CallStatus(result, "remove xattr", Object(at, name));
}

}  // namespace dmkit::sys::internal
