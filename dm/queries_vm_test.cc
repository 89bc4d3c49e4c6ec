// SPDX-License-Identifier: Apache-2.0
// Lists, versions, messages and the control node on a kernel.

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/codec_testing.h"
#include "dm/device_mapper.h"
#include "dm/vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using testing::Line;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;
using testing::Type;
using testing::VmTest;

class QueriesVmTest : public VmTest {};

TEST_F(QueriesVmTest, AListIsInTheOrderOfNamesAndTellsUuids) {
  EXPECT_THAT(dm_.List(), IsOkAndHolds(IsEmpty()));
  ASSERT_THAT(dm_.Create(TestName("b"), {TestUuid("b"), 310}), IsOk());
  ASSERT_THAT(dm_.Create(TestName("a"), {std::nullopt, 311}), IsOk());
  ASSERT_THAT(dm_.Create(TestName("C"), {std::nullopt, 312}), IsOk());
  const auto list = dm_.List();
  ASSERT_THAT(list, IsOkAndHolds(SizeIs(3)));
  EXPECT_EQ(list->at(0).name, TestName("C").text());
  EXPECT_EQ(list->at(1).name, TestName("a").text());
  EXPECT_EQ(list->at(1).device.minor, 311u);
  EXPECT_THAT(list->at(1).uuid, Optional(std::string()));
  EXPECT_THAT(list->at(2).uuid, Optional(TestUuid("b").text()));
  EXPECT_THAT(list->at(2).event_nr, Optional(0u));
}

TEST_F(QueriesVmTest, AListOfAnyLengthIsRead) {
  constexpr int kDevices = 150;
  for (int i = 0; i < kDevices; ++i) {
    const std::string name = absl::StrCat(std::string(100, 'n'), 1000 + i);
    const std::string uuid = absl::StrCat(std::string(100, 'u'), 1000 + i);
    ASSERT_THAT(dm_.Create(TestName(name), {TestUuid(uuid), std::nullopt}), IsOk());
  }
  // Each one takes 256 bytes: more than the first buffer has.
  const auto list = dm_.List();
  ASSERT_THAT(list, IsOkAndHolds(SizeIs(kDevices)));
  EXPECT_THAT(list->back().name, ::testing::EndsWith("1149"));
}

TEST_F(QueriesVmTest, ATableOfAnyLengthIsReadAndWritten) {
  constexpr uint64_t kLines = 2000;
  std::vector<TableLine> table;
  for (uint64_t i = 0; i < kLines; ++i) table.push_back(LinearLine(i, 1, i % kRamSectors));
  const DmName name = MakeActive("a", table);
  const auto reply = dm_.Table(name, {});
  ASSERT_THAT(reply, IsOk());
  ASSERT_THAT(reply->targets, SizeIs(kLines));
  EXPECT_EQ(reply->targets.back(), testing::Target(kLines - 1, 1, "linear", "1:0 1999"));
}

TEST_F(QueriesVmTest, DependenciesAreEachDeviceOnceTheLastOneFirst) {
  const DmName name = MakeActive("a", {Line(0, 8, "linear", "1:0 0"), Line(8, 8, "linear", "1:1 0"),
                                       Line(16, 8, "linear", "1:0 8")});
  EXPECT_THAT(dm_.Dependencies(name, false),
              IsOkAndHolds(ElementsAre(sys::DeviceNumber{1, 1}, sys::DeviceNumber{1, 0})));
  EXPECT_THAT(dm_.Dependencies(name, true), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(dm_.Dependencies(MakeBare("b"), false), IsOkAndHolds(IsEmpty()));
}

TEST_F(QueriesVmTest, GetTargetVersionLoadsTheModule) {
  const auto is_flakey = Field(&TargetVersion::type, "flakey");
  const auto before = dm_.ListVersions();
  ASSERT_THAT(before, IsOk());
  EXPECT_THAT(*before, Contains(Field(&TargetVersion::type, "linear")));
  EXPECT_EQ(before->back().type, "error") << "the one that was there first";
  // Not asserted to be missing before: another suite in this boot may have used it.
  const auto version = dm_.GetTargetVersion(Type("flakey"));
  ASSERT_THAT(version, IsOk());
  EXPECT_EQ(version->major, 1u);
  EXPECT_THAT(*dm_.ListVersions(), Contains(is_flakey));
  EXPECT_THAT(dm_.GetTargetVersion(Type("nosuch")), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.GetTargetVersion(Type("LINEAR")), FailsWithErrno(EINVAL));
}

TEST_F(QueriesVmTest, MessagesToTheCoreAnswerWithText) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  const sys::Sectors start(0);
  EXPECT_THAT(dm_.Message(name, start, "@stats_list")->text, Optional(std::string()));
  EXPECT_THAT(dm_.Message(name, start, "@stats_create - 8")->text, Optional(std::string("0")));
  EXPECT_THAT(dm_.Message(name, start, "@stats_list")->text,
              Optional(std::string("0: 0+8 8 - -\n")));
  EXPECT_EQ(dm_.Message(name, start, "@stats_delete 0")->text, std::nullopt);
  EXPECT_THAT(dm_.Message(name, start, "@nosuch"), FailsWithErrno(EINVAL));
}

TEST_F(QueriesVmTest, MessagesNeedALiveTableAndATargetThatTakesThem) {
  const sys::Sectors start(0);
  EXPECT_THAT(dm_.Message(MakeActive("a", {ZeroLine(0, 8)}), start, "hello"),
              FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.Message(TestName("a"), sys::Sectors(8), "hello"), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.Message(MakeBare("b"), start, "hello"), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.Message(TestName("b"), start, "@stats_list"), IsOk());
}

TEST_F(QueriesVmTest, AnAnswerThatDoesNotFitIsAnErrorAndNotAskedForAgain) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  const std::string create = absl::StrCat("@stats_create - 8 ", std::string(100, 'p'));
  for (int i = 0; i < 200; ++i) ASSERT_THAT(dm_.Message(name, sys::Sectors(0), create), IsOk());
  EXPECT_THAT(dm_.Message(name, sys::Sectors(0), "@stats_list"),
              FailsWithCode(absl::StatusCode::kResourceExhausted));
}

// struct hd_geometry of <linux/hdreg.h>.
struct Geometry {
  uint8_t heads;
  uint8_t sectors;
  uint16_t cylinders;
  unsigned long start;
};
constexpr unsigned long kGetGeometry = 0x0301;

TEST_F(QueriesVmTest, GeometryIsWhatTheDeviceTells) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  ASSERT_THAT(dm_.SetGeometry(name, 100, 16, 63, 5), IsOk());
  const auto node = OpenNode(dm_.Info(name)->device, sys::Access::kReadOnly);
  ASSERT_THAT(node, IsOk());
  char buffer[sizeof(Geometry)] = {};
  ASSERT_THAT((*node)->Ioctl(kGetGeometry, absl::MakeSpan(buffer)), IsOk());
  Geometry geometry;
  std::memcpy(&geometry, buffer, sizeof(geometry));
  EXPECT_EQ(geometry.cylinders, 100);
  EXPECT_EQ(geometry.heads, 16);
  EXPECT_EQ(geometry.sectors, 63);
  EXPECT_EQ(geometry.start, 5u);
}

TEST_F(QueriesVmTest, AGeometryOutOfRangeFailsWithEinval) {
  const DmName name = MakeBare("a");
  EXPECT_THAT(dm_.SetGeometry(name, 65535, 255, 255, 0), IsOk());
  EXPECT_THAT(dm_.SetGeometry(name, 65536, 1, 1, 0), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.SetGeometry(name, 1, 256, 1, 0), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.SetGeometry(name, 1, 1, 256, 0), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.SetGeometry(name, 1, 1, 1, 2), FailsWithErrno(EINVAL));
}

TEST_F(QueriesVmTest, AMissingControlNodeIsMadeAgain) {
  ASSERT_THAT(host_.root->Unlink("/dev/mapper/control"), IsOk());
  EXPECT_THAT(DeviceMapper::Open(host_), IsOk());
  const auto stat = host_.root->Stat("/dev/mapper/control");
  ASSERT_THAT(stat, IsOk());
  EXPECT_EQ(stat->rdevice, (sys::DeviceNumber{10, 236}));
  EXPECT_EQ(stat->mode, 0600u);
}

TEST_F(QueriesVmTest, AStaleControlNodeIsReplaced) {
  ASSERT_THAT(host_.root->Unlink("/dev/mapper/control"), IsOk());
  ASSERT_THAT(
      host_.root->MakeNode("/dev/mapper/control", sys::FileType::kCharDevice, {10, 59}, 0600),
      IsOk());
  EXPECT_THAT(DeviceMapper::Open(host_), IsOk());
  EXPECT_EQ(host_.root->Stat("/dev/mapper/control")->rdevice, (sys::DeviceNumber{10, 236}));
}

}  // namespace
}  // namespace dmkit::dm
