// SPDX-License-Identifier: Apache-2.0
// Event numbers, the control node's poll, and uevents with their cookies.

#include <cerrno>
#include <string>
#include <vector>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

using Lines = std::vector<std::string>;

class DmEventsTest : public DmTest {
 protected:
  // Whether the control node has become readable, which it is then no more.
  bool TakeReadable() {
    const bool readable = machine_.control->IsReadable();
    DmBytes bytes(kStructBytes);
    EXPECT_EQ(machine_.Call(kArmPoll, bytes), 0);
    return readable;
  }
  int Rename(absl::string_view name, absl::string_view wanted, uint32_t cookie, DmBytes& bytes) {
    return machine_.Call(kDevRename, bytes.Name(name).Event(cookie).Text(wanted));
  }
};

TEST_P(DmEventsTest, FirstGoodLoadAddsTheDisk) {
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_EQ(machine_.Load("a", 8, "nosuch", ""), -EINVAL);
  EXPECT_TRUE(machine_.TakeUevents().empty());
  EXPECT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(machine_.TakeUevents(), Lines{"add dm-0"});
  EXPECT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  EXPECT_TRUE(machine_.TakeUevents().empty());
}

TEST_P(DmEventsTest, ResumeSendsItsCookieAsADecimalNumber) {
  ASSERT_EQ(machine_.Create("a"), 0);
  ASSERT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  machine_.TakeUevents();
  EXPECT_EQ(machine_.Resume("a", 0xffffffff), 0);
  EXPECT_EQ(machine_.TakeUevents(), Lines{"change dm-0 DM_COOKIE=4294967295"});
  // Running and without a new table: nothing.
  EXPECT_EQ(machine_.Resume("a", 7), 0);
  EXPECT_TRUE(machine_.TakeUevents().empty());
  EXPECT_EQ(machine_.Suspend("a"), 0);
  EXPECT_TRUE(machine_.TakeUevents().empty());
  EXPECT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.TakeUevents(), Lines{"change dm-0"});
}

TEST_P(DmEventsTest, ResizeIsSaidWhenBothSizesAreThere) {
  machine_.Activate("a", 8, "zero", "");
  EXPECT_EQ(machine_.TakeUevents(), (Lines{"add dm-0", "change dm-0"}));
  ASSERT_EQ(machine_.Load("a", 16, "zero", ""), 0);
  EXPECT_EQ(machine_.Resume("a", 3), 0);
  EXPECT_EQ(machine_.TakeUevents(), Lines{"change dm-0 DM_COOKIE=3 RESIZE=1"});
  ASSERT_EQ(machine_.Load("a", 16, "error", ""), 0);
  EXPECT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.TakeUevents(), Lines{"change dm-0"});
}

TEST_P(DmEventsTest, DiskRoComesBeforeTheCookie) {
  machine_.Activate("a", 8, "zero", "");
  machine_.TakeUevents();
  ASSERT_EQ(machine_.Load("a", 8, "zero", "", kReadOnlyFlag), 0);
  ASSERT_EQ(machine_.Resume("a", 3), 0);
  EXPECT_EQ(machine_.TakeUevents(), (Lines{"change dm-0 DISK_RO=1", "change dm-0 DM_COOKIE=3"}));
  ASSERT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.TakeUevents(), (Lines{"change dm-0 DISK_RO=0", "change dm-0"}));
}

TEST_P(DmEventsTest, EnvironmentIsTheKernels) {
  ASSERT_EQ(machine_.Create("a"), 0);
  ASSERT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(machine_.Resume("a", 9), 0);
  const Uevent event = machine_.core.uevents.Take().back();
  const std::string disk_sequence =
      "DISKSEQ=" + std::to_string(machine_.device("a").disk_sequence());
  EXPECT_EQ(event.environment,
            (Lines{"ACTION=change", "DEVPATH=/devices/virtual/block/dm-0", "SUBSYSTEM=block",
                   "DM_COOKIE=9", "MAJOR=253", "MINOR=0", "DEVNAME=dm-0", "DEVTYPE=disk",
                   disk_sequence, "SEQNUM=" + std::to_string(event.sequence)}));
}

TEST_P(DmEventsTest, RemoveSendsTwoOfWhichTheFirstHasTheCookie) {
  machine_.Activate("a", 8, "zero", "");
  machine_.TakeUevents();
  DmBytes bytes(kStructBytes);
  ASSERT_EQ(machine_.Call(kDevRemove, bytes.Name("a").Event(5)), 0);
  EXPECT_EQ(machine_.TakeUevents(), (Lines{"remove dm-0 DM_COOKIE=5", "remove dm-0"}));
}

TEST_P(DmEventsTest, WithoutADiskThereIsNoUeventAndNoFlag) {
  ASSERT_EQ(machine_.Create("a"), 0);
  DmBytes rename, uuid, remove(kStructBytes);
  EXPECT_EQ(Rename("a", "b", 5, rename), 0);
  EXPECT_EQ(rename.flags() & kUeventGeneratedFlag, 0u);
  EXPECT_EQ(machine_.Call(kDevRemove, remove.Name("b").Event(5)), 0);
  EXPECT_EQ(remove.flags() & kUeventGeneratedFlag, 0u);
  EXPECT_TRUE(machine_.TakeUevents().empty());
}

TEST_P(DmEventsTest, RenameSendsAChangeWithTheCookie) {
  machine_.Activate("a", 8, "zero", "");
  machine_.TakeUevents();
  DmBytes rename;
  EXPECT_EQ(Rename("a", "b", 5, rename), 0);
  EXPECT_NE(rename.flags() & kUeventGeneratedFlag, 0u);
  EXPECT_EQ(machine_.TakeUevents(), Lines{"change dm-0 DM_COOKIE=5"});
}

TEST_P(DmEventsTest, RemoveAllSendsOneWithoutACookie) {
  machine_.Activate("a", 8, "zero", "");
  machine_.Activate("b", 8, "linear", machine_.Number("a") + " 0");
  machine_.TakeUevents();
  DmBytes bytes(kStructBytes);
  EXPECT_EQ(machine_.Call(kRemoveAll, bytes.Event(5)), 0);
  // The one on top first, since the other is open until then.
  EXPECT_EQ(machine_.TakeUevents(), (Lines{"remove dm-1", "remove dm-0"}));
}

TEST_P(DmEventsTest, ResumeRaisesTheGlobalEventButNotTheDevices) {
  ASSERT_EQ(machine_.Create("a"), 0);
  ASSERT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  TakeReadable();
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_TRUE(TakeReadable());
  EXPECT_EQ(machine_.Status("a").U32(kEventAt), 0u);
}

TEST_P(DmEventsTest, PollFollowsTheTableOfCommands) {
  EXPECT_FALSE(machine_.control->IsReadable());
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_TRUE(machine_.control->IsReadable());
  EXPECT_TRUE(TakeReadable());
  EXPECT_FALSE(TakeReadable());
  EXPECT_EQ(machine_.Create("a"), -EBUSY);
  EXPECT_FALSE(TakeReadable());
  ASSERT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(machine_.Clear("a"), 0);
  ASSERT_EQ(machine_.Suspend("a"), 0);
  EXPECT_FALSE(TakeReadable());
  DmBytes rename, all(kStructBytes);
  ASSERT_EQ(Rename("a", "b", 0, rename), 0);
  EXPECT_TRUE(TakeReadable());
  ASSERT_EQ(machine_.Remove("b"), 0);
  EXPECT_TRUE(TakeReadable());
  ASSERT_EQ(machine_.Call(kRemoveAll, all), 0);
  EXPECT_TRUE(TakeReadable());
}

TEST_P(DmEventsTest, EachOpenFileHasItsOwnMark) {
  ASSERT_EQ(machine_.Create("a"), 0);
  const DmControl fresh(*machine_.dm, OpenMode(), "/dev/mapper/control");
  EXPECT_FALSE(fresh.IsReadable());
  EXPECT_TRUE(machine_.control->IsReadable());
}

TEST_P(DmEventsTest, EventNumberGoesUpByRenameOfALiveDeviceOnly) {
  ASSERT_EQ(machine_.Create("a"), 0);
  DmBytes first, second, third;
  ASSERT_EQ(Rename("a", "b", 0, first), 0);
  EXPECT_EQ(machine_.Status("b").U32(kEventAt), 0u);
  ASSERT_EQ(machine_.Load("b", 8, "zero", ""), 0);
  ASSERT_EQ(machine_.Resume("b"), 0);
  ASSERT_EQ(Rename("b", "c", 0, second), 0);
  EXPECT_EQ(machine_.Status("c").U32(kEventAt), 1u);
  third.Flags(kUuidFlag);
  ASSERT_EQ(Rename("c", "U", 0, third), 0);
  EXPECT_EQ(machine_.Status("c").U32(kEventAt), 2u);
}

TEST_P(DmEventsTest, WaitReturnsAtOnceForAnyOtherNumber) {
  machine_.Activate("a", 8, "zero", "");
  for (const uint32_t number : {1u, 5u, 0xffffffffu}) {
    DmBytes bytes;
    EXPECT_EQ(machine_.Call(kDevWait, bytes.Name("a").Event(number).Flags(kStatusTableFlag)), 0);
    EXPECT_EQ(bytes.Targets(), Lines{"0 8 zero "});
    EXPECT_EQ(bytes.U32(kEventAt), 0u);
  }
}

TEST_P(DmEventsTest, WaitThatNobodyEndsIsInterrupted) {
  machine_.Activate("a", 8, "zero", "");
  DmBytes bytes, missing;
  EXPECT_EQ(machine_.Call(kDevWait, bytes.Name("a")), -EINTR);
  EXPECT_EQ(machine_.core.scheduler.Hangs(), Lines{"wait for an event of dm-0"});
  EXPECT_EQ(machine_.Call(kDevWait, missing.Name("nosuch")), -ENXIO);
}

TEST_P(DmEventsTest, WaitIsEndedByAnEventThatATimerBrings) {
  machine_.Activate("a", 8, "zero", "");
  machine_.core.scheduler.After(absl::Seconds(60),
                                [this] { machine_.device("a").live()->Event(); });
  DmBytes bytes;
  EXPECT_EQ(machine_.Call(kDevWait, bytes.Name("a")), 0);
  EXPECT_EQ(bytes.U32(kEventAt), 1u);
}

TEST_P(DmEventsTest, EventsOfATableThatIsNotInUseAreNone) {
  machine_.Activate("a", 8, "zero", "");
  ASSERT_EQ(machine_.Load("a", 8, "zero", ""), 0);
  machine_.device("a").inactive->Event();
  EXPECT_EQ(machine_.Status("a").U32(kEventAt), 0u);
}

DMKIT_ON_BOTH_KERNELS(DmEventsTest);

}  // namespace
}  // namespace dmkit::model
