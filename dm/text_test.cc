// SPDX-License-Identifier: Apache-2.0
// The expected texts were printed by dmsetup 1.02.185 on Linux 6.1.192; text_vm_test.cc
// compares with a running dmsetup.

#include "dm/text.h"

#include <string>
#include <vector>

#include "dm/codec_testing.h"
#include "gtest/gtest.h"

namespace dmkit::dm {
namespace {

using testing::Target;

TableReply Device(const std::string& name, std::vector<TargetStatus> targets) {
  TableReply reply;
  reply.info.name = name;
  reply.targets = std::move(targets);
  return reply;
}

TEST(TextTest, DevicesAreNameTabNumber) {
  EXPECT_EQ(FormatDevices({{{253, 1}, "mm", 0, ""}, {{253, 300}, "a b", 0, ""}}),
            "mm\t(253:1)\na b\t(253:300)\n");
  EXPECT_EQ(FormatDevices({}), "No devices found\n");
}

TEST(TextTest, NamesAndUuidsThatLibdevmapperMangledComeOutAsTheyWere) {
  EXPECT_EQ(FormatDevices({{{253, 1}, "a\\x20b", 0, ""}}), "a b\t(253:1)\n");
  EXPECT_EQ(FormatDevices({{{253, 1}, "a\\x2", 0, ""}}), "a\\x2\t(253:1)\n");
  EXPECT_EQ(FormatAllStatus({Device("x\\x1by", {})}), "x\x1by: \n");
  DeviceInfo info;
  info.name = info.uuid = "\\x2f\\";
  const std::string text = FormatDetails({{info, std::nullopt}});
  EXPECT_NE(text.find("Name:              /\\\n"), std::string::npos);
  EXPECT_NE(text.find("UUID: /\\\n"), std::string::npos);
}

TEST(TextTest, StatusOfOneDeviceHasNoName) {
  EXPECT_EQ(
      FormatStatus(Device("mm", {Target(0, 1024, "linear", ""), Target(1024, 8, "error", "")})),
      "0 1024 linear \n1024 8 error \n");
  EXPECT_EQ(FormatStatus(Device("bare", {})), "\n");
}

TEST(TextTest, StatusOfAllDevicesHasTheNameOnEachLine) {
  EXPECT_EQ(FormatAllStatus({Device("bare", {}),
                             Device("mm", {Target(0, 8, "zero", ""), Target(8, 8, "error", "")})}),
            "bare: \nmm: 0 8 zero \nmm: 8 8 error \n");
  EXPECT_EQ(FormatAllStatus({}), "No devices found\n");
}

TEST(TextTest, TablesShowParameters) {
  const TableReply device = Device("mm", {Target(0, 1024, "linear", "253:0 0")});
  EXPECT_EQ(FormatTable(device, false), "0 1024 linear 253:0 0\n");
  EXPECT_EQ(FormatAllTables({device}, true), "mm: 0 1024 linear 253:0 0\n");
  EXPECT_EQ(FormatAllTables({}, true), "No devices found\n");
}

TEST(TextTest, KeysComeOutAsZerosUnlessAskedFor) {
  const TableReply crypt =
      Device("cr", {Target(0, 64, "crypt", "capi:cbc(aes)-plain64 000102030405 0 253:0 0")});
  EXPECT_EQ(FormatTable(crypt, false), "0 64 crypt capi:cbc(aes)-plain64 000000000000 0 253:0 0\n");
  EXPECT_EQ(FormatTable(crypt, true), "0 64 crypt capi:cbc(aes)-plain64 000102030405 0 253:0 0\n");
  const TableReply integrity =
      Device("ig", {Target(0, 1000, "integrity",
                           "1:0 0 32 J 3 block_size:512 internal_hash:hmac(sha256):0a0b "
                           "journal_mac:hmac(sha256):0c0d journal_crypt:cbc(aes):0e0f")});
  EXPECT_EQ(FormatTable(integrity, false),
            "0 1000 integrity 1:0 0 32 J 3 block_size:512 internal_hash:hmac(sha256):0000 "
            "journal_mac:hmac(sha256):0000 journal_crypt:cbc(aes):0000\n");
}

TEST(TextTest, NamesOfKeysStay) {
  const TableReply crypt =
      Device("cr", {Target(0, 64, "crypt", "aes-xts-plain64 :32:logon:my:key 0 253:0 0")});
  EXPECT_EQ(FormatTable(crypt, false), "0 64 crypt aes-xts-plain64 :32:logon:my:key 0 253:0 0\n");
  const TableReply integrity =
      Device("ig", {Target(0, 8, "integrity", "1:0 0 32 J 1 internal_hash:crc32c")});
  EXPECT_EQ(FormatTable(integrity, false), "0 8 integrity 1:0 0 32 J 1 internal_hash:crc32c\n");
}

TEST(TextTest, StatusHidesNothing) {
  EXPECT_EQ(FormatStatus(Device("cr", {Target(0, 8, "crypt", "a 1234")})), "0 8 crypt a 1234\n");
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

TEST(TextTest, DetailsAreABlockPerDevice) {
  EXPECT_EQ(FormatDetails({{Info(), 256}}),
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
  EXPECT_EQ(FormatDetails({}), "No devices found\n");
}

TEST(TextTest, DetailsLeaveOutWhatThereIsNot) {
  DeviceInfo info;
  info.name = "empty";
  info.device = {253, 2};
  EXPECT_EQ(FormatDetails({{info, std::nullopt}}),
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
  const std::string text = FormatDetails({{info, 1}});
  EXPECT_NE(text.find("State:             SUSPENDED (READ-ONLY) (DEFERRED REMOVE)\n"),
            std::string::npos);
  EXPECT_NE(text.find("Tables present:    INACTIVE\n"), std::string::npos);
}

TEST(TextTest, AnInternalSuspendDoesNotShow) {
  DeviceInfo info = Info();
  info.suspended = false;
  info.internally_suspended = true;
  EXPECT_NE(FormatDetails({{info, 1}}).find("ACTIVE\n"), std::string::npos);
}

TEST(TextTest, TargetsAreInColumns) {
  EXPECT_EQ(FormatTargets({{"crypt", {1, 24, 0}}, {"fifteen-letters", {1, 0, 3}}}),
            "crypt            v1.24.0\nfifteen-letters  v1.0.3\n");
}

}  // namespace
}  // namespace dmkit::dm
