// SPDX-License-Identifier: Apache-2.0
// Files that the kernel makes up when they are looked at: /proc and /sys. What they say is for
// proc_files and sys_files.

#ifndef DMKIT_TESTING_MODEL_FILES_MADE_UP_H_
#define DMKIT_TESTING_MODEL_FILES_MADE_UP_H_

#include <cstdint>
#include <functional>
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

// What one name of a made-up directory leads to. Made when it is looked up.
struct MadeUpFile {
  sys::FileType type = sys::FileType::kRegular;
  uint32_t mode = 0444;
  uint64_t size = 0;  // as stat shows it, whatever the text is
  // A regular file's text when it is opened, a symbolic link's target. 0 or a negative errno.
  std::function<int(std::string*)> text;
  // Of a directory.
  std::function<std::optional<MadeUpFile>(absl::string_view)> find;
  std::function<std::vector<std::string>()> names;
};

class MadeUp {
 public:
  MadeUp(MadeUpFile file, InodePtr parent, std::string name)
      : file_(std::move(file)), parent_(std::move(parent)), name_(std::move(name)) {}

  const MadeUpFile& file() const { return file_; }
  // Null for the root.
  const InodePtr& parent() const { return parent_; }
  const std::string& name() const { return name_; }

 private:
  const MadeUpFile file_;
  const InodePtr parent_;
  const std::string name_;
};

MadeUpFile MadeUpText(std::function<int(std::string*)> text);
// A text that does not change.
MadeUpFile MadeUpText(std::string text);
MadeUpFile MadeUpLink(std::string target);
MadeUpFile MadeUpDirectory(std::map<std::string, MadeUpFile> files);

// The file of that name, as an inode of its own; null when there is none.
InodePtr LookupMadeUp(Tree& tree, const InodePtr& directory, absl::string_view name);
std::vector<sys::DirEntry> ListMadeUp(const Inode& directory);

// /proc or /sys as a whole, in which nothing can be made or removed.
class MadeUpFilesystem : public Filesystem {
 public:
  MadeUpFilesystem(std::string kind, sys::DeviceNumber device, const MadeUpFile& root);
  int BeginChange(uint64_t, bool makes_inode) override;
  int SyncFile(Inode&) override;
  int SyncDirectory(Inode&) override;
  int SyncAll() override { return 0; }
  sys::SpaceInfo Space() const override { return {}; }
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_MADE_UP_H_
