// SPDX-License-Identifier: Apache-2.0
// Tests of device nodes: where they come from, what opening them does, and what /sys shows.

#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "testing/model/char_devices.h"
#include "testing/model/files/vfs_fixture.h"
#include "testing/model/open_file.h"

namespace dmkit::model {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr unsigned long kGetSize64 = _IOR(0x12, 114, size_t);

// A misc device that answers every ioctl with the number that it was given.
class EchoFile : public OpenFile {
 public:
  EchoFile(OpenMode mode, std::string path) : OpenFile(mode), path_(std::move(path)) {}
  int Ioctl(Process&, unsigned long, UserMemory memory) override {
    return static_cast<int>(memory.value());
  }
  sys::FileStat Stat() const override { return {}; }
  std::string Path() const override { return path_; }

 private:
  const std::string path_;
};

MiscDevice Echo() {
  MiscDevice device;
  device.minor = 99;
  device.name = "echo";
  device.node_name = "echo/control";
  device.node_mode = 0640;
  device.open = [](Process&, const OpenMode& mode, std::string path) {
    return std::make_shared<EchoFile>(mode, std::move(path));
  };
  return device;
}

TEST_F(VfsTest, NodesComeAndGoWithDisks) {
  const auto stat = root().Stat("/dev/sda");
  EXPECT_EQ(stat->type, sys::FileType::kBlockDevice);
  EXPECT_EQ(stat->rdevice, (sys::DeviceNumber{8, 0}));
  EXPECT_EQ(stat->mode, 0600U);
  auto second = std::make_unique<Disk>(core_, sys::DeviceNumber{8, 16}, "sdb", 4096);
  EXPECT_THAT(Names("/dev"), Contains("sdb"));
  second.reset();
  EXPECT_THAT(Names("/dev"), Not(Contains("sdb")));
}

TEST_F(VfsTest, NodesThatSomebodyMadeStay) {
  EXPECT_THAT(root().MakeNode("/dev/sdb", sys::FileType::kBlockDevice, {8, 16}, 0666), sys::IsOk());
  std::make_unique<Disk>(core_, sys::DeviceNumber{8, 16}, "sdb", 4096).reset();
  EXPECT_EQ(root().Stat("/dev/sdb")->mode, 0666U);
  EXPECT_EQ(OpenErrno("/dev/sdb"), ENXIO);
  EXPECT_THAT(root().Rename("/dev/sda", "/dev/mine"), sys::IsOk());
  disk_.reset();
  EXPECT_THAT(Names("/dev"), Contains("mine"));
}

TEST_F(VfsTest, MiscDevicesOpenTheirDriver) {
  core_.chars.Register(Echo());
  const auto file = Open("/dev/echo/control");
  EXPECT_THAT(file->IoctlValue(1, 42), sys::IsOkAndHolds(42));
  EXPECT_EQ(file->Stat()->rdevice, (sys::DeviceNumber{10, 99}));
  EXPECT_EQ(file->Stat()->mode, 0640U);
  EXPECT_THAT(file->TryLock(sys::LockMode::kExclusive), sys::IsOkAndHolds(true));
  EXPECT_THAT(Open("/dev/echo/control")->TryLock(sys::LockMode::kShared), sys::IsOkAndHolds(false));
  EXPECT_THAT(vfs_.OpenHandles(), ElementsAre("process 1 descriptor 3: /dev/echo/control"));
  EXPECT_EQ(Text("/proc/misc"), " 99 echo\n");
  core_.chars.Unregister(99);
  EXPECT_EQ(OpenErrno("/dev/echo/control"), ENOENT);
  EXPECT_THAT(root().MakeNode("/mine", sys::FileType::kCharDevice, {10, 99}, 0600), sys::IsOk());
  EXPECT_EQ(OpenErrno("/mine"), ENXIO);
  EXPECT_EQ(file->descriptor(), 3);
}

TEST_F(VfsTest, BlockDevicesAreReadAndWritten) {
  const auto file = Open("/dev/sda", Writing());
  EXPECT_THAT(file->WriteAt(1000, "text"), sys::IsOk());
  EXPECT_EQ(ReadAll(*file).substr(1000, 4), "text");
  EXPECT_EQ(Errno(file->WriteAt(kDiskBytes, "x")), ENOSPC);
  EXPECT_EQ(Errno(file->WriteAt(kDiskBytes - 1, "xy")), ENOSPC);
  char bytes[4] = {};
  EXPECT_THAT(file->ReadAt(kDiskBytes - 1, absl::MakeSpan(bytes)), sys::IsOkAndHolds(1U));
  EXPECT_EQ(bytes[0], 'x') << "what fits was written";
  EXPECT_THAT(file->ReadAt(kDiskBytes, absl::MakeSpan(bytes)), sys::IsOkAndHolds(0U));
  EXPECT_EQ(Errno(file->Truncate(0)), EINVAL);
  EXPECT_EQ(file->Stat()->size_bytes, 0U);
  uint64_t size = 0;
  char argument[sizeof(size)] = {};
  EXPECT_THAT(file->Ioctl(kGetSize64, absl::MakeSpan(argument)), sys::IsOk());
  std::memcpy(&size, argument, sizeof(size));
  EXPECT_EQ(size, kDiskBytes);
  EXPECT_EQ(Errno(Open("/dev/sda")->WriteAt(0, "x")), EBADF);
  disk_->SetReadOnly(true);
  EXPECT_EQ(Errno(file->WriteAt(0, "x")), EPERM);
}

TEST_F(VfsTest, WritesReachTheDiskWithASyncOrDirectly) {
  const auto buffered = Open("/dev/sda", Writing());
  sys::OpenOptions options = Writing();
  options.direct = true;
  const auto direct = Open("/dev/sda", options);
  const auto on_disk = [&] {
    std::string bytes(4, '?');
    disk_->contents().Read(0, absl::MakeSpan(&bytes[0], bytes.size()));
    return bytes;
  };
  EXPECT_THAT(buffered->WriteAt(0, "buff"), sys::IsOk());
  EXPECT_EQ(on_disk(), std::string(4, '\0'));
  std::string block(512, '?');
  EXPECT_THAT(direct->ReadAt(0, absl::MakeSpan(&block[0], block.size())), sys::IsOk());
  EXPECT_EQ(block.substr(0, 4), "buff") << "a direct read writes back first";
  EXPECT_THAT(direct->WriteAt(0, std::string(512, 'd')), sys::IsOk());
  EXPECT_EQ(on_disk(), "dddd");
  EXPECT_EQ(ReadAll(*buffered).substr(0, 4), "dddd") << "the page was forgotten";
  EXPECT_EQ(Errno(direct->WriteAt(1, std::string(512, 'd'))), EINVAL);
  EXPECT_THAT(buffered->WriteAt(0, "sync"), sys::IsOk());
  EXPECT_THAT(buffered->Sync(), sys::IsOk());
  EXPECT_EQ(on_disk(), "sync");
}

TEST_F(VfsTest, ExclusiveOpensOfADeviceExcludeEachOther) {
  sys::OpenOptions exclusive = Writing();
  exclusive.exclusive = true;
  auto first = Open("/dev/sda", exclusive);
  EXPECT_EQ(OpenErrno("/dev/sda", exclusive), EBUSY);
  EXPECT_EQ(OpenErrno("/dev/sda", Writing()), 0);
  EXPECT_EQ(Errno(Mount("/dev/sda", "/mnt").status()), EBUSY);
  first.reset();
  EXPECT_EQ(OpenErrno("/dev/sda", exclusive), 0);
  EXPECT_EQ(disk_->open_count(), 0U);
}

TEST_F(VfsTest, PathsInTablesLeadToDevices) {
  EXPECT_THAT(root().MakeSymlink("sda", "/dev/link"), sys::IsOk());
  EXPECT_THAT(root().MakeSymlink("loop", "/loop"), sys::IsOk());
  Put("/f", "x");
  sys::DeviceNumber number;
  EXPECT_EQ(vfs_.FindBlockDevice("/dev/link", &number), 0);
  EXPECT_EQ(number, (sys::DeviceNumber{8, 0}));
  EXPECT_EQ(vfs_.FindBlockDevice("", &number), -EINVAL);
  EXPECT_EQ(vfs_.FindBlockDevice("/dev/no", &number), -ENOENT);
  EXPECT_EQ(vfs_.FindBlockDevice("/dev/null", &number), -ENOTBLK);
  EXPECT_EQ(vfs_.FindBlockDevice("/dev", &number), -ENOTBLK);
  EXPECT_EQ(vfs_.FindBlockDevice("/f/x", &number), -ENOTDIR);
  EXPECT_EQ(vfs_.FindBlockDevice("/loop", &number), -ELOOP);
}

TEST_F(VfsTest, SysShowsDisks) {
  EXPECT_THAT(Names("/sys/block"), ElementsAre("sda"));
  EXPECT_THAT(Names("/sys/dev/block"), ElementsAre("8:0"));
  EXPECT_THAT(root().ReadLink("/sys/block/sda"), sys::IsOkAndHolds("../devices/virtual/block/sda"));
  EXPECT_EQ(Text("/sys/dev/block/8:0/uevent"),
            "MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\nDISKSEQ=1\n");
  EXPECT_EQ(Text("/sys/block/sda/dev"), "8:0\n");
  EXPECT_EQ(Text("/sys/class/block/sda/size"), "128\n");
  EXPECT_EQ(Text("/sys/block/sda/ro"), "0\n");
  EXPECT_EQ(Text("/sys/block/sda/queue/logical_block_size"), "512\n");
  EXPECT_EQ(Text("/sys/dev/block/8:0/bdi/read_ahead_kb"), "128\n");
  EXPECT_EQ(Text("/sys/block/sda/loop/backing_file"), "ENOENT");
  EXPECT_EQ(Text("/sys/dev/block/8:00/size"), "ENOENT");
  EXPECT_EQ(Text("/sys/block/no/size"), "ENOENT");
  EXPECT_THAT(Names("/sys/block/sda/holders"), IsEmpty());
  const auto size = Open("/sys/block/sda/size");
  EXPECT_EQ(size->Stat()->size_bytes, 4096U);
  disk_.reset();
  EXPECT_EQ(ReadAll(*size), "128\n");
  EXPECT_EQ(Text("/sys/block/sda/size"), "ENOENT");
}

TEST_F(VfsTest, SysShowsWhoHoldsADisk) {
  Disk top(core_, sys::DeviceNumber{8, 16}, "sdb", 4096);
  Opener opener;
  opener.holder = top.number();
  BlockHandle handle;
  ASSERT_EQ(disk_->Open(opener, &handle), 0);
  EXPECT_THAT(Names("/sys/block/sda/holders"), ElementsAre("sdb"));
  EXPECT_THAT(Names("/sys/block/sdb/slaves"), ElementsAre("sda"));
  EXPECT_THAT(Names("/sys/block/sdb/holders"), IsEmpty());
  EXPECT_EQ(Text("/sys/block/sda/holders/sdb/size"), "8\n");
}

class BareVfsTest : public VfsTest {
 protected:
  static Vfs::Options Bare() {
    Vfs::Options options;
    options.has_devtmpfs = false;
    options.has_sysfs = false;
    options.has_procfs = false;
    return options;
  }
  BareVfsTest() : VfsTest(Bare()) {}
};

TEST_F(BareVfsTest, NodesAreOnlyThoseThatWereMade) {
  core_.chars.Register(Echo());
  EXPECT_THAT(Names("/dev"), ElementsAre("loop-control", "mapper", "null", "zero"));
  EXPECT_THAT(Names("/dev/mapper"), ElementsAre("control"));
  EXPECT_THAT(Names("/sys"), IsEmpty());
  EXPECT_THAT(Names("/proc"), IsEmpty());
  EXPECT_THAT(root().MakeNode("/dev/mine", sys::FileType::kBlockDevice, {8, 0}, 0600), sys::IsOk());
  EXPECT_EQ(OpenErrno("/dev/mine"), 0);
  vfs_.EndProcess(1);
  vfs_.EndProcess(2);
  vfs_.LosePower(Unsynced::kLost);
  EXPECT_THAT(Names("/dev"), ElementsAre("loop-control", "mapper", "null", "zero"));
}

}  // namespace
}  // namespace dmkit::model
