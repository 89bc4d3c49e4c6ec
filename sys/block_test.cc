// SPDX-License-Identifier: Apache-2.0
// Tests of finding block devices, on a root directory that holds a few files in memory.

#include "sys/block.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "sys/units.h"

namespace dmkit::sys {
namespace {

constexpr DeviceNumber kDevice = {253, 7};
constexpr char kUevent[] = "/sys/dev/block/253:7/uevent";

absl::Status Unused() { return ErrnoStatus(ENOSYS, "not in this test"); }

// A file with contents, which answers BLKGETSIZE64 when it has a size.
class FakeFile : public File {
 public:
  explicit FakeFile(std::string contents, std::optional<uint64_t> size = std::nullopt)
      : contents_(std::move(contents)), size_(size) {}

  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> buffer) override {
    const size_t start = std::min<size_t>(offset, contents_.size());
    const size_t size = std::min(buffer.size(), contents_.size() - start);
    std::memcpy(buffer.data(), contents_.data() + start, size);
    return size;
  }
  absl::StatusOr<int> Ioctl(unsigned long request, absl::Span<char> argument) override {
    if (!size_.has_value()) return ErrnoStatus(ENOTTY, "ioctl");
    EXPECT_EQ(request, _IOR(0x12, 114, size_t));
    EXPECT_EQ(argument.size(), sizeof(*size_));
    std::memcpy(argument.data(), &*size_, sizeof(*size_));
    return 0;
  }
  absl::Status WriteAt(uint64_t, absl::string_view) override { return Unused(); }
  absl::Status Truncate(uint64_t) override { return Unused(); }
  absl::Status Sync() override { return Unused(); }
  absl::StatusOr<FileStat> Stat() override { return Unused(); }
  absl::StatusOr<std::optional<DataRange>> NextData(uint64_t) override { return Unused(); }
  absl::StatusOr<int> IoctlValue(unsigned long, uint64_t) override { return Unused(); }
  absl::StatusOr<bool> WaitReadable(absl::Time) override { return Unused(); }
  absl::StatusOr<bool> TryLock(LockMode) override { return Unused(); }
  absl::Status Unlock() override { return Unused(); }
  int descriptor() const override { return -1; }

 private:
  std::string contents_;
  std::optional<uint64_t> size_;
};

// Holds texts by path and nodes by path.
class FakeRoot : public Dir {
 public:
  absl::StatusOr<std::unique_ptr<File>> OpenFile(absl::string_view path,
                                                 const OpenOptions& options) override {
    const auto text = texts.find(std::string(path));
    if (text != texts.end()) return std::make_unique<FakeFile>(text->second);
    if (nodes.count(std::string(path)) == 0) return ErrnoStatus(ENOENT, "open");
    node_options = options;
    return std::make_unique<FakeFile>("", 4096);
  }
  absl::StatusOr<FileStat> Stat(absl::string_view path) override {
    const auto node = nodes.find(std::string(path));
    if (node == nodes.end()) return ErrnoStatus(ENOENT, "stat");
    return node->second;
  }
  absl::Status MakeNode(absl::string_view path, FileType type, DeviceNumber device,
                        uint32_t mode) override {
    if (make_error == EPERM) return ErrnoStatus(make_error, "mknod");
    FileStat stat;
    stat.type = type;
    stat.rdevice = device;
    stat.mode = mode;
    nodes[std::string(path)] = stat;
    return make_error == 0 ? absl::OkStatus() : ErrnoStatus(make_error, "mknod");
  }
  absl::StatusOr<std::unique_ptr<Dir>> OpenDir(absl::string_view) override { return Unused(); }
  absl::Status MakeDir(absl::string_view, uint32_t) override { return Unused(); }
  absl::StatusOr<std::vector<DirEntry>> List(absl::string_view) override { return Unused(); }
  absl::StatusOr<FileStat> StatLink(absl::string_view) override { return Unused(); }
  absl::StatusOr<std::string> ReadLink(absl::string_view) override { return Unused(); }
  absl::Status Rename(absl::string_view, absl::string_view) override { return Unused(); }
  absl::Status Unlink(absl::string_view) override { return Unused(); }
  absl::Status RemoveDir(absl::string_view) override { return Unused(); }
  absl::Status MakeSymlink(absl::string_view, absl::string_view) override { return Unused(); }
  absl::Status SetMode(absl::string_view, uint32_t) override { return Unused(); }
  absl::Status SetOwner(absl::string_view, uint32_t, uint32_t) override { return Unused(); }
  absl::StatusOr<std::unique_ptr<Dir>> OpenDirNoFollow(absl::string_view) override {
    return Unused();
  }
  absl::StatusOr<std::unique_ptr<Dir>> OpenDirInRoot(absl::string_view) override {
    return Unused();
  }
  absl::Status MakeLink(absl::string_view, absl::string_view) override { return Unused(); }
  absl::Status SetTimes(absl::string_view, absl::Time, absl::Time) override { return Unused(); }
  absl::StatusOr<std::vector<std::string>> ListXattrs(absl::string_view) override {
    return Unused();
  }
  absl::StatusOr<std::string> GetXattr(absl::string_view, absl::string_view) override {
    return Unused();
  }
  absl::Status SetXattr(absl::string_view, absl::string_view, absl::string_view) override {
    return Unused();
  }
  absl::Status RemoveXattr(absl::string_view, absl::string_view) override { return Unused(); }
  absl::StatusOr<SpaceInfo> Space() override { return Unused(); }
  absl::Status Sync() override { return Unused(); }
  absl::Status SyncFilesystem() override { return Unused(); }

  std::map<std::string, std::string> texts;
  std::map<std::string, FileStat> nodes;
  std::optional<OpenOptions> node_options;
  int make_error = 0;  // EEXIST: somebody else makes the node in this moment
};

class BlockTest : public ::testing::Test {
 protected:
  BlockTest() { host_.root = &root_; }

  void AddDevice(absl::string_view uevent) { root_.texts[kUevent] = std::string(uevent); }
  void AddNode(const std::string& path, FileType type, DeviceNumber device) {
    FileStat stat;
    stat.type = type;
    stat.rdevice = device;
    root_.nodes[path] = stat;
  }

  FakeRoot root_;
  Host host_;
};

TEST_F(BlockTest, NodeIsTheKernelsNameUnderDev) {
  AddDevice("MAJOR=253\nMINOR=7\nDEVNAME=dm-7\nDEVTYPE=disk\n");
  AddNode("/dev/dm-7", FileType::kBlockDevice, kDevice);
  EXPECT_THAT(BlockNode(host_, kDevice), IsOkAndHolds("/dev/dm-7"));
}

TEST_F(BlockTest, AMissingNodeIsMade) {
  AddDevice("DEVNAME=dm-7\n");
  EXPECT_THAT(BlockNode(host_, kDevice), IsOkAndHolds("/dev/dm-7"));
  const FileStat& made = root_.nodes.at("/dev/dm-7");
  EXPECT_EQ(made.type, FileType::kBlockDevice);
  EXPECT_EQ(made.rdevice, kDevice);
  EXPECT_EQ(made.mode, 0600u);
}

TEST_F(BlockTest, ANodeThatSomebodyElseMakesMeanwhileIsTaken) {
  AddDevice("DEVNAME=dm-7\n");
  root_.make_error = EEXIST;
  EXPECT_THAT(BlockNode(host_, kDevice), IsOkAndHolds("/dev/dm-7"));
}

TEST_F(BlockTest, AMissingDeviceIsEnoent) {
  EXPECT_THAT(BlockNode(host_, kDevice), FailsWithErrno(ENOENT));
  EXPECT_THAT(OpenBlock(host_, kDevice, OpenOptions()), FailsWithErrno(ENOENT));
}

TEST_F(BlockTest, AnUnintelligibleUeventIsDataLoss) {
  for (const absl::string_view uevent :
       {"", "\n", "MAJOR=253\n", "DEVNAME=\n", "devname=dm-7\n", "XDEVNAME=dm-7\n", "DEVNAME"}) {
    AddDevice(uevent);
    EXPECT_THAT(BlockNode(host_, kDevice), FailsWithCode(absl::StatusCode::kDataLoss)) << uevent;
  }
  EXPECT_TRUE(root_.nodes.empty());
}

TEST_F(BlockTest, SomethingElseInThePlaceOfTheNodeIsEexist) {
  AddDevice("DEVNAME=dm-7\n");
  AddNode("/dev/dm-7", FileType::kBlockDevice, {253, 8});
  EXPECT_THAT(BlockNode(host_, kDevice), FailsWithErrno(EEXIST));
  AddNode("/dev/dm-7", FileType::kCharDevice, kDevice);
  EXPECT_THAT(BlockNode(host_, kDevice), FailsWithErrno(EEXIST));
  AddNode("/dev/dm-7", FileType::kRegular, {});
  EXPECT_THAT(OpenBlock(host_, kDevice, OpenOptions()), FailsWithErrno(EEXIST));
}

TEST_F(BlockTest, ANodeThatCannotBeMadeIsReported) {
  AddDevice("DEVNAME=dm-7\n");
  root_.make_error = EPERM;
  EXPECT_THAT(BlockNode(host_, kDevice), FailsWithErrno(EPERM));
}

TEST_F(BlockTest, OpenPassesTheOptionsOn) {
  AddDevice("DEVNAME=dm-7\n");
  OpenOptions options;
  options.access = Access::kReadWrite;
  options.exclusive = true;
  EXPECT_THAT(OpenBlock(host_, kDevice, options), IsOk());
  ASSERT_TRUE(root_.node_options.has_value());
  EXPECT_EQ(root_.node_options->access, Access::kReadWrite);
  EXPECT_TRUE(root_.node_options->exclusive);
}

TEST(BlockSizeTest, IsWhatTheKernelSays) {
  FakeFile device("", uint64_t{1} << 40);
  EXPECT_THAT(BlockSize(device), IsOkAndHolds(Bytes(uint64_t{1} << 40)));
}

TEST(BlockSizeTest, OfAFileIsEnotty) {
  FakeFile file("contents");
  EXPECT_THAT(BlockSize(file), FailsWithErrno(ENOTTY));
}

}  // namespace
}  // namespace dmkit::sys
