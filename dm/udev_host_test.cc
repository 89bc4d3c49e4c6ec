// SPDX-License-Identifier: Apache-2.0
// What is believed of a udevd, on evidence in memory.

#include "dm/udev_host.h"

#include <cerrno>
#include <string>

#include "dm/scripted_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"

namespace dmkit::dm {
namespace {

using ::testing::HasSubstr;
using testing::ScriptedHost;

constexpr char kControl[] = "/run/udev/control";
constexpr char kNotify[] = "/lib/udev/rules.d/95-dm-notify.rules";
constexpr char kLinks[] = "/lib/udev/rules.d/55-dm.rules";

class UdevHostTest : public ::testing::Test {
 protected:
  UdevHostTest() { scripted_.StartUdevd(); }
  std::string Why() { return WhyUdevCannotNotify(scripted_.host()); }
  bool MakesLinks() { return UdevMakesLinks(scripted_.host()); }
  bool HasEnded() { return UdevdHasEnded(scripted_.host()); }
  // Another IPC namespace than the one that the kernel boots with.
  void EnterContainer() { links()["/proc/self/ns/ipc"] = "ipc:[4026532001]"; }
  std::map<std::string, std::string>& texts() { return scripted_.root.texts; }
  std::map<std::string, std::string>& links() { return scripted_.root.links; }

  ScriptedHost scripted_;
};

TEST_F(UdevHostTest, AUdevdWithItsRulesNotifiesAndMakesLinks) {
  EXPECT_EQ(Why(), "");
  EXPECT_TRUE(MakesLinks());
  EXPECT_FALSE(HasEnded());
}

TEST_F(UdevHostTest, WithoutItsSocketThereIsNone) {
  scripted_.root.nodes.erase(kControl);
  EXPECT_EQ(Why(), "no udevd runs");
  EXPECT_FALSE(MakesLinks());
  EXPECT_TRUE(HasEnded());
}

TEST_F(UdevHostTest, OneLookIsEnoughWithoutAUdevd) {
  scripted_.root.nodes.erase(kControl);
  sys::FaultyHost counted(scripted_.host());
  EXPECT_FALSE(UdevMakesLinks(counted.host()));
  EXPECT_EQ(counted.calls(), 1u);
}

TEST_F(UdevHostTest, TheNotifyRuleIsNeeded) {
  texts().erase(kNotify);
  EXPECT_THAT(Why(), HasSubstr("no rule 95-dm-notify.rules"));
  EXPECT_TRUE(MakesLinks());
}

TEST_F(UdevHostTest, ARuleMayLieInEachPlace) {
  const std::string rule = texts()[kNotify];
  texts().erase(kNotify);
  for (const char* place : {"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
                            "/usr/lib/udev/rules.d", "/lib/udev/rules.d"}) {
    const std::string path = std::string(place) + "/95-dm-notify.rules";
    texts()[path] = rule;
    EXPECT_EQ(Why(), "") << place;
    texts().erase(path);
    EXPECT_NE(Why(), "") << place;
  }
}

TEST_F(UdevHostTest, AFileThatHidesTheRuleMasksIt) {
  for (const char* text : {"", "# udevcomplete is off\n", "ENV{DM_COOKIE}==\"?*\", NAME=\"x\"\n"}) {
    texts()["/etc/udev/rules.d/95-dm-notify.rules"] = text;
    EXPECT_THAT(Why(), HasSubstr("masked")) << text;
  }
  texts()["/etc/udev/rules.d/55-dm.rules"] = "";
  EXPECT_FALSE(MakesLinks());
}

TEST_F(UdevHostTest, TheRuleIsReadInTheOrderOfUdevd) {
  texts()["/etc/udev/rules.d/95-dm-notify.rules"] =
      "ENV{DM_COOKIE}==\"?*\", RUN+=\"/opt/none udevcomplete $env{DM_COOKIE}\"";
  EXPECT_THAT(Why(), HasSubstr("/opt/none, which is missing"));
}

TEST_F(UdevHostTest, TheProgramOfTheRuleMustBeThere) {
  texts().erase("/sbin/dmsetup");
  EXPECT_THAT(Why(), HasSubstr("/sbin/dmsetup, which is missing"));
  EXPECT_FALSE(MakesLinks());
}

TEST_F(UdevHostTest, AProgramWithoutAPathIsBelieved) {
  texts()[kNotify] = "ENV{DM_COOKIE}==\"?*\", RUN+=\"dmsetup udevcomplete $env{DM_COOKIE}\"";
  texts().erase("/sbin/dmsetup");
  EXPECT_EQ(Why(), "");
}

TEST_F(UdevHostTest, TheRuleForLinksHasTwoNames) {
  texts()["/lib/udev/rules.d/10-dm.rules"] = texts()[kLinks];
  texts().erase(kLinks);
  EXPECT_TRUE(MakesLinks());
  texts().erase("/lib/udev/rules.d/10-dm.rules");
  EXPECT_FALSE(MakesLinks());
  EXPECT_EQ(Why(), "") << "it notifies all the same";
}

TEST_F(UdevHostTest, AnotherIpcNamespaceIsNoticed) {
  EnterContainer();
  EXPECT_THAT(Why(), HasSubstr("IPC namespace"));
  EXPECT_FALSE(MakesLinks());
  links()["/proc/300/ns/ipc"] = "ipc:[4026532001]";
  EXPECT_EQ(Why(), "") << "udevd is in the same container";
  EXPECT_TRUE(MakesLinks());
}

TEST_F(UdevHostTest, AUdevdThatIsNotSeenFromAContainerIsOutside) {
  EnterContainer();
  texts().erase("/proc/300/comm");
  EXPECT_THAT(Why(), HasSubstr("IPC namespace"));
}

TEST_F(UdevHostTest, OneOfSeveralUdevdsIsEnough) {
  EnterContainer();
  texts()["/proc/7/comm"] = "udevd\n";
  links()["/proc/7/ns/ipc"] = "ipc:[4026532001]";
  EXPECT_EQ(Why(), "");
  texts()["/proc/7/comm"] = "(udev-worker)\n";
  EXPECT_EQ(Why(), "");
  texts()["/proc/7/comm"] = "udevd-like\n";
  EXPECT_THAT(Why(), HasSubstr("IPC namespace"));
}

TEST_F(UdevHostTest, ANamespaceThatCannotBeReadIsFine) {
  EnterContainer();
  links().erase("/proc/300/ns/ipc");
  EXPECT_EQ(Why(), "");
  links().erase("/proc/self/ns/ipc");
  EXPECT_EQ(Why(), "");
}

TEST_F(UdevHostTest, ASocketThatAKilledUdevdLeftIsNoUdevd) {
  scripted_.KillUdevd();
  EXPECT_EQ(Why(), "udevd has ended");
  EXPECT_FALSE(MakesLinks());
  EXPECT_TRUE(HasEnded());
}

TEST_F(UdevHostTest, AnInitThatHoldsTheSocketStartsUdevdOnDemand) {
  texts().erase("/proc/300/comm");
  EXPECT_FALSE(HasEnded());
  EXPECT_EQ(Why(), "");
}

TEST_F(UdevHostTest, AUdevdOfAnotherNetworkNamespaceLives) {
  texts()["/proc/net/unix"] = "Num       RefCount\n";
  EXPECT_FALSE(HasEnded());
  texts().erase("/proc/300/comm");
  EXPECT_TRUE(HasEnded());
  links()["/proc/self/ns/pid"] = "pid:[4026532002]";
  EXPECT_FALSE(HasEnded()) << "it may be out of sight";
  links().erase("/proc/self/ns/pid");
  EXPECT_FALSE(HasEnded());
}

TEST_F(UdevHostTest, AListOfSocketsThatCannotBeReadIsFine) {
  scripted_.KillUdevd();
  texts()["/proc/net/unix"] = std::string(2 << 20, 'x');
  EXPECT_FALSE(HasEnded());
  texts().erase("/proc/net/unix");
  EXPECT_FALSE(HasEnded());
  EXPECT_EQ(Why(), "");
}

// A socket that cannot be looked at makes the caller make the node.
TEST_F(UdevHostTest, NoFailureOfACallIsHeldAgainstUdevd) {
  EnterContainer();
  links()["/proc/300/ns/ipc"] = links()["/proc/self/ns/ipc"];
  sys::FaultyHost faulty(scripted_.host());
  for (uint64_t call = 1;; ++call) {
    faulty.SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const std::string why = WhyUdevCannotNotify(faulty.host());
    if (faulty.calls() < call) break;
    const std::string failed = faulty.Log()[call - 1];
    // A /proc that does not show udevd looks as it does in a container.
    if (failed == "List /proc" || failed == "OpenFile /proc/300/comm" ||
        failed == "ReadAt /proc/300/comm") {
      EXPECT_THAT(why, HasSubstr("IPC namespace")) << failed;
    } else {
      EXPECT_EQ(why, "") << failed;
    }
  }
  faulty.SetPlan(sys::FaultyHost::FailMatching("Stat", kControl, EIO));
  EXPECT_FALSE(UdevMakesLinks(faulty.host()));
  EXPECT_FALSE(UdevdHasEnded(faulty.host()));
}

}  // namespace
}  // namespace dmkit::dm
