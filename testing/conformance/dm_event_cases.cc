// SPDX-License-Identifier: Apache-2.0
// Events and uevents over all commands: what uevents carry, which commands count as an event of the
// device, and the order of arming and looking. What one command does is in its own file.

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmEventTest : public DmTest {
 protected:
  int SetUuid(absl::string_view name, absl::string_view uuid, uint32_t cookie = 0) {
    return Rename(name, uuid, DM_UUID_FLAG, cookie);
  }
  int Wait(absl::string_view name, uint32_t event, DmRequest& reply) {
    return Call(DM_DEV_WAIT_CMD, reply.Name(name).Event(event));
  }
  // A waiter for the first event of `name`, and `wake` while it sleeps; the number that it gets.
  uint32_t NumberAfter(absl::string_view name, const std::function<void()>& wake) {
    DmRequest reply;
    int result = -1;
    machine().Beside([&] { result = Wait(name, 0, reply); }, wake);
    EXPECT_EQ(result, 0);
    return reply.event();
  }
};

class DmUevent : public DmEventTest {
 protected:
  // The events of dm-0, with all their variables.
  std::vector<Lines> TakeVariables() {
    std::vector<Lines> events;
    for (const Lines& event : machine().TakeUeventVariables()) {
      if (Value(event, "DEVNAME") == "dm-0") events.push_back(event);
    }
    return events;
  }
  static std::string Value(const Lines& event, absl::string_view variable) {
    for (const std::string& word : event) {
      if (absl::StartsWith(word, absl::StrCat(variable, "="))) {
        return word.substr(variable.size() + 1);
      }
    }
    return "";
  }
  static std::string Names(const Lines& event) {
    Lines names;
    for (const std::string& word : event) names.push_back(word.substr(0, word.find('=')));
    return absl::StrJoin(names, " ");
  }
  std::string SysfsText(absl::string_view attribute) {
    const auto file = Open(absl::StrCat("/sys/dev/block/", Number("a"), "/dm/", attribute));
    if (file == nullptr) return "";
    std::string text(256, '\0');
    const auto got = file->ReadAt(0, absl::MakeSpan(&text[0], text.size()));
    return got.ok() ? text.substr(0, *got) : "";
  }
};

TEST_F(DmUevent, VariablesOfTheSenderStandBetweenThoseOfEveryDisk) {
  Activate("a", 8, "zero", "");
  TakeVariables();
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  ASSERT_EQ(Resume("a", 5), 0);
  const std::vector<Lines> events = TakeVariables();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(Names(events[0]),
            "ACTION DEVPATH SUBSYSTEM DM_COOKIE RESIZE MAJOR MINOR DEVNAME DEVTYPE DISKSEQ SEQNUM");
  EXPECT_EQ(Value(events[0], "DEVPATH"), "/devices/virtual/block/dm-0");
  EXPECT_EQ(Value(events[0], "DEVTYPE"), "disk");
  EXPECT_EQ(absl::StrCat(Value(events[0], "MAJOR"), ":", Value(events[0], "MINOR")), Number("a"));
}

TEST_F(DmUevent, NeitherNameNorUuidIsInAny) {
  ASSERT_EQ(Create("a", "U"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a", 1), 0);
  ASSERT_EQ(Rename("a", "b", 0, 2), 0);
  ASSERT_EQ(Remove("b", 0, 3), 0);
  const std::vector<Lines> events = TakeVariables();
  ASSERT_EQ(events.size(), 5u) << "add, change, change, remove, remove";
  for (const Lines& event : events) {
    for (const std::string& word : event) {
      EXPECT_TRUE(!absl::StartsWith(word, "DM_") || absl::StartsWith(word, "DM_COOKIE=")) << word;
    }
  }
}

TEST_F(DmUevent, NumbersGrowAndThePathStays) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  ASSERT_EQ(Rename("a", "b"), 0);
  ASSERT_EQ(Remove("b"), 0);
  uint64_t last = 0;
  for (const Lines& event : TakeVariables()) {
    uint64_t number = 0;
    ASSERT_TRUE(absl::SimpleAtoi(Value(event, "SEQNUM"), &number));
    EXPECT_GT(number, last);
    last = number;
    EXPECT_EQ(Value(event, "DEVPATH"), "/devices/virtual/block/dm-0");
  }
  EXPECT_GT(last, 0u);
}

// The kernel knows of no flags and no semaphore: these are for who reads the uevent.
TEST_F(DmUevent, AnyCookieIsSentOnAsItIs) {
  Activate("a", 8, "zero", "");
  TakeUevents();
  for (const uint32_t cookie : {1u, 0xffffu, 0x10000u, 0x4e0000u, 0x400d4du, 0xffffffffu}) {
    const std::string sent = absl::StrCat("change dm-0 DM_COOKIE=", cookie);
    ASSERT_EQ(Suspend("a"), 0);
    ASSERT_EQ(Resume("a", cookie), 0);
    EXPECT_EQ(TakeUevents(), Lines{sent});
    ASSERT_EQ(Rename("a", "b", 0, cookie), 0);
    EXPECT_EQ(TakeUevents(), Lines{sent});
    ASSERT_EQ(Rename("b", "a"), 0);
    EXPECT_EQ(TakeUevents(), Lines{"change dm-0"});
  }
  ASSERT_EQ(Remove("a", 0, 0x4e0000), 0);
  EXPECT_EQ(TakeUevents(), (Lines{"remove dm-0 DM_COOKIE=5111808", "remove dm-0"}));
}

TEST_F(DmUevent, SettingTheUuidSendsOneWithTheCookie) {
  Activate("a", 8, "zero", "");
  TakeUevents();
  ASSERT_EQ(SetUuid("a", "U", 5), 0);
  EXPECT_EQ(TakeUevents(), Lines{"change dm-0 DM_COOKIE=5"});
}

TEST_F(DmUevent, OtherCommandsTakeNoCookie) {
  ASSERT_EQ(Call(DM_DEV_CREATE_CMD, DmRequest(kResultAt).Name("a").Event(5)), 0);
  EXPECT_EQ(TakeUevents(), Lines());
  DmRequest load(kResultAt);
  load.Name("a").Event(5).Target(0, 8, "zero", "");
  ASSERT_EQ(Call(DM_TABLE_LOAD_CMD, load), 0);
  EXPECT_EQ(TakeUevents(), Lines{"add dm-0"});
  ASSERT_EQ(Resume("a"), 0);
  TakeUevents();
  const auto request = [] { return DmRequest(4096).Name("a").Event(5); };
  ASSERT_EQ(Call(DM_DEV_SUSPEND_CMD, request().Flags(DM_SUSPEND_FLAG)), 0);
  for (const uint32_t command : {DM_DEV_STATUS_CMD, DM_TABLE_STATUS_CMD, DM_TABLE_DEPS_CMD,
                                 DM_LIST_DEVICES_CMD, DM_DEV_ARM_POLL_CMD, DM_TABLE_CLEAR_CMD}) {
    ASSERT_EQ(Call(command, request()), 0) << command;
  }
  ASSERT_EQ(Call(DM_TARGET_MSG_CMD, request().Message(0, "@stats_list")), 0);
  ASSERT_EQ(Call(DM_DEV_SET_GEOMETRY_CMD, request().Text("1 1 1 0")), 0);
  EXPECT_EQ(TakeUevents(), Lines());
}

TEST_F(DmUevent, WhatFailsSendsNone) {
  Activate("a", 8, "zero", "");
  Activate("b", 8, "zero", "");
  ASSERT_EQ(SetUuid("a", "U"), 0);
  TakeUevents();
  const auto file = Open(Node("a"));
  EXPECT_EQ(Remove("a", 0, 5), -EBUSY);
  EXPECT_EQ(Rename("a", "b", 0, 5), -EBUSY);
  EXPECT_EQ(SetUuid("a", "V", 5), -EINVAL);
  EXPECT_EQ(Load("b", 8, "nosuch", ""), -EINVAL);
  EXPECT_EQ(TakeUevents(), Lines());
}

TEST_F(DmUevent, SysfsHasNameUuidAndState) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(SysfsText("name"), "a\n");
  EXPECT_EQ(SysfsText("uuid"), "\n");
  EXPECT_EQ(SysfsText("suspended"), "0\n");
  ASSERT_EQ(SetUuid("a", "U"), 0);
  ASSERT_EQ(Suspend("a"), 0);
  EXPECT_EQ(SysfsText("uuid"), "U\n");
  EXPECT_EQ(SysfsText("suspended"), "1\n");
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(SysfsText("suspended"), "0\n");
  ASSERT_EQ(Rename("a", "b"), 0);
  ASSERT_EQ(Rename("b", "a"), 0);
  EXPECT_EQ(SysfsText("name"), "a\n");
}

class DmEvent : public DmEventTest {};

TEST_F(DmEvent, NumberStartsAtZeroForANewDeviceOfTheSameName) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(SetUuid("a", "U"), 0);
  EXPECT_EQ(Status("a").event(), 1u);
  ASSERT_EQ(Remove("a"), 0);
  Activate("a", 8, "zero", "");
  EXPECT_EQ(Status("a").event(), 0u);
}

TEST_F(DmEvent, NumberStaysWithAllCommandsButThoseOfNames) {
  Activate("a", 8, "zero", "");
  const auto file = Open(Node("a"));
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  ASSERT_EQ(Suspend("a"), 0);
  ASSERT_EQ(Resume("a", 5), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Clear("a"), 0);
  Table("a", 0);
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, DmRequest().Name("a")), 0);
  ASSERT_EQ(Call(DM_DEV_SET_GEOMETRY_CMD, DmRequest().Name("a").Text("1 1 1 0")), 0);
  ASSERT_EQ(Message("a", "@stats_list"), 0);
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
  EXPECT_EQ(Remove("a"), -EBUSY);
  ASSERT_EQ(Message("a", "@cancel_deferred_remove"), 0);
  EXPECT_EQ(Status("a").event(), 0u);
}

TEST_F(DmEvent, SettingTheUuidWakesAWaiter) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(NumberAfter("a", [&] { EXPECT_EQ(SetUuid("a", "U"), 0); }), 1u);
}

TEST_F(DmEvent, RemoveAllWakesAWaiterOnALiveTable) {
  Activate("a", 8, "zero", "");
  const auto wake = [&] { EXPECT_EQ(Call(DM_REMOVE_ALL_CMD, DmRequest(kResultAt)), 0); };
  EXPECT_EQ(NumberAfter("a", wake), 1u);
  EXPECT_FALSE(Exists("a"));
}

TEST_F(DmEvent, ADeferredRemovalWakesAWaiterWhenItHappens) {
  Activate("a", 8, "zero", "");
  auto file = Open(Node("a"));
  const auto wake = [&] {
    EXPECT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
    EXPECT_EQ(Status("a").event(), 0u) << "nothing has happened yet";
    file = nullptr;
  };
  EXPECT_EQ(NumberAfter("a", wake), 1u);
  EXPECT_TRUE(InTime([&] { return !Exists("a"); }));
}

TEST_F(DmEvent, AllWaitersWakeUp) {
  Activate("a", 8, "zero", "");
  DmRequest first, second;
  int first_result = -1, second_result = -1;
  machine().Beside([&] { first_result = Wait("a", 0, first); },
                   [&] {
                     machine().Beside([&] { second_result = Wait("a", 0, second); },
                                      [&] { EXPECT_EQ(Rename("a", "b"), 0); });
                   });
  EXPECT_EQ(first_result, 0);
  EXPECT_EQ(second_result, 0);
  EXPECT_EQ(first.event(), 1u);
  EXPECT_EQ(second.event(), 1u);
}

TEST_F(DmEvent, AWaiterIsNoOpener) {
  Activate("a", 8, "zero", "");
  uint32_t opens = 99;
  NumberAfter("a", [&] {
    opens = Status("a").open_count();
    EXPECT_EQ(Rename("a", "b"), 0);
  });
  EXPECT_EQ(opens, 0u);
}

class DmPolling : public DmEventTest {
 protected:
  static bool IsReadable(sys::File& file) {
    return file.WaitReadable(absl::InfinitePast()).value_or(false);
  }
  int Arm() {
    DmRequest request(kResultAt);
    return Call(DM_DEV_ARM_POLL_CMD, request);
  }
  // Whether something has happened since the last time.
  bool TakeReadable() {
    const bool is_readable = IsReadable(control());
    EXPECT_EQ(Arm(), 0);
    return is_readable;
  }
  // The event number of the only device, as LIST_DEVICES tells it.
  uint32_t ListedEvent() {
    DmRequest list(4096);
    EXPECT_EQ(Call(DM_LIST_DEVICES_CMD, list), 0);
    const size_t name_at = kResultAt + offsetof(dm_name_list, name);
    return list.U32(kResultAt + Align8(name_at - kResultAt + list.TextAt(name_at).size() + 1));
  }
};

TEST_F(DmPolling, WhatHappensBehindTheArmingShowsAgain) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Arm(), 0);
  ASSERT_EQ(Rename("a", "b"), 0);
  EXPECT_EQ(ListedEvent(), 1u);
  EXPECT_TRUE(IsReadable(control())) << "also what the list has seen";
}

TEST_F(DmPolling, ArmingBehindTheListLosesWhatHappenedBetween) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(ListedEvent(), 0u);
  ASSERT_EQ(Rename("a", "b"), 0);
  ASSERT_EQ(Arm(), 0);
  EXPECT_FALSE(IsReadable(control()));
  EXPECT_EQ(ListedEvent(), 1u);
}

TEST_F(DmPolling, OneArmingTakesAllThatHappened) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Rename("a", "b"), 0);
  ASSERT_EQ(SetUuid("b", "U"), 0);
  EXPECT_TRUE(TakeReadable());
  EXPECT_FALSE(TakeReadable());
}

TEST_F(DmPolling, SettingTheUuidIsAnEvent) {
  ASSERT_EQ(Create("a"), 0);
  TakeReadable();
  ASSERT_EQ(SetUuid("a", "U"), 0);
  EXPECT_TRUE(TakeReadable());
}

TEST_F(DmPolling, QueriesAndMessagesToTheCoreAreNone) {
  Activate("a", 8, "zero", "");
  const auto file = Open(Node("a"));
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
  TakeReadable();
  Table("a", 0);
  ListedEvent();
  ASSERT_EQ(Message("a", "@stats_list"), 0);
  ASSERT_EQ(Message("a", "@cancel_deferred_remove"), 0);
  EXPECT_FALSE(TakeReadable());
}

TEST_F(DmPolling, ADeferredRemovalIsAnEventAgainWhenItHappens) {
  Activate("a", 8, "zero", "");
  auto file = Open(Node("a"));
  ASSERT_EQ(Remove("a", DM_DEFERRED_REMOVE), 0);
  TakeReadable();
  EXPECT_FALSE(IsReadable(control()));
  file = nullptr;
  EXPECT_TRUE(InTime([&] { return IsReadable(control()); }));
  EXPECT_TRUE(InTime([&] { return !Exists("a"); }));
}

TEST_F(DmPolling, AnEventWakesUpAPoller) {
  const absl::Time late = host().clock->Now() + absl::Seconds(60);
  absl::StatusOr<bool> readable = false;
  machine().Beside([&] { readable = control().WaitReadable(late); },
                   [&] { EXPECT_EQ(Create("a"), 0); });
  EXPECT_TRUE(readable.value_or(false));
  EXPECT_LT(host().clock->Now(), late);
}

TEST_F(DmPolling, WaitingDoesNotArm) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Arm(), 0);
  EXPECT_EQ(NumberAfter("a", [&] { EXPECT_EQ(Rename("a", "b"), 0); }), 1u);
  EXPECT_TRUE(IsReadable(control()));
}

}  // namespace
}  // namespace dmkit::conformance
