// SPDX-License-Identifier: Apache-2.0
// Whole devices on a kernel: nodes, data, reloads.

#include <cerrno>
#include <string>
#include <vector>

#include "dm/activate.h"
#include "dm/codec_testing.h"
#include "dm/nodes.h"
#include "dm/targets/error.h"
#include "dm/vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/block.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::HasSubstr;
using testing::Line;
using ::testing::SizeIs;
using testing::VmTest;

class ActivateVmTest : public VmTest {
 protected:
  absl::StatusOr<DeviceInfo> Create(absl::string_view name, std::vector<TableLine> table) {
    return CreateDevice(dm_, {TestName(name), TestUuid(name), std::move(table)});
  }
  absl::Status Remove(absl::string_view name, bool deferred = false) {
    return RemoveDevice(dm_, {TestName(name), TestUuid(name)}, absl::Seconds(5), deferred);
  }
  static std::string MapperPath(absl::string_view name) {
    return absl::StrCat("/dev/mapper/", MangledName(TestName(name)));
  }
  absl::StatusOr<std::string> Read(sys::File& file, uint64_t offset, size_t size) {
    std::string text(size, '?');
    const auto got = file.ReadAt(offset, absl::MakeSpan(&text[0], size));
    if (!got.ok()) return got.status();
    return text.substr(0, *got);
  }
};

TEST_F(ActivateVmTest, CreateMakesNodesAndRemoveTakesThem) {
  const auto info = Create("a b", {ZeroLine(0, 8)});
  ASSERT_THAT(info, IsOk());
  const auto node = host_.root->StatLink(MapperPath("a b"));
  ASSERT_THAT(node, IsOk());
  EXPECT_EQ(node->type, sys::FileType::kBlockDevice);
  EXPECT_EQ(node->rdevice, info->device);
  EXPECT_EQ(node->mode, 0600u);
  EXPECT_THAT(Remove("a b"), IsOk());
  EXPECT_THAT(host_.root->StatLink(MapperPath("a b")), FailsWithErrno(ENOENT));
  EXPECT_THAT(host_.root->StatLink(absl::StrCat("/dev/dm-", info->device.minor)),
              FailsWithErrno(ENOENT));
  EXPECT_THAT(Remove("a b"), IsOk()) << "repeatable";
}

TEST_F(ActivateVmTest, ACreationThatFailsLeavesNothing) {
  EXPECT_THAT(Create("a", {Line(0, 8, "nosuchtype", "")}), FailsWithErrno(EINVAL));
  EXPECT_THAT(Create("a", {LinearLine(0, kRamSectors + 1, 0)}), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.Info(TestName("a")), FailsWithErrno(ENXIO));
  EXPECT_THAT(Create("a", {ZeroLine(0, 8)}), IsOk());
  EXPECT_THAT(Create("a", {ZeroLine(0, 8)}), FailsWithErrno(EBUSY));
  EXPECT_THAT(dm_.Info(TestName("a")), IsOk()) << "the first one stays";
}

TEST_F(ActivateVmTest, DataGoesWhereTheTableSays) {
  const auto info = Create("a", {LinearLine(0, 8, 1024), ZeroLine(8, 8),
                                 ErrorTarget().Line(sys::Sectors(16), sys::Sectors(8))});
  ASSERT_THAT(info, IsOk());
  const std::string pattern(4096, 'd');
  {
    const auto device = OpenNode(info->device, sys::Access::kReadWrite);
    ASSERT_THAT(device, IsOk());
    EXPECT_EQ(sys::BlockSize(**device).value(), sys::Bytes(24 * 512));
    ASSERT_THAT((*device)->WriteAt(0, pattern), IsOk());
    ASSERT_THAT((*device)->Sync(), IsOk());
    EXPECT_THAT(Read(**device, 4096, 4096), IsOkAndHolds(std::string(4096, '\0')));
    EXPECT_THAT(Read(**device, 8192, 4096), FailsWithErrno(EIO));
  }
  const auto ram = sys::OpenBlock(host_, kRam, sys::OpenOptions());
  ASSERT_THAT(ram, IsOk());
  EXPECT_THAT(Read(**ram, 1024 * 512, 4096), IsOkAndHolds(pattern));
}

TEST_F(ActivateVmTest, AReadOnlyDeviceTakesNoWrites) {
  const auto info =
      CreateDevice(dm_, {TestName("a"), TestUuid("a"), {LinearLine(0, 8, 0)}, /*read_only=*/true});
  ASSERT_THAT(info, IsOk());
  EXPECT_TRUE(info->read_only);
  const auto device = OpenNode(info->device, sys::Access::kReadWrite);
  ASSERT_THAT(device, IsOk());
  EXPECT_THAT((*device)->WriteAt(0, std::string(512, 'x')), FailsWithErrno(EPERM));
}

TEST_F(ActivateVmTest, ReloadChangesALiveDevice) {
  ASSERT_THAT(Create("a", {ZeroLine(0, 8)}), IsOk());
  const auto reloaded = ReloadDevice(dm_, TestUuid("a"), {ZeroLine(0, 64)});
  ASSERT_THAT(reloaded, IsOk());
  EXPECT_FALSE(reloaded->suspended);
  EXPECT_EQ(dm_.Table(TestName("a"), {})->targets.at(0).length, sys::Sectors(64));
}

TEST_F(ActivateVmTest, AFailedReloadLeavesTheOldTableRunning) {
  ASSERT_THAT(Create("a", {ZeroLine(0, 8)}), IsOk());
  EXPECT_THAT(ReloadDevice(dm_, TestUuid("a"), {LinearLine(0, kRamSectors + 1, 0)}),
              FailsWithErrno(EINVAL));
  EXPECT_THAT(ReloadDevice(dm_, TestUuid("a"), {Line(0, 8, "nosuchtype", "")}),
              FailsWithErrno(EINVAL));
  const auto info = dm_.Info(TestUuid("a"));
  EXPECT_FALSE(info->suspended);
  EXPECT_FALSE(info->has_inactive_table);
  EXPECT_EQ(dm_.Table(TestName("a"), {})->targets.at(0).type, "zero");
}

TEST_F(ActivateVmTest, AnOpenDeviceIsLeftToTheKernelWhenAsked) {
  const auto info = Create("a", {ZeroLine(0, 8)});
  {
    const auto open = OpenNode(info->device, sys::Access::kReadOnly);
    ASSERT_THAT(open, IsOk());
    EXPECT_THAT(RemoveDevice(dm_, {TestName("a"), TestUuid("a")}, absl::Milliseconds(5), false),
                FailsWithErrno(EBUSY));
    EXPECT_THAT(RemoveDevice(dm_, {TestName("a"), TestUuid("a")}, absl::Milliseconds(5), true),
                IsOk());
    EXPECT_THAT(host_.root->StatLink(MapperPath("a")), FailsWithErrno(ENOENT));
  }
  EXPECT_TRUE(IsGoneInTime(TestName("a")));
}

TEST_F(ActivateVmTest, AStrangerWithTheSameNameIsNotTouched) {
  MakeActive("a", {ZeroLine(0, 8)});
  ASSERT_THAT(EnsureMapperNode(host_, TestName("a"), dm_.Info(TestName("a"))->device), IsOk());
  EXPECT_THAT(Remove("a"), IsOk()) << "there is no device with our uuid";
  EXPECT_THAT(dm_.Info(TestName("a")), IsOk());
  EXPECT_THAT(host_.root->StatLink(MapperPath("a")), IsOk());
  ASSERT_THAT(RemoveMapperNode(host_, TestName("a")), IsOk());
}

TEST_F(ActivateVmTest, EachIoctlCanBeTraced) {
  struct Lines : sys::TraceSink {
    std::vector<std::string> lines;
    void Line(absl::string_view line) override { lines.emplace_back(line); }
    void Hold() override {}
    void Release() override {}
  } sink;
  sys::Host host = host_;
  host.trace = &sink;
  DeviceMapper traced = DeviceMapper::Open(host).value();
  ASSERT_THAT(CreateDevice(traced, {TestName("a"), TestUuid("a"), {ZeroLine(0, 8)}}), IsOk());
  ASSERT_THAT(sink.lines, SizeIs(4));
  EXPECT_THAT(sink.lines[2], HasSubstr("table=[0 8 zero]"));
  EXPECT_THAT(sink.lines[3], HasSubstr("flags=ACTIVE_PRESENT|UEVENT_GENERATED"));
}

}  // namespace
}  // namespace dmkit::dm
