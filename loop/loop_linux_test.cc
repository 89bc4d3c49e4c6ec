// SPDX-License-Identifier: Apache-2.0
// The room on the loop driver of the running kernel, as root.

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/linux_fixture.h"
#include "loop/loop_device.h"
#include "loop/nodes.h"
#include "loop/open_device.h"
#include "loop/uapi.h"
#include "sys/host.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::_;
using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using ::testing::StartsWith;

TEST_F(LoopLinuxTest, AttachedDeviceIsWhatWasAskedFor) {
  const std::string path = MakeFile("a", kMiB + 700);
  const auto attached = Attach(host_, path, {}, Soon());
  ASSERT_THAT(attached, IsOk());
  const auto stat = host_.root->Stat(path);
  ASSERT_THAT(stat, IsOk());
  const LoopInfo& info = attached->info;
  EXPECT_EQ(info.device, (sys::DeviceNumber{7, info.number}));
  EXPECT_EQ(info.backing_device, stat->device);
  EXPECT_EQ(info.backing_inode, stat->inode);
  EXPECT_EQ(info.backing_rdevice, sys::DeviceNumber());
  EXPECT_EQ(info.size, sys::Bytes(kMiB + 512));
  EXPECT_EQ(info.block_size, 512u);
  EXPECT_EQ(info.backing_file, path);
  EXPECT_EQ(info.file_name, path.substr(0, 63));
  EXPECT_TRUE(info.autoclear);
  EXPECT_FALSE(info.read_only);
  EXPECT_FALSE(info.direct_io);
  EXPECT_THAT(trace_.lines, Contains(StartsWith("LOOP_CTL_GET_FREE /dev/loop-control -> ")));
  EXPECT_THAT(trace_.lines, Contains(StartsWith("LOOP_CONFIGURE /dev/loop")));
}

TEST_F(LoopLinuxTest, WhatIsWrittenToTheDeviceIsInTheFile) {
  const std::string path = MakeFile("a", kMiB);
  AttachOptions options;
  options.offset = sys::Bytes(8192);
  const auto attached = Attach(host_, path, options, Soon());
  ASSERT_THAT(attached, IsOk());
  const std::string text(4096, 'w');
  ASSERT_THAT(attached->device->WriteAt(512, text), IsOk());
  ASSERT_THAT(attached->device->Sync(), IsOk());
  const auto file = host_.root->OpenFile(path, {});
  ASSERT_THAT(file, IsOk());
  std::string back(4096, '\0');
  ASSERT_THAT((*file)->ReadAt(8192 + 512, absl::MakeSpan(&back[0], back.size())), IsOk());
  EXPECT_EQ(back, text);
}

TEST_F(LoopLinuxTest, AutoclearDeviceGoesWithItsLastClose) {
  const std::string path = MakeFile("a", kMiB);
  auto attached = Attach(host_, path, {}, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_THAT(FindByBackingFile(host_, path, sys::Bytes(0)), IsOkAndHolds(Optional(_)));
  attached->device.reset();
  // Somebody's brief open would be the last one.
  ExpectDetached(attached->info.number);
  EXPECT_THAT(OurDevices(), IsEmpty());
}

TEST_F(LoopLinuxTest, DeviceWithoutAutoclearStaysUntilItIsDetached) {
  const std::string path = MakeFile("a", kMiB);
  AttachOptions options;
  options.autoclear = false;
  auto attached = Attach(host_, path, options, Soon());
  ASSERT_THAT(attached, IsOk());
  attached->device.reset();
  const auto info = Info(host_, attached->info.number);
  ASSERT_THAT(info, IsOk());
  EXPECT_FALSE(info->autoclear);
  ExpectDetached(info->number);
  EXPECT_THAT(OurDevices(), IsEmpty());
  ExpectDetached(info->number);
}

TEST_F(LoopLinuxTest, ReadOnlyDeviceCannotBeWritten) {
  AttachOptions options;
  options.read_only = true;
  const auto attached = Attach(host_, MakeFile("a", kMiB), options, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_TRUE(attached->info.read_only);
  sys::OpenOptions writing;
  writing.access = sys::Access::kReadWrite;
  const auto device =
      host_.root->OpenFile(absl::StrCat("/dev/loop", attached->info.number), writing);
  if (!device.ok()) return;  // kernels differ in where they refuse
  const absl::Status written = (*device)->WriteAt(0, std::string(512, 'w'));
  EXPECT_FALSE(written.ok() && (*device)->Sync().ok());
}

TEST_F(LoopLinuxTest, OffsetAndSizeLimitChooseAPart) {
  AttachOptions options;
  options.offset = sys::Bytes(1000);
  options.size_limit = sys::Bytes(65536 + 300);
  const auto attached = Attach(host_, MakeFile("a", kMiB), options, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.offset, sys::Bytes(1000));
  EXPECT_EQ(attached->info.size_limit, sys::Bytes(65536 + 300));
  EXPECT_EQ(attached->info.size, sys::Bytes(65536));
}

TEST_F(LoopLinuxTest, BlockSizesAreSet) {
  const std::string path = MakeFile("a", kMiB);
  for (const uint32_t size : {512u, 1024u, 2048u, 4096u}) {
    AttachOptions options;
    options.block_size = size;
    const auto attached = Attach(host_, path, options, Soon());
    ASSERT_THAT(attached, IsOk()) << size;
    EXPECT_EQ(attached->info.block_size, size);
  }
}

TEST_F(LoopLinuxTest, DirectIoIsOnWhereTheFilesystemCan) {
  const std::string path = MakeFile("a", kMiB);
  sys::OpenOptions direct;
  direct.direct = true;
  const bool can = host_.root->OpenFile(path, direct).ok();
  AttachOptions options;
  options.direct_io = true;
  const auto attached = Attach(host_, path, options, Soon());
  if (!can) {
    EXPECT_THAT(attached, FailsWithErrno(EINVAL));
    return;
  }
  ASSERT_THAT(attached, IsOk());
  EXPECT_TRUE(attached->info.direct_io);
}

TEST_F(LoopLinuxTest, DirectIoOnAFilesystemWithoutItIsEinval) {
  ASSERT_THAT(host_.root->MakeDir(PathOf("ram"), 0700), IsOk());
  sys::MountRequest request;
  request.source = "ramfs";
  request.target = PathOf("ram");
  request.filesystem = "ramfs";
  auto mounted = host_.mounts->Mount(request);
  ASSERT_THAT(mounted, IsOk());
  mounted->reset();
  const std::string path = MakeFile("ram/a", kMiB);
  AttachOptions options;
  options.direct_io = true;
  EXPECT_THAT(Attach(host_, path, options, Soon()), FailsWithErrno(EINVAL));
  EXPECT_THAT(FindByBackingFile(host_, path, sys::Bytes(0)), IsOkAndHolds(Not(Optional(_))));
  options.direct_io = false;
  auto attached = Attach(host_, path, options, Soon());
  EXPECT_THAT(attached, IsOk());
  if (attached.ok()) {
    attached->device.reset();
    ExpectDetached(attached->info.number);
  }
  EXPECT_THAT(host_.mounts->Unmount(PathOf("ram"), sys::UnmountMode::kNormal), IsOk());
}

TEST_F(LoopLinuxTest, LongPathIsCutInTheNameAndWholeInSysfs) {
  const std::string path = MakeFile(std::string(200, 'n'), kMiB);
  const auto attached = Attach(host_, path, {}, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.file_name, path.substr(0, 63));
  EXPECT_EQ(attached->info.backing_file, path);
}

TEST_F(LoopLinuxTest, FileIsFoundByAnyName) {
  const std::string path = MakeFile("a", kMiB);
  ASSERT_THAT(host_.root->MakeSymlink(path, PathOf("link")), IsOk());
  const auto attached = Attach(host_, PathOf("link"), {}, Soon());
  ASSERT_THAT(attached, IsOk());
  EXPECT_EQ(attached->info.backing_file, path);
  for (const std::string& name :
       {path, PathOf("link"), PathOf("../" + dir_.substr(dir_.rfind('/') + 1) + "/a")}) {
    EXPECT_THAT(FindByBackingFile(host_, name, sys::Bytes(0)),
                IsOkAndHolds(Optional(Field(&LoopInfo::number, attached->info.number))))
        << name;
  }
  EXPECT_THAT(FindByBackingFile(host_, path, sys::Bytes(512)), IsOkAndHolds(Not(Optional(_))));
  const std::string other = MakeFile("b", kMiB);
  EXPECT_THAT(FindByBackingFile(host_, other, sys::Bytes(0)), IsOkAndHolds(Not(Optional(_))));
}

TEST_F(LoopLinuxTest, FindOrAttachFindsWhatItAttached) {
  const std::string path = MakeFile("a", kMiB);
  auto first = FindOrAttach(host_, path, {}, Soon());
  ASSERT_THAT(first, IsOk());
  const auto second = FindOrAttach(host_, path, {}, Soon());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->info.number, second->info.number);
  first->device.reset();
  EXPECT_THAT(OurDevices(), ::testing::ElementsAre(second->info.number));

  AttachOptions other;
  other.read_only = true;
  EXPECT_THAT(FindOrAttach(host_, path, other, Soon()),
              FailsWithCode(absl::StatusCode::kFailedPrecondition));
  other = AttachOptions();
  other.offset = sys::Bytes(4096);
  const auto third = FindOrAttach(host_, path, other, Soon());
  ASSERT_THAT(third, IsOk());
  EXPECT_NE(third->info.number, second->info.number);
}

TEST_F(LoopLinuxTest, LoopDeviceCanBeABackingFile) {
  const auto lower = Attach(host_, MakeFile("a", kMiB), {}, Soon());
  ASSERT_THAT(lower, IsOk());
  const std::string node = absl::StrCat("/dev/loop", lower->info.number);
  const auto upper = Attach(host_, node, {}, Soon());
  ASSERT_THAT(upper, IsOk());
  EXPECT_EQ(upper->info.backing_rdevice, lower->info.device);
  EXPECT_EQ(upper->info.size, lower->info.size);
  EXPECT_THAT(FindByBackingFile(host_, node, sys::Bytes(0)),
              IsOkAndHolds(Optional(Field(&LoopInfo::number, upper->info.number))));
}

TEST_F(LoopLinuxTest, BadBackingFilesAreRefused) {
  EXPECT_THAT(Attach(host_, PathOf("none"), {}, Soon()), FailsWithErrno(ENOENT));
  EXPECT_THAT(Attach(host_, dir_, {}, Soon()), FailsWithErrno(EISDIR));
  EXPECT_THAT(Attach(host_, "/dev/null", {}, Soon()), FailsWithErrno(EINVAL));
  EXPECT_THAT(Attach(host_, MakeFile("empty", 0), {}, Soon()),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(OurDevices(), IsEmpty());
}

TEST_F(LoopLinuxTest, FileOnAReadOnlyMountIsErofsUnlessAttachedReadOnly) {
  ASSERT_THAT(host_.root->MakeDir(PathOf("ram"), 0700), IsOk());
  sys::MountRequest request;
  request.source = "ramfs";
  request.target = PathOf("ram");
  request.filesystem = "ramfs";
  ASSERT_THAT(host_.mounts->Mount(request), IsOk());
  const std::string path = MakeFile("ram/a", kMiB);
  request.flags = MS_RDONLY | MS_REMOUNT;
  ASSERT_THAT(host_.mounts->Mount(request), IsOk());
  EXPECT_THAT(Attach(host_, path, {}, Soon()), FailsWithErrno(EROFS));
  AttachOptions options;
  options.read_only = true;
  auto attached = Attach(host_, path, options, Soon());
  EXPECT_THAT(attached, IsOk());
  if (attached.ok()) {
    attached->device.reset();
    ExpectDetached(attached->info.number);
  }
  EXPECT_THAT(host_.mounts->Unmount(PathOf("ram"), sys::UnmountMode::kNormal), IsOk());
}

TEST_F(LoopLinuxTest, DeviceGrowsWithItsFile) {
  const std::string path = MakeFile("a", kMiB);
  const auto attached = Attach(host_, path, {}, Soon());
  ASSERT_THAT(attached, IsOk());
  MakeFile("a", 4 * kMiB);
  EXPECT_THAT(Info(host_, attached->info.number),
              IsOkAndHolds(Field(&LoopInfo::size, sys::Bytes(kMiB))));
  ASSERT_THAT(UpdateCapacity(host_, attached->info.number), IsOk());
  EXPECT_THAT(Info(host_, attached->info.number),
              IsOkAndHolds(Field(&LoopInfo::size, sys::Bytes(4 * kMiB))));
}

TEST_F(LoopLinuxTest, UnknownDeviceIsEnxioAndNotAdded) {
  EXPECT_THAT(Info(host_, kNumberForNobody), FailsWithErrno(ENXIO));
  EXPECT_THAT(UpdateCapacity(host_, kNumberForNobody), FailsWithErrno(ENXIO));
  ExpectDetached(kNumberForNobody);
  EXPECT_THAT(host_.root->Stat(absl::StrCat("/dev/loop", kNumberForNobody)),
              FailsWithErrno(ENOENT));
}

TEST_F(LoopLinuxTest, DeletedFileIsShownAsSuch) {
  const std::string path = MakeFile("a", kMiB);
  const auto attached = Attach(host_, path, {}, Soon());
  ASSERT_THAT(attached, IsOk());
  ASSERT_THAT(host_.root->Unlink(path), IsOk());
  EXPECT_THAT(Info(host_, attached->info.number),
              IsOkAndHolds(Field(&LoopInfo::backing_file, path + " (deleted)")));
  EXPECT_THAT(FindByBackingFile(host_, path, sys::Bytes(0)), FailsWithErrno(ENOENT));
}

TEST_F(LoopLinuxTest, DeviceInUseIsDetachedAtItsLastClose) {
  AttachOptions options;
  options.autoclear = false;
  auto attached = Attach(host_, MakeFile("a", kMiB), options, Soon());
  ASSERT_THAT(attached, IsOk());
  const auto detached = Detach(host_, attached->info.number, Soon());
  ASSERT_THAT(detached, IsOk());
  EXPECT_TRUE(detached->deferred);
  EXPECT_THAT(Info(host_, attached->info.number), IsOkAndHolds(Field(&LoopInfo::autoclear, true)));
  attached->device.reset();
  ExpectDetached(attached->info.number);
}

TEST_F(LoopLinuxTest, DetachThatWaitsForAnotherOpenerSaysSo) {
  AttachOptions options;
  options.autoclear = false;
  auto attached = Attach(host_, MakeFile("a", kMiB), options, Soon());
  ASSERT_THAT(attached, IsOk());
  const uint32_t number = attached->info.number;
  OpenDevice device(number, std::move(attached->device), nullptr);
  ASSERT_THAT(device.Clear(), IsOk());
  // 6.1 has let go of the file by now; 6.12 waits for our close and refuses every open.
  const auto path = SysfsBackingFile(host_, number);
  ASSERT_THAT(path, IsOk());
  const bool waits = path->has_value() && absl::StartsWith(**path, dir_);
  const auto detached = Detach(host_, number, host_.clock->Now());
  ASSERT_THAT(detached, IsOk());
  EXPECT_EQ(detached->deferred, waits);
  device.Release().reset();
  ExpectDetached(number);
}

}  // namespace
}  // namespace dmkit::loop
