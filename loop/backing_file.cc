// SPDX-License-Identifier: Apache-2.0
// What is refused here never reaches a loop device.

#include "loop/backing_file.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sys/block.h"
#include "sys/status.h"
#include "sys/units.h"

namespace dmkit::loop {
namespace {

absl::StatusOr<BackingIdentity> Identify(const sys::FileStat& stat, absl::string_view path) {
  if (stat.type == sys::FileType::kDirectory) {
    return sys::ErrnoStatus(EISDIR, absl::StrCat("backing file ", path, ": is a directory"));
  }
  if (stat.type != sys::FileType::kRegular && stat.type != sys::FileType::kBlockDevice) {
    return sys::ErrnoStatus(EINVAL, absl::StrCat("backing file ", path,
                                                 ": is neither a regular file nor a block device"));
  }
  return BackingIdentity{stat.device, stat.inode, stat.rdevice};
}

absl::Status ExplainOpenError(const absl::Status& status, const AttachOptions& options) {
  const int error = sys::GetErrno(status);
  if (options.direct_io && error == EINVAL) {
    return sys::AddContext(status, "its filesystem has no direct I/O, attach without it");
  }
  if (!options.read_only &&
      (error == EROFS || error == EACCES || error == EPERM || error == ETXTBSY)) {
    return sys::AddContext(status, "it cannot be written, attach it read-only or make it writable");
  }
  return status;
}

absl::Status CheckSize(sys::Bytes size, sys::Bytes offset, absl::string_view path) {
  if (size.count() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("backing file ", path, ": is empty; a loop device needs at least ",
                     sys::kSectorBytes, " bytes, make it as large as the device shall be"));
  }
  if (size.count() < offset.count() || size.count() - offset.count() < sys::kSectorBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "backing file ", path, ": has ", size.count(), " bytes, which leaves no whole sector of ",
        sys::kSectorBytes, " behind the offset ", offset.count()));
  }
  return absl::OkStatus();
}

absl::StatusOr<sys::Bytes> SizeOf(sys::File& file, const sys::FileStat& stat) {
  if (stat.type == sys::FileType::kBlockDevice) return sys::BlockSize(file);
  return sys::Bytes(stat.size_bytes);
}

}  // namespace

bool SameBackingFile(const BackingIdentity& identity, const StatusReply& status) {
  constexpr sys::DeviceNumber kNone;
  if (identity.rdevice != kNone || status.rdevice != kNone) {
    return identity.rdevice == status.rdevice;
  }
  return identity.device == status.device && identity.inode == status.inode;
}

absl::Status CheckBackingPath(absl::string_view path) {
  if (path.empty() || path[0] != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("backing file '", path, "': the path must be absolute"));
  }
  if (path.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError("backing file: the path contains a NUL");
  }
  return absl::OkStatus();
}

absl::StatusOr<BackingIdentity> IdentifyBackingFile(const sys::Host& host, absl::string_view path) {
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, host.root->Stat(path));
  return Identify(stat, path);
}

absl::StatusOr<BackingFile> OpenBackingFile(const sys::Host& host, absl::string_view path,
                                            const AttachOptions& options) {
  // Before the open, which would wait for a writer of a FIFO or start a tape.
  DMKIT_RETURN_IF_ERROR(IdentifyBackingFile(host, path));
  sys::OpenOptions how;
  how.access = options.read_only ? sys::Access::kReadOnly : sys::Access::kReadWrite;
  // Kernels up to 6.11 choose the block size that direct I/O needs only for a file opened this way.
  how.direct = options.direct_io;
  BackingFile backing;
  absl::StatusOr<std::unique_ptr<sys::File>> file = host.root->OpenFile(path, how);
  if (!file.ok()) return ExplainOpenError(file.status(), options);
  backing.file = *std::move(file);
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, backing.file->Stat());
  DMKIT_ASSIGN_OR_RETURN(backing.identity, Identify(stat, path));
  DMKIT_ASSIGN_OR_RETURN(const sys::Bytes size, SizeOf(*backing.file, stat));
  DMKIT_RETURN_IF_ERROR(CheckSize(size, options.offset, path));
  // The name is for people: where /proc does not tell, the caller's word has to do.
  const absl::StatusOr<std::string> real =
      host.root->ReadLink(absl::StrCat("/proc/self/fd/", backing.file->descriptor()));
  backing.real_path = real.ok() && CheckBackingPath(*real).ok() ? *real : std::string(path);
  return backing;
}

}  // namespace dmkit::loop
