// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/apply_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/archive/tar_reader.h"
#include "sys/device_number.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

// Nobody but its owner until the real mode is set.
constexpr uint32_t kFileMode = 0600;
constexpr uint32_t kDirectoryMode = 0700;

absl::Status SetXattrs(sys::Dir& dir, const std::string& name, const TarEntry& entry,
                       XattrReport& report) {
  for (const TarXattr& xattr : entry.xattrs) {
    const absl::Status set = dir.SetXattr(name, xattr.name, xattr.value);
    if (set.ok()) continue;
    if (sys::GetErrno(set) != ENOTSUP) return set;
    if (report.refused++ == 0) {
      report.first = absl::StrCat(sys::Printable(xattr.name), " of ", sys::Printable(entry.name));
    }
  }
  return absl::OkStatus();
}

// Those of "security" are the host's (SELinux, IMA) unless the archive has them.
absl::Status RemoveOtherXattrs(sys::Dir& dir, absl::string_view file, const TarEntry& entry) {
  const absl::StatusOr<std::vector<std::string>> names = dir.ListXattrs(file);
  if (sys::GetErrno(names.status()) == ENOTSUP) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(names);
  for (const std::string& name : *names) {
    const auto same = [&name](const TarXattr& xattr) { return xattr.name == name; };
    if (absl::StartsWith(name, "security.")) continue;
    if (std::any_of(entry.xattrs.begin(), entry.xattrs.end(), same)) continue;
    const absl::Status removed = dir.RemoveXattr(file, name);
    if (!removed.ok() && sys::GetErrno(removed) != ENODATA) return removed;
  }
  return absl::OkStatus();
}

absl::Status MakeDirectory(sys::Dir& dir, const std::string& name, const TarEntry& entry,
                           XattrReport& report) {
  const absl::Status made = dir.MakeDir(name, kDirectoryMode);
  if (!made.ok() && sys::GetErrno(made) != EEXIST) return made;
  const absl::StatusOr<std::unique_ptr<sys::Dir>> child = dir.OpenDirNoFollow(name);
  const int error = sys::GetErrno(child.status());
  if (!made.ok() && (error == ENOTDIR || error == ELOOP)) return made;
  DMKIT_RETURN_IF_ERROR(child);
  return SetDirectoryMetadata(**child, entry, report);
}

absl::Status MakeRegular(sys::Dir& dir, const std::string& name, const TarEntry& entry,
                         TarReader& reader) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = true;
  options.exclusive = true;
  options.no_follow = true;
  options.mode = kFileMode;
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> file, dir.OpenFile(name, options));
  uint64_t end = 0;
  DMKIT_RETURN_IF_ERROR(reader.ReadData([&](uint64_t offset, absl::string_view bytes) {
    end = offset + bytes.size();
    return file->WriteAt(offset, bytes);
  }));
  return end < entry.size_bytes ? file->Truncate(entry.size_bytes) : absl::OkStatus();
}

absl::Status MakeAny(sys::Dir& dir, const std::string& name, const TarEntry& entry,
                     TarReader& reader) {
  switch (entry.type) {
    case TarType::kRegular:
      return MakeRegular(dir, name, entry, reader);
    case TarType::kSymlink:
      return dir.MakeSymlink(entry.link, name);
    case TarType::kBlockDevice:
      return dir.MakeNode(name, sys::FileType::kBlockDevice, entry.device, kFileMode);
    case TarType::kCharDevice:
      return dir.MakeNode(name, sys::FileType::kCharDevice, entry.device, kFileMode);
    case TarType::kFifo:
      return dir.MakeNode(name, sys::FileType::kFifo, sys::DeviceNumber{}, kFileMode);
    case TarType::kDirectory:
    case TarType::kHardLink:
      break;
  }
  return absl::InternalError("not made by this function");
}

}  // namespace

absl::Status SetDirectoryMetadata(sys::Dir& dir, const TarEntry& entry, XattrReport& report) {
  DMKIT_RETURN_IF_ERROR(dir.SetOwner(".", entry.uid, entry.gid));
  DMKIT_RETURN_IF_ERROR(RemoveOtherXattrs(dir, ".", entry));
  DMKIT_RETURN_IF_ERROR(SetXattrs(dir, ".", entry, report));
  return dir.SetMode(".", entry.mode);
}

absl::Status MakeFile(sys::Dir& dir, const std::string& name, const TarEntry& entry,
                      TarReader& reader, XattrReport& report) {
  if (entry.type == TarType::kDirectory) return MakeDirectory(dir, name, entry, report);
  DMKIT_RETURN_IF_ERROR(MakeAny(dir, name, entry, reader));
  DMKIT_RETURN_IF_ERROR(dir.SetOwner(name, entry.uid, entry.gid));
  // A directory with a default ACL has given it one.
  DMKIT_RETURN_IF_ERROR(RemoveOtherXattrs(dir, name, entry));
  DMKIT_RETURN_IF_ERROR(SetXattrs(dir, name, entry, report));
  if (entry.type != TarType::kSymlink) DMKIT_RETURN_IF_ERROR(dir.SetMode(name, entry.mode));
  return dir.SetTimes(name, entry.accessed, entry.modified);
}

}  // namespace dmkit::driver
