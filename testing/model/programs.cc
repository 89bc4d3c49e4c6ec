// SPDX-License-Identifier: Apache-2.0
// Which programs there are.

#include "testing/model/programs.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace dmkit::model {
namespace {

constexpr absl::string_view kDirectories[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

}  // namespace

Programs::Programs(Core& core) {
  Install("/usr/sbin/mkfs.ext4", MkfsExt4(core));
  Install("/usr/sbin/mkfs.xfs", MkfsXfs(core));
  Install("/usr/sbin/resize2fs", Resize2fs(core));
  Install("/usr/sbin/xfs_growfs", XfsGrowfs(core));
}

void Programs::Install(std::string path, Program program) {
  programs_[std::move(path)] = std::move(program);
}

void Programs::Uninstall(absl::string_view name) {
  std::string path;
  while (Find(name, &path) != nullptr) programs_.erase(path);
}

const Program* Programs::Find(absl::string_view name, std::string* path) const {
  std::vector<std::string> paths;
  if (name.find('/') == absl::string_view::npos) {
    for (const absl::string_view directory : kDirectories) {
      paths.push_back(absl::StrCat(directory, "/", name));
    }
  } else {
    paths.emplace_back(name);
  }
  for (std::string& candidate : paths) {
    const auto found = programs_.find(candidate);
    if (found == programs_.end()) continue;
    *path = std::move(candidate);
    return &found->second;
  }
  return nullptr;
}

}  // namespace dmkit::model
