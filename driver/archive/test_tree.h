// SPDX-License-Identifier: Apache-2.0
// A tree that a test makes and looks at, through a directory handle of any host. For tests only.

#ifndef DMKIT_DRIVER_ARCHIVE_TEST_TREE_H_
#define DMKIT_DRIVER_ARCHIVE_TEST_TREE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "driver/archive/changes.h"
#include "driver/archive/xattrs.h"
#include "sys/durable.h"
#include "sys/host.h"

namespace dmkit::driver {

// Every file gets kEpoch as its time unless a test says otherwise. Failures are test failures.
class TestTree {
 public:
  static absl::Time Epoch() { return absl::FromUnixNanos(1700000000123456789); }

  explicit TestTree(std::unique_ptr<sys::Dir> dir) : dir_(std::move(dir)) {}

  sys::Dir& dir() { return *dir_; }

  void File(const std::string& path, const std::string& contents, uint32_t mode = 0644) {
    Overwrite(path, contents);
    Expect(dir_->SetMode(path, mode));
    Touch(path);
  }
  // The contents anew, in the same file if it is there.
  void Overwrite(const std::string& path, const std::string& contents) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    auto file = dir_->OpenFile(path, options);
    ASSERT_TRUE(file.ok()) << file.status();
    Expect((*file)->WriteAt(0, contents));
    Expect((*file)->Truncate(contents.size()));
  }
  void Directory(const std::string& path, uint32_t mode = 0755) {
    Expect(dir_->MakeDir(path, mode));
    Expect(dir_->SetMode(path, mode));
    Touch(path);
  }
  void Symlink(const std::string& path, const std::string& target) {
    Expect(dir_->MakeSymlink(target, path));
    Touch(path);
  }
  void Link(const std::string& from, const std::string& to) { Expect(dir_->MakeLink(from, to)); }
  void Node(const std::string& path, sys::FileType type, sys::DeviceNumber device = {}) {
    Expect(dir_->MakeNode(path, type, device, 0600));
    Touch(path);
  }
  void Touch(const std::string& path, absl::Time time = Epoch()) {
    Expect(dir_->SetTimes(path, time, time));
  }
  // With everything below it.
  void Remove(const std::string& path) {
    auto stat = dir_->StatLink(path);
    ASSERT_TRUE(stat.ok()) << stat.status();
    if (stat->type != sys::FileType::kDirectory) return Expect(dir_->Unlink(path));
    auto entries = dir_->List(path);
    ASSERT_TRUE(entries.ok()) << entries.status();
    for (const sys::DirEntry& entry : *entries) Remove(absl::StrCat(path, "/", entry.name));
    Expect(dir_->RemoveDir(path));
  }

  static void Expect(const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; }

 private:
  std::unique_ptr<sys::Dir> dir_;
};

// "C /etc", "A /etc/hosts": what WalkChanges tells, in its order.
inline std::vector<std::string> ListChanges(sys::Dir& newer, sys::Dir* older) {
  std::vector<std::string> lines;
  const absl::Status status = WalkChanges(
      newer, older,
      [&lines](const Change& change, sys::Dir&, const std::string&, const sys::FileStat*) {
        lines.push_back(absl::StrCat(std::string(1, ChangeLetter(change.kind)), " ", change.path));
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return lines;
}

// Everything that an archive keeps of a tree, as lines that can be compared: path, kind, mode,
// owner, device number, time of what is no directory, contents, target, xattrs, and the first of
// the file's names.
class TreePicture {
 public:
  static std::vector<std::string> Of(sys::Dir& root) {
    TreePicture picture;
    picture.Directory(root, "");
    return std::move(picture.lines_);
  }

 private:
  void Directory(sys::Dir& dir, const std::string& path) {
    auto entries = dir.List(".");
    ASSERT_TRUE(entries.ok()) << entries.status();
    for (const sys::DirEntry& entry : *entries) {
      Line(dir, entry.name, absl::StrCat(path, "/", entry.name));
      if (entry.type != sys::FileType::kDirectory) continue;
      auto child = dir.OpenDirNoFollow(entry.name);
      ASSERT_TRUE(child.ok()) << child.status();
      Directory(**child, absl::StrCat(path, "/", entry.name));
    }
  }

  void Line(sys::Dir& dir, const std::string& name, const std::string& path) {
    auto stat = dir.StatLink(name);
    ASSERT_TRUE(stat.ok()) << stat.status();
    std::string line = absl::StrCat(absl::CHexEscape(path), " kind ", static_cast<int>(stat->type),
                                    " mode ", stat->mode, " owner ", stat->uid, ":", stat->gid,
                                    " device ", FormatDeviceNumber(stat->rdevice));
    if (stat->type != sys::FileType::kDirectory) {
      const auto first = names_.emplace(stat->inode, path).first;
      absl::StrAppend(&line, " is ", absl::CHexEscape(first->second), " links ", stat->links,
                      " time ", absl::ToUnixNanos(stat->modified), " size ", stat->size_bytes);
    }
    if (stat->type == sys::FileType::kSymlink) {
      absl::StrAppend(&line, " to ", absl::CHexEscape(dir.ReadLink(name).value_or("?")));
    }
    if (stat->type == sys::FileType::kRegular) {
      auto contents = sys::ReadFile(dir, name, 64 << 20);
      absl::StrAppend(&line, " data ", contents.ok() ? Digest(*contents) : "unreadable");
    }
    auto xattrs = ReadXattrs(dir, name);
    EXPECT_TRUE(xattrs.ok()) << xattrs.status();
    for (const Xattr& xattr : *xattrs) {
      absl::StrAppend(&line, " ", absl::CHexEscape(xattr.name), "=", Digest(xattr.value));
    }
    lines_.push_back(std::move(line));
  }

  // Short contents as they are, long ones as a number.
  static std::string Digest(const std::string& contents) {
    if (contents.size() <= 64) return absl::CHexEscape(contents);
    return absl::StrCat("#", std::hash<std::string>()(contents));
  }

  std::map<uint64_t, std::string> names_;
  std::vector<std::string> lines_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_TEST_TREE_H_
