// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/dir_chain.h"

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

constexpr size_t kStride = 64;

}  // namespace

sys::Dir* DirChain::OpenAt(size_t depth) {
  return depth == 0 ? &root_ : levels_[depth - 1].dir.get();
}

absl::StatusOr<std::unique_ptr<sys::Dir>> DirChain::OpenAgain(sys::Dir& parent, size_t depth) {
  const Level& level = levels_[depth - 1];
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, parent.OpenDirNoFollow(level.name));
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, dir->Stat("."));
  if (stat.inode == level.inode && stat.device == level.device) return dir;
  return sys::ErrnoStatus(EBUSY, absl::StrCat("directory ", sys::Printable(level.name),
                                              " was replaced while somebody was in it"));
}

absl::Status DirChain::Enter(const std::string& name) {
  Level level;
  level.name = name;
  DMKIT_ASSIGN_OR_RETURN(level.dir, top().OpenDirNoFollow(name));
  levels_.push_back(std::move(level));
  aside_.reset();
  if (depth() <= kStride || (depth() - kStride) % kStride == 0) return absl::OkStatus();
  Level& far = levels_[depth() - kStride - 1];
  if (far.dir == nullptr) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(const sys::FileStat stat, far.dir->Stat("."));
  far.device = stat.device;
  far.inode = stat.inode;
  far.dir.reset();
  return absl::OkStatus();
}

absl::Status DirChain::Leave() {
  levels_.pop_back();
  aside_.reset();
  size_t open = depth();
  while (OpenAt(open) == nullptr) --open;
  for (; open < depth(); ++open) {
    DMKIT_ASSIGN_OR_RETURN(levels_[open].dir, OpenAgain(*OpenAt(open), open + 1));
  }
  return absl::OkStatus();
}

absl::StatusOr<sys::Dir*> DirChain::At(size_t depth) {
  size_t open = depth;
  while (OpenAt(open) == nullptr) --open;
  if (open == depth) return OpenAt(depth);
  std::unique_ptr<sys::Dir> dir;
  if (aside_ != nullptr && aside_depth_ > open && aside_depth_ <= depth) {
    open = aside_depth_;
    dir = std::move(aside_);
  }
  for (; open < depth; ++open) {
    DMKIT_ASSIGN_OR_RETURN(dir, OpenAgain(dir != nullptr ? *dir : *OpenAt(open), open + 1));
  }
  aside_ = std::move(dir);
  aside_depth_ = depth;
  return aside_.get();
}

}  // namespace dmkit::driver
