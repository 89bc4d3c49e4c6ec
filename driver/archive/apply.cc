// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/apply.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "driver/archive/apply_file.h"
#include "driver/archive/chunks.h"
#include "driver/archive/dir_chain.h"
#include "driver/archive/layer_path.h"
#include "driver/archive/options.h"
#include "driver/archive/rooted_tree.h"
#include "driver/archive/tar_reader.h"
#include "driver/archive/uncompress.h"
#include "driver/archive/whiteout.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/stream.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

// Where AUFS's links wait for the hard links to them. No archive can make this name, and an export
// leaves it out, should it ever stay behind.
constexpr absl::string_view kStashName = ".wh..wh.dmkit";
constexpr uint32_t kStashMode = 0700;
// mke2fs makes it; it belongs to no layer.
constexpr absl::string_view kLostAndFound = "lost+found";

class Applier {
 public:
  Applier(sys::Dir& root, TarReader& reader) : root_(root), tree_(root), reader_(reader) {}

  absl::StatusOr<ApplyResult> Run();

 private:
  using Place = RootedTree::Place;
  // Paths share their fronts: many directories in one another take no more than others.
  struct DirectoryTimes {
    size_t shared = 0;  // that much of the path is the front of the one before
    std::string rest;
    absl::Time accessed;
    absl::Time modified;
  };

  absl::Status Entries();
  absl::Status Apply(const TarEntry& entry);
  absl::Status ApplyRoot(const TarEntry& entry);
  absl::Status ApplyOrdinary(const TarEntry& entry, const LayerPath& path);
  absl::Status ApplyHardLink(const TarEntry& entry, const LayerPath& path);
  absl::Status ApplyWhiteout(const LayerPath& path, const std::string& target);
  absl::Status ApplyOpaque(const LayerPath& path);
  absl::Status ClearOthers(sys::Dir& top);
  absl::Status Stash(const TarEntry& entry, const std::string& name);
  absl::Status DropStash();
  void Remember(std::string path, const TarEntry& entry);
  absl::Status SetDirectoryTimes();
  absl::Status SetTimesOf(absl::string_view directory, const DirectoryTimes& times);

  static uint64_t Mark(uint64_t directory_inode, absl::string_view name) {
    return absl::HashOf(directory_inode, name);
  }

  sys::Dir& root_;
  RootedTree tree_;
  TarReader& reader_;
  ApplyResult result_;
  XattrReport xattrs_;
  std::vector<DirectoryTimes> directories_;
  std::string last_directory_;
  // What this archive has put where, for opaque whiteouts behind it. Two that collide would leave a
  // file of a lower layer in view.
  absl::flat_hash_set<uint64_t> applied_;
  bool stash_made_ = false;
};

absl::StatusOr<ApplyResult> Applier::Run() {
  absl::Status status = Entries();
  if (stash_made_) status = sys::WithSecondError(status, "remove AUFS's links", DropStash());
  if (status.ok()) status = SetDirectoryTimes();
  if (!status.ok()) return status;
  if (xattrs_.refused > 0) {
    result_.warnings.push_back(
        absl::StrCat(xattrs_.refused, " extended attributes were left out, which this filesystem ",
                     "does not have; the first: ", xattrs_.first));
  }
  return std::move(result_);
}

absl::Status Applier::Entries() {
  while (true) {
    DMKIT_ASSIGN_OR_RETURN(const TarEntry* const entry, reader_.Next());
    if (entry == nullptr) return absl::OkStatus();
    result_.bytes += entry->size_bytes;
    const absl::Status applied = Apply(*entry);
    if (!applied.ok()) {
      return sys::AddContext(applied, absl::StrCat("apply ", sys::Printable(entry->name)));
    }
  }
}

absl::Status Applier::Apply(const TarEntry& entry) {
  DMKIT_ASSIGN_OR_RETURN(const LayerPath path, ParseLayerPath(entry.name));
  if (path.base.empty()) return ApplyRoot(entry);
  DMKIT_ASSIGN_OR_RETURN(const Whiteout whiteout, ClassifyWhiteout(path));
  switch (whiteout.kind) {
    case WhiteoutKind::kNone:
      return entry.type == TarType::kHardLink ? ApplyHardLink(entry, path)
                                              : ApplyOrdinary(entry, path);
    case WhiteoutKind::kRemove:
      return ApplyWhiteout(path, whiteout.target);
    case WhiteoutKind::kOpaque:
      return ApplyOpaque(path);
    case WhiteoutKind::kAufsLink:
      return entry.type == TarType::kRegular ? Stash(entry, whiteout.target) : absl::OkStatus();
    case WhiteoutKind::kAufsOther:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Applier::ApplyRoot(const TarEntry& entry) {
  if (entry.type != TarType::kDirectory) {
    return absl::InvalidArgumentError("only a directory can be the layer's root");
  }
  Remember("", entry);
  return SetDirectoryMetadata(root_, entry, xattrs_);
}

absl::Status Applier::ApplyOrdinary(const TarEntry& entry, const LayerPath& path) {
  DMKIT_ASSIGN_OR_RETURN(const Place place, tree_.OpenOrMake(path.parent));
  absl::Status made = MakeFile(*place.dir, path.base, entry, reader_, xattrs_);
  if (sys::GetErrno(made) == EEXIST) {
    DMKIT_RETURN_IF_ERROR(tree_.Remove(*place.dir, path.base));
    made = MakeFile(*place.dir, path.base, entry, reader_, xattrs_);
  }
  DMKIT_RETURN_IF_ERROR(made);
  applied_.insert(Mark(place.inode, path.base));
  if (entry.type == TarType::kDirectory) Remember(path.Join(), entry);
  return absl::OkStatus();
}

absl::Status Applier::ApplyHardLink(const TarEntry& entry, const LayerPath& path) {
  DMKIT_ASSIGN_OR_RETURN(LayerPath target, ParseLayerPath(entry.link));
  if (target.base.empty()) return absl::InvalidArgumentError("a hard link to the layer's root");
  const std::string stashed = AufsLinkName(target);
  if (!stashed.empty()) target = {std::string(kStashName), stashed};
  DMKIT_ASSIGN_OR_RETURN(const Place place, tree_.OpenOrMake(path.parent));
  const uint64_t mark = Mark(place.inode, path.base);
  absl::Status linked = tree_.Link(target.parent, target.base, path.parent, path.base);
  if (sys::GetErrno(linked) == EEXIST) {
    DMKIT_RETURN_IF_ERROR(tree_.Remove(*place.dir, path.base));
    linked = tree_.Link(target.parent, target.base, path.parent, path.base);
  }
  if (!linked.ok()) {
    return sys::AddContext(linked, absl::StrCat("hard link to ", sys::Printable(entry.link)));
  }
  applied_.insert(mark);
  return absl::OkStatus();
}

absl::Status Applier::ApplyWhiteout(const LayerPath& path, const std::string& target) {
  const absl::StatusOr<Place> place = tree_.Open(path.parent);
  const int error = sys::GetErrno(place.status());
  // Where there is no such directory, there is nothing to remove.
  if (error == ENOENT || error == ENOTDIR) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(place);
  return tree_.Remove(*place->dir, target);
}

absl::Status Applier::ApplyOpaque(const LayerPath& path) {
  DMKIT_ASSIGN_OR_RETURN(const Place place, tree_.OpenOrMake(path.parent));
  return ClearOthers(*place.dir);
}

// What of an opaque directory is not looked at.
bool IsKept(const std::string& name) { return name == kStashName || name == kLostAndFound; }

absl::Status Applier::ClearOthers(sys::Dir& top) {
  struct Level {
    std::string name;
    uint64_t inode = 0;
    std::vector<sys::DirEntry> left;
  };
  DirChain chain(top);
  std::vector<Level> levels;
  const auto list = [&](std::string name) -> absl::Status {
    Level level;
    level.name = std::move(name);
    DMKIT_ASSIGN_OR_RETURN(const sys::FileStat here, chain.top().Stat("."));
    level.inode = here.inode;
    DMKIT_ASSIGN_OR_RETURN(level.left, chain.top().List("."));
    levels.push_back(std::move(level));
    return absl::OkStatus();
  };
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat root, root_.Stat("."));
  DMKIT_RETURN_IF_ERROR(list(""));
  while (true) {
    Level& level = levels.back();
    if (!level.left.empty()) {
      sys::DirEntry entry = std::move(level.left.back());
      level.left.pop_back();
      if (level.inode == root.inode && IsKept(entry.name)) continue;
      if (entry.type == sys::FileType::kDirectory) {
        DMKIT_RETURN_IF_ERROR(chain.Enter(entry.name));
        DMKIT_RETURN_IF_ERROR(list(std::move(entry.name)));
      } else if (!applied_.contains(Mark(level.inode, entry.name))) {
        DMKIT_RETURN_IF_ERROR(tree_.Remove(chain.top(), entry.name));
      }
      continue;
    }
    if (levels.size() == 1) return absl::OkStatus();
    const std::string name = std::move(level.name);
    levels.pop_back();
    DMKIT_RETURN_IF_ERROR(chain.Leave());
    if (applied_.contains(Mark(levels.back().inode, name))) continue;
    const absl::Status removed = chain.top().RemoveDir(name);
    // Something of ours is in it.
    if (!removed.ok() && sys::GetErrno(removed) != ENOTEMPTY) return removed;
  }
}

absl::Status Applier::Stash(const TarEntry& entry, const std::string& name) {
  if (!stash_made_) {
    DMKIT_RETURN_IF_ERROR(tree_.Remove(root_, kStashName));
    DMKIT_RETURN_IF_ERROR(root_.MakeDir(kStashName, kStashMode));
    stash_made_ = true;
  }
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::Dir> stash, root_.OpenDirNoFollow(kStashName));
  DMKIT_RETURN_IF_ERROR(tree_.Remove(*stash, name));
  return MakeFile(*stash, name, entry, reader_, xattrs_);
}

absl::Status Applier::DropStash() { return tree_.Remove(root_, kStashName); }

void Applier::Remember(std::string path, const TarEntry& entry) {
  size_t shared = 0;
  const size_t shared_max = std::min(path.size(), last_directory_.size());
  while (shared < shared_max && path[shared] == last_directory_[shared]) ++shared;
  directories_.push_back({shared, path.substr(shared), entry.accessed, entry.modified});
  last_directory_ = std::move(path);
}

absl::Status Applier::SetDirectoryTimes() {
  std::string path;
  for (const DirectoryTimes& times : directories_) {
    path.resize(times.shared);
    path += times.rest;
    DMKIT_RETURN_IF_ERROR(SetTimesOf(path, times));
  }
  return absl::OkStatus();
}

absl::Status Applier::SetTimesOf(absl::string_view directory, const DirectoryTimes& times) {
  DMKIT_ASSIGN_OR_RETURN(const LayerPath path, ParseLayerPath(directory));
  if (path.base.empty()) return root_.SetTimes(".", times.accessed, times.modified);
  absl::StatusOr<std::unique_ptr<sys::Dir>> dir = absl::NotFoundError("");
  const absl::StatusOr<Place> place = tree_.Open(path.parent);
  absl::Status status = place.status();
  if (place.ok()) {
    dir = place->dir->OpenDirNoFollow(path.base);
    status = dir.status();
  }
  const int error = sys::GetErrno(status);
  // A later entry of the archive has taken it away or replaced it.
  if (error == ENOENT || error == ENOTDIR || error == ELOOP) return absl::OkStatus();
  DMKIT_RETURN_IF_ERROR(status);
  return (*dir)->SetTimes(".", times.accessed, times.modified);
}

}  // namespace

absl::StatusOr<ApplyResult> ApplyArchive(sys::Dir& rootfs, sys::ByteSource& in,
                                         const ArchiveOptions& options) {
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<ChunkSource> chunks,
                         Uncompress(in, options.progress));
  const std::unique_ptr<TarReader> reader = TarReader::Create(*chunks);
  return Applier(rootfs, *reader).Run();
}

}  // namespace dmkit::driver
