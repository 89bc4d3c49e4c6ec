// SPDX-License-Identifier: Apache-2.0
// Making devices and finding them: what is printed where, the exit status, and what is left behind.

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/dmsetup/commands_fixture.h"
#include "dm/dmsetup/run.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"

namespace dmkit::dm::dmsetup {
namespace {

using testing::CommandsTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST_F(CommandsTest, CreateTakesATableFromTheOption) {
  Quiet({"create", "a", "--table", "0 8 linear 1:0 16\n8 8 zero"});
  EXPECT_EQ(Table("a"), "0 8 linear 1:0 16|8 8 zero ");
  const auto node = Node("a");
  ASSERT_THAT(node, sys::IsOk());
  EXPECT_EQ(node->type, sys::FileType::kBlockDevice);
  EXPECT_EQ(node->rdevice, Info("a").device);
  Quiet({"remove", "a"});
  EXPECT_THAT(Devices(), IsEmpty());
  EXPECT_THAT(Node("a"), sys::FailsWithErrno(ENOENT));
}

TEST_F(CommandsTest, RemoveLeavesANodeToADeviceThatGotTheNameAndTheNumberMeanwhile) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  const sys::DeviceNumber number = Info("a").device;
  sys::FaultyHost faulty(host_);
  host_ = faulty.host();
  bool is_removed = false;
  bool is_made = false;
  faulty.SetPlan([&](const sys::SeamCall& call) {
    // DM_DEV_REMOVE. The look at the node comes next.
    if (call.method == "Ioctl" && absl::StartsWith(call.object, "0xc138fd04")) is_removed = true;
    if (call.method == "Unlink" && is_removed && !std::exchange(is_made, true)) {
      sys::StringSource in("0 16 zero\n");
      sys::StringSink out;
      const Streams streams = {&in, &out, &out};
      EXPECT_EQ(dmsetup::Run("dmsetup", {"create", "a"}, environment_, kernel_->host(), streams),
                0);
    }
    return 0;
  });
  Quiet({"remove", "a"});
  faulty.SetPlan(nullptr);
  host_ = kernel_->host();
  EXPECT_TRUE(is_made);
  EXPECT_EQ(Table("a"), "0 16 zero ");
  EXPECT_EQ(Info("a").device, number);
  ASSERT_THAT(Node("a"), sys::IsOk());
  EXPECT_EQ(Node("a")->rdevice, number);
  CleanUp();
}

TEST_F(CommandsTest, CreateTakesATableFromStandardInputOrAFile) {
  Quiet({"create", "a"}, "0 8 zero\n");
  EXPECT_EQ(Table("a"), "0 8 zero ");
  ASSERT_THAT(
      sys::ReplaceFile(*host_.root->OpenDir(kernel_->Dir()).value(), "table", "0 9 error\n"),
      sys::IsOk());
  Quiet({"create", "b", absl::StrCat(kernel_->Dir(), "/table")});
  EXPECT_EQ(Table("b"), "0 9 error ");
  environment_.working_dir = kernel_->Dir();
  Quiet({"create", "c", "table"});
  EXPECT_EQ(Table("c"), "0 9 error ");
  CleanUp();
}

TEST_F(CommandsTest, ATableThatWouldTakeTheKernelDownIsRefused) {
  const std::string table = "0 8 thin 254:9 5 1:3\n8 8 linear 1:3 0\n";
  const char* const why = "table line 2 opens 1:3 for writing behind line 1";
  EXPECT_THAT(Failure({"create", "a"}, table), StartsWith(why));
  EXPECT_THAT(Devices(), IsEmpty());
  Quiet({"create", "a", "--notable"});
  EXPECT_THAT(Failure({"load", "a"}, table), StartsWith(why));
  // Read-only it is harmless, but has no pool.
  EXPECT_THAT(Failure({"load", "a", "--readonly"}, table), HasSubstr("reload ioctl on a  failed"));
  CleanUp();
}

TEST_F(CommandsTest, CreateWithoutATableMakesADeviceWithoutOne) {
  Quiet({"create", "a", "--notable", "-u", "U-1"});
  EXPECT_FALSE(Info("a").has_active_table);
  EXPECT_EQ(Info("a").uuid, "U-1");
  Quiet({"create", "b"}, "# nothing\n");
  EXPECT_FALSE(Info("b").has_active_table);
  EXPECT_THAT(Node("a"), sys::FailsWithErrno(ENOENT));
  CleanUp();
}

TEST_F(CommandsTest, CreateHasItsOptions) {
  Quiet({"create", "a", "--table", "0 8 zero", "--readonly", "-j", "254", "-m", "77", "--uid", "7",
         "--gid", "8", "--mode", "640"});
  EXPECT_TRUE(Info("a").read_only);
  EXPECT_EQ(Info("a").device.minor, 77u);
  const auto node = Node("a");
  ASSERT_THAT(node, sys::IsOk());
  EXPECT_EQ(node->mode, 0640u);
  EXPECT_EQ(node->uid, 7u);
  EXPECT_EQ(node->gid, 8u);
  CleanUp();
}

TEST_F(CommandsTest, CreateRefusesWhatIsNoName) {
  EXPECT_EQ(Failure({"create"}), "Please provide a name for the new device.\n");
  EXPECT_EQ(Failure({"create", "a/b", "-n"}), "Name \"a/b\" invalid. It contains \"/\".\n");
  const std::string too_long(128, 'a');
  EXPECT_EQ(Failure({"create", too_long, "-n"}),
            absl::StrCat("Name \"", too_long, "\" too long.\n"));
  EXPECT_EQ(Failure({"create", "a b\\x20", "-n"}),
            "The name \"a b\\x20\" contains mixed mangled and unmangled characters or it's already "
            "mangled improperly.\nFailed to mangle device name \"a b\\x20\".\n");
  EXPECT_EQ(
      Failure({"create", "a\\x5cx20", "-n"}),
      "The name \"a\\x5cx20\" seems to be mangled more than once. This is not allowed in auto "
      "mode.\n");
  EXPECT_EQ(Failure({"create", "a", "-n", "-j", "0", "-m", "5"}),
            "Missing major number for persistent device.\nCouldn't create ioctl argument.\n");
  EXPECT_THAT(Devices(), IsEmpty());
}

TEST_F(CommandsTest, CreateRefusesATableBeforeItMakesAnything) {
  EXPECT_EQ(Failure({"create", "a"}, "nonsense"), "Invalid format on line 1 of table on stdin.\n");
  EXPECT_EQ(Failure({"create", "a", "/no/such/file"}),
            "Couldn't open '/no/such/file' for reading.\n");
  EXPECT_THAT(Failure({"create", "a", "--table", "0 8 zero\n9 8 zero"}), HasSubstr("on line 2"));
  EXPECT_THAT(Devices(), IsEmpty());
}

TEST_F(CommandsTest, TheKernelIsAskedForNoMoreThanItsVersionOnABadTable) {
  sys::FaultyHost faulty(host_);
  host_ = faulty.host();
  const std::string too_long(size_t{1} << 21, 'p');
  for (const std::string& line :
       {std::string("9 8 zero"), std::string("4 8 zero"), std::string("8 0 zero"),
        std::string("8 zero"), std::string("8 8 zero\0", 9), absl::StrCat("8 8 x ", too_long)}) {
    for (const char* command : {"create", "load"}) {
      faulty.SetPlan(nullptr);
      EXPECT_THAT(Failure({command, "a"}, absl::StrCat("0 8 zero\n", line)),
                  HasSubstr(" on line 2 of table on stdin"));
      EXPECT_EQ(faulty.CountOf("Ioctl"), 1u) << command << " " << line.substr(0, 20);
    }
  }
  faulty.SetPlan(nullptr);
  EXPECT_EQ(Failure({"create", "a"}, "0 8 abcdefghijklmnop"),
            "Target type name abcdefghijklmnop is too long.\n");
  EXPECT_EQ(faulty.CountOf("Ioctl"), 1u);
  host_ = kernel_->host();
}

TEST_F(CommandsTest, ReadAheadIsSetUnlessThereIsAsMuch) {
  // Of the model: 256 sectors, which nobody can set.
  Quiet({"create", "a", "--table", "0 8 zero", "--readahead", "+256"});
  EXPECT_EQ(Dmsetup({"create", "b", "--table", "0 8 zero", "--readahead", "+257"}), 0);
  EXPECT_THAT(err_, HasSubstr("/bdi/read_ahead_kb: write failed: "));
  EXPECT_EQ(Dmsetup({"resume", "a", "--readahead", "8"}), 0);
  EXPECT_THAT(err_, HasSubstr("/bdi/read_ahead_kb: write failed: "));
  Quiet({"resume", "a", "--readahead", "auto"});
  CleanUp();
}

TEST_F(CommandsTest, CreateTellsTheKernelsRefusal) {
  Quiet({"create", "a", "--table", "0 8 zero", "-u", "U"});
  EXPECT_EQ(Failure({"create", "a", "--table", "0 8 zero"}),
            "device-mapper: create ioctl on a  failed: Device or resource busy\n");
  EXPECT_EQ(Failure({"create", "b", "--table", "0 8 zero", "-u", "U"}),
            "device-mapper: create ioctl on b U failed: Device or resource busy\n");
  CleanUp();
}

TEST_F(CommandsTest, ATableThatIsRefusedLeavesNothing) {
  const std::string err = Failure({"create", "a", "--table", "0 8 nosuchtarget"});
  EXPECT_THAT(err, StartsWith("device-mapper: reload ioctl on a ("));
  EXPECT_THAT(err, HasSubstr(") failed: Invalid argument\n"));
  EXPECT_THAT(Devices(), IsEmpty());
  EXPECT_THAT(Node("a"), sys::FailsWithErrno(ENOENT));
}

TEST_F(CommandsTest, ConciseMakesEveryDeviceBeforeTheMistake) {
  Quiet({"create", "--concise", "a,U-a,,ro,0 8 zero;b,,,,0 8 zero,8 8 error"});
  EXPECT_TRUE(Info("a").read_only);
  EXPECT_EQ(Info("a").uuid, "U-a");
  EXPECT_FALSE(Info("b").read_only);
  EXPECT_EQ(Info("b").uuid, "");
  EXPECT_EQ(Table("b"), "0 8 zero |8 8 error ");
  EXPECT_EQ(Failure({"create", "--concise"}, "c,,,,0 8 zero;d,,,x,0 8 zero;e,,,,0 8 zero"),
            "Invalid flags parameter 'x' must be 'ro' or 'rw' or empty.\n");
  EXPECT_THAT(Devices(), ::testing::UnorderedElementsAre("a", "b", "c"));
  CleanUp();
}

TEST_F(CommandsTest, ConciseExcludesWhatItSaysItself) {
  for (const char* option : {"--notable", "--inactive", "-uU", "--table=x"}) {
    EXPECT_EQ(Failure({"create", "--concise", option, "a,,,,0 8 zero"}),
              "--concise is incompatible with --[no]table, --minor, --uuid and --inactive.\n");
  }
  EXPECT_EQ(Failure({"create", "--concise", "a", "b"}),
            "dmsetup create --concise takes at most one argument\n");
}

TEST_F(CommandsTest, LoadFillsTheInactiveTable) {
  Quiet({"create", "a", "--table", "0 8 zero"});
  Quiet({"reload", "a", "--table", "0 8 error"});
  EXPECT_EQ(Table("a"), "0 8 zero ");
  EXPECT_EQ(Table("a", /*inactive=*/true), "0 8 error ");
  Quiet({"clear", "a"});
  EXPECT_FALSE(Info("a").has_inactive_table);
  Quiet({"load", "a"}, "0 16 zero");
  Quiet({"suspend", "a"});
  EXPECT_TRUE(Info("a").suspended);
  Quiet({"resume", "a"});
  EXPECT_EQ(Table("a"), "0 16 zero ");
  CleanUp();
}

TEST_F(CommandsTest, LoadTellsWhatIsWrong) {
  EXPECT_EQ(Failure({"load", "-n", "a"}), "--notable only available when creating new device.\n");
  EXPECT_EQ(Failure({"load"}), "Please specify device.\n");
  EXPECT_EQ(Failure({"load", "-u", "U", "a", "b"}), "Too many command line arguments.\n");
  EXPECT_EQ(Failure({"load", "a", "--table", "0 8 zero"}),
            "device-mapper: reload ioctl on a  failed: No such device or address\n");
  EXPECT_EQ(Failure({"load", "a"}, ""),
            "device-mapper: reload ioctl on a  failed: No such device or address\n");
  Quiet({"create", "a", "-n"});
  EXPECT_EQ(Failure({"load", "a"}, ""),
            "device-mapper: reload ioctl on a  failed: Invalid argument\n");
  CleanUp();
}

TEST_F(CommandsTest, DevicesAreFoundByNameUuidNumberAndPath) {
  Quiet({"create", "a b", "--table", "0 8 zero", "-u", "U 1"});
  EXPECT_THAT(Devices(), ElementsAre("a\\x20b"));
  const sys::DeviceNumber number = Info("a\\x20b").device;
  Quiet({"suspend", "a b"});
  EXPECT_TRUE(Info("a\\x20b").suspended);
  Quiet({"resume", "a\\x20b"});
  EXPECT_FALSE(Info("a\\x20b").suspended);
  Quiet({"suspend", "-u", "U 1"});
  EXPECT_TRUE(Info("a\\x20b").suspended);
  Quiet({"resume", "-j", absl::StrCat(number.major), "-m", absl::StrCat(number.minor)});
  EXPECT_FALSE(Info("a\\x20b").suspended);
  Quiet({"suspend", "/dev/mapper/a\\x20b"});
  EXPECT_TRUE(Info("a\\x20b").suspended);
  Quiet({"resume", absl::StrCat("/dev/dm-", number.minor)});
  EXPECT_FALSE(Info("a\\x20b").suspended);
  Quiet({"remove", "mapper/a\\x20b"});
  EXPECT_THAT(Devices(), IsEmpty());
}

TEST_F(CommandsTest, DevicesThatAreNotThereAreTold) {
  EXPECT_EQ(Failure({"suspend"}), "No device specified.\n");
  EXPECT_EQ(Failure({"suspend", "a"}),
            "device-mapper: suspend ioctl on a  failed: No such device or address\n");
  EXPECT_EQ(Failure({"resume", "-u", "U"}),
            "device-mapper: resume ioctl on  U failed: No such device or address\n");
  EXPECT_EQ(Failure({"clear", "-j", "254", "-m", "0"}),
            "device-mapper: clear ioctl on  (254:0) failed: No such device or address\n");
  EXPECT_EQ(Failure({"remove", ""}),
            "device-mapper: remove ioctl on   failed: No such device or address\n");
  EXPECT_EQ(Failure({"remove", "/dev/mapper/a"}), "Device /dev/mapper/a not found\n");
  EXPECT_EQ(Failure({"remove", "no/such"}), "Device no/such not found\n");
  EXPECT_EQ(Failure({"remove", "/dev/null"}), "Device null not found\n");
  EXPECT_EQ(Failure({"suspend", "-j", "0", "-m", "0"}),
            "Missing major number for persistent device.\nCouldn't create ioctl argument.\n");
}

TEST_F(CommandsTest, UsageIsOnStandardError) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"nosuch"},
                                             {"rename"},
                                             {"message", "a"},
                                             {"remove_all", "a"},
                                             {"create", "a", "b", "c"}}) {
    EXPECT_EQ(Dmsetup(words), 1);
    EXPECT_EQ(out_, "");
    EXPECT_THAT(err_, HasSubstr("Usage:\n\ndmsetup\n"));
    EXPECT_THAT(err_, HasSubstr("\n\tcreate <dev_name>\n"));
  }
  Dmsetup({"nosuch"});
  EXPECT_THAT(err_, StartsWith("Unknown command.\nUsage:"));
  Dmsetup({"rename"});
  EXPECT_THAT(err_, StartsWith("Incorrect number of arguments.\nUsage:"));
  EXPECT_EQ(Dmsetup({"ls", "--nosuch"}), 1);
  EXPECT_EQ(err_, "dmsetup: unrecognized option '--nosuch'\nCouldn't process command line.\n");
}

TEST_F(CommandsTest, WhatIsNotSupportedSaysSo) {
  EXPECT_EQ(Failure({"stats", "list"}), "dmsetup stats is not supported by this program.\n");
  EXPECT_EQ(Failure({"measure"}), "dmsetup measure is not supported by this program.\n");
}

TEST_F(CommandsTest, TheDirectoryOfNodesIsAPath) {
  environment_.dev_dir = "dev";
  EXPECT_EQ(Dmsetup({"create", "a", "-n"}), 1);
  EXPECT_EQ(err_, "Invalid DM_DEV_DIR environment variable value.\n");
  environment_.dev_dir = "";
  Quiet({"create", "a", "-n"});
  CleanUp();
}

TEST_F(CommandsTest, ACreateThatFailsAtAnyIoctlLeavesNothing) {
  sys::FaultyHost faulty(kernel_->host());
  host_ = faulty.host();
  int failed = 0;
  for (uint64_t number = 1;; ++number) {
    uint64_t seen = 0;
    faulty.SetPlan([&, number](const sys::SeamCall& call) {
      if (call.method != "Ioctl") return 0;
      return ++seen == number ? EIO : 0;
    });
    const int status = Dmsetup({"create", "a", "--table", "0 8 zero", "-u", "U"});
    faulty.SetPlan(nullptr);
    if (seen < number) {
      EXPECT_EQ(status, 0);
      break;
    }
    if (status != 0) {
      ++failed;
      EXPECT_THAT(err_, HasSubstr("Command failed.\n"));
      EXPECT_THAT(Devices(), IsEmpty()) << "ioctl " << number;
      EXPECT_THAT(Node("a"), sys::FailsWithErrno(ENOENT)) << "ioctl " << number;
    } else {
      ADD_FAILURE() << "ioctl " << number << " failed and nobody says so";
      Dmsetup({"remove", "a"});
    }
  }
  EXPECT_EQ(failed, 4) << "version, create, load, resume";
  EXPECT_EQ(faulty.open_handles(), 0u);
  host_ = kernel_->host();
  CleanUp();
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
