// SPDX-License-Identifier: Apache-2.0
// Who makes, renames and removes the entry in /dev/mapper, and what is said of it.

#include "dm/udev_nodes.h"

#include <cerrno>
#include <cstdint>
#include <string>

#include "dm/scripted_host.h"
#include "dm/udev.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ScriptedHost;
using ::testing::StartsWith;

constexpr sys::DeviceNumber kDevice = {253, 3};
constexpr uint32_t kShared = 0x0d4d4321;
constexpr char kWeb[] = "/dev/mapper/web";
constexpr char kNew[] = "/dev/mapper/new";

class UdevNodesTest : public ::testing::Test {
 protected:
  UdevNodesTest() {
    PutNode("/dev/dm-3", kDevice);
    PutNode("/dev/dm-4", {253, 4});
  }
  void PutNode(const std::string& path, sys::DeviceNumber device) {
    scripted_.root.nodes[path].type = sys::FileType::kBlockDevice;
    scripted_.root.nodes[path].rdevice = device;
  }
  NodeChange Change(NodeChange::Kind kind) {
    NodeChange change;
    change.kind = kind;
    change.name = "web";
    change.new_name = "new";
    change.device = kDevice;
    change.owner.mode = 0640;
    return change;
  }
  NodeChange Make() { return Change(NodeChange::Kind::kMake); }
  NodeChange Rename() { return Change(NodeChange::Kind::kRename); }
  NodeChange Remove() { return Change(NodeChange::Kind::kRemove); }

  // An operation whose uevent udevd meets with `work`; without one it never does.
  absl::StatusOr<std::string> Settle(const NodeChange& change, std::function<void()> work,
                                     absl::string_view dev_dir = "/dev", uint32_t flags = 0) {
    scripted_.StartUdevd();
    scripted_.semaphores.on_wait = [this, work](int32_t id) {
      if (!work) return;
      work();
      scripted_.semaphores.sets[id].value = 0;
    };
    UdevOptions options;
    options.flags = flags;
    UdevSync sync = UdevSync::Open(scripted_.host(), options);
    sync.Begin();
    sync.Done(true);
    auto warning = SettleMapperNode(scripted_.host(), sync, dev_dir, change);
    EXPECT_THAT(scripted_.semaphores.sets, IsEmpty());
    return warning;
  }
  absl::StatusOr<std::string> SettleIdle(const NodeChange& change, absl::string_view dev_dir,
                                         uint32_t flags = 0) {
    const auto nothing = [] {};
    return Settle(change, nothing, dev_dir, flags);
  }
  // A cookie that somebody else waits for.
  static UdevOptions Shared() {
    UdevOptions options;
    options.shared_cookie = kShared;
    return options;
  }
  static UdevOptions Never() {
    UdevOptions options;
    options.use = UdevUse::kNever;
    return options;
  }
  // An operation whose uevent udevd meets when this is over.
  absl::StatusOr<std::string> SettleLater(const sys::Host& host, const UdevOptions& options,
                                          const NodeChange& change,
                                          absl::string_view dev_dir = "/dev") {
    scripted_.StartUdevd();
    const int32_t id = scripted_.semaphores.Create(kShared).value();
    scripted_.semaphores.sets[id].value = 1;
    UdevSync sync = UdevSync::Open(scripted_.host(), options);
    EXPECT_EQ(sync.shared_cookie_status(), absl::OkStatus());
    sync.Begin();
    sync.Done(true);
    EXPECT_FALSE(sync.waits());
    auto warning = SettleMapperNode(host, sync, dev_dir, change);
    EXPECT_THAT(scripted_.semaphores.waits, IsEmpty());
    EXPECT_EQ(scripted_.semaphores.sets[id].value, sync.active() ? 2 : 1);
    scripted_.semaphores.sets.erase(id);
    return warning;
  }
  absl::StatusOr<std::string> SettleSent(const sys::Host& host, const NodeChange& change,
                                         bool uevent, const UdevOptions& options = {}) {
    UdevSync sync = UdevSync::Open(host, options);
    sync.Begin();
    sync.Done(uevent);
    return SettleMapperNode(host, sync, "/dev", change);
  }
  // On a host without udevd.
  absl::StatusOr<std::string> SettleAlone(const NodeChange& change) {
    return SettleSent(scripted_.host(), change, true);
  }
  std::map<std::string, std::string>& links() { return scripted_.root.links; }
  std::map<std::string, sys::FileStat>& nodes() { return scripted_.root.nodes; }

  ScriptedHost scripted_;
};

TEST_F(UdevNodesTest, UdevdsLinkIsAllThatIsNeeded) {
  EXPECT_THAT(Settle(Make(), [this] { links()[kWeb] = "../dm-3"; }), IsOkAndHolds(""));
  EXPECT_EQ(links()[kWeb], "../dm-3");
  EXPECT_EQ(nodes().count(kWeb), 0u);
}

TEST_F(UdevNodesTest, ALinkThatUdevdDidNotMakeIsMadeUpForWithAWarning) {
  EXPECT_THAT(Settle(Make(), [] {}),
              IsOkAndHolds("/dev/mapper/web not set up by udev: Falling back to direct node "
                           "creation."));
  EXPECT_EQ(nodes()[kWeb].rdevice, kDevice);
  EXPECT_EQ(nodes()[kWeb].mode, 0640u);
}

TEST_F(UdevNodesTest, ALinkToAnotherDeviceIsReplaced) {
  EXPECT_THAT(Settle(Make(), [this] { links()[kWeb] = "../dm-4"; }), IsOk());
  EXPECT_EQ(links().count(kWeb), 0u);
  EXPECT_EQ(nodes()[kWeb].rdevice, kDevice);
}

TEST_F(UdevNodesTest, AfterTheDeadlineTheNodeIsMadeAndBothAreTold) {
  const auto warning = Settle(Make(), nullptr);
  ASSERT_THAT(warning, IsOk());
  EXPECT_THAT(*warning, AllOf(HasSubstr("was not completed by udevd within 30s"),
                              HasSubstr("\n/dev/mapper/web not set up by udev")));
  EXPECT_EQ(nodes()[kWeb].rdevice, kDevice);
}

TEST_F(UdevNodesTest, AfterTheDeadlineWorkThatIsDoneIsLeftAsItIs) {
  links()[kWeb] = "../dm-3";
  const auto warning = Settle(Make(), nullptr);
  ASSERT_THAT(warning, IsOk());
  EXPECT_THAT(*warning, Not(HasSubstr("\n")));
  EXPECT_EQ(links()[kWeb], "../dm-3");
}

TEST_F(UdevNodesTest, WithoutUdevdTheNodeIsMadeWithoutAWord) {
  EXPECT_THAT(SettleAlone(Make()), IsOkAndHolds(""));
  EXPECT_EQ(nodes()[kWeb].rdevice, kDevice);
  EXPECT_EQ(nodes()[kWeb].mode, 0640u);
}

TEST_F(UdevNodesTest, RemovedByUdevdIsAllThatIsNeeded) {
  links()[kWeb] = "../dm-9";
  EXPECT_THAT(Settle(Remove(), [this] { links().erase(kWeb); }), IsOkAndHolds(""));
}

TEST_F(UdevNodesTest, WhatUdevdDidNotRemoveIsRemovedWithAWarning) {
  const std::string text =
      "Node /dev/mapper/web was not removed by udev. Falling back to direct node removal.";
  links()[kWeb] = "../dm-9";
  EXPECT_THAT(Settle(Remove(), [] {}), IsOkAndHolds(text));
  EXPECT_EQ(links().count(kWeb), 0u);
  PutNode(kWeb, kDevice);
  EXPECT_THAT(Settle(Remove(), [] {}), IsOkAndHolds(text));
  EXPECT_EQ(nodes().count(kWeb), 0u);
}

TEST_F(UdevNodesTest, TheLinkOfTheNextDeviceOfThatNameStays) {
  EXPECT_THAT(Settle(Remove(), [this] { links()[kWeb] = "../dm-4"; }), IsOkAndHolds(""));
  EXPECT_EQ(links()[kWeb], "../dm-4");
}

TEST_F(UdevNodesTest, TheNodeOfTheNextDeviceOfThatNameStays) {
  PutNode(kWeb, {253, 4});
  EXPECT_THAT(SettleAlone(Remove()), IsOkAndHolds(""));
  EXPECT_EQ(nodes()[kWeb].rdevice, (sys::DeviceNumber{253, 4}));
  EXPECT_THAT(SettleAlone(Rename()), IsOkAndHolds(""));
  EXPECT_EQ(nodes()[kWeb].rdevice, (sys::DeviceNumber{253, 4}));
  EXPECT_EQ(nodes()[kNew].rdevice, kDevice);
  EXPECT_THAT(Settle(Remove(), [] {}), IsOkAndHolds(""));
  EXPECT_EQ(nodes()[kWeb].rdevice, (sys::DeviceNumber{253, 4}));
}

TEST_F(UdevNodesTest, WithoutUdevdTheNodeIsRemovedWithoutAWord) {
  PutNode(kWeb, kDevice);
  EXPECT_THAT(SettleAlone(Remove()), IsOkAndHolds(""));
  EXPECT_EQ(nodes().count(kWeb), 0u);
  EXPECT_THAT(SettleAlone(Remove()), IsOkAndHolds("")) << "repeatable";
}

TEST_F(UdevNodesTest, RenamedByUdevdIsAllThatIsNeeded) {
  links()[kWeb] = "../dm-3";
  EXPECT_THAT(Settle(Rename(),
                     [this] {
                       links().erase(kWeb);
                       links()[kNew] = "../dm-3";
                     }),
              IsOkAndHolds(""));
  EXPECT_EQ(nodes().count(kNew), 0u);
}

TEST_F(UdevNodesTest, WhatUdevdDidNotRenameIsRenamedWithAWarning) {
  links()[kWeb] = "../dm-3";
  EXPECT_THAT(Settle(Rename(), [] {}), IsOkAndHolds(HasSubstr("new node is not present")));
  EXPECT_EQ(links().count(kWeb), 0u);
  EXPECT_EQ(links()[kNew], "../dm-3");
}

TEST_F(UdevNodesTest, AnOldNameThatStaysIsRemovedWithAWarning) {
  links()[kWeb] = "../dm-3";
  EXPECT_THAT(Settle(Rename(), [this] { links()[kNew] = "../dm-3"; }),
              IsOkAndHolds(HasSubstr("old node is still present")));
  EXPECT_EQ(links().count(kWeb), 0u);
  EXPECT_EQ(links()[kNew], "../dm-3");
}

TEST_F(UdevNodesTest, AnOldNameThatAnotherDeviceHasByNowStays) {
  links()[kWeb] = "../dm-4";
  EXPECT_THAT(Settle(Rename(), [this] { links()[kNew] = "../dm-3"; }), IsOkAndHolds(""));
  EXPECT_EQ(links()[kWeb], "../dm-4");
}

TEST_F(UdevNodesTest, WithoutUdevdARenameMovesTheNodeOrMakesIt) {
  PutNode(kWeb, kDevice);
  EXPECT_THAT(SettleAlone(Rename()), IsOkAndHolds(""));
  EXPECT_EQ(nodes().count(kWeb), 0u);
  EXPECT_EQ(nodes()[kNew].rdevice, kDevice);
  nodes().erase(kNew);
  EXPECT_THAT(SettleAlone(Rename()), IsOkAndHolds(""));
  EXPECT_EQ(nodes()[kNew].rdevice, kDevice);
}

TEST_F(UdevNodesTest, InAnotherDirectoryAllWorkIsOursAndWordless) {
  nodes()["/tmp/dev"].type = sys::FileType::kDirectory;
  EXPECT_THAT(SettleIdle(Make(), "/tmp/dev/"), IsOkAndHolds(""));
  EXPECT_EQ(nodes()["/tmp/dev/mapper/web"].rdevice, kDevice);
  EXPECT_EQ(nodes().count(kWeb), 0u);
  EXPECT_THAT(SettleIdle(Remove(), "/tmp/dev"), IsOkAndHolds(""));
  EXPECT_EQ(nodes().count("/tmp/dev/mapper/web"), 0u);
}

TEST_F(UdevNodesTest, WithoutUdevdsRulesAllWorkIsOursAndWordless) {
  const uint32_t flags = kUdevDisableDmRules | kUdevDisableSubsystemRules;
  EXPECT_THAT(SettleIdle(Make(), "/dev", flags), IsOkAndHolds(""));
  EXPECT_EQ(nodes()[kWeb].rdevice, kDevice);
  EXPECT_THAT(SettleIdle(Rename(), "/dev", flags), IsOkAndHolds(""));
  EXPECT_EQ(nodes().count(kWeb), 0u);
  NodeChange remove = Remove();
  remove.name = "new";
  EXPECT_THAT(SettleIdle(remove, "/dev", flags), IsOkAndHolds(""));
  EXPECT_EQ(nodes().count(kNew), 0u);
}

TEST_F(UdevNodesTest, ASlashBehindDevIsTheSameDirectory) {
  EXPECT_THAT(Settle(
                  Make(), [this] { links()[kWeb] = "../dm-3"; }, "/dev/"),
              IsOkAndHolds(""));
  EXPECT_EQ(nodes().count(kWeb), 0u);
}

TEST_F(UdevNodesTest, LinksThatNobodyWaitsForHereAreLeftToUdevd) {
  for (const UdevOptions& options : {Shared(), Never()}) {
    links()[kWeb] = "../dm-3";
    sys::FaultyHost counted(scripted_.host());
    for (const NodeChange& change : {Make(), Rename(), Remove()}) {
      EXPECT_THAT(SettleLater(counted.host(), options, change), IsOkAndHolds(""));
    }
    EXPECT_EQ(links()[kWeb], "../dm-3");
    EXPECT_EQ(nodes().count(kNew), 0u);
    for (const std::string& call : counted.Log()) EXPECT_THAT(call, StartsWith("Stat"));
    links().erase(kWeb);
    EXPECT_THAT(SettleLater(counted.host(), options, Make()), IsOkAndHolds(""));
    EXPECT_EQ(nodes().count(kWeb), 0u);
  }
}

TEST_F(UdevNodesTest, NodesThatUdevdWouldLeaveAsTheyAreAreNotLeftToIt) {
  for (const UdevOptions& options : {Shared(), Never()}) {
    PutNode(kWeb, {253, 4});
    EXPECT_THAT(SettleLater(scripted_.host(), options, Make()), IsOkAndHolds(""));
    EXPECT_EQ(nodes()[kWeb].rdevice, kDevice);
    EXPECT_THAT(SettleLater(scripted_.host(), options, Rename()), IsOkAndHolds(""));
    EXPECT_EQ(nodes().count(kWeb), 0u);
    EXPECT_EQ(nodes().count(kNew), 0u) << "udevd can put its link there";
    PutNode(kNew, {253, 4});
    EXPECT_THAT(SettleLater(scripted_.host(), options, Rename()), IsOkAndHolds(""));
    EXPECT_EQ(nodes()[kNew].rdevice, kDevice);
    nodes().erase(kNew);
    PutNode(kWeb, {253, 4});
    EXPECT_THAT(SettleLater(scripted_.host(), options, Remove()), IsOkAndHolds(""));
    EXPECT_EQ(nodes().count(kWeb), 1u) << "another device's";
    PutNode(kWeb, kDevice);
    EXPECT_THAT(SettleLater(scripted_.host(), options, Remove()), IsOkAndHolds(""));
    EXPECT_EQ(nodes().count(kWeb), 0u);
    nodes()[kWeb].type = sys::FileType::kRegular;
    EXPECT_THAT(SettleLater(scripted_.host(), options, Make()), FailsWithErrno(EEXIST));
    nodes().erase(kWeb);
  }
}

TEST_F(UdevNodesTest, WithASharedCookieNodesThatUdevdDoesNotMakeAreOurs) {
  nodes()["/tmp/dev"].type = sys::FileType::kDirectory;
  EXPECT_THAT(SettleLater(scripted_.host(), Shared(), Make(), "/tmp/dev"), IsOkAndHolds(""));
  EXPECT_EQ(nodes()["/tmp/dev/mapper/web"].rdevice, kDevice);
  EXPECT_EQ(nodes().count(kWeb), 0u);
  UdevOptions options = Shared();
  options.flags = kUdevDisableDmRules | kUdevDisableSubsystemRules;
  EXPECT_THAT(SettleLater(scripted_.host(), options, Make()), IsOkAndHolds(""));
  EXPECT_EQ(nodes()[kWeb].rdevice, kDevice);
}

TEST_F(UdevNodesTest, UnlessUdevdMakesLinksNodesThatNobodyWaitsForAreOurs) {
  for (const bool uevent : {true, false}) {
    EXPECT_THAT(SettleSent(scripted_.host(), Make(), uevent, Never()), IsOkAndHolds(""));
    EXPECT_EQ(nodes()[kWeb].rdevice, kDevice) << "no udevd";
    nodes().erase(kWeb);
  }
  UdevOptions options = Never();
  options.flags = kUdevDisableDmRules;
  EXPECT_THAT(SettleLater(scripted_.host(), options, Make()), IsOkAndHolds(""));
  EXPECT_EQ(nodes()[kWeb].rdevice, kDevice) << "no rules";
}

TEST_F(UdevNodesTest, TheLinkThatALaterUeventBringsFindsNoNodeInItsWay) {
  scripted_.StartUdevd();
  const sys::Host host = scripted_.host();
  for (const UdevOptions& options : {UdevOptions(), Never()}) {
    for (const NodeChange& change : {Make(), Rename(), Remove()}) {
      EXPECT_THAT(SettleSent(host, change, /*uevent=*/false, options), IsOkAndHolds(""));
      EXPECT_EQ(nodes().count(kWeb) + nodes().count(kNew), 0u);
    }
    PutNode(kWeb, {253, 4});
    EXPECT_THAT(SettleSent(host, Make(), /*uevent=*/false, options), IsOkAndHolds(""));
    EXPECT_EQ(nodes()[kWeb].rdevice, kDevice);
    EXPECT_THAT(SettleSent(host, Rename(), /*uevent=*/false, options), IsOkAndHolds(""));
    EXPECT_EQ(nodes().count(kWeb) + nodes().count(kNew), 0u);
  }
  EXPECT_THAT(scripted_.semaphores.sets, IsEmpty());
}

TEST_F(UdevNodesTest, WhatIsInTheWayIsAnError) {
  nodes()[kWeb].type = sys::FileType::kRegular;
  EXPECT_THAT(SettleAlone(Make()), FailsWithErrno(EEXIST));
  NodeChange odd = Make();
  odd.name = "a/b";
  EXPECT_THAT(SettleAlone(odd), FailsWithCode(absl::StatusCode::kInvalidArgument));
  const auto late = Settle(Make(), nullptr);
  EXPECT_THAT(late, FailsWithErrno(EEXIST));
  EXPECT_THAT(std::string(late.status().message()), HasSubstr("was not completed"));
}

}  // namespace
}  // namespace dmkit::dm
