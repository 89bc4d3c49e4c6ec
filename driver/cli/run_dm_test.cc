// SPDX-License-Identifier: Apache-2.0
// What the commands of `dm` print as JSON on a model of a kernel, to the byte. That they
// do on the kernel what the same words do for text is tested in dm/dmsetup.

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/dmsetup/run.h"
#include "driver/cli/dm_words.h"
#include "driver/cli/other_user.h"
#include "driver/cli/output.h"
#include "driver/cli/run.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/string_stream.h"
#include "testing/cases/kernel.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RunDmTest : public ::testing::Test {
 protected:
  RunDmTest() {
    kernel_->AddRamDisks();
    Done({"create", "a b", "--uuid", "U 1", "--table", "0 8 linear 1:0 8\n8 8 zero"});
    Done({"create", "empty", "--notable", "--readonly"});
  }
  ~RunDmTest() override { Done({"remove_all", "--force"}); }

  // Runs `dmkit --format json dm WORDS...`.
  Outcome Json(std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), {"--format", "json", "dm"});
    const std::optional<DmWords> found = FindDmWords(words);
    EXPECT_TRUE(found.has_value());
    sys::StringSource in(input);
    sys::StringSink out;
    sys::StringSink err;
    const Outcome outcome = RunDmAsJson(found->dmsetup, {}, host_, {&in, &out, &err});
    EXPECT_EQ(out.data() + err.data(), "") << words[3];
    return outcome;
  }
  // What it prints where all goes well, without the line feed.
  std::string Found(const std::vector<std::string>& words) {
    const Outcome outcome = Json(words);
    EXPECT_EQ(outcome.exit_status, kExitDone) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.out, EndsWith("\n"));
    return outcome.out.substr(0, outcome.out.size() - 1);
  }
  // A command that has nothing to tell.
  void Done(const std::vector<std::string>& words) { EXPECT_EQ(Found(words), "{}") << words[0]; }
  // The error of a command that prints nothing else.
  std::string Failure(const std::vector<std::string>& words) {
    const Outcome outcome = Json(words);
    EXPECT_EQ(outcome.exit_status, kExitFailed);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  }

  const std::unique_ptr<cases::Kernel> kernel_ = cases::StartKernel();
  sys::Host host_ = kernel_->host();
};

// A mapped device with two targets, and one without a table. In front of what some commands add.
constexpr char kFirst[] =
    R"({"name":"a\\x20b","uuid":"U\\x201","device_number":"253:0","suspended":false,)"
    R"("read_only":false,"active_table":true,"inactive_table":false,"open_count":0,)"
    R"("event_nr":0,"target_count":2,"targets":[)";
constexpr char kBehindTargets[] = R"(],"deferred_remove":false,"used":[)";
constexpr char kSecond[] =
    R"({"name":"empty","uuid":"","device_number":"253:1","suspended":false,)"
    R"("read_only":false,"active_table":false,"inactive_table":false,"open_count":0,)"
    R"("event_nr":0,"target_count":0,"targets":[],"deferred_remove":false,"used":[]})";

// `more` are fields.
std::string First(absl::string_view targets = "", absl::string_view used = "",
                  absl::string_view more = "") {
  return absl::StrCat(kFirst, targets, kBehindTargets, used, "]", more, "}");
}
std::string List(absl::string_view devices, absl::string_view rows = "") {
  return absl::StrCat(R"({"devices":[)", devices, R"(],"rows":[)", rows, "]}");
}
std::string Both(absl::string_view first) { return List(absl::StrCat(first, ",", kSecond)); }

TEST_F(RunDmTest, Devices) {
  EXPECT_EQ(Found({"ls"}), Both(First()));
  EXPECT_EQ(Found({"ls", "-o", "blkdevname"}), Both(First("", "", R"(,"disk_name":"dm-0")")));
  EXPECT_EQ(Found({"info"}), Both(First("", "", R"(,"read_ahead_sectors":256)")));
  EXPECT_EQ(Found({"info", "empty"}), List(kSecond));
  const std::string linear =
      R"({"start_sector":"0","length_sectors":"8","type":"linear","text":"1:0 8"})";
  const std::string zero = R"({"start_sector":"8","length_sectors":"8","type":"zero","text":""})";
  EXPECT_EQ(Found({"table"}), Both(First(absl::StrCat(linear, ",", zero))));
  EXPECT_EQ(Found({"table", "--target", "zero"}), List(First(zero)));
  EXPECT_EQ(Found({"status", "--noflush", "--target", "zero", "a b"}), List(First(zero)));
  EXPECT_EQ(Found({"deps"}), Both(First("", R"({"device_number":"1:0"})")));
  EXPECT_EQ(Found({"deps", "-o", "devname", "a b"}),
            List(First("", R"({"device_number":"1:0","name":"ram0"})")));
}

TEST_F(RunDmTest, NoDeviceAtAll) {
  Done({"remove_all"});
  for (const char* command : {"ls", "info", "status", "table", "deps"}) {
    EXPECT_EQ(Found({command}), List("")) << command;
  }
  EXPECT_EQ(Found({"mangle"}), R"({"names":[]})");
}

TEST_F(RunDmTest, RowsOfAReport) {
  EXPECT_EQ(
      Found({"info", "-c", "-o", "name,attr", "--sort", "-name"}),
      List("", R"({"cells":[{"name":"name","value":"empty"},{"name":"attr","value":"---w"}]},)"
               R"({"cells":[{"name":"name","value":"a b"},{"name":"attr","value":"L--w"}]})"));
}

TEST_F(RunDmTest, Versions) {
  EXPECT_EQ(
      Found({"target-version", "striped", "linear"}),
      R"({"targets":[{"type":"striped","version":"1.6.0"},{"type":"linear","version":"1.4.0"}]})");
  EXPECT_THAT(Found({"targets"}), HasSubstr(R"({"type":"linear","version":"1.4.0"},)"));
  EXPECT_THAT(Found({"version"}), HasSubstr(R"(","driver_version":"4.4)"));
}

TEST_F(RunDmTest, NamesAndMessages) {
  EXPECT_EQ(Found({"splitname", "vg-lv"}),
            R"({"subsystem":"LVM","vg_name":"vg","lv_name":"lv","lv_layer":""})");
  EXPECT_EQ(Found({"mangle", "empty"}), R"({"names":[{"name":"empty","new_name":"empty"}]})");
  Done({"create", "c d", "--notable"});
  EXPECT_EQ(Found({"mangle", "--manglename", "none", "c\\x20d"}),
            R"({"names":[{"name":"c\\x20d","new_name":"c d"}]})");
  EXPECT_THAT(Failure({"mangle", "--manglename", "none", "a\\x20b"}),
              HasSubstr(R"("object":"a\\x20b","message":"Unable to change device UUID. )"));
  EXPECT_EQ(Found({"message", "empty", "0", "@cancel_deferred_remove"}),
            R"({"name":"empty","reply":""})");
}

TEST_F(RunDmTest, Cookies) {
  EXPECT_EQ(Found({"udevflags", "0x410000"}),
            R"({"flags":["DM_UDEV_DISABLE_DM_RULES_FLAG","DM_UDEV_PRIMARY_SOURCE_FLAG"]})");
  EXPECT_EQ(Found({"udevcomplete", "0x10000"}), R"({"cookie":65536})");
  EXPECT_EQ(Found({"udevcomplete_all", "--yes"}), R"({"destroyed":0,"skipped":0})");
  EXPECT_EQ(Found({"udevcookies"}), R"({"cookies":[]})");
  // Nobody would count it down.
  EXPECT_EQ(Found({"udevcreatecookie"}), "{}");
}

TEST_F(RunDmTest, CommandsThatChangeSomethingAreSilent) {
  EXPECT_EQ(Json({"create", "new", "-v"}, "0 8 zero\n").out, "{}\n");
  Done({"suspend", "new", "empty"});
  Done({"reload", "new", "--table", "0 16 zero"});
  Done({"resume", "-v", "new"});
  Done({"rename", "new", "newer"});
  Done({"mknodes"});
  Done({"wipe_table", "newer"});
  Done({"remove", "newer"});
}

TEST_F(RunDmTest, ARefusalIsToldOfTheDeviceWithItsErrno) {
  EXPECT_EQ(Failure({"info", "nosuch"}),
            R"({"error":{"command":"dm info","object":"nosuch","message":"DM_DEV_STATUS dm device )"
            R"(\"nosuch\": No such device or address (ENXIO); no such device",)"
            R"("code":"NOT_FOUND","errno_name":"ENXIO"}})"
            "\n");
  EXPECT_THAT(Failure({"create", "x", "--table", "0 8 nosuch"}),
              HasSubstr(R"("object":"x","message":"DM_TABLE_LOAD )"));
  const Outcome some = Json({"table", "empty", "nosuch"});
  EXPECT_EQ(some.exit_status, kExitFailed);
  EXPECT_EQ(some.out, List(kSecond) + "\n");
  EXPECT_THAT(some.err, HasSubstr(R"("errno_name":"ENXIO")"));
}

TEST_F(RunDmTest, WrongWordsEndAsInDmsetup) {
  EXPECT_EQ(Failure({"nosuch"}),
            R"({"error":{"command":"","object":"","message":"Unknown command.",)"
            R"("code":"INVALID_ARGUMENT"}})"
            "\n");
  EXPECT_THAT(Failure({"ls", "--nosuch"}), HasSubstr("unrecognized option '--nosuch'"));
  EXPECT_THAT(Failure({"ls", "--tree"}), HasSubstr("ls: --tree is not in JSON."));
  EXPECT_THAT(Failure({"stats", "list"}), StartsWith(R"({"error":{"command":"dm stats",)"));
}

TEST_F(RunDmTest, AWarningOfASuccessIsANote) {
  const Outcome outcome = Json({"ls", "--udevcookie", "x"});
  EXPECT_EQ(outcome.exit_status, kExitDone);
  EXPECT_EQ(outcome.err,
            R"({"note":{"command":"dm ls","object":"","message":"Incorrect cookie value."}})"
            "\n");
}

TEST_F(RunDmTest, WhatSomebodyWhoIsNotRootMayDoIsTheKernelsAffair) {
  OtherUser nobody(host_.processes, 1000);
  sys::FaultyHost faulty(host_);
  faulty.SetPlan(sys::FaultyHost::FailMatching("OpenFile", "/dev/mapper/control", EACCES));
  host_ = faulty.host();
  host_.processes = &nobody;
  EXPECT_THAT(Failure({"ls"}), HasSubstr("this needs root"));
  EXPECT_THAT(Failure({"-u", "ls", "remove"}), StartsWith(R"({"error":{"command":"dm remove",)"));
  EXPECT_THAT(Found({"splitname", "vg-lv"}), HasSubstr("vg"));
  EXPECT_EQ(Found({"udevcomplete", "0x10000"}), R"({"cookie":65536})");
  EXPECT_EQ(Found({"udevcookies"}), R"({"cookies":[]})");
  host_ = kernel_->host();
}

}  // namespace
}  // namespace dmkit::driver::cli
