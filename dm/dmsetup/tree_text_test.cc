// SPDX-License-Identifier: Apache-2.0
// The tree of devices, drawn as Debian 12's dmsetup (1.02.185) drew the same devices on Linux 6.1.
#include "dm/dmsetup/tree_text.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/dmsetup/device_tree.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::dm::dmsetup {
namespace {

using Direction = DeviceTree::Direction;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kMapped = 253;

struct Known {
  std::string name;
  std::string uuid;
  int32_t open_count = 0;
  std::vector<sys::DeviceNumber> used;
};

// Devices of the kernel's list, in its order, and what the kernel says of each.
struct Machine {
  std::vector<uint32_t> listed;
  std::map<uint32_t, Known> devices;

  DeviceTree Tree() const {
    DeviceTree tree;
    for (const uint32_t minor : listed) {
      EXPECT_TRUE(tree.Add({kMapped, minor}, [this](TreeDevice& device) { return Ask(device); }));
    }
    return tree;
  }

  bool Ask(TreeDevice& device) const {
    if (device.number.major != kMapped) return true;
    const auto found = devices.find(device.number.minor);
    if (found == devices.end()) return false;
    device.mapped = true;
    device.info.name = found->second.name;
    device.info.uuid = found->second.uuid;
    device.info.open_count = found->second.open_count;
    device.info.read_only = found->second.name == "ro";
    device.info.suspended = found->second.name == "stopped";
    device.used = found->second.used;
    return true;
  }
};

Machine Captured() {
  const sys::DeviceNumber ram0 = {1, 0};
  const sys::DeviceNumber ram1 = {1, 1};
  Machine machine;
  machine.listed = {5, 0, 4, 6, 7, 8, 3, 2, 1};
  machine.devices = {
      {0, {"plain", "", 0, {}}},
      {1, {"with blank", "uuid with blank", 0, {}}},
      {2, {"vg0-lv--one-real", "LVM-abcdefghij-real", 2, {ram0}}},
      {3, {"vg0-lv--one", "LVM-abcdefghij", 0, {ram1, {kMapped, 2}}}},
      {4, {"ro", "CRYPT-x", 0, {ram1}}},
      {5, {"notable", "", 0, {}}},
      {6, {"stopped", "", 0, {}}},
      {7, {"stripe", "", 1, {ram1, ram0}}},
      {8, {"top", "", 1, {{kMapped, 2}, {kMapped, 7}}}},
  };
  return machine;
}

std::string Draw(const Machine& machine, absl::string_view options) {
  TreeStyle style;
  EXPECT_EQ(ParseTreeStyle(options, &style), std::nullopt);
  return DrawTree(machine.Tree(), style,
                  [](sys::DeviceNumber device) -> std::optional<std::string> {
                    if (device == sys::DeviceNumber{kMapped, 5}) return std::nullopt;
                    return absl::StrCat(device.major == kMapped ? "dm-" : "ram", device.minor);
                  });
}

TEST(TreeTextTest, DrawsDevicesOverThoseTheyUse) {
  EXPECT_EQ(Draw(Captured(), ""),
            "notable (253:5)\n"
            "plain (253:0)\n"
            "ro (253:4)\n"
            " `- (1:1)\n"
            "stopped (253:6)\n"
            "top (253:8)\n"
            " |-vg0-lv--one-real (253:2)\n"
            " |  `- (1:0)\n"
            " `-stripe (253:7)\n"
            "    |- (1:1)\n"
            "    `- (1:0)\n"
            "vg0-lv--one (253:3)\n"
            " |- (1:1)\n"
            " `-vg0-lv--one-real (253:2)\n"
            "    `- (1:0)\n"
            "with blank (253:1)\n");
}

TEST(TreeTextTest, InvertedDrawsDevicesOverTheirUsers) {
  EXPECT_EQ(Draw(Captured(), "inverted"),
            "notable (253:5)\n"
            "plain (253:0)\n"
            " (1:1)\n"
            " |-ro (253:4)\n"
            " |-stripe (253:7)\n"
            " |  `-top (253:8)\n"
            " `-vg0-lv--one (253:3)\n"
            "stopped (253:6)\n"
            " (1:0)\n"
            " |-stripe (253:7)\n"
            " |  `-top (253:8)\n"
            " `-vg0-lv--one-real (253:2)\n"
            "    |-top (253:8)\n"
            "    `-vg0-lv--one (253:3)\n"
            "with blank (253:1)\n");
}

TEST(TreeTextTest, CompactPutsTheFirstChildOnTheSameLine) {
  EXPECT_EQ(Draw(Captured(), "compact"),
            "notable (253:5)\n"
            "plain (253:0)\n"
            "ro (253:4)--- (1:1)\n"
            "stopped (253:6)\n"
            "top (253:8)-+-vg0-lv--one-real (253:2)--- (1:0)\n"
            "            `-stripe (253:7)-+- (1:1)\n"
            "                             `- (1:0)\n"
            "vg0-lv--one (253:3)-+- (1:1)\n"
            "                    `-vg0-lv--one-real (253:2)--- (1:0)\n"
            "with blank (253:1)\n");
  EXPECT_EQ(Draw(Captured(), "inverted,compact"),
            "notable (253:5)\n"
            "plain (253:0)\n"
            " (1:1)-+-ro (253:4)\n"
            "       |-stripe (253:7)---top (253:8)\n"
            "       `-vg0-lv--one (253:3)\n"
            "stopped (253:6)\n"
            " (1:0)-+-stripe (253:7)---top (253:8)\n"
            "       `-vg0-lv--one-real (253:2)-+-top (253:8)\n"
            "                                  `-vg0-lv--one (253:3)\n"
            "with blank (253:1)\n");
}

// dmsetup forgets to end the line when it leaves the last device of a branch out.
TEST(TreeTextTest, CompactWithoutNumbersRunsLinesTogether) {
  EXPECT_EQ(Draw(Captured(), "nodevice,compact"),
            "notable\n"
            "plain\n"
            "ro-+-stopped\n"
            "top-+-vg0-lv--one-real---stripe-+-vg0-lv--one---vg0-lv--one-real---with blank\n");
}

TEST(TreeTextTest, NoDeviceLeavesOutWhatHasNoName) {
  EXPECT_EQ(Draw(Captured(), "nodevice"),
            "notable\n"
            "plain\n"
            "ro\n"
            "stopped\n"
            "top\n"
            " |-vg0-lv--one-real\n"
            " `-stripe\n"
            "vg0-lv--one\n"
            " `-vg0-lv--one-real\n"
            "with blank\n");
}

TEST(TreeTextTest, BlockDeviceNamesStandInAngles) {
  EXPECT_EQ(Draw(Captured(), "nodevice,blkdevname"),
            "notable\n"
            "plain <dm-0>\n"
            "ro <dm-4>\n"
            " `- <ram1>\n"
            "stopped <dm-6>\n"
            "top <dm-8>\n"
            " |-vg0-lv--one-real <dm-2>\n"
            " |  `- <ram0>\n"
            " `-stripe <dm-7>\n"
            "    |- <ram1>\n"
            "    `- <ram0>\n"
            "vg0-lv--one <dm-3>\n"
            " |- <ram1>\n"
            " `-vg0-lv--one-real <dm-2>\n"
            "    `- <ram0>\n"
            "with blank <dm-1>\n");
}

constexpr absl::string_view kWithState =
    "notable (253:5) [ACTIVE, RW, 0, ]\n"
    "plain (253:0) [ACTIVE, RW, 0, ]\n"
    "ro (253:4) [ACTIVE, RO, 0, CRYPT-x]\n"
    " `- (1:1)\n"
    "stopped (253:6) [SUSPENDED, RW, 0, ]\n"
    "top (253:8) [ACTIVE, RW, 1, ]\n"
    " |-vg0-lv--one-real (253:2) [ACTIVE, RW, 2, LVM-abcdefghij-real]\n"
    " |  `- (1:0)\n"
    " `-stripe (253:7) [ACTIVE, RW, 1, ]\n"
    "    |- (1:1)\n"
    "    `- (1:0)\n"
    "vg0-lv--one (253:3) [ACTIVE, RW, 0, LVM-abcdefghij]\n"
    " |- (1:1)\n"
    " `-vg0-lv--one-real (253:2) [ACTIVE, RW, 2, LVM-abcdefghij-real]\n"
    "    `- (1:0)\n"
    "with blank (253:1) [ACTIVE, RW, 0, uuid with blank]\n";

TEST(TreeTextTest, StateStandsBehindMappedDevices) {
  EXPECT_EQ(Draw(Captured(), "active,open,rw,uuid"), kWithState);
}

TEST(TreeTextTest, WhatIsMoreThanANameKeepsATreeFromBeingCompact) {
  EXPECT_EQ(Draw(Captured(), "compact,active,open,rw,uuid"), kWithState);
  EXPECT_EQ(Draw(Captured(), "compact,table"), Draw(Captured(), ""));
  EXPECT_EQ(Draw(Captured(), "status,compact"), Draw(Captured(), ""));
}

Machine OneUser() {
  Machine machine;
  machine.listed = {0, 1};
  machine.devices = {{0, {"low", "", 0, {{1, 0}, {1, 1}}}}, {1, {"high", "", 0, {{kMapped, 0}}}}};
  return machine;
}

TEST(TreeTextTest, SymbolsMayBeOthers) {
  EXPECT_EQ(Draw(OneUser(), "utf"),
            "high (253:1)\n"
            " \u2514\u2500low (253:0)\n"
            "    \u251c\u2500 (1:0)\n"
            "    \u2514\u2500 (1:1)\n");
  // A child on its parent's line moves its own children three columns too far, as in dmsetup.
  EXPECT_EQ(Draw(OneUser(), "utf,compact"),
            "high (253:1)\u2500\u2500\u2500low (253:0)\u2500\u252c\u2500 (1:0)\n" +
                std::string(30, ' ') + "\u2514\u2500 (1:1)\n");
  EXPECT_EQ(Draw(OneUser(), "vt100"),
            "high (253:1)\n"
            " \033(0\017mq\033(Blow (253:0)\n"
            "    \033(0\017tq\033(B (1:0)\n"
            "    \033(0\017mq\033(B (1:1)\n");
  EXPECT_EQ(Draw(OneUser(), "utf,ascii"), Draw(OneUser(), ""));
}

std::string DrawName(size_t length, absl::string_view options) {
  Machine machine;
  machine.listed = {0};
  machine.devices[0].name = std::string(length, 'n');
  return Draw(machine, options);
}

TEST(TreeTextTest, LinesEndAtTheEdgeOfTheTerminal) {
  const std::string name(79, 'n');
  EXPECT_EQ(DrawName(79, "nodevice"), name + "\n");
  EXPECT_EQ(DrawName(80, "nodevice"), name + "n\n");
  EXPECT_EQ(DrawName(81, "nodevice"), name + "...\n");
  EXPECT_EQ(DrawName(127, "nodevice"), name + "...\n");
  EXPECT_EQ(DrawName(127, "nodevice,notrunc"), std::string(127, 'n') + "\n");
}

TEST(TreeTextTest, WordsMayBeShortenedAndEmpty) {
  TreeStyle style;
  EXPECT_EQ(ParseTreeStyle("inv,notr,a,o", &style), std::nullopt);
  EXPECT_TRUE(style.inverted);
  EXPECT_FALSE(style.truncate);
  EXPECT_TRUE(style.active);
  EXPECT_TRUE(style.open);
  // An empty word is short for the first of all words.
  EXPECT_EQ(ParseTreeStyle("nodevice,,", &style), std::nullopt);
  EXPECT_TRUE(style.device);
}

TEST(TreeTextTest, UnknownWordIsToldWithAllBehindIt) {
  TreeStyle style;
  EXPECT_EQ(ParseTreeStyle("help", &style), "help");
  EXPECT_EQ(ParseTreeStyle("active,nosuch,open", &style), "nosuch,open");
  EXPECT_EQ(ParseTreeStyle("ACTIVE", &style), "ACTIVE");
  EXPECT_EQ(ParseTreeStyle("activeX", &style), "activeX");
}

TEST(DeviceTreeTest, LinksBothWaysInTheOrderOfTheTables) {
  const DeviceTree tree = Captured().Tree();
  const size_t top = tree.Find({kMapped, 8});
  const size_t real = tree.Find({kMapped, 2});
  const size_t stripe = tree.Find({kMapped, 7});
  const size_t one = tree.Find({kMapped, 3});
  EXPECT_THAT(tree.Next(top, Direction::kUsed), ElementsAre(real, stripe));
  EXPECT_THAT(tree.Next(real, Direction::kUsers), ElementsAre(top, one));
  EXPECT_EQ(tree.Count(real, Direction::kUsers), 2u);
}

TEST(DeviceTreeTest, EndsOfTheTreeAreLinkedToTheRoot) {
  const DeviceTree tree = Captured().Tree();
  const size_t plain = tree.Find({kMapped, 0});
  EXPECT_THAT(tree.Next(plain, Direction::kUsed), ElementsAre(DeviceTree::kRoot));
  EXPECT_THAT(tree.Next(plain, Direction::kUsers), ElementsAre(DeviceTree::kRoot));
  EXPECT_EQ(tree.Count(plain, Direction::kUsed), 0u);
  EXPECT_EQ(tree.Count(plain, Direction::kUsers), 0u);
}

TEST(DeviceTreeTest, UnknownDeviceHasNoNode) {
  EXPECT_EQ(Captured().Tree().Find({kMapped, 99}), DeviceTree::kNone);
  EXPECT_EQ(DeviceTree().Find({kMapped, 0}), DeviceTree::kNone);
}

TEST(DeviceTreeTest, DeviceThatCannotBeAskedEndsTheAdding) {
  Machine machine = Captured();
  machine.devices.erase(7);
  DeviceTree tree;
  EXPECT_FALSE(tree.Add({kMapped, 8}, [&](TreeDevice& device) { return machine.Ask(device); }));
  EXPECT_NE(tree.Find({kMapped, 2}), DeviceTree::kNone);
  EXPECT_EQ(tree.Find({kMapped, 7}), DeviceTree::kNone);
}

TEST(DeviceTreeTest, EmptyTreeHasNothingBelowTheRoot) {
  EXPECT_THAT(DeviceTree().Next(DeviceTree::kRoot, Direction::kUsed), IsEmpty());
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
