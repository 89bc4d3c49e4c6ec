// SPDX-License-Identifier: Apache-2.0
// How paths lead to files. Mirrors link_path_walk() and its helpers in fs/namei.c.

#include "testing/model/files/namespace.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "testing/model/files/made_up.h"

namespace dmkit::model {
namespace {

constexpr int kLinksMax = 40;

Walk::Last KindOf(absl::string_view name) {
  if (name == ".") return Walk::Last::kDot;
  return name == ".." ? Walk::Last::kDotDot : Walk::Last::kName;
}

InodePtr DirectoryOf(const Inode& inode) {
  return inode.made_up != nullptr ? inode.made_up->parent() : inode.last_parent();
}

const std::string& NameOf(const Inode& inode) {
  return inode.made_up != nullptr ? inode.made_up->name() : inode.last_name();
}

bool IsSame(const std::optional<Location>& root, const Location& location) {
  return root.has_value() && root->mount == location.mount && root->inode == location.inode;
}

}  // namespace

bool IsAllowed(uint32_t user, const Inode& inode, uint32_t wanted) {
  const uint32_t mode = inode.attributes.mode;
  if (user == 0) {
    return inode.is_directory() || (wanted & kMayExecute) == 0 || (mode & 0111) != 0;
  }
  const uint32_t bits = user == inode.attributes.uid ? mode >> 6 : mode;
  return (bits & wanted) == wanted;
}

Location Namespace::Top(Location location) const {
  while (true) {
    const auto found = on_.find({location.mount.get(), location.inode.get()});
    if (found == on_.end()) return location;
    location = {found->second, found->second->filesystem->tree()->root()};
  }
}

Location Namespace::ParentOf(const Location& location) const {
  Location at = location;
  while (at.inode == at.tree().root()) {
    // The root of everything, or of a mount that has no name any more.
    if (at.mount->parent == nullptr) return at;
    at = {at.mount->parent, at.mount->mount_point};
  }
  at.inode = DirectoryOf(*at.inode);
  return Top(at);
}

int Namespace::LookupIn(uint32_t user, const Location& directory, absl::string_view name,
                        Location* found) const {
  if (!directory.inode->is_directory()) return -ENOTDIR;
  if (!IsAllowed(user, *directory.inode, kMayExecute)) return -EACCES;
  if (name.size() > kNameMax) return -ENAMETOOLONG;
  const InodePtr inode = directory.inode->made_up != nullptr
                             ? LookupMadeUp(directory.tree(), directory.inode, name)
                             : directory.tree().Lookup(*directory.inode, name);
  if (inode == nullptr) return -ENOENT;
  *found = {directory.mount, inode};
  return 0;
}

// Walks through what `path` has but its last name, from walk->at.
int Namespace::WalkText(uint32_t user, const std::string& path, Walk* walk) const {
  std::string rest = path;
  while (true) {
    if (absl::StartsWith(rest, "/")) walk->at = walk->root.value_or(root());
    const size_t start = std::min(rest.find_first_not_of('/'), rest.size());
    const size_t end = std::min(rest.find('/', start), rest.size());
    const size_t next = std::min(rest.find_first_not_of('/', end), rest.size());
    walk->name = rest.substr(start, end - start);
    walk->has_slash = end != rest.size();
    walk->last = walk->name.empty() ? Walk::Last::kRoot : KindOf(walk->name);
    if (walk->last != Walk::Last::kRoot) {
      if (!walk->at.inode->is_directory()) return -ENOTDIR;
      if (!IsAllowed(user, *walk->at.inode, kMayExecute)) return -EACCES;
    }
    if (next == rest.size()) return 0;
    Location found;
    const int error = LookupLast(user, *walk, &found);
    if (error != 0) return error;
    rest = rest.substr(next);
    if (found.inode->attributes.type == sys::FileType::kSymlink) {
      if (++walk->links > kLinksMax) return -ELOOP;
      rest = absl::StrCat(found.inode->attributes.symlink_target, "/", rest);
    } else if (!found.inode->is_directory()) {
      return -ENOTDIR;
    } else {
      walk->at = found;
    }
  }
}

int Namespace::WalkPath(uint32_t user, absl::string_view path, Walk* walk) const {
  if (path.empty()) return -ENOENT;
  if (path.size() >= kPathMax) return -ENAMETOOLONG;
  return WalkText(user, std::string(path), walk);
}

int Namespace::WalkToLast(uint32_t user, const Location& start, absl::string_view path,
                          Walk* walk) const {
  *walk = Walk();
  walk->at = start;
  return WalkPath(user, path, walk);
}

int Namespace::LookupLast(uint32_t user, const Walk& walk, Location* found) const {
  switch (walk.last) {
    case Walk::Last::kRoot:
    case Walk::Last::kDot:
      *found = walk.at;
      return 0;
    case Walk::Last::kDotDot:
      *found = IsSame(walk.root, walk.at) ? walk.at : ParentOf(walk.at);
      return 0;
    case Walk::Last::kName:
      break;
  }
  const int error = LookupIn(user, walk.at, walk.name, found);
  if (error == 0) *found = Top(*found);
  return error;
}

int Namespace::FollowLast(uint32_t user, const Inode& link, Walk* walk) const {
  if (++walk->links > kLinksMax) return -ELOOP;
  const bool has_slash = walk->has_slash;
  const int error = WalkText(user, link.attributes.symlink_target, walk);
  walk->has_slash |= has_slash;
  return error;
}

int Namespace::ResolveFrom(uint32_t user, absl::string_view path, bool follow, Walk* walk,
                           Location* found) const {
  int error = WalkPath(user, path, walk);
  while (error == 0) {
    error = LookupLast(user, *walk, found);
    if (error != 0) return error;
    const bool is_link = found->inode->attributes.type == sys::FileType::kSymlink;
    if (!is_link || (!follow && !walk->has_slash)) {
      return walk->has_slash && !found->inode->is_directory() ? -ENOTDIR : 0;
    }
    error = FollowLast(user, *found->inode, walk);
  }
  return error;
}

int Namespace::Resolve(uint32_t user, const Location& start, absl::string_view path, bool follow,
                       Location* found) const {
  Walk walk;
  walk.at = start;
  return ResolveFrom(user, path, follow, &walk, found);
}

// openat2() with RESOLVE_IN_ROOT.
int Namespace::ResolveInRoot(uint32_t user, const Location& start, absl::string_view path,
                             Location* found) const {
  Walk walk;
  walk.at = start;
  walk.root = start;
  return ResolveFrom(user, path, true, &walk, found);
}

std::string Namespace::PathOf(const Location& location) const {
  std::string path;
  Location at = location;
  while (true) {
    if (at.inode == at.tree().root()) {
      if (at.mount->parent == nullptr) break;
      at = {at.mount->parent, at.mount->mount_point};
      continue;
    }
    path = absl::StrCat("/", NameOf(*at.inode), path);
    at.inode = DirectoryOf(*at.inode);
    // Lost with the power, and only held open.
    if (at.inode == nullptr) break;
  }
  if (path.empty()) path = "/";
  const bool is_gone = location.inode->links() == 0 && location.inode->made_up == nullptr;
  return is_gone ? absl::StrCat(path, " (deleted)") : path;
}

}  // namespace dmkit::model
