// SPDX-License-Identifier: Apache-2.0
// Extended attributes. Mirrors fs/xattr.c and what ext4, xfs and tmpfs take. Access control lists
// are kept as they are given: they say nothing about permissions, and no mode follows them.

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "testing/model/files/path_calls.h"

namespace dmkit::model {
namespace {

constexpr size_t kXattrNameMax = 255;
constexpr size_t kXattrSizeMax = 65536;
constexpr uint32_t kSticky = 01000;
constexpr absl::string_view kUser = "user.";
constexpr absl::string_view kTrusted = "trusted.";
constexpr absl::string_view kSecurity = "security.";
constexpr absl::string_view kAccessList = "system.posix_acl_access";
constexpr absl::string_view kDefaultList = "system.posix_acl_default";

// ext4: what an extra block holds of names and values, each with a head of 16 bytes.
constexpr uint64_t kExt4BytesMax = 4096 - 32 - 4;
constexpr uint64_t kExt4EntryBytes = 16;

bool IsAccessList(absl::string_view name) { return name == kAccessList || name == kDefaultList; }

// xattr_resolve_name(): -EINVAL for a kind without a name, -EOPNOTSUPP for an unknown one.
int CheckKind(const Filesystem& filesystem, bool tmpfs_has_user, absl::string_view name) {
  const absl::string_view kind = filesystem.kind();
  const bool is_memory = kind == "tmpfs" || kind == "devtmpfs";
  if (!is_memory && kind != "ext4" && kind != "xfs") return -EOPNOTSUPP;
  if (IsAccessList(name)) return 0;
  for (const absl::string_view prefix : {kUser, kTrusted, kSecurity}) {
    if (!absl::StartsWith(name, prefix)) continue;
    if (prefix == kUser && is_memory && !tmpfs_has_user) return -EOPNOTSUPP;
    return name.size() == prefix.size() ? -EINVAL : 0;
  }
  return -EOPNOTSUPP;
}

// xattr_permission().
int CheckPermission(uint32_t user, const Inode& inode, absl::string_view name, bool writes) {
  const InodeAttributes& attributes = inode.attributes;
  const int refused = writes ? -EPERM : -ENODATA;
  if (absl::StartsWith(name, kSecurity)) return writes && user != 0 ? -EPERM : 0;
  if (absl::StartsWith(name, "system.")) return 0;
  if (absl::StartsWith(name, kTrusted)) return user == 0 ? 0 : refused;
  if (absl::StartsWith(name, kUser)) {
    const bool is_directory = inode.is_directory();
    if (!is_directory && attributes.type != sys::FileType::kRegular) return refused;
    const bool is_owner = user == 0 || user == attributes.uid;
    if (writes && is_directory && (attributes.mode & kSticky) != 0 && !is_owner) return -EPERM;
  }
  return IsAllowed(user, inode, writes ? kMayWrite : kMayRead) ? 0 : -EACCES;
}

// The beginning of vfs_set_acl() and vfs_get_acl(). `value` is null for all but setting.
int CheckAccessList(uint32_t user, const Inode& inode, absl::string_view name,
                    const std::string* value) {
  const absl::string_view version("\2\0\0\0", 4);
  if (value != nullptr && !value->empty()) {
    if (value->size() < version.size()) return -EINVAL;
    if (!absl::StartsWith(*value, version)) return -EOPNOTSUPP;
    if ((value->size() - version.size()) % 8 != 0) return -EINVAL;
  }
  if (inode.attributes.type == sys::FileType::kSymlink) return -EOPNOTSUPP;
  if (value == nullptr) return 0;
  if (name == kDefaultList && !inode.is_directory()) return -EACCES;
  return user == 0 || user == inode.attributes.uid ? 0 : -EPERM;
}

uint64_t RoundUp4(uint64_t bytes) { return (bytes + 3) / 4 * 4; }

bool FitsExt4(const std::map<std::string, std::string>& xattrs) {
  uint64_t bytes = 0;
  for (const auto& [name, value] : xattrs) {
    const uint64_t behind_prefix = name.size() - name.find('.') - 1;
    bytes += kExt4EntryBytes + RoundUp4(behind_prefix) + RoundUp4(value.size());
  }
  return bytes <= kExt4BytesMax;
}

}  // namespace

int PathCalls::ListXattrs(absl::string_view path, std::vector<std::string>* names) const {
  Location found;
  const int error = names_.Resolve(user(), start_, path, false, &found);
  if (error != 0) return error;
  for (const auto& [name, value] : found.inode->attributes.xattrs) {
    if (user() == 0 || !absl::StartsWith(name, kTrusted)) names->push_back(name);
  }
  return 0;
}

int PathCalls::GetXattr(absl::string_view path, const std::string& name, std::string* value) const {
  if (name.empty() || name.size() > kXattrNameMax) return -ERANGE;
  Location found;
  int error = names_.Resolve(user(), start_, path, false, &found);
  if (error != 0) return error;
  const Inode& inode = *found.inode;
  error = CheckPermission(user(), inode, name, false);
  if (error == 0) {
    error = CheckKind(found.filesystem(), core_.profile.tmpfs_has_user_xattrs, name);
  }
  if (error == 0 && IsAccessList(name)) error = CheckAccessList(user(), inode, name, nullptr);
  if (error != 0) return error;
  const auto xattr = inode.attributes.xattrs.find(name);
  if (xattr == inode.attributes.xattrs.end()) return -ENODATA;
  *value = xattr->second;
  return 0;
}

// Sets it, or takes it away when `value` is null.
int PathCalls::ChangeXattrs(absl::string_view path, const std::string& name,
                            const std::string* value) const {
  if (name.empty() || name.size() > kXattrNameMax) return -ERANGE;
  if (value != nullptr && value->size() > kXattrSizeMax) return -E2BIG;
  const uint64_t grows = value == nullptr ? 0 : name.size() + value->size();
  Location found;
  int error = names_.Resolve(user(), start_, path, false, &found);
  if (error == 0) error = WantWrite(found, false, grows);
  if (error == 0) error = CheckPermission(user(), *found.inode, name, true);
  if (error == 0) {
    error = CheckKind(found.filesystem(), core_.profile.tmpfs_has_user_xattrs, name);
  }
  const bool is_list = IsAccessList(name);
  const std::string none;
  if (error == 0 && is_list) {
    error = CheckAccessList(user(), *found.inode, name, value == nullptr ? &none : value);
  }
  if (error != 0) return error;
  std::map<std::string, std::string> xattrs = found.inode->attributes.xattrs;
  if (value == nullptr) {
    // An access control list that is not there can be taken away.
    if (xattrs.erase(name) == 0 && !is_list) return -ENODATA;
  } else {
    xattrs[name] = *value;
    if (found.filesystem().kind() == "ext4" && !FitsExt4(xattrs)) return -ENOSPC;
  }
  found.inode->attributes.xattrs = std::move(xattrs);
  NoteChanged(found);
  return 0;
}

int PathCalls::SetXattr(absl::string_view path, const std::string& name,
                        absl::string_view value) const {
  const std::string bytes(value);
  return ChangeXattrs(path, name, &bytes);
}

int PathCalls::RemoveXattr(absl::string_view path, const std::string& name) const {
  return ChangeXattrs(path, name, nullptr);
}

}  // namespace dmkit::model
