// SPDX-License-Identifier: Apache-2.0
// Every method of the client on a real kernel.

#include <cerrno>
#include <string>
#include <thread>
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
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Line;
using testing::Name;
using ::testing::SizeIs;
using testing::Type;
using testing::VmTest;

class DeviceMapperVmTest : public VmTest {};

TEST_F(DeviceMapperVmTest, VersionIsThatOfTheKernel) {
  EXPECT_EQ(dm_.version(), (Version{4, IsKernel61() ? 47u : 48u, 0}));
}

TEST_F(DeviceMapperVmTest, CreatedDeviceHasNoTableAndIsNotSuspended) {
  const auto created = dm_.Create(TestName("a"), {TestUuid("a"), std::nullopt});
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->name, TestName("a").text());
  EXPECT_EQ(created->uuid, TestUuid("a").text());
  EXPECT_FALSE(created->suspended);
  EXPECT_FALSE(created->has_active_table);
  EXPECT_EQ(created->event_nr, 0u);
  EXPECT_FALSE(created->uevent_generated);
  // The three keys lead to the same device.
  EXPECT_THAT(dm_.Info(TestName("a")), IsOkAndHolds(*created));
  EXPECT_THAT(dm_.Info(TestUuid("a")), IsOkAndHolds(*created));
  EXPECT_THAT(dm_.Info(created->device), IsOkAndHolds(*created));
}

TEST_F(DeviceMapperVmTest, CreateOfATakenNameOrUuidFailsWithEbusy) {
  ASSERT_THAT(dm_.Create(TestName("a"), {TestUuid("a"), std::nullopt}), IsOk());
  EXPECT_THAT(dm_.Create(TestName("a"), {TestUuid("b"), std::nullopt}), FailsWithErrno(EBUSY));
  EXPECT_THAT(dm_.Create(TestName("b"), {TestUuid("a"), std::nullopt}), FailsWithErrno(EBUSY));
  EXPECT_THAT(dm_.Info(TestName("b")), FailsWithErrno(ENXIO));
}

TEST_F(DeviceMapperVmTest, CreateWithAMinorGetsItAndATakenOneFailsWithEnxio) {
  const auto created = dm_.Create(TestName("a"), {std::nullopt, 300});
  ASSERT_THAT(created, IsOk());
  EXPECT_EQ(created->device.minor, 300u);
  EXPECT_THAT(dm_.Create(TestName("b"), {std::nullopt, 300}), FailsWithErrno(ENXIO));
}

TEST_F(DeviceMapperVmTest, ThereIsNoDiskBeforeTheFirstLoad) {
  const auto created = dm_.Create(TestName("a"), {std::nullopt, 301});
  ASSERT_THAT(created, IsOk());
  const std::string sysfs =
      absl::StrCat("/sys/dev/block/", sys::FormatDeviceNumber(created->device));
  EXPECT_THAT(host_.root->Stat(sysfs), FailsWithErrno(ENOENT));
  EXPECT_THAT(OpenNode(created->device, sys::Access::kReadOnly), FailsWithErrno(ENXIO));
  // Made by the attempt to open it, in the way of nobody but devtmpfs.
  EXPECT_THAT(host_.root->Unlink("/dev/dm-301"), IsOk());
  const auto loaded = dm_.Load(TestName("a"), {ZeroLine(0, 8)}, {});
  ASSERT_THAT(loaded, IsOk());
  EXPECT_TRUE(loaded->has_inactive_table);
  EXPECT_THAT(host_.root->Stat(sysfs), IsOk());
  EXPECT_THAT(OpenNode(created->device, sys::Access::kReadOnly), IsOk());
}

TEST_F(DeviceMapperVmTest, ResumeMakesTheInactiveTableTheActiveOne) {
  const DmName name = MakeBare("a");
  ASSERT_THAT(dm_.Load(name, {ZeroLine(0, 8), LinearLine(8, 8, 16)}, {}), IsOk());
  EXPECT_THAT(dm_.Table(name, {})->targets, IsEmpty());
  EXPECT_THAT(dm_.Table(name, {false, true})->targets, SizeIs(2));
  const auto resumed = dm_.Resume(name, {}, QuietCookie());
  ASSERT_THAT(resumed, IsOk());
  EXPECT_TRUE(resumed->has_active_table);
  EXPECT_FALSE(resumed->has_inactive_table);
  EXPECT_TRUE(resumed->uevent_generated);
  EXPECT_EQ(resumed->target_count, 2u);
  EXPECT_EQ(resumed->event_nr, 0u);
  const auto table = dm_.Table(name, {});
  ASSERT_THAT(table, IsOk());
  EXPECT_THAT(table->targets, ElementsAre(testing::Target(0, 8, "zero", ""),
                                          testing::Target(8, 8, "linear", "1:0 16")));
  const auto status = dm_.Status(name, {});
  EXPECT_THAT(status->targets,
              ElementsAre(testing::Target(0, 8, "zero", ""), testing::Target(8, 8, "linear", "")));
}

TEST_F(DeviceMapperVmTest, ALoadThatFailsLeavesTheInactiveTable) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  ASSERT_THAT(dm_.Load(name, {ZeroLine(0, 16)}, {}), IsOk());
  EXPECT_THAT(dm_.Load(name, {Line(0, 8, "nosuchtype", "")}, {}), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.Load(name, {Line(0, 8, "linear", "1:0")}, {}), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.Load(name, {Line(0, 8, "linear", "240:0 0")}, {}), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Load(name, {Line(0, 8, "linear", "/dev/nosuch 0")}, {}),
              FailsWithErrno(IsKernel61() ? ENODEV : ENOENT));
  EXPECT_EQ(dm_.Table(name, {false, true})->targets.at(0).length, sys::Sectors(16));
}

TEST_F(DeviceMapperVmTest, ClearDropsTheInactiveTableAndIsRepeatable) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  ASSERT_THAT(dm_.Load(name, {ZeroLine(0, 16)}, {}), IsOk());
  const auto cleared = dm_.Clear(name);
  ASSERT_THAT(cleared, IsOk());
  EXPECT_FALSE(cleared->has_inactive_table);
  EXPECT_TRUE(cleared->has_active_table);
  EXPECT_THAT(dm_.Clear(name), IsOk());
  EXPECT_THAT(dm_.Table(name, {false, true})->targets, IsEmpty());
}

TEST_F(DeviceMapperVmTest, AFirstTableThatIsTooLongFailsAtTheLoad) {
  const DmName name = MakeBare("a");
  EXPECT_THAT(dm_.Load(name, {LinearLine(0, kRamSectors + 8, 0)}, {}), FailsWithErrno(EINVAL));
  EXPECT_FALSE(dm_.Info(name)->has_inactive_table);
}

TEST_F(DeviceMapperVmTest, ALaterTableThatIsTooLongFailsAtTheResumeAndIsLost) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  ASSERT_THAT(dm_.Load(name, {LinearLine(0, kRamSectors + 8, 0)}, {}), IsOk());
  EXPECT_THAT(dm_.Resume(name, {}, {}), FailsWithErrno(EINVAL));
  const auto info = dm_.Info(name);
  EXPECT_TRUE(info->suspended);
  EXPECT_FALSE(info->has_inactive_table);
  EXPECT_EQ(dm_.Table(name, {})->targets.at(0).type, "zero");
  EXPECT_FALSE(dm_.Resume(name, {}, {})->suspended);
}

TEST_F(DeviceMapperVmTest, SuspendIsAFlagAndNotACount) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  for (int i = 0; i < 2; ++i) {
    const auto suspended = dm_.Suspend(name, {true, true});
    ASSERT_THAT(suspended, IsOk());
    EXPECT_TRUE(suspended->suspended);
    EXPECT_EQ(suspended->event_nr, 0u);
    EXPECT_FALSE(suspended->uevent_generated);
  }
  const auto resumed = dm_.Resume(name, {}, QuietCookie());
  EXPECT_FALSE(resumed->suspended);
  EXPECT_TRUE(resumed->uevent_generated);
  const auto again = dm_.Resume(name, {}, QuietCookie());
  EXPECT_FALSE(again->uevent_generated) << "there was nothing to do";
}

TEST_F(DeviceMapperVmTest, ResumeWithoutAnyTableFailsOnlyWhenSuspended) {
  const DmName name = MakeBare("a");
  EXPECT_THAT(dm_.Resume(name, {}, {}), IsOk());
  EXPECT_TRUE(dm_.Suspend(name, {})->suspended);
  EXPECT_THAT(dm_.Resume(name, {}, {}), FailsWithErrno(EINVAL));
}

TEST_F(DeviceMapperVmTest, RenameChangesTheNameAndIsAnEventOfALiveTable) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  const auto renamed = dm_.Rename(name, TestName("b"), QuietCookie());
  ASSERT_THAT(renamed, IsOk());
  EXPECT_EQ(renamed->event_nr, 1u);
  EXPECT_TRUE(renamed->uevent_generated);
  EXPECT_THAT(dm_.Info(name), FailsWithErrno(ENXIO));
  EXPECT_EQ(dm_.Info(TestName("b"))->device, renamed->device);
  const DmName bare = MakeBare("c");
  EXPECT_EQ(dm_.Rename(bare, TestName("d"), QuietCookie())->event_nr, 0u);
}

TEST_F(DeviceMapperVmTest, RenameToATakenNameFailsWithEbusyBeforeAnythingElse) {
  const DmName name = MakeBare("a");
  EXPECT_THAT(dm_.Rename(name, name, {}), FailsWithErrno(EBUSY));
  EXPECT_THAT(dm_.Rename(TestName("nosuch"), name, {}), FailsWithErrno(EBUSY));
  EXPECT_THAT(dm_.Rename(TestName("nosuch"), TestName("b"), {}), FailsWithErrno(ENXIO));
}

TEST_F(DeviceMapperVmTest, AUuidIsSetOnce) {
  const DmName name = MakeBare("a");
  const auto set = dm_.SetUuid(name, TestUuid("a"), {});
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(dm_.Info(TestUuid("a"))->name, name.text());
  EXPECT_THAT(dm_.SetUuid(name, TestUuid("b"), {}), FailsWithErrno(EINVAL));
  EXPECT_THAT(dm_.SetUuid(MakeBare("b"), TestUuid("a"), {}), FailsWithErrno(EBUSY));
}

TEST_F(DeviceMapperVmTest, RemoveTellsWhetherAUeventWasSent) {
  const auto bare = dm_.Remove(MakeBare("a"), {false, QuietCookie()});
  ASSERT_THAT(bare, IsOk());
  EXPECT_FALSE(bare->exists);
  EXPECT_FALSE(bare->uevent_generated) << "it never had a disk";
  const auto active = dm_.Remove(MakeActive("b", {ZeroLine(0, 8)}), {false, QuietCookie()});
  EXPECT_TRUE(active->uevent_generated);
  EXPECT_THAT(dm_.Remove(TestName("b"), {}), FailsWithErrno(ENXIO));
}

TEST_F(DeviceMapperVmTest, ASuspendedDeviceCanBeRemoved) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  ASSERT_THAT(dm_.Suspend(name, {}), IsOk());
  EXPECT_THAT(dm_.Remove(name, {}), IsOk());
}

TEST_F(DeviceMapperVmTest, AnOpenDeviceIsRemovedByItsLastCloseWhenDeferred) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  {
    const auto open = OpenNode(dm_.Info(name)->device, sys::Access::kReadOnly);
    ASSERT_THAT(open, IsOk());
    EXPECT_EQ(dm_.Info(name)->open_count, 1);
    EXPECT_THAT(dm_.Remove(name, {}), FailsWithErrno(EBUSY));
    const auto deferred = dm_.Remove(name, {true, QuietCookie()});
    ASSERT_THAT(deferred, IsOk());
    EXPECT_TRUE(deferred->exists);
    EXPECT_TRUE(deferred->deferred_remove);
    EXPECT_FALSE(deferred->uevent_generated);
    EXPECT_TRUE(dm_.Info(name)->deferred_remove);
  }
  EXPECT_TRUE(IsGoneInTime(name));
}

TEST_F(DeviceMapperVmTest, ADeferredRemovalCanBeTakenBack) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  {
    const auto open = OpenNode(dm_.Info(name)->device, sys::Access::kReadOnly);
    ASSERT_THAT(dm_.Remove(name, {true, {}}), IsOk());
    EXPECT_THAT(dm_.CancelDeferredRemove(name), IsOk());
  }
  const auto info = dm_.Info(name);
  ASSERT_THAT(info, IsOk());
  EXPECT_FALSE(info->deferred_remove);
  EXPECT_THAT(dm_.CancelDeferredRemove(name), IsOk()) << "also when none is deferred";
}

TEST_F(DeviceMapperVmTest, RemoveAllRemovesStacksAndSkipsOpenDevices) {
  const DmName low = MakeActive("low", {ZeroLine(0, 64)});
  const auto number = sys::FormatDeviceNumber(dm_.Info(low)->device);
  MakeActive("high", {Line(0, 8, "linear", absl::StrCat(number, " 0"))});
  const DmName open = MakeActive("open", {ZeroLine(0, 8)});
  {
    const auto file = OpenNode(dm_.Info(open)->device, sys::Access::kReadOnly);
    EXPECT_THAT(dm_.Remove(low, {}), FailsWithErrno(EBUSY)) << "another device is built on it";
    EXPECT_THAT(dm_.RemoveAll(false), IsOk());
    const auto left = dm_.List();
    ASSERT_THAT(left, IsOkAndHolds(SizeIs(1)));
    EXPECT_EQ(left->at(0).name, open.text());
    EXPECT_THAT(dm_.RemoveAll(true), IsOk());
  }
  EXPECT_TRUE(IsGoneInTime(open));
  EXPECT_THAT(dm_.List(), IsOkAndHolds(IsEmpty()));
}

TEST_F(DeviceMapperVmTest, AMissingDeviceIsEnxioForEveryCommand) {
  const DeviceKey key = TestName("nosuch");
  EXPECT_THAT(dm_.Info(key), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Remove(key, {}), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Suspend(key, {}), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Resume(key, {}, {}), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Wait(key, 0, {}), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Load(key, {ZeroLine(0, 8)}, {}), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Clear(key), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Dependencies(key, false), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Table(key, {}), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Message(key, sys::Sectors(0), "m"), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.SetGeometry(key, 1, 1, 1, 0), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.CancelDeferredRemove(key), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Info(TestUuid("nosuch")), FailsWithErrno(ENXIO));
  EXPECT_THAT(dm_.Info(kRam), FailsWithErrno(ENXIO)) << "no dm device";
}

TEST_F(DeviceMapperVmTest, WaitReturnsAtOnceWhenTheNumberIsAnotherOne) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  for (uint32_t event_nr : {1u, 7u, 0xffffffffu}) {
    const auto reply = dm_.Wait(name, event_nr, {});
    ASSERT_THAT(reply, IsOk());
    EXPECT_EQ(reply->info.event_nr, 0u);
    EXPECT_THAT(reply->targets, SizeIs(1));
  }
}

TEST_F(DeviceMapperVmTest, WaitEndsWithTheNextEvent) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  const DeviceKey key = dm_.Info(name)->device;
  DeviceMapper other = DeviceMapper::Open(host_).value();
  absl::StatusOr<TableReply> reply = absl::UnknownError("not called");
  kernel_->LetCallsSleep();
  std::thread waiter([&] { reply = other.Wait(key, 0, {}); });
  EXPECT_THAT(dm_.Rename(name, TestName("b"), {}), IsOk());
  waiter.join();
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->info.event_nr, 1u);
}

TEST_F(DeviceMapperVmTest, PollTellsOfEventsSinceItWasArmed) {
  EXPECT_THAT(dm_.WaitForEvent(absl::InfinitePast()), IsOkAndHolds(false));
  const DmName name = MakeBare("a");
  EXPECT_THAT(dm_.WaitForEvent(absl::InfiniteFuture()), IsOkAndHolds(true));
  EXPECT_THAT(dm_.WaitForEvent(absl::InfinitePast()), IsOkAndHolds(true)) << "until it is armed";
  EXPECT_THAT(dm_.ArmPoll(), IsOk());
  EXPECT_THAT(dm_.WaitForEvent(absl::InfinitePast()), IsOkAndHolds(false));
  // A load is no event; a swap is.
  ASSERT_THAT(dm_.Load(name, {ZeroLine(0, 8)}, {}), IsOk());
  EXPECT_THAT(dm_.WaitForEvent(absl::InfinitePast()), IsOkAndHolds(false));
  ASSERT_THAT(dm_.Resume(name, {}, {}), IsOk());
  EXPECT_THAT(dm_.WaitForEvent(absl::InfinitePast()), IsOkAndHolds(true));
}

}  // namespace
}  // namespace dmkit::dm
