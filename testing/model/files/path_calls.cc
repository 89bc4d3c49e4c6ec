// SPDX-License-Identifier: Apache-2.0
// The calls that change names, and those that look at them.

#include "testing/model/files/path_calls.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "testing/model/files/made_up.h"
#include "testing/model/files/open_files.h"

namespace dmkit::model {
namespace {

constexpr uint32_t kUmask = 022;
constexpr uint32_t kSetUid = 04000;
constexpr uint32_t kSetGid = 02000;
constexpr uint32_t kSticky = 01000;
constexpr uint32_t kGroupExecute = 010;
constexpr uint32_t kUnchanged = 0xffffffff;
constexpr uint64_t kLinksMax = 65000;  // of ext4, the lowest

}  // namespace

int PathCalls::WantWrite(const Location& location, bool makes_inode, uint64_t grows_bytes) {
  if (location.mount->is_read_only) return -EROFS;
  if (location.inode->made_up != nullptr) return 0;
  return location.filesystem().BeginChange(grows_bytes, makes_inode);
}

// Attributes or names of a file have changed.
void PathCalls::NoteChanged(const Location& file) const {
  file.inode->attributes.changed = core_.Stamp();
  file.tree().NoteChange();
}

// The directory's entries have changed.
int PathCalls::Touch(const Location& directory) const {
  NoteChanged(directory);
  directory.inode->attributes.modified = directory.inode->attributes.changed;
  return 0;
}

int PathCalls::LinkNew(const Location& directory, const std::string& name,
                       InodeAttributes attributes) const {
  if (!IsAllowed(user(), *directory.inode, kMayWrite | kMayExecute)) return -EACCES;
  if (directory.inode->made_up != nullptr) return directory.filesystem().BeginChange(0, true);
  const bool is_device = attributes.type == sys::FileType::kBlockDevice ||
                         attributes.type == sys::FileType::kCharDevice;
  if (is_device && !process_.is_root()) return -EPERM;
  attributes.uid = user();
  attributes.gid = user();
  attributes.modified = core_.Stamp();
  attributes.changed = attributes.modified;
  const InodePtr inode = directory.tree().Make(std::move(attributes));
  const int error = directory.tree().Link(directory.inode, name, inode);
  return error == 0 ? Touch(directory) : error;
}

// filename_create().
int PathCalls::WalkToNew(absl::string_view path, bool may_have_slash, Walk* walk) const {
  int error = names_.WalkToLast(user(), start_, path, walk);
  if (error != 0) return error;
  if (walk->last != Walk::Last::kName) return -EEXIST;
  Location found;
  error = names_.LookupIn(user(), walk->at, walk->name, &found);
  if (error == 0) return -EEXIST;
  if (error != -ENOENT) return error;
  if (walk->has_slash && !may_have_slash) return -ENOENT;
  return WantWrite(walk->at, true);
}

int PathCalls::Create(absl::string_view path, InodeAttributes attributes,
                      bool may_have_slash) const {
  Walk walk;
  const int error = WalkToNew(path, may_have_slash, &walk);
  return error == 0 ? LinkNew(walk.at, walk.name, std::move(attributes)) : error;
}

int PathCalls::MakeDir(absl::string_view path, uint32_t mode) const {
  InodeAttributes attributes;
  attributes.type = sys::FileType::kDirectory;
  attributes.mode = mode & (0777 | kSticky) & ~kUmask;
  return Create(path, std::move(attributes), true);
}

int PathCalls::MakeSymlink(absl::string_view target, absl::string_view path) const {
  if (target.empty()) return -ENOENT;
  if (target.size() >= kPathMax) return -ENAMETOOLONG;
  InodeAttributes attributes;
  attributes.type = sys::FileType::kSymlink;
  attributes.mode = 0777;
  attributes.symlink_target = std::string(target);
  return Create(path, std::move(attributes), false);
}

// do_linkat() and vfs_link(), as where protected_hardlinks is off.
int PathCalls::MakeLink(absl::string_view from, absl::string_view to) const {
  Location source;
  int error = names_.Resolve(user(), start_, from, false, &source);
  Walk walk;
  if (error == 0) error = WalkToNew(to, false, &walk);
  if (error != 0) return error;
  if (source.mount != walk.at.mount) return -EXDEV;
  if (!IsAllowed(user(), *walk.at.inode, kMayWrite | kMayExecute)) return -EACCES;
  if (walk.at.inode->made_up != nullptr || source.inode->is_directory()) return -EPERM;
  if (source.inode->links() >= kLinksMax) return -EMLINK;
  error = walk.at.tree().Link(walk.at.inode, walk.name, source.inode);
  if (error != 0) return error;
  NoteChanged(source);
  return Touch(walk.at);
}

int PathCalls::MakeNode(absl::string_view path, sys::FileType type, sys::DeviceNumber device,
                        uint32_t mode) const {
  InodeAttributes attributes;
  attributes.type = type;
  attributes.mode = mode & 07777;
  const bool is_device = type == sys::FileType::kBlockDevice || type == sys::FileType::kCharDevice;
  if (is_device) attributes.rdevice = device;
  return Create(path, std::move(attributes), false);
}

// may_delete(), but for what is a directory and what is not.
int PathCalls::MayRemove(const Location& directory, const Location& victim) const {
  if (!IsAllowed(user(), *directory.inode, kMayWrite | kMayExecute)) return -EACCES;
  const InodeAttributes& attributes = directory.inode->attributes;
  const bool is_owner =
      user() == 0 || user() == attributes.uid || user() == victim.inode->attributes.uid;
  return (attributes.mode & kSticky) != 0 && !is_owner ? -EPERM : 0;
}

int PathCalls::Unlink(absl::string_view path) const {
  Walk walk;
  int error = names_.WalkToLast(user(), start_, path, &walk);
  if (error != 0) return error;
  if (walk.last != Walk::Last::kName) return -EISDIR;
  error = WantWrite(walk.at, false);
  if (error != 0) return error;
  Location victim;
  error = names_.LookupIn(user(), walk.at, walk.name, &victim);
  if (error != 0) return error;
  const bool is_directory = victim.inode->is_directory();
  if (walk.has_slash) return is_directory ? -EISDIR : -ENOTDIR;
  error = MayRemove(walk.at, victim);
  if (error != 0) return error;
  if (is_directory) return -EISDIR;
  if (walk.at.inode->made_up != nullptr) return -EPERM;
  error = walk.at.tree().Unlink(walk.at.inode, walk.name);
  if (error != 0) return error;
  NoteChanged(victim);
  return Touch(walk.at);
}

int PathCalls::RemoveDir(absl::string_view path) const {
  Walk walk;
  int error = names_.WalkToLast(user(), start_, path, &walk);
  if (error != 0) return error;
  if (walk.last == Walk::Last::kDotDot) return -ENOTEMPTY;
  if (walk.last == Walk::Last::kDot) return -EINVAL;
  if (walk.last == Walk::Last::kRoot) return -EBUSY;
  error = WantWrite(walk.at, false);
  if (error != 0) return error;
  Location victim;
  error = names_.LookupIn(user(), walk.at, walk.name, &victim);
  if (error == 0) error = MayRemove(walk.at, victim);
  if (error != 0) return error;
  if (!victim.inode->is_directory()) return -ENOTDIR;
  if (walk.at.inode->made_up != nullptr) return -EPERM;
  if (names_.IsMountPoint(victim)) return -EBUSY;
  error = walk.at.tree().Unlink(walk.at.inode, walk.name);
  return error == 0 ? Touch(walk.at) : error;
}

// The part of do_renameat2() and vfs_rename() behind the look-up of both parents.
int PathCalls::RenameInto(const Walk& from, const Walk& to) const {
  Location moved;
  int error = names_.LookupIn(user(), from.at, from.name, &moved);
  if (error != 0) return error;
  Location replaced;
  error = names_.LookupIn(user(), to.at, to.name, &replaced);
  if (error != 0 && error != -ENOENT) return error;
  const bool has_replaced = error == 0;
  const bool is_directory = moved.inode->is_directory();
  if (!is_directory && (from.has_slash || to.has_slash)) return -ENOTDIR;
  // Before anything else is looked at, and nothing changes (fs/namei.c, vfs_rename(), v6.1).
  if (has_replaced && replaced.inode == moved.inode) return 0;
  error = MayRemove(from.at, moved);
  if (error == 0 && has_replaced) error = MayRemove(to.at, replaced);
  if (error != 0) return error;
  if (!IsAllowed(user(), *to.at.inode, kMayWrite | kMayExecute)) return -EACCES;
  const bool moves_directory = is_directory && from.at.inode != to.at.inode;
  if (moves_directory && !IsAllowed(user(), *moved.inode, kMayWrite)) return -EACCES;
  if (from.at.inode->made_up != nullptr) return -EPERM;
  const bool is_busy =
      names_.IsMountPoint(moved) || (has_replaced && names_.IsMountPoint(replaced));
  if (is_busy) return -EBUSY;
  error = from.at.tree().Rename({from.at.inode, from.name}, {to.at.inode, to.name});
  if (error != 0) return error;
  NoteChanged(moved);
  if (has_replaced) NoteChanged(replaced);
  Touch(from.at);
  return Touch(to.at);
}

int PathCalls::Rename(absl::string_view from, absl::string_view to) const {
  Walk from_walk;
  Walk to_walk;
  int error = names_.WalkToLast(user(), start_, from, &from_walk);
  if (error == 0) error = names_.WalkToLast(user(), start_, to, &to_walk);
  if (error != 0) return error;
  if (from_walk.at.mount != to_walk.at.mount) return -EXDEV;
  const bool are_names = from_walk.last == Walk::Last::kName && to_walk.last == Walk::Last::kName;
  if (!are_names) return -EBUSY;
  error = WantWrite(from_walk.at, false);
  return error == 0 ? RenameInto(from_walk, to_walk) : error;
}

int PathCalls::List(absl::string_view path, std::vector<sys::DirEntry>* entries) const {
  std::shared_ptr<OpenFile> file;
  Location location;
  const int error = OpenDirectory(path, Resolving::kFollow, &file, &location);
  if (error != 0) return error;
  const Inode& inode = *location.inode;
  if (inode.made_up != nullptr) {
    *entries = ListMadeUp(inode);
    std::sort(entries->begin(), entries->end(),
              [](const sys::DirEntry& a, const sys::DirEntry& b) { return a.name < b.name; });
    return 0;
  }
  for (const auto& [name, entry] : inode.entries()) {
    entries->push_back({name, entry->attributes.type});
  }
  return 0;
}

int PathCalls::Stat(absl::string_view path, bool follow, sys::FileStat* stat) const {
  Location found;
  const int error = names_.Resolve(user(), start_, path, follow, &found);
  if (error == 0) *stat = StatOf(found);
  return error;
}

int PathCalls::ReadLink(absl::string_view path, std::string* target) const {
  Location found;
  const int error = names_.Resolve(user(), start_, path, false, &found);
  if (error != 0) return error;
  if (found.inode->attributes.type != sys::FileType::kSymlink) return -EINVAL;
  *target = found.inode->attributes.symlink_target;
  return 0;
}

int PathCalls::SetMode(absl::string_view path, uint32_t mode) const {
  Location found;
  int error = names_.Resolve(user(), start_, path, true, &found);
  if (error == 0) error = WantWrite(found, false);
  if (error != 0) return error;
  if (found.inode->made_up != nullptr) return -EPERM;
  if (!process_.is_root() && user() != found.inode->attributes.uid) return -EPERM;
  found.inode->attributes.mode = mode & 07777;
  NoteChanged(found);
  return 0;
}

int PathCalls::SetOwner(absl::string_view path, uint32_t uid, uint32_t gid) const {
  Location found;
  int error = names_.Resolve(user(), start_, path, false, &found);
  if (error == 0) error = WantWrite(found, false);
  if (error != 0) return error;
  InodeAttributes& attributes = found.inode->attributes;
  const bool is_same =
      (uid == kUnchanged || uid == attributes.uid) && (gid == kUnchanged || gid == attributes.gid);
  if (found.inode->made_up != nullptr) return -EPERM;
  if (!process_.is_root() && !(is_same && user() == attributes.uid)) return -EPERM;
  if (uid != kUnchanged) attributes.uid = uid;
  if (gid != kUnchanged) attributes.gid = gid;
  if (!found.inode->is_directory()) {
    attributes.mode &= ~kSetUid;
    if ((attributes.mode & kGroupExecute) != 0) attributes.mode &= ~kSetGid;
    attributes.xattrs.erase(kCapabilityXattr);
  }
  NoteChanged(found);
  return 0;
}

int PathCalls::SetModified(absl::string_view path, absl::Time modified) const {
  Location found;
  int error = names_.Resolve(user(), start_, path, false, &found);
  if (error == 0) error = WantWrite(found, false);
  if (error != 0) return error;
  if (found.inode->made_up != nullptr) return -EPERM;
  if (!process_.is_root() && user() != found.inode->attributes.uid) return -EPERM;
  found.inode->attributes.modified = absl::FromUnixNanos(absl::ToUnixNanos(modified));
  NoteChanged(found);
  return 0;
}

}  // namespace dmkit::model
