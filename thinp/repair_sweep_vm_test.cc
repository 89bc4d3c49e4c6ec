// SPDX-License-Identifier: Apache-2.0
// A crash on top of a crash: every call of a repair fails once, and is once the last one, too.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/sweep_vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::IsOk;
using ::testing::SizeIs;

// TARGET_MSG; the second one of each change moves the transaction id.
constexpr char kMessageRequest[] = "0xc138fd0e";

class RepairSweepVmTest : public SweepFixture {
 protected:
  // Nothing works from the `count`th call of `method` on an object with `object` in it on.
  static sys::FaultyHost::Plan StopAtNth(std::string method, std::string object, int count) {
    return [=, seen = 0](const sys::SeamCall& call) mutable {
      if (call.method == method && absl::StrContains(call.object, object)) ++seen;
      return seen >= count ? EIO : 0;
    };
  }
  void Interrupt(const sys::FaultyHost::Plan& plan, const std::function<absl::Status()>& change) {
    faulty().SetPlan(plan);
    EXPECT_FALSE(change().ok());
    faulty().SetPlan(nullptr);
  }
};

INSTANTIATE_TEST_SUITE_P(Calls, RepairSweepVmTest,
                         ::testing::Values(Trouble::kFault, Trouble::kCrash), TroubleName);

TEST_P(RepairSweepVmTest, OfASnapshot) {
  Open();
  Add("origin");
  Sweep(
      [&](uint64_t) {
        Activate("origin");
        // The origin is suspended and the snapshot is there, but nobody knows.
        Interrupt(
            [seen = 0](const sys::SeamCall& call) mutable {
              if (seen != 0) return EIO;
              if (absl::StrContains(call.object, kMessageRequest)) ++seen;
              return 0;
            },
            [&] { return set().AddSnapshot("a", "origin", kDeviceSize, {}).status(); });
        ASSERT_THAT(SuspendedDevices(), SizeIs(1));
      },
      // A start survives a repair that does not work; the change after it does not.
      [&]() -> absl::Status {
        DMKIT_RETURN_IF_ERROR(TryOpen());
        return set().AddThin("b", kDeviceSize, {}).status();
      },
      [&](uint64_t, bool reported) {
        Restart();
        EXPECT_FALSE(IsThere("a"));
        if (reported) {
          EXPECT_TRUE(IsThere("b"));
        }
        if (IsThere("b")) {
          EXPECT_THAT(set().Delete("b"), IsOk());
        }
      });
}

TEST_P(RepairSweepVmTest, OfACreateThatOnlyTheTransactionIdIsMissing) {
  Open();
  Sweep(
      [&](uint64_t) {
        Interrupt(StopAtNth("Ioctl", kMessageRequest, 2),
                  [&] { return set().AddThin("a", kDeviceSize, {}).status(); });
        ASSERT_TRUE(Exists(StatePath("devices/a")));
      },
      [&] { return TryOpen(); },
      [&](uint64_t, bool) {
        Restart();
        EXPECT_FALSE(IsThere("a"));
      });
}

TEST_P(RepairSweepVmTest, OfADelete) {
  Open();
  Sweep(
      [&](uint64_t) {
        Add("a");
        // The thin device is gone, its state file is not.
        Interrupt(StopAtNth("Unlink", "/devices/a", 1), [&] { return set().Delete("a"); });
        ASSERT_TRUE(Exists(StatePath("devices/a")));
      },
      [&] { return TryOpen(); },
      [&](uint64_t, bool) {
        Restart();
        EXPECT_FALSE(IsThere("a")) << "a deletion is carried forward";
      });
}

}  // namespace
}  // namespace dmkit::thinp
