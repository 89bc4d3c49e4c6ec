// SPDX-License-Identifier: Apache-2.0
// The same calls on this machine's Linux and on the model, each in a directory of its own: every
// result, errno and byte must be the same. What two filesystems may do differently (sizes of
// directories, space) is not looked at.

#ifndef DMKIT_TESTING_MODEL_FILES_PARITY_H_
#define DMKIT_TESTING_MODEL_FILES_PARITY_H_

#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "testing/model/core.h"
#include "testing/model/files/vfs.h"
#include "testing/model/profile.h"

namespace dmkit::model {

inline std::string Show(const absl::Status& status) {
  return status.ok() ? "ok" : sys::ErrnoName(sys::GetErrno(status));
}

// "w" for writing, "c" create, "x" exclusive, "n" no_follow, "b" nonblock.
inline sys::OpenOptions Options(absl::string_view words) {
  sys::OpenOptions options;
  for (const char word : words) {
    if (word == 'w') options.access = sys::Access::kReadWrite;
    if (word == 'c') options.create = true;
    if (word == 'x') options.exclusive = true;
    if (word == 'n') options.no_follow = true;
    if (word == 'b') options.nonblock = true;
  }
  options.mode = 0644;
  return options;
}

// One side: makes calls relative to a directory and writes down what came of them.
class Side {
 public:
  Side(sys::Dir& root, std::string base) : root_(root), base_(std::move(base)) {
    dir_ = *root_.OpenDir(base_);
  }

  void Note(absl::string_view call, absl::string_view result) {
    log_.push_back(absl::StrCat(call, " -> ", absl::StrReplaceAll(result, {{base_, "<base>"}})));
  }
  sys::Dir& dir() { return *dir_; }
  sys::Dir& root() { return root_; }
  const std::string& base() const { return base_; }
  const std::vector<std::string>& log() const { return log_; }

  void MakeDir(absl::string_view path, uint32_t mode = 0755) {
    Note(absl::StrCat("mkdir ", path), Show(dir_->MakeDir(path, mode)));
  }
  void RemoveDir(absl::string_view path) {
    Note(absl::StrCat("rmdir ", path), Show(dir_->RemoveDir(path)));
  }
  void Unlink(absl::string_view path) {
    Note(absl::StrCat("unlink ", path), Show(dir_->Unlink(path)));
  }
  void Link(absl::string_view target, absl::string_view path) {
    Note(absl::StrCat("symlink ", path), Show(dir_->MakeSymlink(target, path)));
  }
  void Rename(absl::string_view from, absl::string_view to) {
    Note(absl::StrCat("rename ", from, " ", to), Show(dir_->Rename(from, to)));
  }
  std::unique_ptr<sys::File> Open(absl::string_view path, absl::string_view words) {
    auto file = dir_->OpenFile(path, Options(words));
    Note(absl::StrCat("open ", path, " ", words), Show(file.status()));
    return file.ok() ? *std::move(file) : nullptr;
  }
  void OpenDir(absl::string_view path) {
    Note(absl::StrCat("opendir ", path), Show(dir_->OpenDir(path).status()));
  }
  void Put(absl::string_view path, absl::string_view text) {
    const auto file = Open(path, "wc");
    if (file != nullptr) Note("write", Show(file->WriteAt(0, text)));
  }
  void Read(absl::string_view path) {
    const auto file = Open(path, "");
    if (file == nullptr) return;
    std::string buffer(64, '?');
    const auto got = file->ReadAt(0, absl::MakeSpan(&buffer[0], buffer.size()));
    Note("read", got.ok() ? buffer.substr(0, *got) : Show(got.status()));
  }
  void List(absl::string_view path) {
    const auto entries = dir_->List(path);
    std::string text = Show(entries.status());
    if (entries.ok()) {
      for (const sys::DirEntry& entry : *entries) {
        absl::StrAppend(&text, " ", entry.name, ":", static_cast<int>(entry.type));
      }
    }
    Note(absl::StrCat("list ", path), text);
  }
  void Stat(absl::string_view path, bool follow = true) {
    const auto stat = follow ? dir_->Stat(path) : dir_->StatLink(path);
    Note(absl::StrCat(follow ? "stat " : "lstat ", path),
         stat.ok() ? ShowStat(*stat) : Show(stat.status()));
  }
  static std::string ShowStat(const sys::FileStat& stat) {
    const bool is_directory = stat.type == sys::FileType::kDirectory;
    return absl::StrCat("type ", static_cast<int>(stat.type), " mode ", stat.mode, " uid ",
                        stat.uid, " links ", is_directory ? 0 : stat.links, " size ",
                        is_directory ? 0 : stat.size_bytes, " rdev ",
                        sys::FormatDeviceNumber(stat.rdevice));
  }
  void ReadLink(absl::string_view path) {
    const auto target = dir_->ReadLink(path);
    Note(absl::StrCat("readlink ", path), target.ok() ? *target : Show(target.status()));
  }

 private:
  sys::Dir& root_;
  const std::string base_;
  std::unique_ptr<sys::Dir> dir_;
  std::vector<std::string> log_;
};

// Whether Linux lets us do what is root's; a sandbox may call us root and not mean it.
inline bool IsPrivileged() {
  const sys::TempDir temp;
  const sys::LinuxHost linux_host;
  return linux_host.host().root->SetXattr(temp.path(), "trusted.probe", "").ok();
}

class ParityTest : public ::testing::Test {
 protected:
  // What the umask takes away is the same on both sides.
  ParityTest() { umask(022); }

  void Compare(const std::function<void(Side&)>& scenario) {
    const sys::TempDir temp;
    const sys::LinuxHost linux_host;
    Side linux_side(*linux_host.host().root, temp.path());
    scenario(linux_side);

    Core core(Linux612(), 1);
    Vfs vfs(core, Vfs::Options());
    vfs.AddProcess(1, 0);
    ASSERT_TRUE(vfs.RootOf(1).MakeDir("/mnt/base", 0700).ok());
    ASSERT_TRUE(vfs.RootOf(1).SetOwner("/mnt/base", geteuid(), getegid()).ok());
    vfs.EndProcess(1);
    vfs.AddProcess(1, geteuid());
    {
      Side model_side(vfs.RootOf(1), "/mnt/base");
      scenario(model_side);
      ASSERT_EQ(linux_side.log().size(), model_side.log().size());
      for (size_t i = 0; i < linux_side.log().size(); ++i) {
        EXPECT_EQ(linux_side.log()[i], model_side.log()[i]) << "line " << i;
      }
    }
    EXPECT_THAT(vfs.OpenHandles(), ::testing::IsEmpty());
  }
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_PARITY_H_
