// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/rooted_tree.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "driver/archive/dir_chain.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

constexpr size_t kKernelPathMax = 4096;
constexpr int kLinksMax = 40;  // as the kernel has it
constexpr uint32_t kMadeMode = 0755;

// Where a walk is: the way so far without symbolic links, and what is still to go.
class Route {
 public:
  explicit Route(absl::string_view path) {
    PushParts(path);
    named_left_ = ahead_.size();
  }

  bool done() const { return ahead_.empty(); }
  // Whether the next component comes from a symbolic link, not from the name that was asked for.
  bool in_link() const { return ahead_.size() > named_left_; }
  const std::string& next() const { return ahead_.back(); }
  void Drop() {
    ahead_.pop_back();
    if (named_left_ > ahead_.size()) named_left_ = ahead_.size();
  }
  // The next component is a symbolic link to `target`.
  void Follow(absl::string_view target) {
    Drop();
    if (absl::StartsWith(target, "/")) real_.clear();
    PushParts(target);
  }
  void Enter() {
    real_.push_back(next());
    Drop();
  }
  void Leave() {
    if (!real_.empty()) real_.pop_back();
    Drop();
  }
  std::string real_path() const { return absl::StrJoin(real_, "/"); }
  const std::vector<std::string>& real() const { return real_; }

 private:
  void PushParts(absl::string_view path) {
    std::vector<std::string> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
    for (size_t i = parts.size(); i-- > 0;) ahead_.push_back(std::move(parts[i]));
  }

  std::vector<std::string> real_;
  std::vector<std::string> ahead_;  // the next one last
  size_t named_left_ = 0;
};

std::string Joined(absl::string_view directory, absl::string_view name) {
  return directory.empty() ? std::string(name) : absl::StrCat(directory, "/", name);
}

// Null for the root itself. `real` has no symbolic links.
absl::StatusOr<std::unique_ptr<sys::Dir>> Reopen(sys::Dir& root,
                                                 const std::vector<std::string>& real) {
  std::unique_ptr<sys::Dir> dir;
  for (const std::string& name : real) {
    DMKIT_ASSIGN_OR_RETURN(dir, (dir != nullptr ? *dir : root).OpenDirNoFollow(name));
  }
  return dir;
}

absl::StatusOr<std::unique_ptr<sys::Dir>> Make(sys::Dir& dir, const std::string& name) {
  DMKIT_RETURN_IF_ERROR(dir.MakeDir(name, kMadeMode));
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> made, dir.OpenDirNoFollow(name));
  const absl::Status owned = made->SetOwner(".", 0, 0);
  // Who may not give files away keeps this one.
  if (!owned.ok() && sys::GetErrno(owned) != EPERM) return owned;
  DMKIT_RETURN_IF_ERROR(made->SetMode(".", kMadeMode));
  return made;
}

// A directory on the way down through what is removed.
struct Doomed {
  std::string name;
  std::vector<sys::DirEntry> left;
};

absl::Status EnterDoomed(DirChain& chain, std::string name, std::vector<Doomed>& way) {
  DMKIT_RETURN_IF_ERROR(chain.Enter(name));
  Doomed doomed;
  doomed.name = std::move(name);
  DMKIT_ASSIGN_OR_RETURN(doomed.left, chain.top().List("."));
  way.push_back(std::move(doomed));
  return absl::OkStatus();
}

// Unlinks `name` of the last directory, or goes into it when it is one.
absl::Status UnlinkOrEnter(DirChain& chain, std::string name, std::vector<Doomed>& way) {
  const absl::Status unlinked = chain.top().Unlink(name);
  const int error = sys::GetErrno(unlinked);
  if (unlinked.ok() || error == ENOENT) return absl::OkStatus();
  if (error != EISDIR && error != EPERM) return unlinked;
  const absl::Status entered = EnterDoomed(chain, std::move(name), way);
  return entered.ok() || error != EPERM ? entered : unlinked;
}

absl::Status RemoveAll(sys::Dir& dir, absl::string_view name) {
  DirChain chain(dir);
  std::vector<Doomed> way;
  DMKIT_RETURN_IF_ERROR(UnlinkOrEnter(chain, std::string(name), way));
  while (!way.empty()) {
    if (!way.back().left.empty()) {
      std::string next = std::move(way.back().left.back().name);
      way.back().left.pop_back();
      DMKIT_RETURN_IF_ERROR(UnlinkOrEnter(chain, std::move(next), way));
      continue;
    }
    const std::string emptied = std::move(way.back().name);
    way.pop_back();
    DMKIT_RETURN_IF_ERROR(chain.Leave());
    DMKIT_RETURN_IF_ERROR(chain.top().RemoveDir(emptied));
  }
  return absl::OkStatus();
}

// How many bytes two paths have in common up to and with a slash, where they are too long to be
// named from the root.
size_t CommonDirectory(absl::string_view a, absl::string_view b) {
  size_t common = 0;
  if (a.size() < kKernelPathMax && b.size() < kKernelPathMax) return common;
  for (size_t i = 0; i < a.size() && i < b.size() && a[i] == b[i]; ++i) {
    if (a[i] == '/') common = i + 1;
  }
  return common;
}

bool SameFile(const sys::FileStat& a, const sys::FileStat& b) {
  return a.inode == b.inode && a.device == b.device;
}

}  // namespace

RootedTree::RootedTree(sys::Dir& root) : root_(root) {}

absl::StatusOr<RootedTree::Walked> RootedTree::Walk(absl::string_view path, Missing missing) {
  Route route(path);
  std::unique_ptr<sys::Dir> held;  // null: the root
  int links = 0;
  while (!route.done()) {
    sys::Dir& at = held != nullptr ? *held : root_;
    const std::string name = route.next();
    if (name == ".") {
      route.Drop();
      continue;
    }
    if (name == "..") {
      route.Leave();
      DMKIT_ASSIGN_OR_RETURN(held, Reopen(root_, route.real()));
      continue;
    }
    absl::StatusOr<std::unique_ptr<sys::Dir>> next = at.OpenDirNoFollow(name);
    if (sys::GetErrno(next.status()) == ENOENT && missing == Missing::kMake && !route.in_link()) {
      next = Make(at, name);
    }
    if (next.ok()) {
      held = *std::move(next);
      route.Enter();
      continue;
    }
    const int error = sys::GetErrno(next.status());
    if (error != ELOOP && error != ENOTDIR) return next.status();
    const absl::StatusOr<std::string> target = at.ReadLink(name);
    if (sys::GetErrno(target.status()) == EINVAL) return next.status();
    DMKIT_RETURN_IF_ERROR(target);
    if (++links > kLinksMax) {
      return sys::ErrnoStatus(ELOOP, absl::StrCat("open directory ", sys::Printable(path)));
    }
    route.Follow(*target);
    if (absl::StartsWith(*target, "/")) held.reset();
  }
  return Walked{std::move(held), route.real_path()};
}

absl::StatusOr<std::unique_ptr<sys::Dir>> RootedTree::Find(absl::string_view path) {
  if (path.empty()) return nullptr;
  if (kernel_resolves_) {
    absl::StatusOr<std::unique_ptr<sys::Dir>> dir = root_.OpenDirInRoot(path);
    const int error = sys::GetErrno(dir.status());
    // Longer than the kernel takes at once.
    const bool too_long = error == ENAMETOOLONG && path.size() >= kKernelPathMax;
    if (error != ENOSYS && error != EPERM && error != EAGAIN && !too_long) return dir;
    kernel_resolves_ = error == EAGAIN || too_long;
  }
  DMKIT_ASSIGN_OR_RETURN(Walked walked, Walk(path, Missing::kFail));
  return std::move(walked.dir);
}

absl::StatusOr<RootedTree::Place> RootedTree::Remember(absl::string_view path,
                                                       std::unique_ptr<sys::Dir> dir) {
  remembered_ = false;
  dir_ = std::move(dir);
  sys::Dir& at = dir_ != nullptr ? *dir_ : root_;
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, at.Stat("."));
  path_ = std::string(path);
  inode_ = stat.inode;
  remembered_ = true;
  return Place{&at, inode_};
}

// A directory in the remembered one, when `path` is that and no symbolic link; or null.
absl::StatusOr<std::unique_ptr<sys::Dir>> RootedTree::FindChild(absl::string_view path) {
  if (!remembered_ || dir_ == nullptr || !absl::ConsumePrefix(&path, path_) ||
      !absl::ConsumePrefix(&path, "/") || absl::StrContains(path, "/") || path == "." ||
      path == "..") {
    return nullptr;
  }
  auto child = dir_->OpenDirNoFollow(path);
  const int error = sys::GetErrno(child.status());
  if (error == ELOOP || error == ENOTDIR) return nullptr;
  return child;
}

absl::StatusOr<RootedTree::Place> RootedTree::Open(absl::string_view path) {
  if (remembered_ && path == path_) return Place{dir_ != nullptr ? dir_.get() : &root_, inode_};
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, FindChild(path));
  if (dir == nullptr) {
    DMKIT_ASSIGN_OR_RETURN(dir, Find(path));
  }
  return Remember(path, std::move(dir));
}

absl::StatusOr<RootedTree::Place> RootedTree::OpenOrMake(absl::string_view path) {
  absl::StatusOr<Place> place = Open(path);
  if (sys::GetErrno(place.status()) != ENOENT) return place;
  DMKIT_ASSIGN_OR_RETURN(Walked walked, Walk(path, Missing::kMake));
  return Remember(path, std::move(walked.dir));
}

absl::Status RootedTree::Link(absl::string_view from_dir, absl::string_view from,
                              absl::string_view to_dir, absl::string_view to) {
  DMKIT_ASSIGN_OR_RETURN(const Walked source, Walk(from_dir, Missing::kFail));
  DMKIT_ASSIGN_OR_RETURN(const Walked target, Walk(to_dir, Missing::kFail));
  sys::Dir& target_dir = target.dir != nullptr ? *target.dir : root_;
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat file,
                         (source.dir != nullptr ? *source.dir : root_).StatLink(from));
  const absl::StatusOr<sys::FileStat> before = target_dir.StatLink(to);
  if (before.ok() && SameFile(*before, file)) return absl::OkStatus();
  // One call takes one directory, the last that both have in common, and names that have no
  // symbolic link in them.
  const std::string from_path = Joined(source.real_path, from);
  const std::string to_path = Joined(target.real_path, to);
  const size_t common = CommonDirectory(from_path, to_path);
  DMKIT_ASSIGN_OR_RETURN(const Walked both, Walk(from_path.substr(0, common), Missing::kFail));
  DMKIT_RETURN_IF_ERROR((both.dir != nullptr ? *both.dir : root_)
                            .MakeLink(absl::string_view(from_path).substr(common),
                                      absl::string_view(to_path).substr(common)));
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat after, target_dir.StatLink(to));
  if (SameFile(after, file)) return absl::OkStatus();
  return sys::ErrnoStatus(EXDEV, absl::StrCat("link ", sys::Printable(Joined(to_dir, to)),
                                              ": its directory was moved"));
}

absl::Status RootedTree::Remove(sys::Dir& dir, absl::string_view name) {
  // What was removed may have been on the way to the remembered directory. Its handle stays: it may
  // be `dir`.
  remembered_ = false;
  return RemoveAll(dir, name);
}

}  // namespace dmkit::driver
