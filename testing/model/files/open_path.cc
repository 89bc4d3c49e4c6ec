// SPDX-License-Identifier: Apache-2.0
// From a path to an open file. Mirrors path_openat(), do_open() and may_open() of fs/namei.c.

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "testing/model/files/made_up.h"
#include "testing/model/files/open_files.h"
#include "testing/model/files/path_calls.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kUmask = 022;
constexpr uint32_t kMemoryMajor = 1;

bool IsDevice(const Inode& inode) {
  return inode.attributes.type == sys::FileType::kBlockDevice ||
         inode.attributes.type == sys::FileType::kCharDevice;
}

}  // namespace

// Comes to the file, through symbolic links. `is_missing` says that only the last name is not
// there.
int PathCalls::OpenLast(Walk* walk, const sys::OpenOptions& options, Location* found,
                        bool* is_missing) const {
  while (true) {
    const bool is_name = walk->last == Walk::Last::kName;
    if (is_name && options.create && walk->has_slash) return -EISDIR;
    int error = names_.LookupLast(user(), *walk, found);
    *is_missing = is_name && error == -ENOENT;
    if (error != 0) return error;
    if (found->inode->attributes.type != sys::FileType::kSymlink) {
      return walk->has_slash && !found->inode->is_directory() ? -ENOTDIR : 0;
    }
    if (options.create && options.exclusive) return -EEXIST;
    if (options.no_follow && !walk->has_slash) return -ELOOP;
    error = names_.FollowLast(user(), *found->inode, walk);
    if (error != 0) return error;
  }
}

int PathCalls::Open(absl::string_view path, const sys::OpenOptions& options,
                    std::shared_ptr<OpenFile>* file, Location* location) const {
  Walk walk;
  int error = names_.WalkToLast(user(), start_, path, &walk);
  // The second round is for a file that somebody else made while this call waited.
  for (int round = 0; error == 0 && round < 2; ++round) {
    bool is_missing = false;
    error = OpenLast(&walk, options, location, &is_missing);
    if (error == 0) return OpenFound(*location, options, false, file);
    if (!is_missing || !options.create) return error;
    const Location parent = walk.at;
    if (parent.mount->is_read_only) return -EROFS;
    if (parent.inode->made_up == nullptr) {
      error = parent.filesystem().BeginChange(0, true);
      if (error != 0) return error;
    }
    InodeAttributes attributes;
    attributes.mode = options.mode & 07777 & ~kUmask;
    error = LinkNew(parent, walk.name, std::move(attributes));
    if (error == 0) error = names_.LookupIn(user(), parent, walk.name, location);
    if (error == 0) return OpenFound(*location, options, true, file);
    if (error == -EEXIST) error = 0;
  }
  return error;
}

int PathCalls::OpenFound(const Location& found, const sys::OpenOptions& options, bool is_new,
                         std::shared_ptr<OpenFile>* file) const {
  const Inode& inode = *found.inode;
  const bool writes = options.access == sys::Access::kReadWrite;
  if (options.create && !is_new) {
    if (options.exclusive) return -EEXIST;
    if (inode.is_directory()) return -EISDIR;
  }
  if (inode.is_directory() && writes) return -EISDIR;
  if (IsDevice(inode) && found.mount->has_no_devices) return -EACCES;
  const bool changes_filesystem = writes && inode.attributes.type == sys::FileType::kRegular;
  if (changes_filesystem && found.filesystem().is_read_only()) return -EROFS;
  if (!is_new && !IsAllowed(user(), inode, writes ? kMayRead | kMayWrite : kMayRead)) {
    return -EACCES;
  }
  if (changes_filesystem && found.mount->is_read_only) return -EROFS;
  OpenMode mode;
  mode.write = writes;
  mode.direct = options.direct;
  mode.exclusive = options.exclusive;
  return MakeOpenFile(found, mode, options.nonblock, file);
}

int PathCalls::OpenCharDevice(const Location& found, const OpenMode& mode,
                              std::shared_ptr<OpenFile>* file) const {
  const sys::DeviceNumber number = found.inode->attributes.rdevice;
  if (number.major == kMemoryMajor && MemoryDeviceFile::Has(number.minor)) {
    *file = std::make_shared<MemoryDeviceFile>(core_, names_, found, mode);
    return 0;
  }
  const MiscDevice* const device = core_.chars.Find(number);
  if (device == nullptr) return -ENXIO;
  *file = device->open(process_, mode, names_.PathOf(found));
  return 0;
}

int PathCalls::MakeOpenFile(const Location& found, const OpenMode& mode, bool nonblock,
                            std::shared_ptr<OpenFile>* file) const {
  const Inode& inode = *found.inode;
  switch (inode.attributes.type) {
    case sys::FileType::kRegular: {
      if (mode.direct && found.filesystem().DirectIoBytes() == 0) return -EINVAL;
      if (inode.made_up == nullptr) {
        *file = std::make_shared<RegularFile>(core_, names_, found, mode);
        return 0;
      }
      if (mode.write && found.filesystem().kind() == "sysfs") return -EACCES;
      std::string text;
      const int error = inode.made_up->file().text(&text);
      if (error != 0) return error;
      *file = std::make_shared<MadeUpTextFile>(core_, names_, found, mode, std::move(text));
      return 0;
    }
    case sys::FileType::kDirectory:
      if (mode.direct) return -EINVAL;
      *file = std::make_shared<DirectoryFile>(core_, names_, found, mode);
      return 0;
    case sys::FileType::kBlockDevice: {
      auto device = std::make_shared<BlockFile>(core_, names_, found, mode);
      const int error = device->OpenDevice();
      if (error == 0) *file = std::move(device);
      return error;
    }
    case sys::FileType::kCharDevice:
      return OpenCharDevice(found, mode, file);
    case sys::FileType::kFifo: {
      const std::string what = absl::StrCat("open of ", names_.PathOf(found), ": nobody writes");
      const bool waits = !nonblock && !mode.write;
      const int error =
          waits ? core_.scheduler.Wait(WaitKind::kInterruptible, what, [] { return false; }) : 0;
      if (error == 0) *file = std::make_shared<FifoFile>(core_, names_, found, mode);
      return error;
    }
    case sys::FileType::kSymlink:
    case sys::FileType::kSocket:
      break;
  }
  return -ENXIO;
}

int PathCalls::OpenDirectory(absl::string_view path, Resolving resolving,
                             std::shared_ptr<OpenFile>* file, Location* location) const {
  const bool follows = resolving == Resolving::kFollow;
  const int error = resolving == Resolving::kInRoot
                        ? names_.ResolveInRoot(user(), start_, path, location)
                        : names_.Resolve(user(), start_, path, follows, location);
  if (error != 0) return error;
  if (!location->inode->is_directory()) return -ENOTDIR;
  if (!IsAllowed(user(), *location->inode, kMayRead)) return -EACCES;
  *file = std::make_shared<DirectoryFile>(core_, names_, *location, OpenMode());
  return 0;
}

}  // namespace dmkit::model
