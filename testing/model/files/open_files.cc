// SPDX-License-Identifier: Apache-2.0
// What can be done with an open file.

#include "testing/model/files/open_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "testing/model/files/made_up.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kNullMinor = 3;
constexpr uint32_t kFullMinor = 7;

}  // namespace

sys::FileStat StatOf(const Location& location) {
  const Inode& inode = *location.inode;
  const InodeAttributes& attributes = inode.attributes;
  sys::FileStat stat;
  stat.type = attributes.type;
  stat.mode = attributes.mode;
  stat.uid = attributes.uid;
  stat.gid = attributes.gid;
  stat.device = location.filesystem().device();
  stat.rdevice = attributes.rdevice;
  stat.inode = inode.number();
  stat.links = inode.made_up == nullptr ? inode.links() : (inode.is_directory() ? 2 : 1);
  stat.modified = attributes.modified;
  stat.changed = attributes.changed;
  if (inode.made_up != nullptr) {
    stat.size_bytes = inode.made_up->file().size;
    return stat;
  }
  switch (attributes.type) {
    case sys::FileType::kRegular:
      stat.size_bytes = inode.bytes.size();
      stat.allocated_bytes = inode.bytes.allocated();
      break;
    case sys::FileType::kDirectory:
      stat.size_bytes = kPageBytes;
      stat.allocated_bytes = kPageBytes;
      break;
    case sys::FileType::kSymlink:
      stat.size_bytes = attributes.symlink_target.size();
      break;
    default:
      break;
  }
  return stat;
}

PathFile::PathFile(Core& core, Namespace& names, Location location, OpenMode mode)
    : OpenFile(mode),
      core_(core),
      names_(names),
      location_(std::move(location)),
      use_(names, location_.mount) {}

PathFile::~PathFile() { ReleaseLock(inode(), this); }

void ReleaseLock(Inode& inode, const OpenFile* file) {
  inode.lock.shared.erase(file);
  if (inode.lock.exclusive == file) inode.lock.exclusive = nullptr;
}

int PathFile::Sync() {
  Filesystem& filesystem = location_.filesystem();
  return inode().is_directory() ? filesystem.SyncDirectory(inode()) : filesystem.SyncFile(inode());
}

bool RegularFile::IsDirectAligned(uint64_t offset, uint64_t length) const {
  if (!mode().direct) return true;
  const uint32_t block = location().filesystem().DirectIoBytes();
  return block == 0 || (offset % block == 0 && length % block == 0);
}

// file_remove_privs() takes the capabilities of a program with what it was.
void RegularFile::Changed() {
  InodeAttributes& attributes = inode().attributes;
  attributes.modified = core().Stamp();
  attributes.changed = attributes.modified;
  attributes.xattrs.erase(kCapabilityXattr);
  location().tree().NoteChange();
}

int64_t RegularFile::ReadAt(uint64_t offset, absl::Span<char> buffer) {
  if (!mode().read) return -EBADF;
  if (!IsDirectAligned(offset, buffer.size())) return -EINVAL;
  const uint64_t size = inode().bytes.size();
  if (offset >= size) return 0;
  const size_t length = std::min<uint64_t>(buffer.size(), size - offset);
  inode().bytes.Read(offset, buffer.subspan(0, length));
  return static_cast<int64_t>(length);
}

int RegularFile::WriteAt(uint64_t offset, absl::string_view data) {
  if (!mode().write) return -EBADF;
  if (data.empty()) return 0;
  const uint64_t most = location().filesystem().max_file_bytes();
  if (offset > most || data.size() > most - offset) return -EFBIG;
  if (!IsDirectAligned(offset, data.size())) return -EINVAL;
  const SparseBytes& bytes = inode().bytes;
  const bool has_holes = bytes.allocated() < bytes.size();
  const bool grows = has_holes || offset + data.size() > bytes.size();
  const int error = location().filesystem().BeginChange(grows ? data.size() : 0, false);
  if (error != 0) return error;
  inode().bytes.Write(offset, data);
  Changed();
  return 0;
}

int RegularFile::PunchHole(uint64_t offset, uint64_t length) {
  if (!mode().write) return -EBADF;
  if (length == 0) return -EINVAL;
  if (!location().filesystem().can_punch_holes()) return -EOPNOTSUPP;
  const int error = location().filesystem().BeginChange(0, false);
  if (error != 0) return error;
  inode().bytes.Zero(offset, length);
  Changed();
  return 0;
}

int RegularFile::Truncate(uint64_t size) {
  if (!mode().write) return -EINVAL;
  if (size > location().filesystem().max_file_bytes()) return -EFBIG;
  const int error = location().filesystem().BeginChange(0, false);
  if (error != 0) return error;
  inode().bytes.Resize(size);
  Changed();
  return 0;
}

int RegularFile::NextData(uint64_t offset, uint64_t* begin, uint64_t* end) {
  return inode().bytes.NextData(offset, begin, end) ? 0 : -ENXIO;
}

uint32_t RegularFile::DirectIoBytes() const { return location().filesystem().DirectIoBytes(); }

int64_t MadeUpTextFile::ReadAt(uint64_t offset, absl::Span<char> buffer) {
  if (offset >= text_.size()) return 0;
  const size_t length = std::min<uint64_t>(buffer.size(), text_.size() - offset);
  std::memcpy(buffer.data(), text_.data() + offset, length);
  return static_cast<int64_t>(length);
}

int64_t MemoryDeviceFile::ReadAt(uint64_t, absl::Span<char> buffer) {
  if (inode().attributes.rdevice.minor == kNullMinor) return 0;
  std::fill(buffer.begin(), buffer.end(), '\0');
  return static_cast<int64_t>(buffer.size());
}

int MemoryDeviceFile::WriteAt(uint64_t, absl::string_view data) {
  if (!mode().write) return -EBADF;
  return inode().attributes.rdevice.minor == kFullMinor && !data.empty() ? -ENOSPC : 0;
}

int BlockFile::OpenDevice() {
  Opener opener;
  opener.who = absl::StrCat("file ", Path());
  opener.write = mode().write;
  opener.claim = mode().exclusive ? this : nullptr;
  return OpenBlockDevice(core(), inode().attributes.rdevice, opener, &device_);
}

bool BlockFile::IsDirectAligned(uint64_t offset, uint64_t length) const {
  const uint32_t block = DirectIoBytes();
  return offset % block == 0 && length % block == 0;
}

int64_t BlockFile::ReadAt(uint64_t offset, absl::Span<char> buffer) {
  if (!mode().read) return -EBADF;
  if (offset >= size() || buffer.empty()) return 0;
  const absl::Span<char> inside =
      buffer.subspan(0, std::min<uint64_t>(buffer.size(), size() - offset));
  int error = 0;
  if (mode().direct) {
    if (!IsDirectAligned(offset, inside.size())) return -EINVAL;
    error = device_->WriteBack(offset, inside.size());
    if (error == 0) error = device_->Read(offset, inside);
  } else {
    error = device_->BufferedRead(offset, inside);
  }
  return error == 0 ? static_cast<int64_t>(inside.size()) : error;
}

int BlockFile::WriteInside(uint64_t offset, absl::string_view data) {
  if (!mode().direct) return device_->BufferedWrite(offset, data);
  if (!IsDirectAligned(offset, data.size())) return -EINVAL;
  const int error = device_->WriteBack(offset, data.size());
  if (error != 0) return error;
  device_->Forget(offset, data.size());
  return device_->Write(offset, data);
}

int BlockFile::WriteAt(uint64_t offset, absl::string_view data) {
  if (!mode().write) return -EBADF;
  if (data.empty()) return 0;
  if (device_->read_only()) return -EPERM;
  if (offset >= size()) return -ENOSPC;
  const absl::string_view inside = data.substr(0, size() - offset);
  const int error = WriteInside(offset, inside);
  if (error != 0) return error;
  // What fits is written before the rest is refused.
  return inside.size() == data.size() ? 0 : -ENOSPC;
}

int BlockFile::PunchHole(uint64_t offset, uint64_t length) {
  if (!mode().write) return -EBADF;
  if (offset >= size()) return -EINVAL;
  if (length > size() - offset) length = size() - offset;
  const uint64_t block = DirectIoBytes();
  if (offset % block != 0 || length % block != 0) return -EINVAL;
  device_->Forget(offset, length);
  Io io;
  io.kind = IoKind::kWriteZeroes;
  io.offset = offset;
  io.length = length;
  return device_->Submit(io);
}

int BlockFile::Ioctl(Process& process, unsigned long request, UserMemory argument) {
  const BlockDevice::IoctlContext context = {process, mode().write,
                                             mode().exclusive ? this : nullptr};
  return BlockIoctl(*device_.get(), context, request, argument);
}

}  // namespace dmkit::model
