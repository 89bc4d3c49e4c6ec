// SPDX-License-Identifier: Apache-2.0
// Changing and removing devices, nodes and cookies: what is printed where, and what it leads to.

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "dm/dmsetup/commands_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"

namespace dmkit::dm::dmsetup {
namespace {

using testing::CommandsTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(CommandsTest, SeveralDevicesEndAtTheFirstFailure) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  Quiet({"create", "c", "--table", "0 8 zero"});
  EXPECT_EQ(Failure({"remove", "a", "b", "c"}),
            "device-mapper: remove ioctl on b  failed: No such device or address\n");
  EXPECT_THAT(Devices(), ElementsAre("c"));
  CleanUp();
}

TEST_F(CommandsTest, RemoveOfAnOpenDevice) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  auto open = host_.root->OpenFile("/dev/mapper/a", sys::OpenOptions());
  ASSERT_THAT(open, sys::IsOk());
  const std::string busy = "device-mapper: remove ioctl on a  failed: Device or resource busy\n";
  EXPECT_EQ(Failure({"remove", "a"}), busy);
  std::string often;
  for (int i = 0; i < 25; ++i) often += busy;
  EXPECT_EQ(Failure({"remove", "--retry", "a"}), often);
  EXPECT_EQ(Failure({"remove", "--force", "a"}), busy);
  EXPECT_EQ(Table("a"), "0 8 error ") << "what has it open gets errors";
  Quiet({"remove", "--deferred", "a"});
  EXPECT_TRUE(Info("a").deferred_remove);
  EXPECT_THAT(Node("a"), sys::FailsWithErrno(ENOENT)) << "nobody would remove it later";
  open->reset();
  EXPECT_THAT(Devices(), IsEmpty());
}

TEST_F(CommandsTest, RemoveWithForceTellsEveryStepThatFails) {
  EXPECT_EQ(Failure({"remove", "--force", "a"}),
            "device-mapper: table ioctl on a  failed: No such device or address\n"
            "device-mapper: reload ioctl on a  failed: No such device or address\n"
            "device-mapper: remove ioctl on a  failed: No such device or address\n");
  Quiet({"create", "a", "-n"});
  EXPECT_EQ(Dmsetup({"remove", "--force", "a"}), 0);
  EXPECT_EQ(err_, "device-mapper: reload ioctl on a  failed: Invalid argument\n");
}

TEST_F(CommandsTest, WipeTableLeavesErrors) {
  Quiet({"create", "a", "--table", "0 8 zero\n8 8 linear 1:0 0"});
  Quiet({"wipe_table", "a"});
  EXPECT_EQ(Table("a"), "0 16 error ");
  EXPECT_EQ(Failure({"wipe_table"}), "No device specified.\n");
  CleanUp();
}

TEST_F(CommandsTest, RemoveAllLeavesWhatIsOpen) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  Quiet({"create", "b", "--table", "0 8 zero"});
  auto open = host_.root->OpenFile("/dev/mapper/a", sys::OpenOptions());
  Quiet({"remove_all"});
  EXPECT_THAT(Devices(), ElementsAre("a"));
  EXPECT_THAT(Node("b"), sys::FailsWithErrno(ENOENT));
  EXPECT_EQ(Dmsetup({"remove_all", "--force"}), 0);
  EXPECT_EQ(err_, "Unable to remove 1 device(s).\n");
  EXPECT_EQ(Table("a"), "0 8 error ");
  open->reset();
  Quiet({"remove_all"});
  EXPECT_THAT(Devices(), IsEmpty());
}

TEST_F(CommandsTest, RenameMovesTheNode) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  Quiet({"rename", "a", "b c"});
  EXPECT_THAT(Devices(), ElementsAre("b\\x20c"));
  EXPECT_THAT(Node("a"), sys::FailsWithErrno(ENOENT));
  const auto node = Node("b\\x20c");
  ASSERT_THAT(node, sys::IsOk());
  EXPECT_EQ(node->rdevice, Info("b\\x20c").device);
  Quiet({"rename", "b c", "--setuuid", "U"});
  EXPECT_EQ(Info("b\\x20c").uuid, "U");
  CleanUp();
}

TEST_F(CommandsTest, RenameTellsWhatIsWrong) {
  Quiet({"create", "a", "--table", "0 8 zero", "-u", "U"});
  Quiet({"create", "b", "--table", "0 8 zero"});
  EXPECT_EQ(Failure({"rename", "a", "b"}),
            "device-mapper: rename ioctl on a  failed: Device or resource busy\n");
  EXPECT_EQ(Failure({"rename", "nosuch", "c"}),
            "device-mapper: rename ioctl on nosuch  failed: No such device or address\n");
  EXPECT_EQ(Failure({"rename", "a", "c/d"}), "Name \"c/d\" invalid. It contains \"/\".\n");
  EXPECT_EQ(Failure({"rename", "a", ""}), "Non empty new name is required.\n");
  const std::string too_long(128, 'n');
  EXPECT_EQ(Failure({"rename", "a", too_long}), absl::StrCat("Name \"", too_long, "\" too long\n"));
  const std::string long_uuid(129, 'u');
  EXPECT_EQ(Failure({"rename", "a", "--setuuid", long_uuid}),
            absl::StrCat("Uuid \"", long_uuid, "\" too long\n"));
  EXPECT_EQ(Failure({"rename", "a", "--setuuid", "V"}),
            "device-mapper: rename ioctl on a  failed: Invalid argument\n");
  EXPECT_EQ(Failure({"rename", "c"}), "No device specified.\n");
  EXPECT_EQ(Failure({"rename", "-u", "U", "c"}),
            "device-mapper: rename ioctl on  U failed: No such device or address\n");
  CleanUp();
}

TEST_F(CommandsTest, MessagePrintsTheAnswer) {
  Quiet({"create", "a", "--table", "0 8 linear 1:0 0"});
  EXPECT_EQ(Dmsetup({"message", "a", "0", "@stats_create", "-", "/1"}), 0);
  EXPECT_EQ(out_, "0\n");
  EXPECT_EQ(Dmsetup({"message", "a", "0", "@stats_list"}), 0);
  EXPECT_EQ(out_, "0: 0+8 8 - -\n");
  EXPECT_EQ(Failure({"message", "a", "x", "hello"}), "Invalid sector.\n");
  EXPECT_EQ(Failure({"message", "a", "0x1", "hello"}), "Invalid sector.\n");
  EXPECT_EQ(Failure({"message", "a", "", "hello"}), "Invalid sector.\n");
  EXPECT_EQ(Failure({"message", "a", "0"}),
            "No message supplied.\ndevice-mapper: message ioctl on a  failed: Invalid argument\n");
  EXPECT_EQ(Failure({"message", "b", "0"}),
            "No message supplied.\ndevice-mapper: message ioctl on b  failed: No such device or "
            "address\n");
  EXPECT_EQ(Failure({"message", "a", "0", "nonsense"}),
            "device-mapper: message ioctl on a  failed: Invalid argument\n");
  CleanUp();
}

TEST_F(CommandsTest, SetGeometryRefusesWhatIsNone) {
  Quiet({"create", "a", "--table", "0 4096 zero"});
  Quiet({"setgeometry", "a", "4", "16", "63", "0"});
  const std::string invalid = "device-mapper: setgeometry ioctl on a  failed: Invalid argument\n";
  EXPECT_EQ(Failure({"setgeometry", "a", "4", "16", "63", "x"}), invalid);
  EXPECT_EQ(Failure({"setgeometry", "a", "99999", "16", "63", "0"}), invalid);
  EXPECT_EQ(Failure({"setgeometry", "b", "4", "16", "63", "x"}),
            "device-mapper: setgeometry ioctl on b  failed: No such device or address\n");
  CleanUp();
}

TEST_F(CommandsTest, MakeNodesRepairsTheDirectory) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  Quiet({"create", "b", "--table", "0 8 zero"});
  ASSERT_THAT(host_.root->Rename("/dev/mapper/a", "/dev/mapper/stale"), sys::IsOk());
  Quiet({"mknodes"});
  EXPECT_THAT(Node("a"), sys::IsOk());
  EXPECT_THAT(Node("stale"), sys::FailsWithErrno(ENOENT));
  ASSERT_THAT(host_.root->Unlink("/dev/mapper/a"), sys::IsOk());
  ASSERT_THAT(host_.root->Rename("/dev/mapper/b", "/dev/mapper/stale"), sys::IsOk());
  Quiet({"mknodes", "a", "stale"});
  EXPECT_THAT(Node("a"), sys::IsOk());
  EXPECT_THAT(Node("stale"), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(Node("b"), sys::FailsWithErrno(ENOENT)) << "it was not named";
  CleanUp();
}

TEST_F(CommandsTest, MakeNodesTellsWhatIsInTheWay) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  ASSERT_THAT(host_.root->Unlink("/dev/mapper/a"), sys::IsOk());
  ASSERT_THAT(host_.root->MakeDir("/dev/mapper/a", 0700), sys::IsOk());
  EXPECT_EQ(Dmsetup({"mknodes", "a"}), 0);
  EXPECT_EQ(err_, "A non-block device file at '/dev/mapper/a' is already present\n");
  ASSERT_THAT(host_.root->RemoveDir("/dev/mapper/a"), sys::IsOk());
  CleanUp();
}

TEST_F(CommandsTest, MangleBringsNamesIntoForm) {
  environment_.mangling_mode = "none";
  Quiet({"create", "a b", "--table", "0 8 zero"});
  EXPECT_THAT(Devices(), ElementsAre("a b"));
  EXPECT_EQ(Dmsetup({"mangle"}), 0);
  EXPECT_EQ(out_, "a b: renaming to a\\x20b\n");
  EXPECT_THAT(Devices(), ElementsAre("a\\x20b"));
  EXPECT_EQ(Dmsetup({"mangle", "a\\x20b"}), 0);
  EXPECT_EQ(out_, "a\\x20b: [no UUID]: name already in correct form\n");
  EXPECT_EQ(Dmsetup({"mangle", "--manglename", "none"}), 0);
  EXPECT_EQ(out_, "a\\x20b: renaming to a b\n");
  CleanUp();
}

TEST_F(CommandsTest, CookiesOfTheEnvironmentAreRead) {
  environment_.udev_cookie = "nonsense";
  EXPECT_EQ(Dmsetup({"create", "a", "-n"}), 0);
  EXPECT_EQ(err_, "Incorrect cookie value.\n");
  environment_.udev_cookie.reset();
  CleanUp();
}

TEST_F(CommandsTest, UdevFlagsAreVariables) {
  EXPECT_EQ(Dmsetup({"udevflags", "0x01410000"}), 0);
  EXPECT_EQ(out_,
            "DM_UDEV_DISABLE_DM_RULES_FLAG='1'\nDM_UDEV_PRIMARY_SOURCE_FLAG='1'\n"
            "DM_SUBSYSTEM_UDEV_FLAG0='1'\n");
  EXPECT_EQ(Failure({"udevflags", "0"}), "Incorrect cookie value.\n");
  EXPECT_EQ(Failure({"udevflags", "x"}), "Incorrect cookie value.\n");
}

TEST_F(CommandsTest, UdevCompleteOfFlagsAloneIsDone) {
  EXPECT_EQ(Dmsetup({"udevcomplete", "0x00410000"}), 0);
  EXPECT_EQ(out_, "DM_COOKIE_COMPLETED=0x410000    \n");
}

TEST_F(CommandsTest, CookiesCanBeCompletedListedAndCleanedUp) {
  const auto made = host_.semaphores->Create(0x0d4d1234);
  ASSERT_THAT(made, sys::IsOk());
  ASSERT_THAT(host_.semaphores->SetValue(*made, 2), sys::IsOk());
  EXPECT_EQ(Dmsetup({"udevcomplete", "0x00401234"}), 0);
  EXPECT_THAT(host_.semaphores->Value(*made), sys::IsOkAndHolds(1));
  environment_.time_zone = absl::FixedTimeZone(-9 * 3600);
  EXPECT_EQ(Dmsetup({"udevcookies"}), 0);
  const std::string local = absl::FormatTime("%a %b %e %H:%M:%S %Y", kernel_->host().clock->Now(),
                                             environment_.time_zone);
  EXPECT_EQ(out_, absl::StrFormat("Cookie       Semid      Value      Last semop time           "
                                  "Last change time\n0xd4d1234    %-10d 1          %s  %s\n",
                                  *made, local, local));
  EXPECT_EQ(Dmsetup({"udevcomplete_all"}, "x\nn\n"), 0);
  EXPECT_EQ(out_,
            "Do you really want to continue? [y/n]: Do you really want to continue? [y/n]: "
            "Semaphores with keys prefixed by 3405 (0xd4d) NOT destroyed.\n");
  EXPECT_EQ(err_,
            "WARNING: This operation will destroy all semaphores with keys that have a prefix 3405 "
            "(0xd4d).\n");
  EXPECT_EQ(Dmsetup({"udevcomplete_all", "5"}, ""), 0);
  EXPECT_EQ(err_,
            "WARNING: This operation will destroy all semaphores older than 5 minutes with keys "
            "that have a prefix 3405 (0xd4d).\n");
  EXPECT_EQ(Dmsetup({"udevcomplete_all", "-y"}), 0);
  EXPECT_EQ(out_, "1 semaphores with keys prefixed by 3405 (0xd4d) destroyed. 0 skipped.\n");
  EXPECT_EQ(Failure({"udevcomplete_all", "-y", "soon"}),
            "Failed to read age_in_minutes parameter.\n");
}

TEST_F(CommandsTest, CookiesThatAreNotThereAreDoneWhereNobodyWaits) {
  EXPECT_EQ(Dmsetup({"udevcomplete", "0x00404321"}), 0);
  EXPECT_EQ(err_, "");
  Quiet({"udevreleasecookie", "0x0d4d4321"});
  EXPECT_EQ(Failure({"udevreleasecookie"}), "No udev transaction cookie given.\n");
  EXPECT_EQ(Failure({"udevreleasecookie", "x"}), "Incorrect cookie value.\n");
}

// Every call of a create and a remove fails once: the exit status tells of a failure that changes
// what was asked for, and nothing is left of a device whose creation failed.
TEST_F(CommandsTest, AnErrorTableThatCannotBeResumedIsTakenBack) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  sys::FaultyHost faulty(kernel_->host());
  host_ = faulty.host();
  uint64_t seen = 0;
  // version, table, load, resume.
  faulty.SetPlan(
      [&](const sys::SeamCall& call) { return call.method == "Ioctl" && ++seen == 4 ? EIO : 0; });
  EXPECT_EQ(Failure({"wipe_table", "a"}),
            "device-mapper: resume ioctl on a  failed: Input/output error\n");
  host_ = kernel_->host();
  EXPECT_EQ(Table("a"), "0 8 zero ");
  EXPECT_FALSE(Info("a").has_inactive_table);
  CleanUp();
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
