// SPDX-License-Identifier: Apache-2.0
// What no kernel here can show: kernels without DM_DEV_ARM_POLL, refusals, and events without end.
// The rest is in event_watcher_vm_test.cc.

#include "dm/event_watcher.h"

#include <cerrno>
#include <optional>
#include <variant>
#include <vector>

#include "dm/codec_testing.h"
#include "dm/replies.h"
#include "dm/requests.h"
#include "dm/scripted_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Field;
using ::testing::IsEmpty;
using testing::Name;
using ::testing::Optional;
using testing::ScriptedHost;

constexpr Version kWithoutPoll = {4, 36, 0};
constexpr absl::Duration kTick = absl::Seconds(1);

// A host with some devices, of which the lists of older kernels tell no event numbers.
class EventWatcherTest : public ::testing::Test {
 protected:
  EventWatcherTest() {
    scripted_.responder = [this](const Request& request) { return Answer(request); };
  }

  struct Device {
    uint32_t minor = 0;
    std::string name;
    uint32_t event_nr = 0;
  };

  absl::StatusOr<Reply> Answer(const Request& request) {
    if (before_answer_) before_answer_(request);
    if (std::holds_alternative<ListDevicesRequest>(request)) return List();
    if (const auto* info = std::get_if<InfoRequest>(&request)) {
      for (const Device& device : devices_) {
        if (!Matches(info->key, device)) continue;
        DeviceInfo reply;
        reply.name = device.name;
        reply.device = {253, device.minor};
        reply.event_nr = device.event_nr;
        return reply;
      }
      return sys::ErrnoStatus(ENXIO, "scripted");
    }
    return ScriptedHost::Succeed(request);
  }

  ListDevicesReply List() const {
    ListDevicesReply reply;
    for (const Device& device : devices_) {
      reply.devices.push_back({{253, device.minor}, device.name, std::nullopt, std::nullopt});
      if (scripted_.kernel.minor >= 37) reply.devices.back().event_nr = device.event_nr;
    }
    return reply;
  }

  static bool Matches(const DeviceKey& key, const Device& device) {
    if (const auto* name = std::get_if<DmName>(&key)) return name->text() == device.name;
    return std::get<sys::DeviceNumber>(key).minor == device.minor;
  }

  // Each look takes a second, and in the `count`-th from now on the device has an event.
  void EventAfter(int count) {
    before_answer_ = [this, count, seen = 0](const Request& request) mutable {
      if (!std::holds_alternative<InfoRequest>(request)) return;
      scripted_.clock.Sleep(kTick);
      if (++seen == count) ++devices_[0].event_nr;
    };
  }

  absl::Time Now() { return scripted_.clock.Now(); }

  ScriptedHost scripted_;
  std::vector<Device> devices_ = {{3, "web", 7}};
  std::function<void(const Request&)> before_answer_;
};

TEST_F(EventWatcherTest, WaitUntilSamplesAKernelThatCannotBePolled) {
  scripted_.kernel = kWithoutPoll;
  // Such a kernel calls its control device readable always.
  scripted_.readable = true;
  DeviceMapper dm = DeviceMapper::Open(scripted_.host()).value();
  EventAfter(4);
  const absl::Time start = Now();
  const auto reply = WaitUntil(dm, Name("web"), 7, {}, absl::InfiniteFuture());
  ASSERT_THAT(reply, IsOk());
  EXPECT_TRUE(reply->has_value());
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_STATUS DEV_STATUS DEV_STATUS DEV_STATUS TABLE_STATUS");
  EXPECT_EQ(Now() - start, 4 * kTick + 3 * kSampleInterval);
}

TEST_F(EventWatcherTest, WaitUntilOfAKernelThatCannotBePolledEndsAtTheDeadline) {
  scripted_.kernel = kWithoutPoll;
  DeviceMapper dm = DeviceMapper::Open(scripted_.host()).value();
  const absl::Time deadline = Now() + kSampleInterval * 2.5;
  EXPECT_THAT(*WaitUntil(dm, Name("web"), 7, {}, deadline), Eq(std::nullopt));
  EXPECT_EQ(Now(), deadline);
}

TEST_F(EventWatcherTest, EventsOfOtherDevicesDoNotKeepWaitUntilFromItsDeadline) {
  scripted_.readable = true;
  DeviceMapper dm = DeviceMapper::Open(scripted_.host()).value();
  EventAfter(1000);
  EXPECT_THAT(*WaitUntil(dm, Name("web"), 7, {}, Now() + 3 * kTick), Eq(std::nullopt));
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_STATUS DEV_ARM_POLL DEV_STATUS DEV_ARM_POLL DEV_STATUS");
}

TEST_F(EventWatcherTest, WaitUntilArmsBeforeItLooksAgain) {
  scripted_.readable = true;
  DeviceMapper dm = DeviceMapper::Open(scripted_.host()).value();
  EventAfter(2);
  EXPECT_TRUE(WaitUntil(dm, Name("web"), 7, {}, absl::InfiniteFuture())->has_value());
  EXPECT_EQ(scripted_.TakeCommands(), "DEV_STATUS DEV_ARM_POLL DEV_STATUS TABLE_STATUS");
}

TEST_F(EventWatcherTest, RefusalsComeThrough) {
  DeviceMapper dm = DeviceMapper::Open(scripted_.host()).value();
  EXPECT_THAT(WaitUntil(dm, Name("nosuch"), 0, {}, absl::InfiniteFuture()), FailsWithErrno(ENXIO));
  EventWatcher watcher = EventWatcher::Open(scripted_.host()).value();
  scripted_.readable = true;
  scripted_.responder = [](const Request&) { return sys::ErrnoStatus(EACCES, "scripted"); };
  EXPECT_THAT(watcher.Next(absl::InfiniteFuture()), FailsWithErrno(EACCES));
  EXPECT_THAT(EventWatcher::Open(scripted_.host()), FailsWithErrno(EACCES));
  EXPECT_THAT(WaitUntil(dm, Name("web"), 7, {}, absl::InfiniteFuture()), FailsWithErrno(EACCES));
}

TEST_F(EventWatcherTest, DevicesAreComparedByNumber) {
  scripted_.readable = true;
  devices_ = {{9, "a", 1}, {3, "b", 2}, {5, "c", 3}};
  EventWatcher watcher = EventWatcher::Open(scripted_.host()).value();
  EXPECT_THAT(watcher.devices(),
              ElementsAre(Field(&ListedDevice::name, "b"), Field(&ListedDevice::name, "c"),
                          Field(&ListedDevice::name, "a")));
  devices_ = {{3, "renamed", 2}, {4, "new", 0}, {9, "a", 2}};
  const auto changes = watcher.Next(absl::InfiniteFuture());
  ASSERT_THAT(changes, IsOk());
  const ListedDevice b = {{253, 3}, "b", 2, std::nullopt};
  const ListedDevice renamed = {{253, 3}, "renamed", 2, std::nullopt};
  const ListedDevice fresh = {{253, 4}, "new", 0, std::nullopt};
  const ListedDevice c = {{253, 5}, "c", 3, std::nullopt};
  const ListedDevice a = {{253, 9}, "a", 1, std::nullopt};
  const ListedDevice a_again = {{253, 9}, "a", 2, std::nullopt};
  EXPECT_THAT(*changes, Optional(ElementsAre(DeviceChange{b, renamed}, DeviceChange{{}, fresh},
                                             DeviceChange{c, {}}, DeviceChange{a, a_again})));
  EXPECT_THAT(*watcher.Next(absl::InfiniteFuture()), Optional(IsEmpty())) << "told once";
}

TEST_F(EventWatcherTest, NextAsksEachDeviceOfAKernelThatCannotBePolled) {
  scripted_.kernel = kWithoutPoll;
  EventWatcher watcher = EventWatcher::Open(scripted_.host()).value();
  EXPECT_EQ(watcher.devices().at(0).event_nr, 7u);
  EventAfter(3);
  const auto changes = watcher.Next(absl::InfiniteFuture());
  ASSERT_THAT(changes, IsOk());
  EXPECT_THAT(*changes, Optional(ElementsAre(DeviceChange{ListedDevice{{253, 3}, "web", 7, {}},
                                                          ListedDevice{{253, 3}, "web", 8, {}}})));
  EXPECT_THAT(*watcher.Next(Now() + 3 * kTick), Eq(std::nullopt));
}

TEST_F(EventWatcherTest, ADeviceThatGoesWhileItIsAskedIsGone) {
  scripted_.kernel = kWithoutPoll;
  EventWatcher watcher = EventWatcher::Open(scripted_.host()).value();
  before_answer_ = [this](const Request& request) {
    if (std::holds_alternative<InfoRequest>(request)) devices_.clear();
  };
  const auto changes = watcher.Next(absl::InfiniteFuture());
  ASSERT_THAT(changes, IsOk());
  EXPECT_THAT(*changes, Optional(ElementsAre(Field(&DeviceChange::after, Eq(std::nullopt)))));
}

}  // namespace
}  // namespace dmkit::dm
