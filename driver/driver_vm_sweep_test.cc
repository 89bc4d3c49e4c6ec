// SPDX-License-Identifier: Apache-2.0
// Get and Put on a real kernel with every call through the seam failing once, and with the process
// ending at every call. The state files have sweeps of their own, in thinp/.

#include <cerrno>

#include "absl/status/status.h"
#include "absl/time/time.h"
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

  void ExpectDown() {
    EXPECT_FALSE(IsUp("web"));
    EXPECT_FALSE(HasDevice("web"));
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
  const auto open_anew = [&] {
    Open();
    ExpectClean();
  };
  Sweep(
      sys::FaultyHost::StopAt, [&] { return driver_->Create("new", {"web"}); },
      [&](const absl::Status& created) {
        open_anew();
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
      [&](const absl::Status&) {
        open_anew();
        if (!*driver_->Exists("new")) {
          EXPECT_THAT(driver_->Create("new", {"web"}), sys::IsOk());
        }
      });
}

}  // namespace
}  // namespace dmkit::driver
