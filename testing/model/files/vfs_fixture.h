// SPDX-License-Identifier: Apache-2.0
// What the tests of the namespace share: a machine with a disk, two processes and a filesystem that
// keeps nothing on its device.

#ifndef DMKIT_TESTING_MODEL_FILES_VFS_FIXTURE_H_
#define DMKIT_TESTING_MODEL_FILES_VFS_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "testing/model/core.h"
#include "testing/model/disk.h"
#include "testing/model/files/filesystem.h"
#include "testing/model/files/tree.h"
#include "testing/model/files/vfs.h"
#include "testing/model/profile.h"

namespace dmkit::model {

// Notes what happens to it.
class FakeFilesystem : public Filesystem, public MountedFilesystem {
 public:
  FakeFilesystem(BlockHandle device, const BlockMountOptions& options,
                 std::vector<std::string>* log)
      : Filesystem("fake", device->number(), MakeTree()),
        device_(std::move(device)),
        options_(options),
        log_(log) {
    device_->SetFilesystem(this);
    log_->push_back("mount");
  }

  bool is_read_only() const override { return options_.read_only || has_failed; }
  int BeginChange(uint64_t, bool) override { return is_read_only() ? -EROFS : change_error; }
  int SyncFile(Inode&) override {
    log_->push_back("sync file");
    return 0;
  }
  int SyncDirectory(Inode&) override {
    log_->push_back("sync directory");
    return 0;
  }
  int SyncAll() override {
    log_->push_back("sync all");
    return 0;
  }
  sys::SpaceInfo Space() const override { return {1000, 10}; }
  void Release() override { End("release"); }
  void LosePower() override { End("lose power"); }
  int Freeze() override { return 0; }
  void Thaw() override {}

  bool has_failed = false;
  int change_error = 0;

 private:
  static std::shared_ptr<Tree> MakeTree() {
    InodeAttributes root;
    root.mode = 0755;
    return std::make_shared<Tree>(Durability::kVolatile, root);
  }
  void End(const char* what) {
    log_->push_back(what);
    device_->SetFilesystem(nullptr);
    device_.Reset();
  }

  BlockHandle device_;
  const BlockMountOptions options_;
  std::vector<std::string>* const log_;
};

class VfsTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kDiskBytes = 65536;

  explicit VfsTest(const Vfs::Options& options = {}) : core_(Linux612(), 1), vfs_(core_, options) {
    vfs_.RegisterKind("fake", [this](Core&, BlockHandle device, const BlockMountOptions& how,
                                     std::shared_ptr<Filesystem>* filesystem) {
      if (how.data == "bad") return -EINVAL;
      fake_ = std::make_shared<FakeFilesystem>(std::move(device), how, &log_);
      *filesystem = fake_;
      return 0;
    });
    disk_ = std::make_unique<Disk>(core_, sys::DeviceNumber{8, 0}, "sda", kDiskBytes);
    vfs_.AddProcess(1, 0);
    vfs_.AddProcess(2, 1000);
  }
  ~VfsTest() override {
    vfs_.EndProcess(1);
    vfs_.EndProcess(2);
    // What a test has left mounted.
    vfs_.LosePower(Unsynced::kLost);
  }

  sys::Dir& root() { return vfs_.RootOf(1); }
  sys::Dir& user() { return vfs_.RootOf(2); }
  static int Errno(const absl::Status& status) { return sys::GetErrno(status); }

  static sys::OpenOptions Writing() {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    return options;
  }
  static sys::OpenOptions Creating() {
    sys::OpenOptions options = Writing();
    options.create = true;
    return options;
  }
  std::unique_ptr<sys::File> Open(absl::string_view path,
                                  const sys::OpenOptions& options = sys::OpenOptions()) {
    auto file = root().OpenFile(path, options);
    EXPECT_THAT(file, sys::IsOk());
    return file.ok() ? *std::move(file) : nullptr;
  }
  int OpenErrno(absl::string_view path, const sys::OpenOptions& options = sys::OpenOptions()) {
    return Errno(root().OpenFile(path, options).status());
  }
  void Put(absl::string_view path, absl::string_view text) {
    EXPECT_THAT(Open(path, Creating())->WriteAt(0, text), sys::IsOk());
  }
  static std::string ReadAll(sys::File& file) {
    std::string text(8192, '\0');
    const auto got = file.ReadAt(0, absl::MakeSpan(&text[0], text.size()));
    EXPECT_THAT(got, sys::IsOk());
    text.resize(got.value_or(0));
    return text;
  }
  std::string Text(absl::string_view path) {
    const auto file = root().OpenFile(path, sys::OpenOptions());
    return file.ok() ? ReadAll(**file) : sys::ErrnoName(Errno(file.status()));
  }
  std::vector<std::string> Names(absl::string_view path) {
    std::vector<std::string> names;
    for (const sys::DirEntry& entry : root().List(path).value_or(std::vector<sys::DirEntry>())) {
      names.push_back(entry.name);
    }
    return names;
  }
  absl::StatusOr<std::unique_ptr<sys::Dir>> Mount(absl::string_view source,
                                                  absl::string_view target, uint64_t flags = 0,
                                                  absl::string_view data = "") {
    return vfs_.MountsOf(1).Mount(
        {std::string(source), std::string(target), "fake", flags, std::string(data)});
  }
  int Unmount(absl::string_view target, sys::UnmountMode mode = sys::UnmountMode::kNormal) {
    return Errno(vfs_.MountsOf(1).Unmount(target, mode));
  }
  // "/mnt /dev/sda fake 8:0 users 1".
  std::vector<std::string> MountLines() const {
    std::vector<std::string> lines;
    for (const MountEntry& entry : vfs_.Mounts()) {
      lines.push_back(absl::StrCat(entry.target, " ", entry.source, " ", entry.filesystem, " ",
                                   sys::FormatDeviceNumber(entry.device), " users ", entry.users));
    }
    return lines;
  }

  Core core_;
  Vfs vfs_;
  std::unique_ptr<Disk> disk_;
  std::shared_ptr<FakeFilesystem> fake_;
  std::vector<std::string> log_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_VFS_FIXTURE_H_
