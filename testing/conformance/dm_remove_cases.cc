// SPDX-License-Identifier: Apache-2.0
// DM_DEV_REMOVE, at once and deferred, and DM_REMOVE_ALL.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmRemove : public DmTest {};
class DmDeferredRemove : public DmTest {};
class DmRemoveAll : public DmTest {
 protected:
  int RemoveAll(uint32_t flags = 0) {
    return Call(DM_REMOVE_ALL_CMD, DmRequest(kResultAt).Flags(flags));
  }
};

TEST_F(DmRemove, RemovedDeviceIsGone) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(Remove("a"), 0);
  EXPECT_FALSE(Exists("a"));
  EXPECT_EQ(Remove("a"), -ENXIO);
}

TEST_F(DmRemove, OpenDeviceGivesEbusy) {
  Activate("a", 8, "zero", "");
  const auto file = Open(Node("a"));
  EXPECT_EQ(Remove("a"), -EBUSY);
  EXPECT_TRUE(Exists("a"));
}

TEST_F(DmRemove, DeviceUnderAnotherOneGivesEbusy) {
  Activate("a", 64, "zero", "");
  ASSERT_EQ(Create("b"), 0);
  ASSERT_EQ(Load("b", 8, "linear", Number("a") + " 0"), 0);
  // An inactive table is enough.
  EXPECT_EQ(Remove("a"), -EBUSY);
}

TEST_F(DmRemove, SuspendedDeviceCanBeRemoved) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Suspend("a"), 0);
  EXPECT_EQ(Remove("a"), 0);
}

TEST_F(DmRemove, InactiveTableGoesWithTheDevice) {
  Activate("a", 64, "zero", "");
  ASSERT_EQ(Create("b"), 0);
  ASSERT_EQ(Load("b", 8, "linear", Number("a") + " 0"), 0);
  EXPECT_EQ(Remove("b"), 0);
  EXPECT_EQ(Status("a").open_count(), 0u);
}

TEST_F(DmRemove, DeviceWithoutATableCanBeRemoved) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Remove("a"), 0);
}

TEST_F(DmRemove, ByUuidAndByNumber) {
  ASSERT_EQ(Create("a", "U"), 0);
  EXPECT_EQ(Call(DM_DEV_REMOVE_CMD, DmRequest(kResultAt).Uuid("U")), 0);
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Call(DM_DEV_REMOVE_CMD, DmRequest(kResultAt).Device(Status("b").device())), 0);
}

TEST_F(DmRemove, ReplyTellsNameAndUuidAndLeavesTheCounts) {
  ASSERT_EQ(Create("a", "U"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  DmRequest request(kResultAt);
  request.Device(Status("a").device()).Event(77).Poison();
  ASSERT_EQ(Call(DM_DEV_REMOVE_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size flags name[0-1] name[127-127] uuid[0-1] uuid[128-128]");
  EXPECT_EQ(request.name(), "a");
  EXPECT_EQ(request.uuid(), "U");
  EXPECT_EQ(request.event(), 77u);
}

TEST_F(DmRemove, ReplyTellsOfTheInactiveTable) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  DmRequest request(kResultAt);
  ASSERT_EQ(Call(DM_DEV_REMOVE_CMD, request.Name("a").Flags(DM_SUSPEND_FLAG)), 0);
  // SUSPEND is the caller's: only the inactive table is looked at.
  EXPECT_EQ(request.flags(), DM_INACTIVE_PRESENT_FLAG | DM_UEVENT_GENERATED_FLAG | DM_SUSPEND_FLAG);
}

TEST_F(DmRemove, UeventIsGeneratedOnlyWithADisk) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest bare(kResultAt), loaded(kResultAt);
  ASSERT_EQ(Call(DM_DEV_REMOVE_CMD, bare.Name("a").Event(5)), 0);
  EXPECT_EQ(bare.flags(), 0u);
  EXPECT_EQ(TakeUevents(), Lines());
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Call(DM_DEV_REMOVE_CMD, loaded.Name("a").Event(5)), 0);
  EXPECT_TRUE(loaded.Has(DM_UEVENT_GENERATED_FLAG));
}

TEST_F(DmRemove, SendsTwoUeventsOfWhichTheFirstHasTheCookie) {
  Activate("a", 8, "zero", "");
  TakeUevents();
  ASSERT_EQ(Remove("a", 0, 5), 0);
  EXPECT_EQ(TakeUevents(), (Lines{"remove dm-0 DM_COOKIE=5", "remove dm-0"}));
}

TEST_F(DmRemove, CookieOfZeroIsNotSent) {
  Activate("a", 8, "zero", "");
  TakeUevents();
  ASSERT_EQ(Remove("a"), 0);
  EXPECT_EQ(TakeUevents(), (Lines{"remove dm-0", "remove dm-0"}));
}

TEST_F(DmRemove, ClearsDeferredRemoveInTheReplyWhenTheDeviceIsGone) {
  Activate("a", 8, "zero", "");
  DmRequest request(kResultAt);
  ASSERT_EQ(Call(DM_DEV_REMOVE_CMD, request.Name("a").Flags(DM_DEFERRED_REMOVE)), 0);
  EXPECT_EQ(request.flags(), DM_UEVENT_GENERATED_FLAG);
  EXPECT_FALSE(Exists("a"));
}

TEST_F(DmRemove, WaiterOnALiveTableWakesUpWithAStatus) {
  Activate("a", 8, "zero", "");
  DmRequest reply;
  int result = -1;
  machine().Beside([&] { result = Call(DM_DEV_WAIT_CMD, reply.Name("a")); },
                   [&] { EXPECT_EQ(Remove("a"), 0); });
  EXPECT_EQ(result, 0);
  EXPECT_EQ(reply.event(), 1u);
}

TEST_F(DmRemove, WaitsForAWaiterOnADeviceWithoutATable) {
  ASSERT_EQ(Create("a"), 0);
  int waited = -1, removed = -1;
  const auto wait = [&] { waited = Call(DM_DEV_WAIT_CMD, DmRequest().Name("a")); };
  const auto remove = [&] { removed = Remove("a"); };
  machine().Beside(wait, [&] {
    machine().Beside(remove, [&] {
      EXPECT_EQ(removed, -1);
      // The name is free meanwhile.
      EXPECT_FALSE(Exists("a"));
      EXPECT_EQ(Create("a"), 0);
      machine().Interrupt();
    });
  });
  EXPECT_EQ(waited, -EINTR);
  EXPECT_EQ(removed, 0);
  EXPECT_TRUE(Exists("a"));
}

TEST_F(DmDeferredRemove, OpenDeviceIsMarkedAndThatIsSuccess) {
  Activate("a", 8, "zero", "");
  TakeUevents();
  const auto file = Open(Node("a"));
  DmRequest request(kResultAt);
  ASSERT_EQ(Call(DM_DEV_REMOVE_CMD, request.Name("a").Flags(DM_DEFERRED_REMOVE).Event(5)), 0);
  EXPECT_EQ(request.flags(), DM_DEFERRED_REMOVE);
  EXPECT_EQ(FlagsOf("a"), DM_DEFERRED_REMOVE | DM_ACTIVE_PRESENT_FLAG);
  EXPECT_EQ(TakeUevents(), Lines());
  EXPECT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0) << "again";
}

TEST_F(DmDeferredRemove, ReplyTellsNameAndUuidAndLeavesTheCounts) {
  ASSERT_EQ(Create("a", "U"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  const auto file = Open(Node("a"));
  DmRequest request(kResultAt);
  request.Name("a").Flags(DM_DEFERRED_REMOVE).Event(77).Poison();
  ASSERT_EQ(Call(DM_DEV_REMOVE_CMD, request), 0);
  EXPECT_EQ(request.Written(), "version data_size flags name[127-127] uuid[0-1] uuid[128-128]");
  EXPECT_EQ(request.flags(), DM_DEFERRED_REMOVE | DM_INACTIVE_PRESENT_FLAG);
}

TEST_F(DmDeferredRemove, DeviceGoesWithItsLastClose) {
  Activate("a", 8, "zero", "");
  auto first = Open(Node("a"));
  auto second = Open(Node("a"));
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
  first = nullptr;
  EXPECT_TRUE(Exists("a"));
  second = nullptr;
  EXPECT_TRUE(InTime([&] { return !Exists("a"); }));
}

TEST_F(DmDeferredRemove, SendsOneUeventWithoutACookie) {
  Activate("a", 8, "zero", "");
  auto file = Open(Node("a"));
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE, 5), 0);
  TakeUevents();
  file = nullptr;
  Lines lines;
  ASSERT_TRUE(InTime([&] {
    for (const std::string& line : TakeUevents()) lines.push_back(line);
    return !lines.empty() && !Exists("a");
  }));
  EXPECT_EQ(lines, Lines{"remove dm-0"});
  EXPECT_EQ(TakeUevents(), Lines());
}

TEST_F(DmDeferredRemove, MarkedDeviceTakesOpensTablesAndNames) {
  Activate("a", 8, "zero", "");
  const auto file = Open(Node("a"));
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
  EXPECT_EQ(OpenError(Node("a")), 0);
  EXPECT_EQ(Load("a", 16, "zero", ""), 0);
  EXPECT_EQ(Resume("a"), 0);
  EXPECT_EQ(Rename("a", "b"), 0);
  EXPECT_EQ(FlagsOf("b"), DM_DEFERRED_REMOVE | DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmDeferredRemove, PlainRemoveGivesEbusyAndLeavesTheMark) {
  Activate("a", 8, "zero", "");
  const auto file = Open(Node("a"));
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
  EXPECT_EQ(Remove("a"), -EBUSY);
  EXPECT_TRUE(Status("a").Has(DM_DEFERRED_REMOVE));
}

TEST_F(DmDeferredRemove, StackUnwindsFromTheTop) {
  Activate("a", 64, "zero", "");
  Activate("b", 8, "linear", Number("a") + " 0");
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
  EXPECT_TRUE(Exists("a"));
  ASSERT_EQ(Remove("b"), 0);
  EXPECT_TRUE(InTime([&] { return !Exists("a"); }));
}

TEST_F(DmDeferredRemove, CanBeTakenBack) {
  Activate("a", 8, "zero", "");
  auto file = Open(Node("a"));
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
  DmRequest request;
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, request.Name("a").Message(0, "@cancel_deferred_remove")), 0);
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG);
  file = nullptr;
  host().clock->Sleep(absl::Milliseconds(50));
  EXPECT_TRUE(Exists("a"));
}

TEST_F(DmDeferredRemove, TakingItBackSendsNoUevent) {
  Activate("a", 8, "zero", "");
  const auto file = Open(Node("a"));
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE, 5), 0);
  TakeUevents();
  ASSERT_EQ(Message("a", "@cancel_deferred_remove"), 0);
  EXPECT_EQ(TakeUevents(), Lines());
}

TEST_F(DmDeferredRemove, CanBeTakenBackByAnyKeyAndMoreThanOnce) {
  ASSERT_EQ(Create("a", "U"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  const uint64_t device = Status("a").device();
  const auto file = Open(Node("a"));
  for (DmRequest request : {DmRequest().Uuid("U"), DmRequest().Device(device)}) {
    ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
    request.Message(0, "@cancel_deferred_remove");
    const DmRequest again = request;
    EXPECT_EQ(Call(DM_TARGET_MSG_CMD, request), 0);
    EXPECT_FALSE(Status("a").Has(DM_DEFERRED_REMOVE));
    EXPECT_EQ(Call(DM_TARGET_MSG_CMD, DmRequest(again)), 0);
  }
}

TEST_F(DmRemoveAll, RemovesStacksFromTheTopDown) {
  Activate("a", 64, "zero", "");
  Activate("b", 32, "linear", Number("a") + " 0");
  Activate("c", 8, "linear", Number("b") + " 0");
  EXPECT_EQ(RemoveAll(), 0);
  for (const char* name : {"a", "b", "c"}) EXPECT_FALSE(Exists(name)) << name;
}

TEST_F(DmRemoveAll, SkipsOpenDevices) {
  Activate("a", 8, "zero", "");
  Activate("b", 8, "zero", "");
  const auto file = Open(Node("a"));
  EXPECT_EQ(RemoveAll(), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG);
  EXPECT_FALSE(Exists("b"));
}

TEST_F(DmRemoveAll, MarksOpenDevicesWithDeferredRemove) {
  Activate("a", 8, "zero", "");
  auto file = Open(Node("a"));
  EXPECT_EQ(RemoveAll(DM_DEFERRED_REMOVE), 0);
  EXPECT_TRUE(Status("a").Has(DM_DEFERRED_REMOVE));
  file = nullptr;
  EXPECT_TRUE(InTime([&] { return !Exists("a"); }));
}

TEST_F(DmRemoveAll, CopiesNothingBackButTheVersion) {
  DmRequest request(400);
  request.Name("a").Uuid("U").Flags(DM_BUFFER_FULL_FLAG | DM_DATA_OUT_FLAG).Event(7).Poison();
  ASSERT_EQ(Call(DM_REMOVE_ALL_CMD, request), 0);
  EXPECT_EQ(request.Written(), "version");
}

TEST_F(DmRemoveAll, NamesAreNotLookedAt) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Call(DM_REMOVE_ALL_CMD, DmRequest(kResultAt).Name("b").Uuid("U").Device(1)), 0);
  EXPECT_FALSE(Exists("a"));
}

TEST_F(DmRemoveAll, SendsOneUeventEachWithoutACookie) {
  Activate("a", 64, "zero", "");
  Activate("b", 8, "linear", Number("a") + " 0");
  TakeUevents();
  ASSERT_EQ(Call(DM_REMOVE_ALL_CMD, DmRequest(kResultAt).Event(5)), 0);
  EXPECT_EQ(TakeUevents(), (Lines{"remove dm-1", "remove dm-0"}));
}

TEST_F(DmRemoveAll, WithNothingToRemoveIsSuccess) { EXPECT_EQ(RemoveAll(), 0); }

}  // namespace
}  // namespace dmkit::conformance
