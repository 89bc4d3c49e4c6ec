// SPDX-License-Identifier: Apache-2.0
// Two trees, walked side by side.

#include "driver/archive/tree_walk.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <deque>
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
#include "driver/archive/dir_chain.h"
#include "driver/archive/whiteout.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using sys::Dir;
using sys::DirEntry;
using sys::FileStat;
using sys::FileType;

// One name of a directory; at least one side is there.
struct Sides {
  std::optional<FileStat> newer;
  std::optional<FileStat> older;
};

// A directory of the newer tree that the walk is in.
struct Level {
  std::string name;  // all of this is empty for the root
  Sides sides;
  size_t path_bytes = 0;   // of the walk's path, up to here
  bool told = false;       // the visitor knows of it, or need not
  bool has_older = false;  // it is a directory in the older tree, too
  // What is in it, and how far the walk is in each.
  std::vector<DirEntry> now;
  std::vector<DirEntry> before;
  size_t next_now = 0;
  size_t next_before = 0;

  bool done() const { return next_now == now.size() && next_before == before.size(); }
};

bool IsDirectory(const std::optional<FileStat>& stat) {
  return stat.has_value() && stat->type == FileType::kDirectory;
}

const FileStat* Pointer(const std::optional<FileStat>& stat) {
  return stat.has_value() ? &*stat : nullptr;
}

// Goes down without recursion: a tree may be deeper than a thread's stack.
class Walk {
 public:
  Walk(Dir& newer, Dir* older, TreeVisitor& visitor) : newer_(newer), visitor_(visitor) {
    if (older != nullptr) older_.emplace(*older);
  }

  absl::Status Run();

 private:
  absl::Status List(Level& level);
  absl::Status NextName(Level& level);
  absl::Status Name(const std::string& name, Sides sides, Level& level);
  absl::Status Enter(const std::string& name, Sides sides, bool told, const Level& level);
  absl::Status Leave();
  absl::Status TellDirectories();
  absl::StatusOr<bool> IsModified(const std::string& name, const Sides& sides,
                                  const std::string& path);

  DirChain newer_;
  std::optional<DirChain> older_;  // as deep as `has_older` goes
  TreeVisitor& visitor_;
  std::deque<Level> levels_;  // whose elements stay where they are
  std::string path_;          // of the last level, "" for the root
};

// Nothing when the file was removed since it was listed.
absl::StatusOr<std::optional<FileStat>> StatIfThere(Dir& dir, const std::string& name) {
  auto stat = dir.StatLink(name);
  if (sys::GetErrno(stat.status()) == ENOENT) return std::optional<FileStat>();
  DMKIT_RETURN_IF_ERROR(stat);
  return std::optional<FileStat>(*std::move(stat));
}

bool IsAufs(absl::string_view name, bool is_root) {
  return name == kOpaqueName || (is_root && absl::StartsWith(name, kAufsPrefix));
}

// Takes out what does not belong to the layer.
void DropForeign(std::vector<DirEntry>& entries, bool is_root) {
  const auto foreign = [is_root](const DirEntry& entry) {
    return IsAufs(entry.name, is_root) || (is_root && entry.name == "lost+found");
  };
  entries.erase(std::remove_if(entries.begin(), entries.end(), foreign), entries.end());
}

absl::Status Walk::List(Level& level) {
  DMKIT_ASSIGN_OR_RETURN(level.now, newer_.top().List("."));
  if (level.has_older) {
    DMKIT_ASSIGN_OR_RETURN(level.before, older_->top().List("."));
  }
  const bool is_root = levels_.size() == 1;
  for (const DirEntry& entry : level.now) {
    if (IsAufs(entry.name, is_root)) visitor_.OnLeftOut(absl::StrCat(path_, "/", entry.name));
  }
  DropForeign(level.now, is_root);
  DropForeign(level.before, is_root);
  return absl::OkStatus();
}

absl::Status Walk::NextName(Level& level) {
  const DirEntry* const now =
      level.next_now < level.now.size() ? &level.now[level.next_now] : nullptr;
  const DirEntry* const before =
      level.next_before < level.before.size() ? &level.before[level.next_before] : nullptr;
  const bool in_newer = before == nullptr || (now != nullptr && now->name <= before->name);
  const bool in_older = now == nullptr || (before != nullptr && before->name <= now->name);
  const std::string& name = in_newer ? now->name : before->name;
  Sides sides;
  if (in_newer) {
    ++level.next_now;
    DMKIT_ASSIGN_OR_RETURN(sides.newer, StatIfThere(newer_.top(), name));
  }
  if (in_older) {
    ++level.next_before;
    DMKIT_ASSIGN_OR_RETURN(sides.older, StatIfThere(older_->top(), name));
  }
  if (!sides.newer.has_value() && !sides.older.has_value()) return absl::OkStatus();
  return Name(name, std::move(sides), level);
}

absl::Status Walk::Name(const std::string& name, Sides sides, Level& level) {
  Change change = {ChangeKind::kModify, absl::StrCat(path_, "/", name)};
  bool changed = true;
  if (!sides.newer.has_value()) {
    change.kind = ChangeKind::kDelete;
  } else if (!sides.older.has_value()) {
    change.kind = ChangeKind::kAdd;
  } else {
    DMKIT_ASSIGN_OR_RETURN(changed, IsModified(name, sides, change.path));
  }
  if (changed) {
    DMKIT_RETURN_IF_ERROR(TellDirectories());
    DMKIT_RETURN_IF_ERROR(visitor_.OnChange(
        {change, newer_.top(), name, Pointer(sides.newer), Pointer(sides.older)}));
  }
  return IsDirectory(sides.newer) ? Enter(name, std::move(sides), changed, level)
                                  : absl::OkStatus();
}

absl::StatusOr<bool> Walk::IsModified(const std::string& name, const Sides& sides,
                                      const std::string& path) {
  DMKIT_ASSIGN_OR_RETURN(const bool differs,
                         Differs({newer_.top(), older_->top(), name, *sides.newer, *sides.older}));
  if (differs || IsDirectory(sides.newer)) return differs;
  if (sides.newer->links < 2 && sides.older->links < 2) return false;
  return visitor_.IsRelinked(path, *sides.newer, *sides.older);
}

absl::Status Walk::Enter(const std::string& name, Sides sides, bool told, const Level& level) {
  // A directory may have been replaced by a symbolic link since it was looked at: not followed.
  DMKIT_RETURN_IF_ERROR(newer_.Enter(name));
  const bool has_older = level.has_older && IsDirectory(sides.older);
  if (has_older) DMKIT_RETURN_IF_ERROR(older_->Enter(name));
  Level& child = levels_.emplace_back();
  child.name = name;
  child.sides = std::move(sides);
  absl::StrAppend(&path_, "/", name);
  child.path_bytes = path_.size();
  child.told = told;
  child.has_older = has_older;
  return List(child);
}

absl::Status Walk::Leave() {
  const bool has_older = levels_.back().has_older;
  levels_.pop_back();
  if (levels_.empty()) return absl::OkStatus();
  path_.resize(levels_.back().path_bytes);
  if (has_older) DMKIT_RETURN_IF_ERROR(older_->Leave());
  return newer_.Leave();
}

// Before anything inside a directory, the directory itself, and before that those above it. Those
// that were told are the first ones of the way.
absl::Status Walk::TellDirectories() {
  size_t first = levels_.size();
  while (!levels_[first - 1].told) --first;
  for (size_t i = first; i < levels_.size(); ++i) {
    Level& level = levels_[i];
    level.told = true;
    DMKIT_ASSIGN_OR_RETURN(Dir* const parent, newer_.At(i - 1));
    const Change change = {ChangeKind::kModify, path_.substr(0, level.path_bytes)};
    DMKIT_RETURN_IF_ERROR(visitor_.OnChange(
        {change, *parent, level.name, Pointer(level.sides.newer), Pointer(level.sides.older)}));
  }
  return absl::OkStatus();
}

absl::Status Walk::Run() {
  Level& root = levels_.emplace_back();
  root.told = true;
  root.has_older = older_.has_value();
  DMKIT_RETURN_IF_ERROR(List(root));
  while (!levels_.empty()) {
    Level& level = levels_.back();
    DMKIT_RETURN_IF_ERROR(level.done() ? Leave() : NextName(level));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WalkTrees(Dir& newer, Dir* older, TreeVisitor& visitor) {
  return Walk(newer, older, visitor).Run();
}

}  // namespace dmkit::driver
