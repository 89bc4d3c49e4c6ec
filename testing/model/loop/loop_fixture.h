// SPDX-License-Identifier: Apache-2.0
// What the tests of loop devices share: a kernel with loop devices and without a file side, files
// in memory, and a process with descriptors.

#ifndef DMKIT_TESTING_MODEL_LOOP_LOOP_FIXTURE_H_
#define DMKIT_TESTING_MODEL_LOOP_LOOP_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "testing/model/block_layer.h"
#include "testing/model/core.h"
#include "testing/model/disk.h"
#include "testing/model/loop/loop_driver.h"
#include "testing/model/open_file.h"
#include "testing/model/process.h"
#include "testing/model/profile.h"
#include "testing/model/sparse_bytes.h"
#include "testing/model/user_memory.h"

namespace dmkit::model {

// What a file is, apart from the ways in which it was opened.
struct FakeInode {
  SparseBytes bytes;
  sys::FileStat stat;
  uint32_t direct_io_bytes = 0;
  int write_error = 0;
  int punch_error = 0;
  int syncs = 0;
};

class FakeFile : public OpenFile {
 public:
  FakeFile(OpenMode mode, std::shared_ptr<FakeInode> inode)
      : OpenFile(mode), inode_(std::move(inode)) {}

  int64_t ReadAt(uint64_t offset, absl::Span<char> into) override {
    const uint64_t size = inode_->bytes.size();
    const uint64_t length = offset >= size ? 0 : std::min<uint64_t>(into.size(), size - offset);
    inode_->bytes.Read(offset, into.subspan(0, length));
    return static_cast<int64_t>(length);
  }
  int WriteAt(uint64_t offset, absl::string_view data) override {
    if (inode_->write_error == 0) inode_->bytes.Write(offset, data);
    return inode_->write_error;
  }
  int PunchHole(uint64_t offset, uint64_t length) override {
    if (inode_->punch_error == 0) inode_->bytes.Zero(offset, length);
    return inode_->punch_error;
  }
  int Sync() override {
    ++inode_->syncs;
    inode_->bytes.Sync();
    return 0;
  }
  sys::FileStat Stat() const override {
    sys::FileStat stat = inode_->stat;
    stat.size_bytes = inode_->bytes.size();
    return stat;
  }
  std::string Path() const override { return "/pool/data"; }
  uint32_t DirectIoBytes() const override { return inode_->direct_io_bytes; }

 private:
  const std::shared_ptr<FakeInode> inode_;
};

// An open node of a block device.
class FakeNode : public OpenFile {
 public:
  FakeNode(OpenMode mode, BlockHandle handle) : OpenFile(mode), handle_(std::move(handle)) {}
  int64_t ReadAt(uint64_t offset, absl::Span<char> into) override {
    const int error = handle_->BufferedRead(offset, into);
    return error != 0 ? error : static_cast<int64_t>(into.size());
  }
  int WriteAt(uint64_t offset, absl::string_view data) override {
    return handle_->BufferedWrite(offset, data);
  }
  int Sync() override { return handle_->SyncBuffered(); }
  sys::FileStat Stat() const override {
    sys::FileStat stat;
    stat.type = sys::FileType::kBlockDevice;
    stat.rdevice = handle_->number();
    return stat;
  }
  BlockDevice* block_device() const override { return handle_.get(); }
  std::string Path() const override { return "/dev/" + handle_->disk_name(); }

 private:
  BlockHandle handle_;
};

class FakeProcess : public Process {
 public:
  int id() const override { return 1; }
  uint32_t effective_user() const override { return user; }
  std::shared_ptr<OpenFile> FileAt(int descriptor) const override {
    const auto found = files.find(descriptor);
    return found == files.end() ? nullptr : found->second;
  }

  uint32_t user = 0;
  std::map<int, std::shared_ptr<OpenFile>> files;
};

// struct loop_info64 and loop_config under construction, by offsets of the tests' own.
class InfoBytes {
 public:
  explicit InfoBytes(size_t size = 232) : bytes(size, '\0') {}
  template <typename T>
  InfoBytes& Put(size_t at, T value) {
    std::memcpy(&bytes[at], &value, sizeof(value));
    return *this;
  }
  template <typename T>
  T Get(size_t at) const {
    T value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
  }
  InfoBytes& Offset(uint64_t value) { return Put(base() + 24, value); }
  InfoBytes& SizeLimit(uint64_t value) { return Put(base() + 32, value); }
  InfoBytes& EncryptType(uint32_t value) { return Put(base() + 44, value); }
  InfoBytes& KeySize(uint32_t value) { return Put(base() + 48, value); }
  InfoBytes& Flags(uint32_t value) { return Put(base() + 52, value); }
  InfoBytes& Name(const std::string& name) {
    bytes.replace(base() + 56, name.size(), name);
    return *this;
  }
  InfoBytes& BlockSize(uint32_t value) { return Put(4, value); }

  std::string bytes;

 private:
  size_t base() const { return bytes.size() == 304 ? 8 : 0; }
};

inline InfoBytes ConfigBytes(int descriptor) { return InfoBytes(304).Put(0, descriptor); }

class LoopTest : public ::testing::Test {
 protected:
  static constexpr int kFile = 10;  // the usual backing file's descriptor
  static constexpr uint64_t kFileBytes = 1 << 20;

  void Boot(const Profile& profile) {
    Shutdown();
    core = std::make_unique<Core>(profile, 1);
    call = std::make_unique<Scheduler::Call>(core->scheduler, 1);
    driver = std::make_unique<LoopDriver>(*core);
    file = AddFile(kFile, kFileBytes, {true, true, false, false});
    TakeUevents();
  }
  void Shutdown() {
    nodes.clear();
    process.files.clear();
    driver = nullptr;
    call = nullptr;
    core = nullptr;
  }
  void TearDown() override { Shutdown(); }

  std::shared_ptr<FakeInode> AddFile(int descriptor, uint64_t bytes, OpenMode mode) {
    auto inode = std::make_shared<FakeInode>();
    inode->bytes.Resize(bytes);
    inode->stat.inode = 77;
    inode->stat.device = {259, 300};
    process.files[descriptor] = std::make_shared<FakeFile>(mode, inode);
    return inode;
  }

  // An open of /dev/loop<number>, kept under an index. 0 or a negative errno.
  int Open(uint32_t number, bool write = true, const void* claim = nullptr) {
    Node node;
    node.write = write;
    node.claim = claim;
    Opener opener;
    opener.who = "test";
    opener.write = write;
    opener.claim = claim;
    const int error = OpenBlockDevice(*core, {kLoopMajor, number}, opener, &node.handle);
    if (error == 0) nodes.push_back(std::move(node));
    return error;
  }
  void CloseLast() { nodes.pop_back(); }

  int CallMemory(unsigned long request, UserMemory memory, size_t index = 0) {
    Node& node = nodes.at(index);
    return BlockIoctl(*node.handle.get(), {process, node.write, node.claim}, request, memory);
  }
  int Call(unsigned long request, uint64_t value, size_t index = 0) {
    return CallMemory(request, UserMemory(value), index);
  }
  int CallBytes(unsigned long request, InfoBytes& bytes, size_t index = 0) {
    return CallMemory(request, UserMemory(absl::MakeSpan(&bytes.bytes[0], bytes.bytes.size())),
                      index);
  }
  int Configure(InfoBytes config, size_t index = 0) { return CallBytes(0x4C0A, config, index); }
  int SetStatus(InfoBytes info, size_t index = 0) { return CallBytes(0x4C04, info, index); }
  int GetStatus(InfoBytes* info, size_t index = 0) { return CallBytes(0x4C05, *info, index); }
  uint32_t FlagsOf(size_t index = 0) {
    InfoBytes info;
    EXPECT_EQ(GetStatus(&info, index), 0);
    return info.Get<uint32_t>(52);
  }
  // Opens loop0 and binds it to the usual file.
  void Bind() {
    ASSERT_EQ(Open(0), 0);
    ASSERT_EQ(Call(0x4C00, kFile), 0);
    TakeUevents();
  }

  // /dev/loop-control.
  int Control(unsigned long request, uint64_t value) {
    const MiscDevice* const misc = core->chars.Find({kMiscMajor, kLoopControlMinor});
    return misc->open(process, {true, true, false, false}, "/dev/loop-control")
        ->Ioctl(process, request, UserMemory(value));
  }

  BlockDevice& device(size_t index = 0) { return *nodes.at(index).handle.get(); }
  std::vector<std::string> TakeUevents() {
    std::vector<std::string> lines;
    for (const Uevent& event : core->uevents.Take()) lines.push_back(DebugString(event));
    return lines;
  }

  struct Node {
    BlockHandle handle;
    bool write = true;
    const void* claim = nullptr;
  };

  std::unique_ptr<Core> core;
  std::unique_ptr<Scheduler::Call> call;
  std::unique_ptr<LoopDriver> driver;
  std::shared_ptr<FakeInode> file;
  FakeProcess process;
  std::vector<Node> nodes;
};

// The same on both kernels.
class BothLoopTest : public LoopTest, public ::testing::WithParamInterface<const Profile*> {
 protected:
  void SetUp() override { Boot(*GetParam()); }
  bool is_new() const { return GetParam() == &Linux612(); }
};

inline std::string ProfileName(const ::testing::TestParamInfo<const Profile*>& info) {
  return info.param == &Linux612() ? "v6_12" : "v6_1";
}

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_LOOP_LOOP_FIXTURE_H_
