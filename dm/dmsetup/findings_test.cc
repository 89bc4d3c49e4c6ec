// SPDX-License-Identifier: Apache-2.0
// Commands that are asked for values in place of text: that they do the same, print nothing, and
// leave nothing out that the text tells.

#include "dm/dmsetup/findings.h"

#include <cerrno>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/dmsetup/commands_fixture.h"
#include "dm/dmsetup/context.h"
#include "dm/dmsetup/run.h"
#include "dm/scripted_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/device_number.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/string_stream.h"
#include "sys/units.h"

namespace dmkit::dm::dmsetup {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class FindingsTest : public testing::CommandsTest {
 protected:
  FindingsTest() {
    Quiet({"create", "a b", "-u", "U 1", "--table", "0 8 linear 1:0 8\n8 8 zero"});
    Quiet({"create", "empty", "--notable"});
  }
  ~FindingsTest() override { CleanUp(); }

  // Runs `dmsetup WORDS...` for findings_; returns its exit status. Nothing is ever printed.
  int Find(const std::vector<std::string>& words, const std::string& input = "") {
    return FindOn(host_, words, input);
  }
  int FindOn(const sys::Host& host, const std::vector<std::string>& words,
             const std::string& input = "") {
    sys::StringSource in(input);
    sys::StringSink out;
    sys::StringSink err;
    findings_ = Findings();
    const int status =
        dmsetup::Run("dmsetup", words, environment_, host, Streams{&in, &out, &err}, findings_);
    EXPECT_EQ(out.data(), "") << words[0];
    EXPECT_EQ(err.data(), "") << words[0];
    return status;
  }
  // Exit status 1; the one problem's object and message.
  std::pair<std::string, std::string> Refusal(const std::vector<std::string>& words) {
    EXPECT_EQ(Find(words), 1) << words[0];
    EXPECT_THAT(findings_.problems, SizeIs(1)) << words[0];
    if (findings_.problems.empty()) return {};
    return {findings_.problems[0].object, std::string(findings_.problems[0].status.message())};
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const FoundDevice& device : findings_.devices) names.push_back(device.info.name);
    return names;
  }

  Findings findings_;
};

TEST_F(FindingsTest, DevicesHaveTheKernelsNames) {
  for (const char* command : {"ls", "info", "status", "table", "deps"}) {
    EXPECT_EQ(Find({command}), 0);
    EXPECT_EQ(findings_.command, command);
    EXPECT_THAT(Names(), ElementsAre("a\\x20b", "empty")) << command;
    EXPECT_EQ(findings_.devices[0].info.uuid, "U\\x201");
    EXPECT_TRUE(findings_.devices[0].info.has_active_table);
    EXPECT_FALSE(findings_.devices[1].info.has_active_table);
    EXPECT_THAT(findings_.problems, IsEmpty());
  }
  EXPECT_EQ(Find({"info", "a b"}), 0);
  EXPECT_THAT(Names(), ElementsAre("a\\x20b"));
  EXPECT_EQ(Find({"info", "--manglename", "none", "a\\x20b"}), 0);
  EXPECT_THAT(Names(), ElementsAre("a\\x20b"));
}

TEST_F(FindingsTest, ANameThatNobodyMangledSpoilsNoList) {
  Quiet({"create", "c d", "--manglename", "none", "--table", "0 8 zero"});
  EXPECT_EQ(Dmsetup({"table"}), 1);
  EXPECT_EQ(Find({"table"}), 0);
  EXPECT_THAT(Names(), UnorderedElementsAre("a\\x20b", "empty", "c d"));
  // The names of rows are those of the text.
  EXPECT_EQ(Find({"info", "-c"}), 1);
  Quiet({"remove", "c d", "--manglename", "none"});
}

TEST_F(FindingsTest, TargetsAreThoseThatTheOptionsAskFor) {
  EXPECT_EQ(Find({"table", "a b", "-v", "--concise"}), 0);
  ASSERT_THAT(findings_.devices, SizeIs(1));
  ASSERT_THAT(findings_.devices[0].targets, SizeIs(2));
  EXPECT_EQ(findings_.devices[0].targets[0].type, "linear");
  EXPECT_EQ(findings_.devices[0].targets[0].text, "1:0 8");
  EXPECT_EQ(findings_.devices[0].targets[1].start, sys::Sectors(8));
  EXPECT_EQ(findings_.devices[0].targets[1].length, sys::Sectors(8));
  EXPECT_EQ(Find({"status", "--target", "zero"}), 0);
  ASSERT_THAT(findings_.devices, SizeIs(1));
  EXPECT_THAT(findings_.devices[0].targets, SizeIs(1));
  EXPECT_EQ(Find({"ls", "--target", "zero"}), 0);
  EXPECT_THAT(Names(), ElementsAre("a\\x20b"));
  EXPECT_THAT(findings_.devices[0].targets, IsEmpty());
  EXPECT_EQ(Find({"ls", "--target", "crypt"}), 0);
  EXPECT_THAT(findings_.devices, IsEmpty());
}

TEST_F(FindingsTest, DependenciesAndTheirNames) {
  EXPECT_EQ(Find({"deps", "a b"}), 0);
  ASSERT_THAT(findings_.devices, SizeIs(1));
  ASSERT_THAT(findings_.devices[0].used, SizeIs(1));
  EXPECT_EQ(findings_.devices[0].used[0].number, (sys::DeviceNumber{1, 0}));
  EXPECT_FALSE(findings_.devices[0].used[0].name.has_value());
  EXPECT_EQ(Find({"deps", "a b", "-o", "blkdevname"}), 0);
  EXPECT_EQ(Dmsetup({"deps", "a b", "-o", "blkdevname"}), 0);
  EXPECT_EQ(out_, absl::StrCat("1 dependencies\t: (",
                               findings_.devices[0].used[0].name.value_or("1, 0"), ")\n"));
}

TEST_F(FindingsTest, RowsAreInTheOrderThatWasAskedFor) {
  EXPECT_EQ(Find({"info", "-c", "-o", "segments,name", "--sort", "-name,uuid", "--noheadings"}), 0);
  EXPECT_THAT(findings_.rows, ElementsAre(ElementsAre(Pair("segments", "0"), Pair("name", "empty")),
                                          ElementsAre(Pair("segments", "2"), Pair("name", "a b"))));
  EXPECT_THAT(findings_.devices, IsEmpty());
  EXPECT_EQ(Find({"splitname", "vg-lv-layer"}), 0);
  EXPECT_EQ(findings_.split->lv_layer, "layer");
}

TEST_F(FindingsTest, OtherCommandsHaveWhatTheyPrint) {
  EXPECT_EQ(Find({"targets"}), 0);
  EXPECT_THAT(findings_.targets, ::testing::Not(IsEmpty()));
  EXPECT_EQ(Find({"target-version", "zero", "linear"}), 0);
  ASSERT_THAT(findings_.targets, SizeIs(2));
  EXPECT_EQ(findings_.targets[1].type, "linear");
  EXPECT_EQ(Find({"version"}), 0);
  EXPECT_EQ(findings_.library, kLibraryVersion);
  EXPECT_TRUE(findings_.driver.has_value());
  EXPECT_EQ(Find({"udevflags", "0x410000"}), 0);
  EXPECT_THAT(findings_.flags,
              ElementsAre("DM_UDEV_DISABLE_DM_RULES_FLAG", "DM_UDEV_PRIMARY_SOURCE_FLAG"));
  EXPECT_EQ(Find({"udevcomplete", "0x20000"}), 0);
  EXPECT_EQ(findings_.cookie, 0x20000u);
  EXPECT_EQ(Find({"udevcomplete_all", "--yes"}), 0);
  EXPECT_EQ(findings_.cleanup->removed, 0u);
  EXPECT_EQ(Find({"udevcookies"}), 0);
  EXPECT_THAT(findings_.cookies, IsEmpty());
  EXPECT_EQ(Find({"mangle", "empty"}), 0);
  ASSERT_THAT(findings_.names, SizeIs(1));
  EXPECT_EQ(findings_.names[0].new_name, "empty");
  EXPECT_EQ(Find({"message", "a b", "0", "@stats_create", "-", "/1"}), 0);
  EXPECT_EQ(findings_.message->device, "a\\x20b");
  EXPECT_EQ(findings_.message->reply, "0");
}

TEST_F(FindingsTest, CommandsThatChangeSomethingDoIt) {
  EXPECT_EQ(Find({"create", "new", "-v"}, "0 8 zero\n"), 0);
  EXPECT_EQ(Find({"suspend", "-v", "new"}), 0);
  EXPECT_TRUE(Info("new").suspended);
  EXPECT_THAT(findings_.devices, IsEmpty());
  EXPECT_EQ(Find({"resume", "new"}), 0);
  EXPECT_EQ(Find({"rename", "new", "newer"}), 0);
  EXPECT_EQ(Find({"mknodes"}), 0);
  EXPECT_EQ(Find({"remove", "newer"}), 0);
  EXPECT_THAT(Devices(), ElementsAre("a\\x20b", "empty"));
}

TEST_F(FindingsTest, WhatIsTextAloneIsRefusedBeforeTheKernelIsAsked) {
  sys::FaultyHost faulty(host_);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"ls", "--exec", "true"},
                                             {"status", "--exec", "true"},
                                             {"ls", "--tree"},
                                             {"info", "-c", "-o", "help"},
                                             {"status", "-c", "-v"},
                                             {"udevcomplete_all"}}) {
    EXPECT_EQ(FindOn(faulty.host(), words), 1);
    ASSERT_THAT(findings_.problems, SizeIs(1)) << words[0];
    EXPECT_TRUE(absl::IsInvalidArgument(findings_.problems[0].status));
    EXPECT_THAT(std::string(findings_.problems[0].status.message()), HasSubstr("not in JSON"));
  }
  EXPECT_EQ(faulty.CountOf("Ioctl"), 0u);
}

TEST_F(FindingsTest, WrongWordsAreTold) {
  EXPECT_THAT(Refusal({"frobnicate"}), Pair("", "Unknown command."));
  EXPECT_EQ(findings_.command, "");
  EXPECT_THAT(Refusal({"message", "a"}), Pair("", "Incorrect number of arguments."));
  EXPECT_THAT(Refusal({"ls", "--frobnicate"}), Pair("", HasSubstr("--frobnicate'")));
  EXPECT_THAT(Refusal({"info", "-c", "-o", "nosuch"}), Pair("", "Unrecognised field: nosuch"));
  EXPECT_THAT(Refusal({"message", "a b", "x", "m"}), Pair("", "Invalid sector."));
  EXPECT_THAT(Refusal({"udevflags", "x"}), Pair("", "Incorrect cookie value."));
  EXPECT_THAT(Refusal({"info", std::string(128, 'a')}), Pair("", HasSubstr("too long")));
}

TEST_F(FindingsTest, ARefusalIsTheStatusAndTheDevice) {
  EXPECT_THAT(Refusal({"info", "nosuch"}), Pair("nosuch", HasSubstr("ENXIO")));
  EXPECT_EQ(sys::GetErrno(findings_.problems[0].status), ENXIO);
  EXPECT_THAT(Refusal({"table", "-u", "nosuch"}), Pair("nosuch", HasSubstr("ENXIO")));
  EXPECT_THAT(Refusal({"status", "-j", "254", "-m", "99"}), Pair("254:99", HasSubstr("ENXIO")));
  EXPECT_THAT(Refusal({"deps", "no/such"}), Pair("no/such", HasSubstr("ENOENT")));
  // What came before the error stays.
  EXPECT_THAT(Refusal({"table", "empty", "nosuch", "a b"}), Pair("nosuch", HasSubstr("ENXIO")));
  EXPECT_THAT(Names(), ElementsAre("empty"));
}

// The models have no crypt.
TEST_F(FindingsTest, KeysAreThereOnlyWhenAskedFor) {
  dm::testing::ScriptedHost scripted;
  scripted.responder = [](const Request& request) {
    Reply reply = dm::testing::ScriptedHost::Succeed(request);
    if (auto* const table = std::get_if<TableReply>(&reply)) {
      table->targets = {{sys::Sectors(0), sys::Sectors(8), "crypt", "aes 00ff 0 7:0 0"}};
    }
    return reply;
  };
  EXPECT_EQ(FindOn(scripted.host(), {"table", "a"}), 0);
  EXPECT_EQ(findings_.devices.at(0).targets.at(0).text, "aes 0000 0 7:0 0");
  EXPECT_EQ(FindOn(scripted.host(), {"table", "a", "--showkeys"}), 0);
  EXPECT_EQ(findings_.devices.at(0).targets.at(0).text, "aes 00ff 0 7:0 0");
}

TEST_F(FindingsTest, ADeviceThatIsGoneSinceItWasListedIsLeftOut) {
  for (const char* command : {"ls", "info", "status", "table", "deps"}) {
    sys::FaultyHost faulty(host_);
    int asked = 0;
    faulty.SetPlan([&](const sys::SeamCall& call) {
      // Version, list, and the first of two devices.
      return call.method == "Ioctl" && ++asked == 3 ? ENXIO : 0;
    });
    EXPECT_EQ(FindOn(faulty.host(), {command}), 0) << command;
    EXPECT_THAT(Names(), ElementsAre("empty")) << command;
    EXPECT_THAT(findings_.problems, IsEmpty()) << command;
  }
}

TEST_F(FindingsTest, ARowIsLeftOutTooUnlessMoreWasToBeAsked) {
  sys::FaultyHost faulty(host_);
  int asked = 0;
  int gone = 3;
  const auto plan = [&](const sys::SeamCall& call) {
    return call.method == "Ioctl" && ++asked == gone ? ENXIO : 0;
  };
  faulty.SetPlan(plan);
  EXPECT_EQ(FindOn(faulty.host(), {"info", "-c", "-o", "name"}), 0);
  EXPECT_THAT(findings_.rows, ElementsAre(ElementsAre(Pair("name", "empty"))));
  EXPECT_THAT(findings_.problems, IsEmpty());
  // The tree comes before the row, and what a device uses after its state.
  for (const auto& [field, call] : {std::pair("devs_used", 3), std::pair("devnos_used", 4)}) {
    asked = 0;
    gone = call;
    EXPECT_EQ(FindOn(faulty.host(), {"info", "-c", "-o", absl::StrCat("name,", field)}), 1);
    EXPECT_THAT(findings_.problems, ::testing::Not(IsEmpty())) << field;
  }
}

// The tree is made of a list of all devices.
TEST_F(FindingsTest, ADeviceThatSomebodyNamedIsNotLeftOutForTheTree) {
  for (const char* field :
       {"devs_used", "device_ref_count", "names_using_dev", "devnos_using_dev"}) {
    const std::vector<std::string> words = {"info", "-c", "-o", absl::StrCat("name,", field),
                                            "nosuch"};
    EXPECT_THAT(Refusal(words), Pair("nosuch", HasSubstr("ENXIO"))) << field;
    EXPECT_EQ(Dmsetup(words), 1);
    EXPECT_THAT(err_, HasSubstr("Device does not exist."));
  }
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
