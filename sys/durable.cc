// SPDX-License-Identifier: Apache-2.0
// The order of calls that makes a file durable. No locks: callers exclude other writers.

#include "sys/durable.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::sys {
namespace {

constexpr size_t kReadChunkBytes = size_t{4} * 1024;

// A name with a slash would live in another directory than the one that is synced.
absl::Status CheckName(absl::string_view name) {
  const bool inside =
      !name.empty() && name != "." && name != ".." && name.find('/') == absl::string_view::npos;
  if (inside) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("file name '", name, "': must be a name in the directory, not a path"));
}

// A file that an interrupted replacement left behind is in the way of an exclusive open.
absl::StatusOr<std::unique_ptr<File>> MakeTemporary(Dir& dir, absl::string_view name) {
  OpenOptions options;
  options.access = Access::kReadWrite;
  options.create = true;
  options.exclusive = true;
  absl::StatusOr<std::unique_ptr<File>> file = dir.OpenFile(name, options);
  if (GetErrno(file.status()) != EEXIST) return file;
  DMKIT_RETURN_IF_ERROR(dir.Unlink(name));
  return dir.OpenFile(name, options);
}

absl::Status FillAndRename(Dir& dir, File& file, absl::string_view temporary,
                           absl::string_view name, absl::string_view contents, bool durable) {
  DMKIT_RETURN_IF_ERROR(file.WriteAt(0, contents));
  if (durable) DMKIT_RETURN_IF_ERROR(file.Sync());
  return dir.Rename(temporary, name);
}

absl::Status Replace(Dir& dir, absl::string_view name, absl::string_view contents, bool durable) {
  DMKIT_RETURN_IF_ERROR(CheckName(name));
  const std::string temporary = absl::StrCat(".", name, ".tmp");
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, MakeTemporary(dir, temporary));
  const absl::Status renamed = FillAndRename(dir, *file, temporary, name, contents, durable);
  if (!renamed.ok()) {
    return WithSecondError(renamed, "remove the temporary file", dir.Unlink(temporary));
  }
  return durable ? dir.Sync() : absl::OkStatus();
}

absl::string_view WithoutTrailingSlashes(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

// "" for a path of one component.
absl::string_view Parent(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? "" : WithoutTrailingSlashes(path.substr(0, slash + 1));
}

}  // namespace

absl::Status ReplaceFileDurably(Dir& dir, absl::string_view name, absl::string_view contents) {
  return Replace(dir, name, contents, /*durable=*/true);
}

absl::Status ReplaceFile(Dir& dir, absl::string_view name, absl::string_view contents) {
  return Replace(dir, name, contents, /*durable=*/false);
}

absl::Status RemoveFileDurably(Dir& dir, absl::string_view name) {
  DMKIT_RETURN_IF_ERROR(CheckName(name));
  absl::Status removed = dir.Unlink(name);
  if (!removed.ok() && GetErrno(removed) != ENOENT) return removed;
  return dir.Sync();
}

absl::StatusOr<std::string> ReadFile(Dir& dir, absl::string_view name, size_t size_max) {
  OpenOptions options;
  options.nonblock = true;  // a FIFO in the place of the file must not stop us
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, dir.OpenFile(name, options));
  std::string contents;
  while (true) {
    const size_t old_size = contents.size();
    // One byte more than allowed shows that the file is too large.
    const size_t chunk = std::min(kReadChunkBytes - 1, size_max - old_size) + 1;
    contents.resize(old_size + chunk);
    DMKIT_ASSIGN_OR_RETURN(const size_t got,
                           file->ReadAt(old_size, absl::MakeSpan(&contents[old_size], chunk)));
    contents.resize(old_size + got);
    if (contents.size() > size_max) {
      return ErrnoStatus(EFBIG, absl::StrCat("read ", name, ": more than ", size_max, " bytes"));
    }
    if (got < chunk) return contents;
  }
}

absl::Status MakeDirs(Dir& dir, absl::string_view path, uint32_t mode) {
  path = WithoutTrailingSlashes(path);
  absl::Status made = dir.MakeDir(path, mode);
  const absl::string_view parent = Parent(path);
  if (GetErrno(made) == ENOENT && !parent.empty() && parent != path) {
    DMKIT_RETURN_IF_ERROR(MakeDirs(dir, parent, mode));
    made = dir.MakeDir(path, mode);
  }
  if (GetErrno(made) != EEXIST) return made;
  DMKIT_ASSIGN_OR_RETURN(const FileStat stat, dir.Stat(path));
  if (stat.type == FileType::kDirectory) return absl::OkStatus();
  return ErrnoStatus(ENOTDIR, absl::StrCat("make directory ", path, ": something else is there"));
}

}  // namespace dmkit::sys
