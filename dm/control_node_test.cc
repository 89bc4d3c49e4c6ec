// SPDX-License-Identifier: Apache-2.0
// Tests of finding and making the control node, on a /dev in memory.

#include "dm/control_node.h"

#include <cerrno>
#include <string>

#include "dm/scripted_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ScriptedHost;

constexpr char kDir[] = "/dev/mapper";
constexpr char kPath[] = "/dev/mapper/control";
constexpr char kMisc[] = "/proc/misc";

TEST(FindMiscMinorTest, FindsTheWholeNameOnly) {
  const std::string text = " 59 device-mapper-x\n236 device-mapper\n127 vga_arbiter\n";
  EXPECT_EQ(FindMiscMinor(text, "device-mapper"), 236u);
  EXPECT_EQ(FindMiscMinor(text, "device-mapper-x"), 59u);
  EXPECT_EQ(FindMiscMinor(text, "device"), std::nullopt);
  EXPECT_EQ(FindMiscMinor(text, "236"), std::nullopt);
  EXPECT_EQ(FindMiscMinor("", "device-mapper"), std::nullopt);
  EXPECT_EQ(FindMiscMinor("x device-mapper\n", "device-mapper"), std::nullopt);
  EXPECT_EQ(FindMiscMinor("236 device-mapper y\n", "device-mapper"), std::nullopt);
}

TEST(ControlNodeTest, ANodeThatIsThereIsOpenedAndLeftAlone) {
  ScriptedHost scripted;
  scripted.root.nodes[kPath].mode = 0660;
  EXPECT_THAT(OpenControlNode(scripted.host()), IsOk());
  EXPECT_EQ(scripted.root.nodes[kPath].mode, 0660u);
}

TEST(ControlNodeTest, AMissingNodeIsMadeWithTheNumberOfProcMisc) {
  ScriptedHost scripted;
  scripted.root.nodes.clear();
  scripted.root.texts[kMisc] = "59 device-mapper\n";
  EXPECT_THAT(OpenControlNode(scripted.host()), IsOk());
  EXPECT_EQ(scripted.root.nodes[kPath].type, sys::FileType::kCharDevice);
  EXPECT_EQ(scripted.root.nodes[kPath].rdevice, (sys::DeviceNumber{10, 59}));
  EXPECT_EQ(scripted.root.nodes[kPath].mode, 0600u);
  EXPECT_EQ(scripted.root.nodes[kDir].mode, 0755u);
}

TEST(ControlNodeTest, WithoutAnEntryTheFixedNumberIsTriedWhichLoadsTheModule) {
  for (const bool proc_is_there : {true, false}) {
    ScriptedHost scripted;
    scripted.root.nodes.clear();
    scripted.root.texts[kMisc] = "1 other\n";
    if (!proc_is_there) scripted.root.texts.clear();
    EXPECT_THAT(OpenControlNode(scripted.host()), IsOk());
    EXPECT_EQ(scripted.root.nodes[kPath].rdevice, (sys::DeviceNumber{10, 236}));
  }
}

TEST(ControlNodeTest, WhereThereIsNoDeviceMapperTheMessageSaysWhatIsMissingAndNothingStays) {
  for (const int error : {ENODEV, ENXIO}) {
    ScriptedHost scripted;
    scripted.root.nodes.clear();
    scripted.root.texts[kMisc] = "1 other\n";
    scripted.root.open_error = error;
    const auto control = OpenControlNode(scripted.host());
    EXPECT_THAT(control, FailsWithErrno(error));
    EXPECT_THAT(std::string(control.status().message()),
                AllOf(HasSubstr("dm_mod"), HasSubstr("CONFIG_BLK_DEV_DM")));
    EXPECT_EQ(scripted.root.nodes.size(), 0u);
  }
}

TEST(ControlNodeTest, WhatWasThereBeforeStaysWhenOpeningFails) {
  ScriptedHost scripted;
  scripted.root.open_error = ENODEV;
  EXPECT_THAT(OpenControlNode(scripted.host()), FailsWithErrno(ENODEV));
  EXPECT_EQ(scripted.root.nodes.count(kPath), 1u);
  scripted.root.nodes.erase(kPath);
  EXPECT_THAT(OpenControlNode(scripted.host()), FailsWithErrno(ENODEV));
  EXPECT_EQ(scripted.root.nodes.count(kPath), 0u);
  EXPECT_EQ(scripted.root.nodes.count(kDir), 1u);
}

TEST(ControlNodeTest, WithoutPrivilegeTheMessageSaysSo) {
  for (const int error : {EACCES, EPERM}) {
    ScriptedHost scripted;
    scripted.root.open_error = error;
    const auto control = OpenControlNode(scripted.host());
    EXPECT_THAT(control, FailsWithErrno(error));
    EXPECT_THAT(std::string(control.status().message()), HasSubstr("root"));
  }
}

TEST(ControlNodeTest, AReadOnlyDevIsNamed) {
  ScriptedHost scripted;
  scripted.root.nodes.erase(kPath);
  sys::FaultyHost faulty(scripted.host());
  faulty.SetPlan(sys::FaultyHost::FailMatching("MakeNode", kPath, EROFS));
  const auto control = OpenControlNode(faulty.host());
  EXPECT_THAT(control, FailsWithErrno(EROFS));
  EXPECT_THAT(std::string(control.status().message()), HasSubstr("read-only"));
}

TEST(ControlNodeTest, AStaleNodeIsReplacedWhenProcMiscTellsBetter) {
  ScriptedHost scripted;
  scripted.root.nodes[kPath].rdevice = {10, 59};
  EXPECT_THAT(OpenControlNode(scripted.host()), IsOk());
  EXPECT_EQ(scripted.root.nodes[kPath].rdevice, (sys::DeviceNumber{10, 236}));
}

TEST(ControlNodeTest, ANodeOfAnotherDeviceIsNeitherOpenedNorRemovedWithoutEvidence) {
  ScriptedHost scripted;
  scripted.root.nodes[kPath].rdevice = {10, 130};
  scripted.root.texts[kMisc] = "130 watchdog\n";
  EXPECT_THAT(OpenControlNode(scripted.host()),
              FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(scripted.root.nodes[kPath].rdevice, (sys::DeviceNumber{10, 130}));
}

TEST(ControlNodeTest, WhatIsNoCharacterDeviceIsAnError) {
  for (sys::FileType type : {sys::FileType::kRegular, sys::FileType::kDirectory,
                             sys::FileType::kBlockDevice, sys::FileType::kFifo}) {
    ScriptedHost scripted;
    scripted.root.nodes[kPath].type = type;
    EXPECT_THAT(OpenControlNode(scripted.host()),
                FailsWithCode(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(scripted.root.nodes[kPath].type, type);
  }
}

TEST(ControlNodeTest, SomebodyElseMayBeFasterInMakingTheNode) {
  ScriptedHost scripted;
  scripted.root.nodes.erase(kPath);
  sys::FaultyHost faulty(scripted.host());
  // Between the look and the making somebody makes both.
  faulty.SetPlan([&scripted](const sys::SeamCall& call) {
    if (call.method == "MakeNode") {
      scripted.root.nodes[kPath].type = sys::FileType::kCharDevice;
      scripted.root.nodes[kPath].rdevice = {10, 236};
    }
    return 0;
  });
  EXPECT_THAT(OpenControlNode(faulty.host()), IsOk());
}

TEST(ControlNodeTest, EveryCallFailsOnceAndNothingIsLeftBehind) {
  for (uint64_t call = 1;; ++call) {
    ScriptedHost scripted;
    scripted.root.nodes.clear();
    sys::FaultyHost faulty(scripted.host());
    faulty.SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const auto control = OpenControlNode(faulty.host());
    if (control.ok()) {
      // An unreadable /proc/misc is no failure; the last one needs fewer calls than the plan.
      if (call > faulty.calls()) break;
      continue;
    }
    EXPECT_THAT(control, FailsWithErrno(EIO)) << call;
    EXPECT_EQ(scripted.root.nodes.size(), 0u) << call;
    EXPECT_EQ(faulty.open_handles(), 0u) << call;
  }
}

}  // namespace
}  // namespace dmkit::dm
