// SPDX-License-Identifier: Apache-2.0
// The expected texts were printed by dmsetup 1.02.185 on Linux 6.1.192; text_vm_test.cc
// compares with a running dmsetup.

#include "dm/text.h"

#include <string>

#include "dm/codec_testing.h"
#include "gtest/gtest.h"

namespace dmkit::dm {
namespace {

using testing::Target;

TEST(TextTest, TargetIsOneLine) {
  EXPECT_EQ(FormatTarget(Target(0, 1024, "linear", "253:0 0")), "0 1024 linear 253:0 0");
  EXPECT_EQ(FormatTarget(Target(1024, 8, "error", "")), "1024 8 error ");
}

DeviceInfo Info() {
  DeviceInfo info;
  info.name = "mm";
  info.uuid = "UU id/x";
  info.device = {253, 1};
  info.target_count = 2;
  info.has_active_table = info.has_inactive_table = true;
  info.suspended = true;
  return info;
}

TEST(TextTest, DetailsAreABlock) {
  EXPECT_EQ(FormatDetail({Info(), 256}),
            "Name:              mm\n"
            "State:             SUSPENDED\n"
            "Read Ahead:        256\n"
            "Tables present:    LIVE & INACTIVE\n"
            "Open count:        0\n"
            "Event number:      0\n"
            "Major, minor:      253, 1\n"
            "Number of targets: 2\n"
            "UUID: UU id/x\n"
            "\n");
}

TEST(TextTest, DetailsLeaveOutWhatThereIsNot) {
  DeviceInfo info;
  info.name = "empty";
  info.device = {253, 2};
  EXPECT_EQ(FormatDetail({info, std::nullopt}),
            "Name:              empty\n"
            "State:             ACTIVE\n"
            "Tables present:    None\n"
            "Open count:        0\n"
            "Event number:      0\n"
            "Major, minor:      253, 2\n"
            "Number of targets: 0\n"
            "\n");
}

TEST(TextTest, StatesAreAddedUp) {
  DeviceInfo info = Info();
  info.read_only = info.deferred_remove = info.internally_suspended = true;
  info.has_active_table = false;
  const std::string text = FormatDetail({info, 1});
  EXPECT_NE(text.find("State:             SUSPENDED (READ-ONLY) (DEFERRED REMOVE)\n"),
            std::string::npos);
  EXPECT_NE(text.find("Tables present:    INACTIVE\n"), std::string::npos);
}

TEST(TextTest, AnInternalSuspendDoesNotShow) {
  DeviceInfo info = Info();
  info.suspended = false;
  info.internally_suspended = true;
  EXPECT_NE(FormatDetail({info, 1}).find("ACTIVE\n"), std::string::npos);
}

TEST(TextTest, TargetsAreInColumns) {
  EXPECT_EQ(FormatTargets({{"crypt", {1, 24, 0}}, {"fifteen-letters", {1, 0, 3}}}),
            "crypt            v1.24.0\nfifteen-letters  v1.0.3\n");
}

}  // namespace
}  // namespace dmkit::dm
