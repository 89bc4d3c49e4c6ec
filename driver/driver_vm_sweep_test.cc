// SPDX-License-Identifier: Apache-2.0
// Get and Put on a real kernel with every call through the seam failing once, and with the process
// ending at every call. The state files have sweeps of their own, in thinp/.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "driver/driver_vm_fixture.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

class DriverSweepVmTest : public DriverVmTest {
 protected:
  void SetUp() override {
    config_.lock_patience = absl::ZeroDuration();
    ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  }

  // Calls `run` with call n failing, for n = 1, 2, ... until it makes fewer calls; `check` after
  // each, with nothing failing.
  void Sweep(const std::function<sys::FaultyHost::Plan(uint64_t)>& plan,
             const std::function<absl::Status()>& run,
             const std::function<void(const absl::Status&)>& check) {
    for (uint64_t call = 1;; call += kernel_->SweepStep()) {
      counted_.SetPlan(plan(call));
      const absl::Status status = run();
      const bool reached = counted_.calls() >= call;
      SCOPED_TRACE(absl::StrCat("call ", call, " ", reached ? counted_.Log()[call - 1] : "", ": ",
                                status.ToString()));
      counted_.SetPlan(nullptr);
      check(status);
      if (HasFailure()) return;
      if (reached) continue;
      EXPECT_THAT(status, sys::IsOk());
      EXPECT_GT(call, 10u) << "the sweep has hardly begun";
      return;
    }
  }

  static sys::FaultyHost::Plan FailOnce(uint64_t call) {
    return sys::FaultyHost::FailCall(call, EIO);
  }

  void ExpectDown() {
    EXPECT_FALSE(IsThere(config_.root + "/mnt/web"));
    for (const std::string& name : DeviceNames()) EXPECT_FALSE(absl::EndsWith(name, "-web"));
    EXPECT_EQ(driver_->Inspect("web")->mount_count(), 0u);
  }

  // Takes one Get back; a layer that is down says so.
  void PutOnce() {
    const absl::Status put = driver_->Put("web", false);
    if (!put.ok()) {
      EXPECT_THAT(put, sys::FailsWithErrno(EINVAL));
    }
    ExpectDown();
  }

  // Of a layer that is down, as a put that ended before its last call.
  void LeaveCountOfTwo() {
    ASSERT_THAT(driver_->Get("web"), sys::IsOk());
    ASSERT_THAT(driver_->Get("web"), sys::IsOk());
    counted_.SetPlan(sys::FaultyHost::FailMatching("Unlink", "/mounts/web", EIO));
    EXPECT_THAT(driver_->Put("web", true), sys::FailsWithErrno(EIO));
    counted_.SetPlan(nullptr);
    ExpectDown();
  }
};

TEST_F(DriverSweepVmTest, GetThatFailsAnywhereLeavesNothingUp) {
  Sweep(
      FailOnce, [&] { return driver_->Get("web").status(); },
      [&](const absl::Status& got) {
        if (got.ok()) {
          EXPECT_EQ(driver_->Inspect("web")->mount_count(), 1u);
          EXPECT_THAT(driver_->Put("web", false), sys::IsOk());
        } else {
          EXPECT_THAT(got, sys::FailsWithErrno(EIO)) << "not the first error";
        }
        ExpectDown();
      });
}

TEST_F(DriverSweepVmTest, PutThatFailsAnywhereCanBeRepeated) {
  ASSERT_THAT(driver_->Get("web"), sys::IsOk());
  Sweep(
      FailOnce, [&] { return driver_->Put("web", false); },
      [&](const absl::Status& put) {
        if (!put.ok()) {
          EXPECT_THAT(put, sys::FailsWithErrno(EIO)) << "not the first error";
          PutOnce();
        }
        ExpectDown();
        EXPECT_THAT(driver_->Get("web"), sys::IsOk());
      });
}

TEST_F(DriverSweepVmTest, GetThatEndsAnywhereIsTakenBackByOnePut) {
  Sweep(
      sys::FaultyHost::StopAt, [&] { return driver_->Get("web").status(); },
      [&](const absl::Status&) {
        Open();
        PutOnce();
      });
}

TEST_F(DriverSweepVmTest, CountOfAPutThatEndedIsNotThatOfTheNextGetWhereverThatEnds) {
  LeaveCountOfTwo();
  Sweep(
      sys::FaultyHost::StopAt, [&] { return driver_->Get("web").status(); },
      [&](const absl::Status&) {
        Open();
        PutOnce();
        LeaveCountOfTwo();
      });
}

TEST_F(DriverSweepVmTest, PutThatEndsAnywhereIsEndedByTheNext) {
  ASSERT_THAT(driver_->Get("web"), sys::IsOk());
  Sweep(
      sys::FaultyHost::StopAt, [&] { return driver_->Put("web", false); },
      [&](const absl::Status&) {
        Open();
        PutOnce();
        EXPECT_THAT(driver_->Get("web"), sys::IsOk());
      });
}

TEST_F(DriverSweepVmTest, CreateAndRemoveThatEndAnywhereAreWholeOrNot) {
  const auto whole_or_not = [&](const absl::Status&) {
    Open();
    const auto check = driver_->PoolCheck();
    ASSERT_THAT(check, sys::IsOk());
    EXPECT_TRUE(check->clean()) << check->DebugString();
  };
  Sweep(
      sys::FaultyHost::StopAt, [&] { return driver_->Create("new", {"web"}); },
      [&](const absl::Status& created) {
        whole_or_not(created);
        if (*driver_->Exists("new")) {
          EXPECT_THAT(driver_->Get("new"), sys::IsOk());
          EXPECT_THAT(driver_->Put("new", false), sys::IsOk());
          EXPECT_THAT(driver_->Remove("new"), sys::IsOk());
        } else {
          EXPECT_FALSE(created.ok());
        }
      });
  ASSERT_THAT(driver_->Create("new", {"web"}), sys::IsOk());
  Sweep(
      sys::FaultyHost::StopAt, [&] { return driver_->Remove("new"); },
      [&](const absl::Status& removed) {
        whole_or_not(removed);
        if (!*driver_->Exists("new")) {
          EXPECT_THAT(driver_->Create("new", {"web"}), sys::IsOk());
        }
      });
}

}  // namespace
}  // namespace dmkit::driver
