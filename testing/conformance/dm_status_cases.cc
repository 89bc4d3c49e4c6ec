// SPDX-License-Identifier: Apache-2.0
// DM_DEV_STATUS, DM_DEV_WAIT, DM_DEV_ARM_POLL and poll.

#include <cerrno>
#include <cstring>
#include <string>

#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmDevStatus : public DmTest {};
class DmWait : public DmTest {};

class DmPoll : public DmTest {
 protected:
  static bool IsReadable(sys::File& file) {
    return file.WaitReadable(absl::InfinitePast()).value_or(false);
  }
  int Arm(sys::File& file) {
    DmRequest request(kResultAt);
    return CallOn(file, DM_DEV_ARM_POLL_CMD, request);
  }
  // Whether something has happened since the last time.
  bool TakeReadable() {
    const bool is_readable = IsReadable(control());
    EXPECT_EQ(Arm(control()), 0);
    return is_readable;
  }
};

TEST_F(DmDevStatus, ReplyWritesTheState) {
  Activate("a", {{0, 8, "zero", ""}, {8, 8, "error", ""}});
  ASSERT_EQ(Rename("a", "U", DM_UUID_FLAG), 0);
  const auto file = Open(Node("a"));
  DmRequest request(400);
  request.Name("a").Event(77).Poison();
  ASSERT_EQ(Call(DM_DEV_STATUS_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size target_count open_count flags event_nr dev name[127-127] uuid[0-1] "
            "uuid[128-128]");
  EXPECT_EQ(request.data_size(), 305u);
  EXPECT_EQ(request.data_start(), 312u);
  EXPECT_EQ(request.target_count(), 2u);
  EXPECT_EQ(request.open_count(), 1u);
  EXPECT_EQ(request.event(), 1u);
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmDevStatus, ChangesNothing) {
  Activate("a", 8, "zero", "");
  TakeUevents();
  const std::string first = Status("a").bytes();
  EXPECT_EQ(Status("a").bytes(), first);
  EXPECT_EQ(TakeUevents(), Lines());
}

TEST_F(DmDevStatus, FlagsFollowTheTables) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(FlagsOf("a"), 0u);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(FlagsOf("a"), DM_INACTIVE_PRESENT_FLAG);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG);
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG | DM_INACTIVE_PRESENT_FLAG);
}

TEST_F(DmDevStatus, QueryInactiveCountsTheTargetsOfThatTable) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(Status("a", DM_QUERY_INACTIVE_TABLE_FLAG).target_count(), 0u);
  ASSERT_EQ(Load("a", {{0, 8, "zero", ""}, {8, 8, "zero", ""}}), 0);
  EXPECT_EQ(Status("a").target_count(), 1u);
  EXPECT_EQ(Status("a", DM_QUERY_INACTIVE_TABLE_FLAG).target_count(), 2u);
}

TEST_F(DmDevStatus, QueryInactiveTellsTheModeOfThatTable) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Load("a", 8, "zero", "", DM_READONLY_FLAG), 0);
  const uint32_t both = DM_ACTIVE_PRESENT_FLAG | DM_INACTIVE_PRESENT_FLAG;
  EXPECT_EQ(FlagsOf("a"), both);
  EXPECT_EQ(Status("a", DM_QUERY_INACTIVE_TABLE_FLAG).flags(),
            both | DM_READONLY_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG);
}

TEST_F(DmDevStatus, ReadOnlyNeedsALiveTable) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", "", DM_READONLY_FLAG), 0);
  EXPECT_EQ(FlagsOf("a"), DM_INACTIVE_PRESENT_FLAG);
}

TEST_F(DmDevStatus, ReadOnlyShowsTheModeOfTheNode) {
  Activate("a", 8, "zero", "");
  {
    const auto file = Open(Node("a"));
    int is_read_only = 1;
    char bytes[sizeof(is_read_only)];
    std::memcpy(bytes, &is_read_only, sizeof(bytes));
    constexpr unsigned long kSetReadOnly = 0x125d;  // BLKROSET
    ASSERT_TRUE(file->Ioctl(kSetReadOnly, absl::MakeSpan(bytes)).ok());
  }
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG | DM_READONLY_FLAG);
}

TEST_F(DmWait, AnyOtherNumberReturnsAtOnce) {
  Activate("a", 8, "zero", "");
  for (const uint32_t number : {1u, 5u, 0x80000000u, 0xffffffffu}) {
    DmRequest request;
    EXPECT_EQ(Call(DM_DEV_WAIT_CMD, request.Name("a").Event(number)), 0) << number;
    EXPECT_EQ(request.event(), 0u) << number;
  }
}

TEST_F(DmWait, ReplyIsThatOfTableStatus) {
  Activate("a", 8, "zero", "");
  DmRequest request(400);
  request.Name("a").Event(5).Poison();
  ASSERT_EQ(Call(DM_DEV_WAIT_CMD, request), 0);
  EXPECT_EQ(request.Targets(), Lines{"0 8 zero "});
  DmRequest status(400);
  status.Name("a").Event(5).Poison();
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, status), 0);
  EXPECT_EQ(request.bytes(), status.bytes());
}

TEST_F(DmWait, TakesTheFlagsOfTableStatus) {
  const ScratchDevice disk = Device(64);
  Activate("a", 8, "linear", disk.number + " 3");
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  DmRequest table, inactive;
  ASSERT_EQ(Call(DM_DEV_WAIT_CMD, table.Name("a").Event(5).Flags(DM_STATUS_TABLE_FLAG)), 0);
  EXPECT_EQ(table.Targets(), Lines{"0 8 linear " + disk.number + " 3"});
  inactive.Name("a").Event(5).Flags(DM_QUERY_INACTIVE_TABLE_FLAG);
  ASSERT_EQ(Call(DM_DEV_WAIT_CMD, inactive), 0);
  EXPECT_EQ(inactive.Targets(), Lines{"0 16 zero "});
}

TEST_F(DmWait, WithoutATableReturnsTheHeader) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest request;
  ASSERT_EQ(Call(DM_DEV_WAIT_CMD, request.Name("a").Event(1)), 0);
  EXPECT_EQ(request.data_size(), 305u);
}

TEST_F(DmWait, RenameWakesItUp) {
  Activate("a", 8, "zero", "");
  const uint64_t device = Status("a").device();
  DmRequest reply;
  int result = -1;
  machine().Beside([&] { result = Call(DM_DEV_WAIT_CMD, reply.Device(device)); },
                   [&] { EXPECT_EQ(Rename("a", "b"), 0); });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(reply.event(), 1u);
  EXPECT_EQ(reply.Targets(), Lines{"0 8 zero "});
}

TEST_F(DmWait, ReplyKeepsTheNameThatTheDeviceHadAtTheStart) {
  Activate("a", 8, "zero", "");
  DmRequest reply;
  machine().Beside([&] { EXPECT_EQ(Call(DM_DEV_WAIT_CMD, reply.Name("a")), 0); },
                   [&] { EXPECT_EQ(Rename("a", "b"), 0); });
  EXPECT_EQ(reply.name(), "a");
}

TEST_F(DmWait, LoadSuspendAndResumeDoNotWakeItUp) {
  Activate("a", 8, "zero", "");
  int result = -1;
  machine().Beside([&] { result = Call(DM_DEV_WAIT_CMD, DmRequest().Name("a")); },
                   [&] {
                     EXPECT_EQ(Load("a", 16, "zero", ""), 0);
                     EXPECT_EQ(Suspend("a"), 0);
                     EXPECT_EQ(Resume("a"), 0);
                     host().clock->Sleep(absl::Milliseconds(20));
                     EXPECT_EQ(result, -1);
                     EXPECT_EQ(Rename("a", "b"), 0);
                   });
  EXPECT_EQ(result, 0);
}

TEST_F(DmWait, SignalEndsItWithEintr) {
  Activate("a", 8, "zero", "");
  DmRequest request;
  request.Name("a").Poison();
  int result = -1;
  machine().Beside([&] { result = Call(DM_DEV_WAIT_CMD, request); },
                   [&] { machine().Interrupt(); });
  EXPECT_EQ(result, -EINTR);
  EXPECT_EQ(request.Written(), "version");
}

TEST_F(DmPoll, FreshDescriptorIsNotReadable) {
  ASSERT_EQ(Create("a"), 0);
  const auto fresh = Open(kControlPath);
  EXPECT_FALSE(IsReadable(*fresh));
  EXPECT_TRUE(IsReadable(control()));
}

TEST_F(DmPoll, StaysReadableUntilItIsArmed) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_TRUE(IsReadable(control()));
  EXPECT_TRUE(IsReadable(control()));
  EXPECT_EQ(Arm(control()), 0);
  EXPECT_FALSE(IsReadable(control()));
}

TEST_F(DmPoll, EachDescriptorIsArmedByItself) {
  const auto other = Open(kControlPath);
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Arm(*other), 0);
  EXPECT_FALSE(IsReadable(*other));
  EXPECT_TRUE(IsReadable(control()));
}

TEST_F(DmPoll, CreateRenameAndRemoveAreEvents) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_TRUE(TakeReadable());
  ASSERT_EQ(Rename("a", "b"), 0);
  EXPECT_TRUE(TakeReadable());
  ASSERT_EQ(Remove("b"), 0);
  EXPECT_TRUE(TakeReadable());
}

TEST_F(DmPoll, SwapOfATableIsAnEvent) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  TakeReadable();
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_TRUE(TakeReadable());
}

TEST_F(DmPoll, LoadClearSuspendAndResumeAreNone) {
  Activate("a", 8, "zero", "");
  TakeReadable();
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Clear("a"), 0);
  ASSERT_EQ(Suspend("a"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_FALSE(TakeReadable());
}

TEST_F(DmPoll, RemoveAllIsAnEventThoughNothingIsThere) {
  TakeReadable();
  ASSERT_EQ(Call(DM_REMOVE_ALL_CMD, DmRequest(kResultAt)), 0);
  EXPECT_TRUE(TakeReadable());
}

TEST_F(DmPoll, DeferredRemoveIsAnEventAtOnce) {
  Activate("a", 8, "zero", "");
  const auto file = Open(Node("a"));
  TakeReadable();
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
  EXPECT_TRUE(TakeReadable());
}

TEST_F(DmPoll, FailedCommandIsNone) {
  ASSERT_EQ(Create("a"), 0);
  TakeReadable();
  EXPECT_EQ(Create("a"), -EBUSY);
  EXPECT_EQ(Rename("a", "a"), -EBUSY);
  EXPECT_EQ(Remove("nosuch"), -ENXIO);
  EXPECT_FALSE(TakeReadable());
}

TEST_F(DmPoll, ArmingRepliesTheHeaderWithCleanFlags) {
  DmRequest request(400);
  request.Name("a").Event(7).Flags(DM_READONLY_FLAG | DM_BUFFER_FULL_FLAG | 1u << 30).Poison();
  ASSERT_EQ(Call(DM_DEV_ARM_POLL_CMD, request), 0);
  EXPECT_EQ(request.Written(), "version data_size flags name[127-127] uuid[128-128]");
  EXPECT_EQ(request.flags(), DM_READONLY_FLAG | 1u << 30);
  EXPECT_EQ(request.data_size(), 305u);
}

}  // namespace
}  // namespace dmkit::conformance
