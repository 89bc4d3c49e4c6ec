// SPDX-License-Identifier: Apache-2.0
// The entry in /dev/mapper beside a udevd that makes links and cannot tell when it is done.

#include <cerrno>
#include <functional>
#include <map>
#include <string>

#include "dm/scripted_host.h"
#include "dm/udev_nodes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::IsOkAndHolds;
using ::testing::HasSubstr;
using testing::ScriptedHost;

constexpr sys::DeviceNumber kDevice = {253, 3};
constexpr char kWeb[] = "/dev/mapper/web";
constexpr char kNew[] = "/dev/mapper/new";

class UdevNodesUntoldTest : public ::testing::Test {
 protected:
  UdevNodesUntoldTest() {
    nodes()["/dev/dm-3"].type = sys::FileType::kBlockDevice;
    nodes()["/dev/dm-3"].rdevice = kDevice;
    scripted_.StartUdevd();
    scripted_.semaphores.create_error = ENOSPC;
  }
  static NodeChange Change(NodeChange::Kind kind) {
    NodeChange change;
    change.kind = kind;
    change.name = "web";
    change.new_name = "new";
    change.device = kDevice;
    return change;
  }
  static NodeChange Make() { return Change(NodeChange::Kind::kMake); }
  static NodeChange Rename() { return Change(NodeChange::Kind::kRename); }
  static NodeChange Remove() { return Change(NodeChange::Kind::kRemove); }

  absl::StatusOr<std::string> Settle(const sys::Host& host, const NodeChange& change) {
    UdevSync sync = UdevSync::Open(host, UdevOptions());
    sync.Begin();
    sync.Done(true);
    return SettleMapperNode(host, sync, "/dev", change);
  }
  // udevd does `work`, if any, while it is looked after.
  absl::StatusOr<std::string> SettleUntold(const NodeChange& change, std::function<void()> work) {
    int looks = 0;
    sys::FaultyHost watched(scripted_.host());
    watched.SetPlan([&](const sys::SeamCall& call) {
      if (call.method == "Sleep" && ++looks == 3 && work) work();
      return 0;
    });
    return Settle(watched.host(), change);
  }
  std::map<std::string, std::string>& links() { return scripted_.root.links; }
  std::map<std::string, sys::FileStat>& nodes() { return scripted_.root.nodes; }

  ScriptedHost scripted_;
};

TEST_F(UdevNodesUntoldTest, AUdevdThatCannotTellIsLookedAfter) {
  EXPECT_THAT(SettleUntold(Make(), [this] { links()[kWeb] = "../dm-3"; }), IsOkAndHolds(""));
  EXPECT_EQ(nodes().count(kWeb), 0u);
  EXPECT_THAT(SettleUntold(Rename(), [this] { links()[kNew] = links().extract(kWeb).mapped(); }),
              IsOkAndHolds(""));
  EXPECT_EQ(nodes().count(kNew), 0u);
  EXPECT_LT(scripted_.clock.Now() - absl::UnixEpoch(), absl::Seconds(1));
}

TEST_F(UdevNodesUntoldTest, AUdevdThatDoesNothingHasTwoSeconds) {
  EXPECT_THAT(SettleUntold(Make(), nullptr), IsOkAndHolds(HasSubstr("not set up by udev")));
  EXPECT_EQ(scripted_.clock.Now() - absl::UnixEpoch(), absl::Seconds(2));
  EXPECT_EQ(nodes()[kWeb].rdevice, kDevice);
  EXPECT_THAT(SettleUntold(Remove(), nullptr), IsOkAndHolds("")) << "a node was never udevd's";
  EXPECT_EQ(nodes().count(kWeb), 0u);
}

TEST_F(UdevNodesUntoldTest, TheTimeThatLooksTakeCountsInTheTwoSeconds) {
  sys::FaultyHost slow(scripted_.host());
  slow.SetPlan([this](const sys::SeamCall& call) {
    if (call.method == "Stat" && call.object == kWeb) scripted_.clock.Sleep(absl::Seconds(1));
    return 0;
  });
  EXPECT_THAT(Settle(slow.host(), Make()), IsOkAndHolds(HasSubstr("not set up by udev")));
  EXPECT_LE(scripted_.clock.Now() - absl::UnixEpoch(), absl::Seconds(4)) << "a look at each end";
}

}  // namespace
}  // namespace dmkit::dm
