// SPDX-License-Identifier: Apache-2.0
// Waits for events that end, on a kernel.

#include <cerrno>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dm/event_watcher.h"
#include "dm/vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;
using testing::VmTest;

constexpr absl::Time kNow = absl::InfinitePast();

class EventWatcherVmTest : public VmTest {
 protected:
  EventWatcher Watch() { return EventWatcher::Open(host_).value(); }
  // The one change that there is to tell.
  DeviceChange Only(EventWatcher& watcher) {
    const auto changes = watcher.Next(kNow);
    EXPECT_THAT(changes, IsOkAndHolds(Optional(SizeIs(1))));
    return changes->value().at(0);
  }
};

TEST_F(EventWatcherVmTest, TellsWhatAppearedChangedAndWent) {
  EventWatcher watcher = Watch();
  EXPECT_THAT(watcher.Next(kNow), IsOkAndHolds(Eq(std::nullopt)));
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  const DeviceChange appeared = Only(watcher);
  EXPECT_EQ(appeared.before, std::nullopt);
  EXPECT_EQ(appeared.after->name, name.text());
  EXPECT_THAT(watcher.devices(), SizeIs(1));
  ASSERT_THAT(dm_.SetUuid(name, TestUuid("a"), {}), IsOk());
  const DeviceChange changed = Only(watcher);
  EXPECT_EQ(changed.before, appeared.after);
  EXPECT_EQ(changed.after->event_nr, 1u);
  EXPECT_EQ(changed.after->uuid, TestUuid("a").text());
  ASSERT_THAT(dm_.Rename(name, TestName("b"), {}), IsOk());
  EXPECT_EQ(Only(watcher).after->name, TestName("b").text());
  ASSERT_THAT(dm_.Remove(TestName("b"), {}), IsOk());
  const DeviceChange gone = Only(watcher);
  EXPECT_EQ(gone.before->event_nr, 2u);
  EXPECT_EQ(gone.after, std::nullopt);
  EXPECT_THAT(watcher.Next(kNow), IsOkAndHolds(Eq(std::nullopt)));
}

TEST_F(EventWatcherVmTest, SettingTheClockDoesNotMoveADeadline) {
  const absl::Time wall = host_.clock->WallTime();
  const auto set_clock = [this](absl::Time time) {
    return OutputOf({"date", "-s", absl::StrCat("@", absl::ToUnixSeconds(time))});
  };
  EventPoll poll = EventPoll::Open(host_).value();
  const absl::Time start = host_.clock->Now();
  const bool is_set = !set_clock(wall - absl::Hours(1)).empty();
  EXPECT_THAT(poll.Wait(start + absl::Milliseconds(300)), IsOkAndHolds(false));
  EXPECT_GE(host_.clock->Now(), start + absl::Milliseconds(300));
  EXPECT_LT(host_.clock->Now(), start + absl::Minutes(5));
  // A model has no such program.
  if (!is_set) return;
  EXPECT_LT(host_.clock->WallTime(), wall - absl::Minutes(50));
  EXPECT_NE(set_clock(host_.clock->WallTime() + absl::Hours(1)), "");
}

TEST_F(EventWatcherVmTest, TheSwapOfATableIsAnEventThatTheListDoesNotShow) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  EventWatcher watcher = Watch();
  ASSERT_THAT(dm_.Load(name, {ZeroLine(0, 16)}, {}), IsOk());
  EXPECT_THAT(watcher.Next(kNow), IsOkAndHolds(Eq(std::nullopt)));
  ASSERT_THAT(dm_.Resume(name, {}, {}), IsOk());
  EXPECT_THAT(watcher.Next(kNow), IsOkAndHolds(Optional(IsEmpty())));
}

TEST_F(EventWatcherVmTest, WatchersDoNotTakeEventsFromEachOther) {
  EventWatcher first = Watch();
  EventWatcher second = Watch();
  MakeBare("a");
  EXPECT_THAT(first.Next(kNow), IsOkAndHolds(Optional(SizeIs(1))));
  EXPECT_THAT(second.Next(kNow), IsOkAndHolds(Optional(SizeIs(1))));
  EXPECT_THAT(dm_.WaitForEvent(kNow), IsOkAndHolds(true));
}

// An event at every place between the calls of a watcher is told, and once.
TEST_F(EventWatcherVmTest, NoEventIsLostAndNoneIsToldTwice) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  sys::FaultyHost between(host_);
  uint32_t events = 0;
  for (uint64_t place = 1; place <= 8; ++place) {
    EventWatcher watcher = EventWatcher::Open(between.host()).value();
    bool has_happened = false;
    between.SetPlan([&](const sys::SeamCall& call) {
      if (call.number != place) return 0;
      has_happened = true;
      EXPECT_THAT(dm_.Rename(events % 2 == 0 ? name : TestName("b"),
                             events % 2 == 0 ? TestName("b") : name, {}),
                  IsOk());
      ++events;
      return 0;
    });
    // Something else makes the watcher look in the first place.
    const DmName other = MakeBare(absl::StrCat("other", place));
    std::vector<DeviceChange> told;
    for (int round = 0; round < 8; ++round) {
      const auto changes = watcher.Next(kNow);
      ASSERT_THAT(changes, IsOk());
      for (const DeviceChange& change : changes->value_or(std::vector<DeviceChange>())) {
        if (change.after->name != other.text()) told.push_back(change);
      }
    }
    ASSERT_TRUE(has_happened) << place;
    ASSERT_THAT(told, SizeIs(1)) << place;
    EXPECT_EQ(told[0].after->event_nr, events) << place;
    between.SetPlan(nullptr);
  }
}

TEST_F(EventWatcherVmTest, WaitUntilReturnsAtOnceWhenTheNumberIsAnotherOne) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  for (uint32_t event_nr : {1u, 7u, 0xffffffffu}) {
    const auto reply = WaitUntil(dm_, name, event_nr, {}, absl::InfiniteFuture());
    ASSERT_THAT(reply, IsOkAndHolds(Optional(dm_.Status(name, {}).value())));
  }
}

TEST_F(EventWatcherVmTest, WaitUntilEndsAtTheDeadline) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  const absl::Time deadline = host_.clock->Now() + absl::Milliseconds(50);
  EXPECT_THAT(WaitUntil(dm_, name, 0, {}, deadline), IsOkAndHolds(Eq(std::nullopt)));
  EXPECT_GE(host_.clock->Now(), deadline);
}

TEST_F(EventWatcherVmTest, WaitUntilEndsWithTheNextEvent) {
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  const DeviceKey key = dm_.Info(name)->device;
  DeviceMapper other = DeviceMapper::Open(host_).value();
  absl::StatusOr<std::optional<TableReply>> reply = absl::UnknownError("not called");
  kernel_->LetCallsSleep();
  std::thread waiter([&] { reply = WaitUntil(other, key, 0, {}, absl::InfiniteFuture()); });
  // Neither is an event of the device.
  MakeBare("noise");
  EXPECT_THAT(dm_.Suspend(name, {}), IsOk());
  EXPECT_THAT(dm_.Resume(name, {}, {}), IsOk());
  EXPECT_THAT(dm_.Rename(name, TestName("b"), {}), IsOk());
  waiter.join();
  ASSERT_THAT(reply, IsOk());
  ASSERT_TRUE(reply->has_value());
  EXPECT_EQ((*reply)->info.event_nr, 1u);
  EXPECT_THAT((*reply)->targets, SizeIs(1));
}

// Where DeviceMapper::Wait would keep the removal waiting for ever.
TEST_F(EventWatcherVmTest, ARemovalEndsWaitUntilOfADeviceWithoutATable) {
  const DmName name = MakeBare("a");
  DeviceMapper other = DeviceMapper::Open(host_).value();
  absl::StatusOr<std::optional<TableReply>> reply = absl::UnknownError("not called");
  kernel_->LetCallsSleep();
  std::thread waiter([&] { reply = WaitUntil(other, name, 0, {}, absl::InfiniteFuture()); });
  EXPECT_THAT(dm_.Remove(name, {}), IsOk());
  waiter.join();
  EXPECT_THAT(reply, FailsWithErrno(ENXIO));
}

}  // namespace
}  // namespace dmkit::dm
