// SPDX-License-Identifier: Apache-2.0
// Operations beside a udevd, on a model kernel that has one: who makes the link, who waits, what is
// left.

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "dm/activate.h"
#include "dm/codec_testing.h"
#include "dm/device_mapper.h"
#include "dm/udev_cookies.h"
#include "dm/udev_nodes.h"
#include "dm/udev_sync.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"
#include "testing/model/model_kernel.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Line;
using testing::Name;
using testing::Uuid;

constexpr char kWeb[] = "/dev/mapper/web";
constexpr char kNew[] = "/dev/mapper/new";

model::ModelOptions WithUdevd() {
  model::ModelOptions options;
  options.has_udevd = true;
  return options;
}

class UdevModelTest : public ::testing::TestWithParam<const model::Profile*> {
 protected:
  ~UdevModelTest() override { EXPECT_THAT(kernel_.Hangs(), IsEmpty()); }

  // As dmsetup does it: the resume is waited for, unless `use` says otherwise, then the name is
  // looked at.
  absl::StatusOr<std::string> Create(const std::string& name, UdevUse use = UdevUse::kAuto) {
    CreateOptions options;
    options.uuid = Uuid(name);
    DMKIT_RETURN_IF_ERROR(dm_.Create(Name(name), options));
    DMKIT_RETURN_IF_ERROR(dm_.Load(Name(name), {Line(0, 8, "zero", "")}, LoadOptions()));
    UdevSync sync = Open(use);
    const auto info = dm_.Resume(Name(name), SuspendOptions(), sync.Begin());
    sync.Done(info.ok() && info->uevent_generated);
    if (!info.ok()) return info.status();
    return SettleMapperNode(host_, sync, "/dev",
                            {NodeChange::Kind::kMake, name, "", info->device, NodeOwner()});
  }
  absl::StatusOr<std::string> Remove(const std::string& name, bool deferred = false,
                                     UdevUse use = UdevUse::kAuto) {
    UdevSync sync = Open(use);
    RemoveOptions options;
    options.cookie = sync.Begin();
    options.deferred = deferred;
    const sys::DeviceNumber device = dm_.Info(Name(name)).value_or(DeviceInfo()).device;
    const auto info = dm_.Remove(Name(name), options);
    sync.Done(info.ok() && info->uevent_generated);
    if (!info.ok()) return info.status();
    return SettleMapperNode(host_, sync, "/dev",
                            {NodeChange::Kind::kRemove, name, "", device, NodeOwner()});
  }
  absl::StatusOr<std::string> Rename(const std::string& name, const std::string& new_name,
                                     UdevUse use = UdevUse::kAuto) {
    UdevSync sync = Open(use);
    const auto info = dm_.Rename(Name(name), Name(new_name), sync.Begin());
    sync.Done(info.ok() && info->uevent_generated);
    if (!info.ok()) return info.status();
    return SettleMapperNode(host_, sync, "/dev",
                            {NodeChange::Kind::kRename, name, new_name, info->device, NodeOwner()});
  }
  UdevSync Open(UdevUse use) {
    UdevOptions options;
    options.use = use;
    return UdevSync::Open(host_, options);
  }
  absl::StatusOr<std::string> Link(const char* path) { return host_.root->ReadLink(path); }
  std::vector<UdevCookieInfo> Cookies() { return ListUdevCookies(host_).value(); }
  NewDevice Whole(absl::string_view name) {
    return {Name(name), Uuid(name), {Line(0, 8, "zero", "")}, false};
  }

  model::ModelKernel kernel_{*GetParam(), 1, WithUdevd()};
  sys::Host host_ = kernel_.host();
  DeviceMapper dm_ = DeviceMapper::Open(host_).value();
};

TEST_P(UdevModelTest, TheLinkIsThereWhenTheOperationIsOver) {
  EXPECT_THAT(Create("web"), IsOkAndHolds(""));
  EXPECT_THAT(Link(kWeb), IsOkAndHolds("../dm-0"));
  EXPECT_THAT(Rename("web", "new"), IsOkAndHolds(""));
  EXPECT_THAT(Link(kWeb), FailsWithErrno(ENOENT));
  EXPECT_THAT(Link(kNew), IsOkAndHolds("../dm-0"));
  EXPECT_THAT(Remove("new"), IsOkAndHolds(""));
  EXPECT_THAT(Link(kNew), FailsWithErrno(ENOENT));
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_P(UdevModelTest, ManyCyclesLeaveNothing) {
  for (int cycle = 0; cycle < 500; ++cycle) {
    ASSERT_THAT(Create("web"), IsOkAndHolds("")) << cycle;
    ASSERT_THAT(Remove("web"), IsOkAndHolds("")) << cycle;
  }
  EXPECT_THAT(Cookies(), IsEmpty());
  EXPECT_THAT(kernel_.MappedDevices(), IsEmpty());
  EXPECT_THAT(host_.root->StatLink(kWeb), FailsWithErrno(ENOENT));
}

TEST_P(UdevModelTest, AResumeThatSendsNoUeventIsNotWaitedFor) {
  ASSERT_THAT(Create("web"), IsOk());
  const absl::Time start = kernel_.Now();
  UdevSync sync = UdevSync::Open(host_, UdevOptions());
  const auto info = dm_.Resume(Name("web"), SuspendOptions(), sync.Begin());
  ASSERT_THAT(info, IsOk());
  EXPECT_FALSE(info->uevent_generated);
  sync.Done(info->uevent_generated);
  EXPECT_TRUE(sync.Wait());
  EXPECT_LT(kernel_.Now() - start, absl::Milliseconds(100));
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_P(UdevModelTest, ADeferredRemovalIsNotWaitedFor) {
  ASSERT_THAT(Create("web"), IsOk());
  const auto open = host_.root->OpenFile("/dev/dm-0", sys::OpenOptions());
  ASSERT_THAT(open, IsOk());
  EXPECT_THAT(Remove("web"), FailsWithErrno(EBUSY));
  EXPECT_THAT(Cookies(), IsEmpty());
  const absl::Time start = kernel_.Now();
  EXPECT_THAT(Remove("web", /*deferred=*/true), IsOkAndHolds(""));
  EXPECT_LT(kernel_.Now() - start, absl::Milliseconds(100));
  EXPECT_THAT(Link(kWeb), IsOkAndHolds("../dm-0")) << "it is still there, and so is its link";
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_P(UdevModelTest, AKilledUdevdCostsItsPatienceAndAWarning) {
  kernel_.SetUdevdRunning(false);
  const absl::Time start = kernel_.Now();
  EXPECT_THAT(Create("web"), IsOkAndHolds(HasSubstr("not completed by udevd within 30s")));
  EXPECT_GE(kernel_.Now() - start, absl::Seconds(30));
  EXPECT_LT(kernel_.Now() - start, absl::Seconds(31));
  const auto node = host_.root->StatLink(kWeb);
  ASSERT_THAT(node, IsOk());
  EXPECT_EQ(node->type, sys::FileType::kBlockDevice);
  EXPECT_THAT(Cookies(), IsEmpty());
  EXPECT_THAT(Remove("web"), IsOkAndHolds(HasSubstr("Node /dev/mapper/web was not removed")));
  EXPECT_THAT(host_.root->StatLink(kWeb), FailsWithErrno(ENOENT));
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_P(UdevModelTest, AUdevdThatComesBackFindsNothingInItsWay) {
  ASSERT_THAT(Create("web"), IsOk());
  kernel_.SetUdevdRunning(false);
  EXPECT_THAT(Remove("web"), IsOk());
  EXPECT_THAT(host_.root->StatLink(kWeb), FailsWithErrno(ENOENT)) << "its stale link is gone";
  kernel_.SetUdevdRunning(true);
  EXPECT_THAT(Create("web"), IsOkAndHolds(""));
  EXPECT_THAT(Link(kWeb), IsOkAndHolds("../dm-0"));
}

TEST_P(UdevModelTest, ACookieThatAKilledProcessLeftCanBeListedAndCompleted) {
  sys::Host other = kernel_.host(2);
  const auto left = CreateUdevCookie(other);
  ASSERT_THAT(left, IsOk());
  kernel_.CrashProcess(2);
  ASSERT_EQ(Cookies().size(), 1u);
  EXPECT_EQ(Cookies().front().cookie, left->cookie);
  EXPECT_EQ(Cookies().front().value, 1);
  EXPECT_EQ(CompleteAllUdevCookies(host_, absl::Minutes(5))->skipped, 1u);
  kernel_.Advance(absl::Minutes(6));
  EXPECT_EQ(CompleteAllUdevCookies(host_, absl::Minutes(5))->removed, 1u);
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_P(UdevModelTest, OperationsOnASharedCookieAreReleasedTogether) {
  const UdevSemaphore cookie = CreateUdevCookie(host_).value();
  UdevOptions shared;
  shared.shared_cookie = cookie.cookie;
  for (const char* name : {"web", "new"}) {
    ASSERT_THAT(dm_.Create(Name(name), CreateOptions()), IsOk());
    ASSERT_THAT(dm_.Load(Name(name), {Line(0, 8, "zero", "")}, LoadOptions()), IsOk());
    UdevSync sync = UdevSync::Open(host_, shared);
    const auto info = dm_.Resume(Name(name), SuspendOptions(), sync.Begin());
    ASSERT_THAT(info, IsOk());
    sync.Done(info->uevent_generated);
    EXPECT_THAT(SettleMapperNode(host_, sync, "/dev",
                                 {NodeChange::Kind::kMake, name, "", info->device, NodeOwner()}),
                IsOkAndHolds(""));
  }
  EXPECT_THAT(AwaitUdevCookie(host_, cookie, absl::Seconds(30), nullptr),
              IsOkAndHolds(CookieEnd::kCompleted));
  EXPECT_THAT(Link(kWeb), IsOkAndHolds("../dm-0"));
  EXPECT_THAT(Link(kNew), IsOkAndHolds("../dm-1"));
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_P(UdevModelTest, DevicesOfTheDriverGetTheirLinksFromUdevdAMomentLater) {
  sys::FaultyHost counted(host_);
  DeviceMapper dm = DeviceMapper::Open(counted.host()).value();
  counted.SetPlan(nullptr);
  ASSERT_THAT(CreateDevice(dm, Whole("web")), IsOk());
  EXPECT_EQ(counted.CountOf("Ioctl"), 3u);
  EXPECT_EQ(counted.CountOf("MakeNode"), 0u);
  kernel_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(Link(kWeb), IsOkAndHolds("../dm-0"));
  EXPECT_THAT(RemoveDevice(dm, {Name("web"), Uuid("web")}, absl::Seconds(1), false), IsOk());
  kernel_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(host_.root->StatLink(kWeb), FailsWithErrno(ENOENT));
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_P(UdevModelTest, WhereNobodyWaitsUdevdMakesTheLinksAllTheSame) {
  const absl::Duration later = absl::Milliseconds(1);
  EXPECT_THAT(Create("web", UdevUse::kNever), IsOkAndHolds(""));
  kernel_.Advance(later);
  EXPECT_THAT(Link(kWeb), IsOkAndHolds("../dm-0"));
  EXPECT_THAT(Rename("web", "new", UdevUse::kNever), IsOkAndHolds(""));
  kernel_.Advance(later);
  EXPECT_THAT(Link(kNew), IsOkAndHolds("../dm-0"));
  EXPECT_THAT(host_.root->StatLink(kWeb), FailsWithErrno(ENOENT));
  EXPECT_THAT(Remove("new", /*deferred=*/false, UdevUse::kNever), IsOkAndHolds(""));
  kernel_.Advance(later);
  EXPECT_THAT(host_.root->StatLink(kNew), FailsWithErrno(ENOENT));
  EXPECT_THAT(Cookies(), IsEmpty());
}

TEST_P(UdevModelTest, WithoutSemaphoresUdevdsLinksAreThereAllTheSame) {
  sys::FaultyHost faulty(kernel_.host());
  faulty.SetPlan(sys::FaultyHost::FailMatching("Create", "", ENOSPC));
  host_ = faulty.host();
  EXPECT_FALSE(Open(UdevUse::kAuto).active());
  EXPECT_THAT(Create("web"), IsOkAndHolds(""));
  EXPECT_THAT(Link(kWeb), IsOkAndHolds("../dm-0"));
  EXPECT_THAT(Rename("web", "new"), IsOkAndHolds(""));
  EXPECT_THAT(Link(kNew), IsOkAndHolds("../dm-0"));
  EXPECT_THAT(host_.root->StatLink(kWeb), FailsWithErrno(ENOENT));
  EXPECT_THAT(Remove("new"), IsOkAndHolds(""));
  EXPECT_THAT(host_.root->StatLink(kNew), FailsWithErrno(ENOENT));
  host_ = kernel_.host();
}

TEST_P(UdevModelTest, ANodeOfADeadDeviceIsReplacedByUdevdsLink) {
  ASSERT_THAT(MakeMapperNode(host_, "/dev", "web", {254, 77}, NodeOwner()), IsOk());
  ASSERT_THAT(CreateDevice(dm_, Whole("web")), IsOk());
  kernel_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(Link(kWeb), IsOkAndHolds("../dm-0"));
}

// Whatever call fails: an error of the ioctl comes out, and no semaphore stays but one that could
// not be removed.
TEST_P(UdevModelTest, NoFailingCallLeavesASemaphore) {
  sys::FaultyHost faulty(host_);
  for (uint64_t call = 1;; ++call) {
    ASSERT_THAT(dm_.Create(Name("web"), CreateOptions()), IsOk());
    ASSERT_THAT(dm_.Load(Name("web"), {Line(0, 8, "zero", "")}, LoadOptions()), IsOk());
    faulty.SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const sys::Host host = faulty.host();
    std::string failed;
    {
      UdevSync sync = UdevSync::Open(host, UdevOptions());
      const auto info = dm_.Resume(Name("web"), SuspendOptions(), sync.Begin());
      ASSERT_THAT(info, IsOk());
      sync.Done(info->uevent_generated);
      EXPECT_THAT(SettleMapperNode(host, sync, "/dev",
                                   {NodeChange::Kind::kMake, "web", "", info->device, NodeOwner()}),
                  ::testing::AnyOf(IsOk(), FailsWithErrno(EIO)));
    }
    const bool reached = faulty.calls() >= call;
    if (reached) failed = faulty.Log()[call - 1];
    faulty.SetPlan(nullptr);
    for (const UdevCookieInfo& cookie : Cookies()) {
      EXPECT_THAT(failed, HasSubstr("Remove id"));
      ASSERT_THAT(host_.semaphores->Remove(cookie.id), IsOk());
    }
    ASSERT_THAT(Remove("web"), IsOk()) << failed;
    if (!reached) break;
  }
}

std::string KernelName(const ::testing::TestParamInfo<const model::Profile*>& info) {
  return info.param == &model::Linux61() ? "Linux61" : "Linux612";
}

INSTANTIATE_TEST_SUITE_P(Kernels, UdevModelTest,
                         ::testing::Values(&model::Linux61(), &model::Linux612()), KernelName);

}  // namespace
}  // namespace dmkit::dm
