// SPDX-License-Identifier: Apache-2.0
// Running an operation of the device set once for each call that it makes, with trouble at that
// call, and starting the store again afterwards.

#ifndef DMKIT_THINP_SWEEP_VM_FIXTURE_H_
#define DMKIT_THINP_SWEEP_VM_FIXTURE_H_

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "thinp/device_set_vm_fixture.h"

namespace dmkit::thinp {

enum class Trouble { kFault, kCrash };

// Calls that leave files and devices as they are, as the log shows them: requests are DEV_STATUS,
// TABLE_STATUS, LOOP_GET_STATUS64 and those for a block device's size.
inline bool ChangesNothing(const std::string& call) {
  for (const char* start : {"Stat ", "StatLink ", "ReadAt ", "List ", "ReadLink ", "Fill", "Sync ",
                            "TryLock ", "Ioctl 0xc138fd07", "Ioctl 0xc138fd0c", "Ioctl 0x4c05",
                            "Ioctl 0x1268", "Ioctl 0x80081272"}) {
    if (absl::StartsWith(call, start)) return true;
  }
  return false;
}

inline std::string TroubleName(const ::testing::TestParamInfo<Trouble>& info) {
  return info.param == Trouble::kFault ? "Fault" : "Crash";
}

class SweepFixture : public DeviceSetFixture, public ::testing::WithParamInterface<Trouble> {
 protected:
  // In memory: what a sweep costs is mostly fsyncs otherwise. And without the loop devices that
  // nobody uses, which every look-up of a file asks one by one.
  void SetUp() override {
    ASSERT_THAT(plain_host().mounts->Mount({"none", dir(), "tmpfs", 0, ""}), sys::IsOk());
    const auto control = plain_host().root->OpenFile("/dev/loop-control", sys::OpenOptions());
    ASSERT_THAT(control, sys::IsOk());
    constexpr unsigned long kRemoveLoop = 0x4c81;  // LOOP_CTL_REMOVE
    for (uint64_t number = 0; number < 32; ++number) {
      (*control)->IoctlValue(kRemoveLoop, number).status().IgnoreError();
    }
  }
  void TearDown() override {
    DeviceSetFixture::TearDown();
    EXPECT_THAT(plain_host().mounts->Unmount(dir(), sys::UnmountMode::kNormal), sys::IsOk());
  }

  // Runs `operation` with trouble at its call 1, 2, ... until it needs fewer calls. `prepare` comes
  // before, `verify` after the trouble; it is told whether the operation reported success. A crash
  // right after a call that changes nothing is the same as one before it, and is left out.
  void Sweep(const std::function<void(uint64_t call)>& prepare,
             const std::function<absl::Status()>& operation,
             const std::function<void(uint64_t call, bool reported)>& verify) {
    prepare(0);
    faulty().SetPlan(nullptr);
    ASSERT_THAT(operation(), sys::IsOk());
    const std::vector<std::string> calls = faulty().Log();
    verify(0, true);
    for (uint64_t call = 1; !HasFailure(); call += kernel().SweepStep()) {
      const bool crash = GetParam() == Trouble::kCrash;
      if (crash && call > 1 && call <= calls.size() && ChangesNothing(calls[call - 2])) continue;
      prepare(call);
      faulty().SetPlan(crash ? sys::FaultyHost::StopAt(call)
                             : sys::FaultyHost::FailCall(call, EIO));
      const absl::Status status = operation();
      const bool reached = faulty().calls() >= call;
      const std::string at = reached ? faulty().Log()[call - 1] : "the end";
      faulty().SetPlan(nullptr);
      SCOPED_TRACE(absl::StrCat("call ", call, ": ", at, ": ", status.ToString()));
      if (!status.ok()) {
        EXPECT_THAT(status, sys::FailsWithErrno(EIO)) << "not the first error";
      }
      if (!reached) {
        EXPECT_THAT(status, sys::IsOk());
      }
      verify(call, status.ok());
      if (!reached) break;
    }
  }

  // A new start, with nothing failing.
  void Restart() {
    Open();
    ASSERT_TRUE(HasStore());
    ExpectClean();
    EXPECT_THAT(LoopFiles(), ::testing::SizeIs(2));
  }

  bool IsThere(const std::string& name) {
    const absl::Status found = set().Find(name).status();
    if (!found.ok()) {
      EXPECT_THAT(found, sys::FailsWithErrno(ENOENT));
    }
    return found.ok();
  }

  static std::string NameAt(uint64_t call) { return absl::StrCat("at-", call); }
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_SWEEP_VM_FIXTURE_H_
