// SPDX-License-Identifier: Apache-2.0
// What the tests of filesystems on block devices share: a disk, and files by name without a
// namespace.

#ifndef DMKIT_TESTING_MODEL_FILES_BLOCK_FILESYSTEM_FIXTURE_H_
#define DMKIT_TESTING_MODEL_FILES_BLOCK_FILESYSTEM_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "testing/model/core.h"
#include "testing/model/disk.h"
#include "testing/model/files/block_filesystem.h"
#include "testing/model/profile.h"
#include "testing/model/scheduler.h"

namespace dmkit::model {

inline constexpr char kTestUuid[] = "01234567-89ab-cdef-0123-456789abcdef";

class BlockFilesystemTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kDiskBytes = uint64_t{16} << 20;

  ~BlockFilesystemTest() override {
    if (mounted != nullptr) mounted->LosePower();
  }

  int MountDisk(Disk& device, const std::string& kind, std::shared_ptr<Filesystem>* filesystem,
                const std::string& data = "", bool read_only = false) {
    BlockHandle handle;
    Opener opener;
    opener.who = "mount";
    opener.write = !read_only;
    opener.claim = this;
    const int error = device.Open(opener, &handle);
    if (error != 0) return error;
    BlockMountOptions options;
    options.read_only = read_only;
    options.data = data;
    return BlockFilesystemKind(kind)(core, std::move(handle), options, filesystem);
  }
  int Mount(const std::string& data = "", bool read_only = false) {
    return MountDisk(disk, "ext4", &mounted, data, read_only);
  }
  void Unmount() {
    mounted->Release();
    mounted = nullptr;
    core.scheduler.RunQueue();
  }
  // Makes an ext4 and mounts it.
  void Start() {
    ASSERT_EQ(MakeFilesystem(disk, "ext4", kTestUuid), 0);
    ASSERT_EQ(Mount(), 0);
  }
  void LosePower(Unsynced unsynced = Unsynced::kLost) {
    mounted->LosePower();
    mounted = nullptr;
    disk.LosePower(unsynced);
  }

  Tree& tree() { return *mounted->tree(); }
  InodePtr Find(absl::string_view name) { return tree().Lookup(*tree().root(), name); }
  // Makes the file when it is not there. 0 or a negative errno.
  int WriteFile(absl::string_view name, uint64_t offset, absl::string_view content) {
    InodePtr inode = Find(name);
    const int error = mounted->BeginChange(content.size(), inode == nullptr);
    if (error != 0) return error;
    if (inode == nullptr) {
      InodeAttributes attributes;
      attributes.mode = 0640;
      inode = tree().Make(attributes);
      tree().Link(tree().root(), name, inode);
    }
    inode->bytes.Write(offset, content);
    tree().NoteChange();
    return 0;
  }
  int Remove(absl::string_view name) {
    const int error = mounted->BeginChange(0, false);
    return error != 0 ? error : tree().Unlink(tree().root(), name);
  }
  // "(none)" when it is not there.
  std::string Content(absl::string_view name) {
    const InodePtr inode = Find(name);
    if (inode == nullptr) return "(none)";
    std::string content(inode->bytes.size(), '\0');
    inode->bytes.Read(0, absl::MakeSpan(&content[0], content.size()));
    return content;
  }
  int Sync() { return mounted->SyncDirectory(*tree().root()); }

  Core core{Linux612(), 1};
  Scheduler::Call call{core.scheduler, 1};
  Disk disk{core, {8, 0}, "sda", kDiskBytes};
  std::shared_ptr<Filesystem> mounted;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_FILES_BLOCK_FILESYSTEM_FIXTURE_H_
