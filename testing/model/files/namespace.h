// SPDX-License-Identifier: Apache-2.0
// The mounts and how paths lead through them. Mirrors fs/namei.c and fs/namespace.c. No open files,
// no processes.

#ifndef DMKIT_TESTING_MODEL_FILES_NAMESPACE_H_
#define DMKIT_TESTING_MODEL_FILES_NAMESPACE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "testing/model/files/filesystem.h"
#include "testing/model/files/tree.h"

namespace dmkit::model {

inline constexpr size_t kPathMax = 4096;  // with the NUL at its end
inline constexpr size_t kNameMax = 255;

class Namespace;

struct Mount {
  uint64_t id = 0;
  std::shared_ptr<Filesystem> filesystem;
  std::string source;
  bool is_read_only = false;
  bool has_no_devices = false;
  bool is_of_boot = false;
  bool is_attached = false;
  std::shared_ptr<Mount> parent;  // null for the root, and when it is not attached
  InodePtr mount_point;
  uint64_t handles = 0;
};
using MountPtr = std::shared_ptr<Mount>;

// A file and the mount through which it is seen.
struct Location {
  MountPtr mount;
  InodePtr inode;

  Filesystem& filesystem() const { return *mount->filesystem; }
  Tree& tree() const { return *mount->filesystem->tree(); }
};

// Keeps a mount busy. The last one of a mount that was lazily unmounted ends it.
class MountUse {
 public:
  MountUse() = default;
  MountUse(Namespace& names, MountPtr mount);
  ~MountUse() { Reset(); }
  MountUse(MountUse&& other) noexcept { *this = std::move(other); }
  MountUse& operator=(MountUse&& other) noexcept;
  void Reset();

 private:
  Namespace* names_ = nullptr;
  MountPtr mount_;
};

// How far a walk has come: in front of the last name of a path.
struct Walk {
  enum class Last { kName, kDot, kDotDot, kRoot };

  Location at;
  std::string name;
  Last last = Last::kRoot;
  // A directory that stands for "/": nothing above it can be reached.
  std::optional<Location> root;
  bool has_slash = false;  // behind the last name
  int links = 0;           // symbolic links that were followed so far
};

// Whether a caller may do something with a file: bits as in one digit of a mode.
enum AccessBits : uint32_t { kMayExecute = 1, kMayWrite = 2, kMayRead = 4 };

class Namespace {
 public:
  Namespace() = default;
  ~Namespace();
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

  Location root() const { return {root_, root_->filesystem->tree()->root()}; }

  // ---- Mounts.

  // Puts a mount on a directory, or makes it the root (`on` is null). -ENOENT: the directory was
  // removed.
  int Attach(const MountPtr& mount, const Location* on);
  // -EBUSY while something uses it.
  int Detach(const MountPtr& mount);
  // Takes the names of it and of those on it away at once.
  void DetachLazily(const MountPtr& mount);
  // Attached ones and those that a lazy unmount left, in the order in which they came.
  std::vector<MountPtr> mounts() const;
  uint64_t UsersOf(const Mount& mount) const;
  bool IsMountPoint(const Location& location) const;
  // What is mounted on top of a directory, or itself.
  Location Top(Location location) const;
  // Forgets all mounts, without a write-back, the youngest first.
  void LosePower();

  // ---- Paths. `user` is who asks.

  // Comes to the last name of `path`, which starts at `start` or at the root. Follows symbolic
  // links on the way. -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG.
  int WalkToLast(uint32_t user, const Location& start, absl::string_view path, Walk* walk) const;
  // The file of a name in a directory, not what is mounted on it.
  int LookupIn(uint32_t user, const Location& directory, absl::string_view name,
               Location* found) const;
  // What the last name leads to. -ENOENT too.
  int LookupLast(uint32_t user, const Walk& walk, Location* found) const;
  // Goes on through the symbolic link that the last name is, to the last name of its target.
  int FollowLast(uint32_t user, const Inode& link, Walk* walk) const;
  // All of it: `follow` says whether a symbolic link at the end is followed. One slash at the end
  // does, and demands a directory.
  int Resolve(uint32_t user, const Location& start, absl::string_view path, bool follow,
              Location* found) const;

  // As Resolve(), which follows, with `start` in the place of the root.
  int ResolveInRoot(uint32_t user, const Location& start, absl::string_view path,
                    Location* found) const;

  // The absolute path of a file, as d_path() has it; " (deleted)" behind it when no name leads to
  // it any more.
  std::string PathOf(const Location& location) const;

 private:
  friend class MountUse;

  Location ParentOf(const Location& location) const;
  int ResolveFrom(uint32_t user, absl::string_view path, bool follow, Walk* walk,
                  Location* found) const;
  int WalkText(uint32_t user, const std::string& path, Walk* walk) const;
  int WalkPath(uint32_t user, absl::string_view path, Walk* walk) const;
  void Remove(const MountPtr& mount);
  void EndIfUnused(const MountPtr& mount);

  uint64_t next_id_ = 1;
  MountPtr root_;
  std::map<uint64_t, MountPtr> mounts_;
  // By the mount and directory below; the one on top.
  std::map<std::pair<const Mount*, const Inode*>, MountPtr> on_;
};

// Whether the permission bits let `user` do all of `wanted`. Root may do everything, but execute
// what nobody may.
bool IsAllowed(uint32_t user, const Inode& inode, uint32_t wanted);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_NAMESPACE_H_
