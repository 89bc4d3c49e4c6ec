// SPDX-License-Identifier: Apache-2.0
// Inodes for made-up files. Nobody keeps them: each look makes them anew.

#include "testing/model/files/made_up.h"

#include <cerrno>
#include <utility>

namespace dmkit::model {
namespace {

InodeAttributes AttributesOf(const MadeUpFile& file) {
  InodeAttributes attributes;
  attributes.type = file.type;
  attributes.mode = file.mode;
  return attributes;
}

}  // namespace

MadeUpFile MadeUpText(std::function<int(std::string*)> text) {
  MadeUpFile file;
  file.text = std::move(text);
  return file;
}

MadeUpFile MadeUpText(std::string text) {
  return MadeUpText([text = std::move(text)](std::string* out) {
    *out = text;
    return 0;
  });
}

MadeUpFile MadeUpLink(std::string target) {
  MadeUpFile file = MadeUpText(std::move(target));
  file.type = sys::FileType::kSymlink;
  file.mode = 0777;
  return file;
}

MadeUpFile MadeUpDirectory(std::map<std::string, MadeUpFile> files) {
  MadeUpFile file;
  file.type = sys::FileType::kDirectory;
  file.mode = 0555;
  const auto shared = std::make_shared<std::map<std::string, MadeUpFile>>(std::move(files));
  file.find = [shared](absl::string_view name) -> std::optional<MadeUpFile> {
    const auto found = shared->find(std::string(name));
    if (found == shared->end()) return std::nullopt;
    return found->second;
  };
  file.names = [shared] {
    std::vector<std::string> names;
    for (const auto& [name, entry] : *shared) names.push_back(name);
    return names;
  };
  return file;
}

InodePtr LookupMadeUp(Tree& tree, const InodePtr& directory, absl::string_view name) {
  std::optional<MadeUpFile> file = directory->made_up->file().find(name);
  if (!file.has_value()) return nullptr;
  InodePtr inode = tree.Make(AttributesOf(*file));
  if (file->type == sys::FileType::kSymlink) file->text(&inode->attributes.symlink_target);
  inode->made_up = std::make_shared<MadeUp>(*std::move(file), directory, std::string(name));
  return inode;
}

std::vector<sys::DirEntry> ListMadeUp(const Inode& directory) {
  const MadeUpFile& file = directory.made_up->file();
  std::vector<sys::DirEntry> entries;
  for (const std::string& name : file.names()) {
    const std::optional<MadeUpFile> entry = file.find(name);
    if (entry.has_value()) entries.push_back({name, entry->type});
  }
  return entries;
}

MadeUpFilesystem::MadeUpFilesystem(std::string kind, sys::DeviceNumber device,
                                   const MadeUpFile& root)
    : Filesystem(std::move(kind), device,
                 std::make_shared<Tree>(Durability::kVolatile, AttributesOf(root))) {
  tree()->root()->made_up = std::make_shared<MadeUp>(root, nullptr, "");
}

int MadeUpFilesystem::BeginChange(uint64_t, bool makes_inode) {
  return makes_inode && kind() == "proc" ? -ENOENT : -EPERM;
}

int MadeUpFilesystem::SyncFile(Inode&) { return kind() == "proc" ? -EINVAL : 0; }

int MadeUpFilesystem::SyncDirectory(Inode&) { return -EINVAL; }

}  // namespace dmkit::model
