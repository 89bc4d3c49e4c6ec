// SPDX-License-Identifier: Apache-2.0
// Cookies on a kernel where no udevd runs: first as it is, then with files that look like a udevd's
// and nobody behind them, which is what a udevd looks like that never gets to its work.

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "dm/codec_testing.h"
#include "dm/udev_cookies.h"
#include "dm/udev_host.h"
#include "dm/udev_nodes.h"
#include "dm/udev_sync.h"
#include "dm/vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::VmTest;

constexpr char kControl[] = "/run/udev/control";
constexpr char kRule[] = "/run/udev/rules.d/95-dm-notify.rules";
constexpr char kProgram[] = "/run/udev/udevd";
constexpr char kLimits[] = "/proc/sys/kernel/sem";

class UdevVmTest : public VmTest {
 protected:
  ~UdevVmTest() override {
    KillUdevd();
    for (const char* path : {kControl, kRule, kProgram}) host_.root->Unlink(path).IgnoreError();
    for (const UdevCookieInfo& cookie : Cookies()) {
      host_.semaphores->Remove(cookie.id).IgnoreError();
    }
  }

  void Write(const char* path, absl::string_view text) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    options.mode = 0755;
    const auto file = host_.root->OpenFile(path, options);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->WriteAt(0, text), IsOk());
  }
  // A process of that name, where there are processes: a script has its own. It does nothing.
  void RunUdevd() {
    Write(kProgram, "#!/bin/sh\nwhile :; do sleep 1; done\n");
    const auto started = host_.processes->Run(
        {"sh", "-c", absl::StrCat(kProgram, " >/dev/null 2>&1 & echo $!")}, absl::Seconds(60));
    if (!started.ok()) return;
    udevd_ = std::string(absl::StripSuffix(started->output, "\n"));
    // It has its name when it has begun.
    for (int look = 0; look < 1000 && UdevdHasEnded(host_); ++look) {
      host_.clock->Sleep(absl::Milliseconds(10));
    }
  }
  void KillUdevd() {
    if (udevd_.empty()) return;
    const std::string process = std::exchange(udevd_, "");
    EXPECT_THAT(
        host_.processes->Run({"sh", "-c", absl::StrCat("kill ", process)}, absl::Seconds(60)),
        IsOk());
    for (int look = 0; look < 1000 && host_.root->Stat("/proc/" + process).ok(); ++look) {
      host_.clock->Sleep(absl::Milliseconds(10));
    }
  }
  // From here on all evidence is that a udevd notifies.
  void PretendUdevd() {
    ASSERT_THAT(sys::MakeDirs(*host_.root, "/run/udev/rules.d", 0755), IsOk());
    ASSERT_THAT(host_.root->MakeNode(kControl, sys::FileType::kSocket, {}, 0600), IsOk());
    Write(kRule, "ENV{DM_COOKIE}==\"?*\", RUN+=\"/dev/null udevcomplete $env{DM_COOKIE}\"\n");
    RunUdevd();
    ASSERT_EQ(WhyUdevCannotNotify(host_), "");
  }

  UdevSync Open(absl::Duration patience = absl::Seconds(30)) {
    UdevOptions options;
    options.patience = patience;
    return UdevSync::Open(host_, options);
  }
  absl::StatusOr<DeviceInfo> Resume(const DmName& name, UdevSync& sync,
                                    UdevCookie* sent = nullptr) {
    const UdevCookie cookie = sync.Begin();
    if (sent != nullptr) *sent = cookie;
    auto info = dm_.Resume(name, SuspendOptions(), cookie);
    sync.Done(info.ok() && info->uevent_generated);
    return info;
  }
  DmName MakeLoaded(absl::string_view name) {
    DmName made = MakeBare(name);
    EXPECT_THAT(dm_.Load(made, {ZeroLine(0, 8)}, LoadOptions()), IsOk());
    return made;
  }
  absl::StatusOr<std::string> Settle(UdevSync& sync, NodeChange::Kind kind, const DmName& name,
                                     sys::DeviceNumber device, const std::string& new_name = "") {
    return SettleMapperNode(host_, sync, "/dev",
                            {kind, name.text(), new_name, device, NodeOwner{0640, 0, 6}});
  }
  absl::StatusOr<sys::FileStat> Node(const DmName& name) {
    return host_.root->StatLink("/dev/mapper/" + name.text());
  }
  std::vector<UdevCookieInfo> Cookies() {
    return ListUdevCookies(host_).value_or(std::vector<UdevCookieInfo>());
  }

  std::string udevd_;  // its process number
};

TEST_F(UdevVmTest, WithoutUdevdNodesAreOurs) {
  ASSERT_THAT(host_.root->Stat(kControl), FailsWithErrno(ENOENT));
  const DmName name = MakeLoaded("a");
  EXPECT_EQ(WhyUdevCannotNotify(host_), "no udevd runs");
  UdevSync sync = Open();
  EXPECT_FALSE(sync.active());
  const auto info = Resume(name, sync);
  ASSERT_THAT(info, IsOk());
  EXPECT_THAT(Settle(sync, NodeChange::Kind::kMake, name, info->device), IsOkAndHolds(""));
  const auto node = Node(name);
  ASSERT_THAT(node, IsOk());
  EXPECT_EQ(node->rdevice, info->device);
  EXPECT_EQ(node->mode, 0640u);
  EXPECT_EQ(node->gid, 6u);
  const DmName other = TestName("b");
  ASSERT_THAT(dm_.Rename(name, other, sync.Begin()), IsOk());
  EXPECT_THAT(Settle(sync, NodeChange::Kind::kRename, name, info->device, other.text()),
              IsOkAndHolds(""));
  EXPECT_THAT(Node(name), FailsWithErrno(ENOENT));
  ASSERT_THAT(Node(other), IsOk());
  EXPECT_EQ(Node(other)->rdevice, info->device);
  ASSERT_THAT(dm_.Remove(other, RemoveOptions()), IsOk());
  EXPECT_THAT(Settle(sync, NodeChange::Kind::kRemove, other, info->device), IsOkAndHolds(""));
  EXPECT_THAT(Node(other), FailsWithErrno(ENOENT));
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_F(UdevVmTest, RepairBringsTheDirectoryInLineWithTheDevices) {
  const DmName there = MakeActive("there", {ZeroLine(0, 8)});
  const DmName stale = TestName("stale");
  const sys::DeviceNumber device = dm_.Info(there)->device;
  ASSERT_THAT(MakeMapperNode(host_, "/dev", stale.text(), {device.major, 99}, NodeOwner()), IsOk());
  ASSERT_THAT(MakeMapperNode(host_, "/dev", there.text(), {device.major, 98}, NodeOwner()), IsOk());
  const auto list = [this]() -> absl::StatusOr<std::vector<MapperEntry>> {
    DMKIT_ASSIGN_OR_RETURN(const std::vector<ListedDevice> devices, dm_.List());
    std::vector<MapperEntry> entries;
    for (const ListedDevice& listed : devices) entries.push_back({listed.name, listed.device});
    return entries;
  };
  EXPECT_THAT(RepairMapperNodes(host_, "/dev", list), IsOk());
  EXPECT_THAT(Node(stale), FailsWithErrno(ENOENT));
  ASSERT_THAT(Node(there), IsOk());
  EXPECT_EQ(Node(there)->rdevice, device);
  EXPECT_THAT(host_.root->Stat("/dev/mapper/control"), IsOk());
}

TEST_F(UdevVmTest, ACookieThatIsCompletedLikeUdevdDoesIsNotWaitedFor) {
  PretendUdevd();
  const DmName name = MakeLoaded("a");
  UdevSync sync = Open();
  ASSERT_TRUE(sync.active());
  UdevCookie cookie;
  const auto info = Resume(name, sync, &cookie);
  ASSERT_THAT(info, IsOk());
  EXPECT_TRUE(info->uevent_generated);
  ASSERT_THAT(Cookies(), SizeIs(1));
  EXPECT_EQ(Cookies().front().value, 2);
  EXPECT_EQ(Cookies().front().cookie & 0xffff, cookie.value & 0xffff);
  EXPECT_THAT(CompleteUdevCookie(host_, cookie.value), IsOk());
  EXPECT_TRUE(sync.Wait());
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_F(UdevVmTest, ACookieThatNobodyCompletesHasItsDeadline) {
  PretendUdevd();
  const DmName name = MakeLoaded("a");
  UdevSync sync = Open(absl::Milliseconds(50));
  const auto info = Resume(name, sync);
  ASSERT_THAT(info, IsOk());
  const absl::Time start = host_.clock->Now();
  EXPECT_THAT(Settle(sync, NodeChange::Kind::kMake, name, info->device),
              IsOkAndHolds(AllOf(HasSubstr("not completed by udevd within 50ms"),
                                 HasSubstr("not set up by udev"))));
  EXPECT_GE(host_.clock->Now() - start, absl::Milliseconds(50));
  ASSERT_THAT(Node(name), IsOk());
  EXPECT_EQ(Node(name)->rdevice, info->device);
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_F(UdevVmTest, WhatSendsNoUeventIsNotWaitedFor) {
  PretendUdevd();
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  UdevSync sync = Open();
  const auto info = Resume(name, sync);
  ASSERT_THAT(info, IsOk());
  EXPECT_FALSE(info->uevent_generated);
  EXPECT_EQ(Cookies().front().value, 1);
  EXPECT_TRUE(sync.Wait());
  UdevSync failing = Open();
  EXPECT_THAT(Resume(TestName("nobody"), failing), FailsWithErrno(ENXIO));
  EXPECT_EQ(Cookies().front().value, 1);
  EXPECT_TRUE(failing.Wait());
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_F(UdevVmTest, AnOpenDeviceSendsNoUeventWhenItIsToBeRemoved) {
  PretendUdevd();
  const DmName name = MakeActive("a", {ZeroLine(0, 8)});
  {
    const auto open = OpenNode(dm_.Info(name)->device, sys::Access::kReadOnly);
    ASSERT_THAT(open, IsOk());
    for (const bool deferred : {false, true}) {
      UdevSync sync = Open();
      RemoveOptions options;
      options.cookie = sync.Begin();
      options.deferred = deferred;
      const auto removed = dm_.Remove(name, options);
      EXPECT_EQ(removed.ok(), deferred);
      sync.Done(removed.ok() && removed->uevent_generated);
      EXPECT_EQ(Cookies().front().value, 1) << deferred;
      EXPECT_TRUE(sync.Wait());
    }
  }
  EXPECT_TRUE(IsGoneInTime(name));
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_F(UdevVmTest, ASharedCookieIsWaitedForByWhoReleasesIt) {
  PretendUdevd();
  const UdevSemaphore shared = CreateUdevCookie(host_).value();
  UdevOptions options;
  options.shared_cookie = shared.cookie;
  std::vector<UdevCookie> sent(2);
  for (size_t i = 0; i < sent.size(); ++i) {
    UdevSync sync = UdevSync::Open(host_, options);
    ASSERT_THAT(sync.shared_cookie_status(), IsOk());
    ASSERT_THAT(Resume(MakeLoaded(i == 0 ? "a" : "b"), sync, &sent[i]), IsOk());
    EXPECT_TRUE(sync.Wait());
  }
  EXPECT_EQ(sent[0], sent[1]);
  EXPECT_EQ(Cookies().front().value, 3);
  for (const UdevCookie cookie : sent) {
    EXPECT_THAT(CompleteUdevCookie(host_, cookie.value), IsOk());
  }
  EXPECT_THAT(AwaitUdevCookie(host_, shared, absl::Seconds(30), nullptr),
              IsOkAndHolds(CookieEnd::kCompleted));
  UdevSync late = UdevSync::Open(host_, options);
  EXPECT_THAT(late.shared_cookie_status(), FailsWithErrno(ENOENT));
}

TEST_F(UdevVmTest, LeakedCookiesAreListedAndCleanedUp) {
  const UdevSemaphore first = CreateUdevCookie(host_).value();
  const UdevSemaphore second = CreateUdevCookie(host_).value();
  ASSERT_THAT(Cookies(), SizeIs(2));
  EXPECT_EQ(Cookies()[0].last_operation, absl::UnixEpoch());
  EXPECT_LE(Cookies()[0].changed, host_.clock->Now());
  EXPECT_GT(Cookies()[0].changed, host_.clock->Now() - absl::Minutes(1));
  ASSERT_THAT(CompleteUdevCookie(host_, first.cookie), IsOk());
  EXPECT_EQ(Cookies()[0].value, 0);
  EXPECT_GT(Cookies()[0].last_operation, host_.clock->Now() - absl::Minutes(1));
  EXPECT_EQ(CompleteAllUdevCookies(host_, absl::Minutes(5))->skipped, 2u);
  EXPECT_EQ(CompleteAllUdevCookies(host_, absl::ZeroDuration())->removed, 2u);
  EXPECT_THAT(FindUdevCookie(host_, second.cookie), FailsWithErrno(ENOENT));
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_F(UdevVmTest, ExhaustedSemaphoresFailNoOperation) {
  const auto limits = sys::ReadFile(*host_.root, kLimits, 256);
  // The model has no limits to set.
  if (sys::GetErrno(limits.status()) == ENOENT) return;
  ASSERT_THAT(limits, IsOk());
  PretendUdevd();
  const DmName name = MakeLoaded("a");
  Write(kLimits, "32000\t1024000000\t500\t0\n");
  {
    UdevSync sync = Open();
    EXPECT_FALSE(sync.active());
    EXPECT_THAT(sync.semaphore_status(), FailsWithErrno(ENOSPC));
    const auto info = Resume(name, sync);
    EXPECT_THAT(info, IsOk());
    EXPECT_THAT(Settle(sync, NodeChange::Kind::kMake, name, info->device), IsOkAndHolds(""));
  }
  Write(kLimits, *limits);
  EXPECT_TRUE(Open().active());
  EXPECT_THAT(Node(name), IsOk());
}

TEST_F(UdevVmTest, AUdevdThatHasDiedIsNotWaitedFor) {
  const auto sockets = sys::ReadFile(*host_.root, "/proc/net/unix", 1 << 20);
  // The model does not list sockets.
  if (sys::GetErrno(sockets.status()) == ENOENT) return;
  PretendUdevd();
  UdevSync sync = Open();
  ASSERT_THAT(Resume(MakeLoaded("a"), sync), IsOk());
  KillUdevd();
  EXPECT_TRUE(UdevdHasEnded(host_));
  EXPECT_FALSE(Open().active());
  const absl::Time start = host_.clock->Now();
  EXPECT_FALSE(sync.Wait());
  EXPECT_THAT(sync.warning(), HasSubstr("has ended"));
  EXPECT_LT(host_.clock->Now() - start, absl::Seconds(20)) << "it noticed long before its deadline";
  EXPECT_THAT(Cookies(), IsEmpty());
}

}  // namespace
}  // namespace dmkit::dm
