// SPDX-License-Identifier: Apache-2.0
// Two trees, walked side by side.

#include "driver/archive/tree_walk.h"

#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/archive/changes.h"
#include "driver/archive/difference.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using sys::Dir;
using sys::DirEntry;
using sys::FileStat;
using sys::FileType;

// A directory of the newer tree on the way from the root to where the walk is.
struct Level {
  Level* up = nullptr;  // null: the root
  Dir* parent = nullptr;
  const std::string* name = nullptr;
  const FileStat* newer = nullptr;
  const FileStat* older = nullptr;
  std::string path;   // "" for the root
  bool told = false;  // the visitor knows of it, or need not
};

// One name of a directory; at least one side is there.
struct Sides {
  std::optional<FileStat> newer;
  std::optional<FileStat> older;
};

bool IsDirectory(const std::optional<FileStat>& stat) {
  return stat.has_value() && stat->type == FileType::kDirectory;
}

class Walk {
 public:
  explicit Walk(TreeVisitor& visitor) : visitor_(visitor) {}

  absl::Status Directory(Dir& newer, Dir* older, Level& level);

 private:
  absl::Status Name(Dir& newer, Dir* older, const std::string& name, const Sides& sides,
                    Level& level);
  absl::Status Descend(Dir& newer, Dir* older, const Sides& sides, Level& child);
  absl::Status TellDirectory(Level& level);
  absl::StatusOr<bool> IsModified(Dir& newer, Dir& older, const std::string& name,
                                  const Sides& sides, const std::string& path);

  TreeVisitor& visitor_;
};

// What of a directory belongs to the layer.
absl::StatusOr<std::vector<DirEntry>> Entries(Dir& dir, bool is_root) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<DirEntry> listed, dir.List("."));
  std::vector<DirEntry> entries;
  entries.reserve(listed.size());
  for (const DirEntry& entry : listed) {
    if (absl::StartsWith(entry.name, ".wh..wh.")) continue;
    if (is_root && entry.name == "lost+found") continue;
    entries.push_back(entry);
  }
  return entries;
}

// Nothing when the file was removed since it was listed.
absl::StatusOr<std::optional<FileStat>> StatIfThere(Dir& dir, const std::string& name) {
  auto stat = dir.StatLink(name);
  if (sys::GetErrno(stat.status()) == ENOENT) return std::optional<FileStat>();
  DMKIT_RETURN_IF_ERROR(stat);
  return std::optional<FileStat>(*std::move(stat));
}

absl::Status Walk::Directory(Dir& newer, Dir* older, Level& level) {
  const bool is_root = level.up == nullptr;
  DMKIT_ASSIGN_OR_RETURN(const std::vector<DirEntry> now, Entries(newer, is_root));
  std::vector<DirEntry> before;
  if (older != nullptr) {
    DMKIT_ASSIGN_OR_RETURN(before, Entries(*older, is_root));
  }
  size_t i = 0;
  size_t j = 0;
  while (i < now.size() || j < before.size()) {
    const bool in_newer = j == before.size() || (i < now.size() && now[i].name <= before[j].name);
    const bool in_older = i == now.size() || (j < before.size() && before[j].name <= now[i].name);
    const std::string& name = in_newer ? now[i].name : before[j].name;
    Sides sides;
    if (in_newer) {
      DMKIT_ASSIGN_OR_RETURN(sides.newer, StatIfThere(newer, name));
    }
    if (in_older) {
      DMKIT_ASSIGN_OR_RETURN(sides.older, StatIfThere(*older, name));
    }
    if (sides.newer.has_value() || sides.older.has_value()) {
      DMKIT_RETURN_IF_ERROR(Name(newer, older, name, sides, level));
    }
    if (in_newer) ++i;
    if (in_older) ++j;
  }
  return absl::OkStatus();
}

absl::Status Walk::Name(Dir& newer, Dir* older, const std::string& name, const Sides& sides,
                        Level& level) {
  const FileStat* const now = sides.newer.has_value() ? &*sides.newer : nullptr;
  const FileStat* const before = sides.older.has_value() ? &*sides.older : nullptr;
  Change change = {ChangeKind::kModify, absl::StrCat(level.path, "/", name)};
  bool changed = true;
  if (now == nullptr) {
    change.kind = ChangeKind::kDelete;
  } else if (before == nullptr) {
    change.kind = ChangeKind::kAdd;
  } else {
    DMKIT_ASSIGN_OR_RETURN(changed, IsModified(newer, *older, name, sides, change.path));
  }
  if (changed) {
    DMKIT_RETURN_IF_ERROR(TellDirectory(level));
    DMKIT_RETURN_IF_ERROR(visitor_.OnChange({change, newer, name, now, before}));
  }
  if (!IsDirectory(sides.newer)) return absl::OkStatus();
  Level child;
  child.up = &level;
  child.parent = &newer;
  child.name = &name;
  child.newer = now;
  child.older = before;
  child.path = std::move(change.path);
  child.told = changed;
  return Descend(newer, older, sides, child);
}

absl::StatusOr<bool> Walk::IsModified(Dir& newer, Dir& older, const std::string& name,
                                      const Sides& sides, const std::string& path) {
  DMKIT_ASSIGN_OR_RETURN(const bool differs,
                         Differs({newer, older, name, *sides.newer, *sides.older}));
  if (differs || IsDirectory(sides.newer)) return differs;
  if (sides.newer->links < 2 && sides.older->links < 2) return false;
  return visitor_.IsRelinked(path, *sides.newer, *sides.older);
}

absl::Status Walk::Descend(Dir& newer, Dir* older, const Sides& sides, Level& child) {
  // A directory may have been replaced by a symbolic link since it was looked at: not followed.
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<Dir> newer_child,
                         newer.OpenDirNoFollow(*child.name));
  std::unique_ptr<Dir> older_child;
  if (IsDirectory(sides.older)) {
    DMKIT_ASSIGN_OR_RETURN(older_child, older->OpenDirNoFollow(*child.name));
  }
  return Directory(*newer_child, older_child.get(), child);
}

// Before anything inside a directory, the directory itself, and before that those above it.
absl::Status Walk::TellDirectory(Level& level) {
  if (level.told || level.up == nullptr) return absl::OkStatus();
  level.told = true;
  DMKIT_RETURN_IF_ERROR(TellDirectory(*level.up));
  const Change change = {ChangeKind::kModify, level.path};
  return visitor_.OnChange({change, *level.parent, *level.name, level.newer, level.older});
}

}  // namespace

absl::Status WalkTrees(Dir& newer, Dir* older, TreeVisitor& visitor) {
  Level root;
  return Walk(visitor).Directory(newer, older, root);
}

}  // namespace dmkit::driver
