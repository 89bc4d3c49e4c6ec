// SPDX-License-Identifier: Apache-2.0
// Commands on a host whose udevd makes the links: what is waited for, and what is done when udevd
// does not do its part.

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dm/dmsetup/run.h"
#include "dm/udev_cookies.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/fake_stop_signals.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"
#include "testing/model/model_kernel.h"
#include "testing/model/profile.h"

namespace dmkit::dm::dmsetup {
namespace {

using sys::FailsWithErrno;
using sys::IsOkAndHolds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

model::ModelOptions WithUdevd() {
  model::ModelOptions options;
  options.has_udevd = true;
  return options;
}

class UdevTest : public ::testing::Test {
 protected:
  int Dmsetup(const std::vector<std::string>& words) {
    sys::StringSource in("");
    sys::StringSink out;
    sys::StringSink err;
    const int status = dmsetup::Run("dmsetup", words, environment_, faulty_.host(),
                                    Streams{&in, &out, &err, &stop_});
    err_ = err.data();
    return status;
  }
  void Quiet(const std::vector<std::string>& words) {
    EXPECT_EQ(Dmsetup(words), 0) << words[0];
    EXPECT_EQ(err_, "") << words[0];
  }
  // udevd ends when it is waited for the next time.
  void KillUdevdAtTheWait() {
    faulty_.SetPlan([this](const sys::SeamCall& call) {
      if (call.method == "WaitForZero") kernel_.SetUdevdRunning(false);
      return 0;
    });
  }
  absl::StatusOr<std::string> Link(const std::string& name) {
    return host_.root->ReadLink("/dev/mapper/" + name);
  }
  std::vector<UdevCookieInfo> Cookies() { return ListUdevCookies(host_).value(); }

  model::ModelKernel kernel_{model::Linux61(), 1, WithUdevd()};
  sys::Host host_ = kernel_.host();
  sys::FaultyHost faulty_{host_};
  Environment environment_;
  sys::FakeStopSignals stop_;
  std::string err_;
};

TEST_F(UdevTest, ANodeThatUdevdWillMakeIsNotMadeBeforeThereIsATable) {
  Quiet({"create", "a", "--notable", "--addnodeoncreate"});
  EXPECT_THAT(host_.root->StatLink("/dev/mapper/a"), FailsWithErrno(ENOENT));
  EXPECT_THAT(Cookies(), IsEmpty());
  Quiet({"load", "a", "--table", "0 8 zero"});
  Quiet({"resume", "a"});
  EXPECT_THAT(Link("a"), IsOkAndHolds("../dm-0"));
  Quiet({"create", "b", "--notable", "--addnodeoncreate", "--noudevrules"});
  EXPECT_THAT(host_.root->StatLink("/dev/mapper/b"), sys::IsOk());
}

TEST_F(UdevTest, ADeviceWithoutATableGetsNoNodeByAnotherName) {
  for (const char* option : {"--retry", "--noudevsync"}) {
    Quiet({"create", "a", "--notable"});
    Quiet({"resume", "a", option});
    Quiet({"rename", "a", "b", option});
    for (const char* name : {"/dev/mapper/a", "/dev/mapper/b"}) {
      EXPECT_THAT(host_.root->StatLink(name), FailsWithErrno(ENOENT)) << option;
    }
    EXPECT_THAT(Cookies(), IsEmpty());
    Quiet({"load", "b", "--table", "0 8 zero"});
    Quiet({"resume", "b"});
    EXPECT_THAT(Link("b"), IsOkAndHolds("../dm-0"));
    Quiet({"remove", "b"});
  }
}

TEST_F(UdevTest, WhatUdevdDoesIsLookedUpOnceByACommand) {
  int looks = 0;
  faulty_.SetPlan([&looks](const sys::SeamCall& call) {
    if (call.method == "Stat" && absl::StrContains(call.object, "run/udev/control")) ++looks;
    return 0;
  });
  Quiet({"create", "a", "--table", "0 8 zero", "--noudevsync"});
  EXPECT_EQ(looks, 1);
  Quiet({"remove", "a", "--noudevsync"});
  EXPECT_EQ(looks, 2);
}

TEST_F(UdevTest, AResumeMakesTheNodeThatAUdevdWasToMakeThatEnded) {
  Quiet({"create", "a", "--notable", "--addnodeoncreate"});
  Quiet({"load", "a", "--table", "0 8 zero"});
  ASSERT_THAT(host_.root->Unlink("/run/udev/control"), sys::IsOk());
  Quiet({"resume", "a", "--addnodeoncreate"});
  EXPECT_THAT(host_.root->StatLink("/dev/mapper/a"), sys::IsOk());
}

TEST_F(UdevTest, WithoutSemaphoresOneLineSaysSoAndUdevdMakesTheLinks) {
  const struct {
    int error;
    std::string told;
  } kCases[] = {
      {ENOSPC,
       "Limit for the maximum number of semaphores reached. You can check and set the limits in "
       "/proc/sys/kernel/sem.\n"},
      {ENOMEM, "Not enough memory to create notification semaphore\n"},
      {ENOSYS, absl::StrCat("Failed to create notification semaphore: ", strerror(ENOSYS), "\n")},
  };
  for (const auto& failed : kCases) {
    faulty_.SetPlan(sys::FaultyHost::FailMatching("Create", "", failed.error));
    EXPECT_EQ(Dmsetup({"create", "--concise", "a,,,,0 8 zero;b,,,,0 8 zero"}), 0);
    EXPECT_EQ(err_, failed.told);
    EXPECT_THAT(Link("a"), IsOkAndHolds("../dm-0"));
    EXPECT_THAT(Link("b"), IsOkAndHolds("../dm-1"));
    for (const char* name : {"a", "b"}) {
      EXPECT_EQ(Dmsetup({"remove", name}), 0);
      EXPECT_EQ(err_, failed.told);
    }
  }
}

TEST_F(UdevTest, AResumeWithAddnodeoncreateIsWaitedForToo) {
  Quiet({"create", "a", "--notable", "--addnodeoncreate"});
  for (const char* command : {"resume", "wipe_table"}) {
    Quiet({"load", "a", "--table", "0 8 zero"});
    faulty_.SetPlan(nullptr);
    Quiet({command, "a", "--addnodeoncreate"});
    EXPECT_GT(faulty_.CountOf("WaitForZero"), 0u) << command;
    EXPECT_THAT(Cookies(), IsEmpty());
  }
}

TEST_F(UdevTest, AResumeWithAddnodeoncreateMakesUpForAUdevdThatEnded) {
  Quiet({"create", "a", "--notable"});
  Quiet({"load", "a", "--table", "0 8 zero"});
  KillUdevdAtTheWait();
  EXPECT_EQ(Dmsetup({"resume", "a", "--addnodeoncreate"}), 0);
  EXPECT_THAT(err_, HasSubstr("was not completed by udevd"));
  EXPECT_THAT(err_, HasSubstr("/dev/mapper/a not set up by udev"));
  EXPECT_THAT(host_.root->StatLink("/dev/mapper/a"), sys::IsOk());
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_F(UdevTest, ACookieThatIsReleasedTooLateLeavesNoNodeUnmade) {
  const UdevSemaphore cookie = CreateUdevCookie(host_).value();
  const std::string value = std::to_string(cookie.cookie);
  Quiet({"create", "a", "--table", "0 8 zero", "--udevcookie", value});
  // As if its event was never handled.
  kernel_.Advance(absl::Seconds(1));
  ASSERT_THAT(host_.root->Unlink("/dev/mapper/a"), sys::IsOk());
  ASSERT_THAT(host_.semaphores->Add(cookie.id, 1), sys::IsOk());
  EXPECT_EQ(Dmsetup({"udevreleasecookie", value}), 0);
  EXPECT_THAT(err_, HasSubstr("WARNING: udevd did not complete cookie value"));
  EXPECT_THAT(err_, HasSubstr("the nodes were checked."));
  EXPECT_THAT(host_.root->StatLink("/dev/mapper/a"), sys::IsOk());
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_F(UdevTest, ASignalDuringTheWaitLeavesNoSemaphore) {
  // udevd does not come to an end.
  faulty_.SetPlan([this](const sys::SeamCall& call) {
    if (call.method == "WaitForZero") {
      EXPECT_THAT(host_.semaphores->Add(Cookies()[0].id, 1), sys::IsOk());
    }
    return 0;
  });
  stop_.answers_until_stop = 0;
  stop_.on_release = [this] { EXPECT_THAT(Cookies(), IsEmpty()); };
  EXPECT_EQ(Dmsetup({"create", "a", "--table", "0 8 zero"}), 0);
  EXPECT_THAT(err_, HasSubstr("a signal came; its semaphore is removed"));
  EXPECT_EQ(stop_.holds, 1);
  const std::string cookie = absl::StrCat(CreateUdevCookie(host_)->cookie);
  EXPECT_EQ(Dmsetup({"udevreleasecookie", cookie}), 0);
  EXPECT_EQ(stop_.holds, 2);
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_F(UdevTest, ACookieThatCannotBeUsedIsToldAlikeByEveryCommand) {
  const struct {
    const char* cookie;
    int error;  // of the look for its semaphore; 0: as it comes
    std::string told;
  } kCases[] = {
      {"0x12341234", 0,
       "Could not continue to access notification semaphore identified by cookie value 305402420 "
       "(0x12341234). Incorrect cookie prefix.\n"},
      {"0xd4d1234", 0,
       "Could not find notification semaphore identified by cookie value 223154740 (0xd4d1234)\n"},
      {"0xd4d1234", EACCES,
       "No permission to access notificaton semaphore identified by cookie value 223154740 "
       "(0xd4d1234)\n"},
      {"0xd4d1234", EIO,
       "Failed to access notification semaphore identified by cookie value 223154740 (0xd4d1234): "
       "Input/output error\n"},
  };
  Quiet({"create", "a", "--notable"});
  for (const auto& wrong : kCases) {
    const std::string told = absl::StrCat(wrong.told, "Command failed.\n");
    faulty_.SetPlan(
        [&](const sys::SeamCall& call) { return call.method == "Find" ? wrong.error : 0; });
    EXPECT_EQ(Dmsetup({"remove", "a", "--udevcookie", wrong.cookie}), 1);
    EXPECT_EQ(err_, told);
    EXPECT_EQ(Dmsetup({"udevreleasecookie", wrong.cookie}), 1);
    EXPECT_EQ(err_, told);
  }
}

}  // namespace
}  // namespace dmkit::dm::dmsetup
