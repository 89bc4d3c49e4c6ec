// SPDX-License-Identifier: Apache-2.0

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/device_mapper.h"
#include "dm/udev.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "thinp/suspend_guard.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// DM_DEV_SUSPEND, which resumes too.
constexpr char kSuspendRequest[] = "0xc138fd06";

class SuspendGuardVmTest : public ThinpVmTest {
 protected:
  void SetUp() override { MakeLinear("disk", Attach("image", kMiB)); }
  void TearDown() override {
    faulty().SetPlan(nullptr);
    plain().Resume(Name("disk"), dm::SuspendOptions(), dm::UdevCookie()).IgnoreError();
    ThinpVmTest::TearDown();
  }
};

// Fails the suspend ioctls whose number, from 1, is in `which`.
sys::FaultyHost::Plan FailSuspends(std::vector<int> which) {
  return [which = std::move(which), count = 0](const sys::SeamCall& call) mutable {
    if (call.method != "Ioctl" || call.object.find(kSuspendRequest) == std::string::npos) return 0;
    ++count;
    for (const int number : which) {
      if (number == count) return EIO;
    }
    return 0;
  };
}

TEST_F(SuspendGuardVmTest, DeviceIsSuspendedUntilResume) {
  auto guard = SuspendGuard::Suspend(dm(), Name("disk"));
  ASSERT_THAT(guard, IsOk());
  EXPECT_THAT(SuspendedDevices(), ElementsAre("disk"));
  EXPECT_THAT(guard->Resume(), IsOk());
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
  faulty().SetPlan(nullptr);
  EXPECT_THAT(guard->Resume(), IsOk());
  EXPECT_EQ(faulty().calls(), 0u) << "it is resumed once";
}

TEST_F(SuspendGuardVmTest, EndOfTheScopeResumes) {
  {
    auto guard = SuspendGuard::Suspend(dm(), Name("disk"));
    ASSERT_THAT(guard, IsOk());
    const SuspendGuard moved = *std::move(guard);
    EXPECT_THAT(SuspendedDevices(), ElementsAre("disk"));
  }
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
}

TEST_F(SuspendGuardVmTest, MissingDeviceIsEnxio) {
  EXPECT_THAT(SuspendGuard::Suspend(dm(), Name("missing")), FailsWithErrno(ENXIO));
}

TEST_F(SuspendGuardVmTest, NothingIsSuspendedWhenMemoryCannotBeLocked) {
  faulty().SetPlan(sys::FaultyHost::FailMatching("LockMemory", "", ENOMEM));
  const absl::Status refused = SuspendGuard::Suspend(dm(), Name("disk")).status();
  EXPECT_THAT(refused, FailsWithErrno(ENOMEM));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("CAP_IPC_LOCK"));
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
}

TEST_F(SuspendGuardVmTest, MemoryIsLockedFirstAndUnlockedLast) {
  faulty().SetPlan(nullptr);
  {
    auto guard = SuspendGuard::Suspend(dm(), Name("disk"));
    ASSERT_THAT(guard, IsOk());
    EXPECT_THAT(guard->Resume(), IsOk());
  }
  EXPECT_THAT(faulty().Log(), ElementsAre("LockMemory", HasSubstr(kSuspendRequest),
                                          HasSubstr(kSuspendRequest), "UnlockMemory"));
  faulty().SetPlan(FailSuspends({1}));
  EXPECT_THAT(SuspendGuard::Suspend(dm(), Name("disk")), FailsWithErrno(EIO));
  EXPECT_EQ(faulty().CountOf("UnlockMemory"), 1u) << "also when the suspend fails";
}

TEST_F(SuspendGuardVmTest, ResumeThatFailsOnceIsTriedAgain) {
  faulty().SetPlan(FailSuspends({2}));
  auto guard = SuspendGuard::Suspend(dm(), Name("disk"));
  ASSERT_THAT(guard, IsOk());
  EXPECT_THAT(guard->Resume(), IsOk());
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
}

TEST_F(SuspendGuardVmTest, ResumeThatFailsTwiceIsReportedWithItsConsequence) {
  faulty().SetPlan(FailSuspends({2, 3}));
  auto guard = SuspendGuard::Suspend(dm(), Name("disk"));
  ASSERT_THAT(guard, IsOk());
  const absl::Status resumed = guard->Resume();
  EXPECT_THAT(resumed, FailsWithErrno(EIO));
  EXPECT_THAT(std::string(resumed.message()), HasSubstr("stays suspended"));
  EXPECT_THAT(SuspendedDevices(), ElementsAre("disk"));
}

class HoldingTrace : public sys::TraceSink {
 public:
  void Line(absl::string_view) override { events.push_back(held ? "held line" : "line"); }
  void Hold() override { held = true; }
  void Release() override { held = false; }
  bool held = false;
  std::vector<std::string> events;
};

TEST_F(SuspendGuardVmTest, TraceIsHeldWhileTheDeviceIsSuspended) {
  HoldingTrace trace;
  sys::Host traced = host();
  traced.trace = &trace;
  auto dm = dm::DeviceMapper::Open(traced);
  ASSERT_THAT(dm, IsOk());
  trace.events.clear();
  auto guard = SuspendGuard::Suspend(*dm, Name("disk"));
  ASSERT_THAT(guard, IsOk());
  EXPECT_THAT(guard->Resume(), IsOk());
  EXPECT_THAT(trace.events, ElementsAre("held line", "held line"));
  EXPECT_FALSE(trace.held);
}

}  // namespace
}  // namespace dmkit::thinp
