// SPDX-License-Identifier: Apache-2.0
// Deletions with trouble at every call. A layer whose contents may have been discarded is never
// found again, whatever the crash; what was in use is freed by the collection, whenever that comes.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "dm/types.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/sweep_vm_fixture.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr char kBlockDiscard[] = "0x1277";

class DeleteSweepVmTest : public SweepFixture {
 protected:
  void AddWithData(const std::string& name) {
    if (!IsThere(name)) Add(name);
    ASSERT_THAT(Fill(Activate(name), 0, kMiB, 'x'), IsOk());
    Deactivate(name);
  }

  void SweepDelete(const DeleteOptions& options) {
    Open();
    Sweep([&](uint64_t) { AddWithData("a"); }, [&] { return set().Delete("a", options); },
          [&](uint64_t, bool reported) { ExpectWholeOrGone("a", reported); });
  }

  // The device was deleted when it was in use.
  void SweepCollect() {
    Open();
    Sweep(
        [&](uint64_t) {
          AddWithData("a");
          const auto user = Hold(Activate("a"));
          ASSERT_THAT(set().Delete("a", {/*discard=*/false, /*deferred=*/true}), IsOk());
        },
        [&] { return set().Collect("a", true, kPatience); },
        [&](uint64_t, bool) { ExpectWholeOrGone("a", /*reported=*/true); });
  }

  // There and whole, or not there and, after a collection, no trace of it left.
  void ExpectWholeOrGone(const std::string& name, bool reported) {
    Restart();
    if (reported) {
      EXPECT_FALSE(IsThere(name));
    }
    EXPECT_THAT(set().Collect(name, true, kPatience), IsOk());
    EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(IsEmpty()));
    ExpectClean();
    if (IsThere(name)) {
      EXPECT_EQ(Read(Activate(name), kMiB - 4096, 4096), std::string(4096, 'x'));
      Deactivate(name);
    } else {
      EXPECT_FALSE(IsActive(name));
      EXPECT_THAT(*set().Contents(), IsEmpty());
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Calls, DeleteSweepVmTest,
                         ::testing::Values(Trouble::kFault, Trouble::kCrash), TroubleName);

TEST_P(DeleteSweepVmTest, DeleteWithDiscard) { SweepDelete({/*discard=*/true, /*deferred=*/true}); }

// The same, with the discard outside of the set's lock.
TEST_P(DeleteSweepVmTest, DeleteWithLongDiscard) {
  options().long_discard = sys::Bytes{1};
  SweepDelete({/*discard=*/true, /*deferred=*/false});
}

TEST_P(DeleteSweepVmTest, CollectWithLongDiscard) {
  options().long_discard = sys::Bytes{1};
  SweepCollect();
}

TEST_P(DeleteSweepVmTest, DeferredDeleteOfADeviceInUse) {
  Open();
  std::unique_ptr<sys::File> user;
  Sweep(
      [&](uint64_t) {
        AddWithData("a");
        user = Hold(Activate("a"));
      },
      [&] {
        return set().Delete("a", {/*discard=*/true, /*deferred=*/true});
      },
      [&](uint64_t, bool reported) {
        user.reset();
        ExpectWholeOrGone("a", reported);
      });
}

TEST_P(DeleteSweepVmTest, Collect) { SweepCollect(); }

// Another user has come by the device when the next start ends its deletion.
TEST_P(DeleteSweepVmTest, RepairOfADiscardWhoseDeviceIsOpen) {
  Open();
  const dm::DmUuid device = SetUuid("a");
  Sweep(
      [&](uint64_t) {
        AddWithData("a");
        faulty().SetPlan(StopAfterIoctl(kBlockDiscard));
        EXPECT_FALSE(set().Delete("a", {/*discard=*/true, /*deferred=*/false}).ok());
        faulty().SetPlan(nullptr);
        Close();
      },
      [&] {
        const auto info = plain().Info(device);
        const std::unique_ptr<sys::File> user = info.ok() ? Hold(info->device) : nullptr;
        return TryOpen();
      },
      [&](uint64_t, bool) { ExpectWholeOrGone("a", /*reported=*/true); });
}

}  // namespace
}  // namespace dmkit::thinp
