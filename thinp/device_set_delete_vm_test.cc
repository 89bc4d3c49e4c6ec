// SPDX-License-Identifier: Apache-2.0
// The end of a device on a kernel: in use and deleted later, and with its blocks handed back.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr DeleteOptions kAtOnce{/*discard=*/false, /*deferred=*/false};
constexpr DeleteOptions kDiscard{/*discard=*/true, /*deferred=*/false};
constexpr DeleteOptions kDeferred{/*discard=*/false, /*deferred=*/true};
constexpr DeleteOptions kBoth{/*discard=*/true, /*deferred=*/true};

class DeviceSetDeleteVmTest : public DeviceSetFixture {
 protected:
  void SetUp() override { Open(); }

  uint64_t LoopFileBytes() {
    const auto stat = plain_host().root->Stat(set().data_loop_path());
    EXPECT_THAT(stat, IsOk());
    return stat.ok() ? stat->allocated_bytes : 0;
  }

  // A device with 8 MiB of data, not active.
  void AddWithData(const std::string& name) {
    Add(name);
    ASSERT_THAT(Fill(Activate(name), 0, 8 * kMiB, 'x'), IsOk());
    Deactivate(name);
  }
};

TEST_F(DeviceSetDeleteVmTest, DeviceInUseStaysAsItIsUnlessItsDeletionMayBeDeferred) {
  Add("a");
  const auto user = Hold(Activate("a"));
  EXPECT_THAT(set().Delete("a", kAtOnce), FailsWithErrno(EBUSY));
  EXPECT_THAT(set().Delete("a", kDiscard), FailsWithErrno(EBUSY));
  EXPECT_THAT(set().Find("a"), IsOk());
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(IsEmpty()));
  ExpectClean();
}

TEST_F(DeviceSetDeleteVmTest, DeletedDeviceInUseIsNotFoundAndKeepsItsThinDevice) {
  Add("a");
  auto user = Hold(Activate("a"));
  EXPECT_THAT(set().Delete("a", kBoth), IsOk());
  EXPECT_THAT(set().Find("a"), FailsWithErrno(ENOENT));
  EXPECT_THAT(set().Delete("a", kBoth), FailsWithErrno(ENOENT));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(ElementsAre("a")));
  EXPECT_EQ(set().Contents()->size(), 1u);
  ExpectClean();
  EXPECT_THAT(set().Collect("a", true, kPatience), FailsWithErrno(EBUSY));
  user.reset();
  EXPECT_TRUE(IsInactiveInTime("a")) << "the kernel removes it after its last close";
}

TEST_F(DeviceSetDeleteVmTest, DeletedDeviceIsCollectedAfterARestart) {
  Add("a");
  auto user = Hold(Activate("a"));
  ASSERT_THAT(set().Delete("a", kDeferred), IsOk());
  Open();
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(ElementsAre("a")));
  EXPECT_THAT(set().IsDeleted("a"), IsOkAndHolds(true));
  user.reset();
  EXPECT_THAT(set().Collect("a", false, kPatience), IsOk());
  EXPECT_THAT(set().Collect("a", false, kPatience), IsOk()) << "repeated";
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(*set().Contents(), IsEmpty());
  ExpectClean();
}

TEST_F(DeviceSetDeleteVmTest, NameOfADeletedDeviceIsFreeWhenItsUserHasGone) {
  const uint32_t first = Add("a").thin_id();
  auto user = Hold(Activate("a"));
  ASSERT_THAT(set().Delete("a", kDeferred), IsOk());
  EXPECT_THAT(set().AddThin("a", kDeviceSize, {}), FailsWithErrno(EBUSY));
  EXPECT_THAT(set().Find("a"), FailsWithErrno(ENOENT));
  user.reset();
  EXPECT_NE(Add("a").thin_id(), first);
  EXPECT_EQ(set().Contents()->size(), 1u);
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(IsEmpty()));
  ExpectClean();
}

TEST_F(DeviceSetDeleteVmTest, DeviceThatExistsIsNotCollectedForAMarkThatACrashLeft) {
  const proto::DeviceState device = Add("a");
  ASSERT_THAT(Files().WriteDeleted(device), IsOk());
  Open();
  ExpectClean();
  EXPECT_THAT(set().Collect("a", true, kPatience), IsOk());
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(set().Find("a"), IsOk());
  ExpectClean();
}

TEST_F(DeviceSetDeleteVmTest, DamagedFileOfADeletedDeviceIsReportedAndItsNameStaysTaken) {
  Add("a");
  auto user = Hold(Activate("a"));
  ASSERT_THAT(set().Delete("a", kDeferred), IsOk());
  user.reset();
  WriteText(StatePath("deleted/a"), "# dmkit device v1\nname: \"a");
  Open();
  const auto report = set().Check();
  ASSERT_THAT(report, IsOk());
  ASSERT_EQ(report->quarantined.size(), 1u);
  EXPECT_EQ(report->quarantined[0].file, "deleted/a");
  EXPECT_TRUE(absl::IsDataLoss(set().Collect("a", false, kPatience)));
  EXPECT_TRUE(absl::IsDataLoss(set().AddThin("a", kDeviceSize, {}).status()));
}

TEST_F(DeviceSetDeleteVmTest, DiscardGivesTheLoopFileItsSpaceBack) {
  AddWithData("plain");
  AddWithData("discarded");
  const uint64_t full = LoopFileBytes();
  ASSERT_THAT(set().Delete("plain", kAtOnce), IsOk());
  EXPECT_GE(LoopFileBytes() + kMiB, full);
  ASSERT_THAT(set().Delete("discarded", kDiscard), IsOk());
  EXPECT_LE(LoopFileBytes() + 7 * kMiB, full);
  EXPECT_FALSE(IsActive("discarded"));
  ExpectClean();
}

// What others do while the blocks of "a" are handed back.
class LongDiscardVmTest : public DeviceSetDeleteVmTest {
 protected:
  void SetUp() override {
    options().long_discard = sys::Bytes{8 * kMiB};
    options().lock_patience = absl::ZeroDuration();
    Open();
    auto other = DeviceSet::Open(plain(), options());
    ASSERT_THAT(other, IsOk());
    other_ = *std::move(other);
  }
  void TearDown() override {
    other_.reset();
    DeviceSetDeleteVmTest::TearDown();
  }

  // Calls `meanwhile` before the first discard.
  void AtDiscard(std::function<void()> meanwhile) {
    faulty().SetPlan([this, meanwhile](const sys::SeamCall& call) {
      if (absl::StartsWith(call.object, "0x1277") && discards_++ == 0) meanwhile();
      return 0;
    });
  }

  // Has the set's lock held by somebody else from the first discard on, until Unlock.
  void LockAtDiscard() {
    AtDiscard([this] {
      const auto root = plain_host().root->OpenDir(options().root);
      ASSERT_THAT(root, IsOk());
      auto lock = sys::AcquireLock(plain_host(), **root, "lock", "test", absl::ZeroDuration());
      ASSERT_THAT(lock, IsOk());
      held_.emplace(*std::move(lock));
    });
  }
  void Unlock() {
    EXPECT_TRUE(held_.has_value());
    held_.reset();
    faulty().SetPlan(nullptr);
  }

  std::unique_ptr<DeviceSet> other_;
  std::optional<sys::HeldLock> held_;
  int discards_ = 0;
};

TEST_F(LongDiscardVmTest, LongDiscardKeepsNobodyWaiting) {
  AddWithData("a");
  const uint64_t full = LoopFileBytes();
  AtDiscard([&] {
    EXPECT_THAT(other_->Find("a"), FailsWithErrno(ENOENT));
    EXPECT_THAT(other_->DeletedDevices(), IsOkAndHolds(ElementsAre("a")));
    EXPECT_THAT(other_->Collect("a", true, kPatience), FailsWithErrno(EBUSY));
    EXPECT_THAT(other_->AddThin("b", kDeviceSize, {}), IsOk());
    EXPECT_THAT(other_->AddThin("a", kDeviceSize, {}), FailsWithErrno(EBUSY));
  });
  EXPECT_THAT(set().Delete("a", kDiscard), IsOk());
  faulty().SetPlan(nullptr);
  EXPECT_EQ(discards_, 1);
  EXPECT_LE(LoopFileBytes() + 7 * kMiB, full);
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(Names(), ElementsAre("b"));
  EXPECT_EQ(set().Contents()->size(), 1u);
  ExpectClean();
}

// As early as that is possible: at each call from the first discard on it is tried.
TEST_F(LongDiscardVmTest, DeviceThatAnotherProcessMakesOfTheSameNameStays) {
  AddWithData("a");
  bool made = false;
  faulty().SetPlan([&](const sys::SeamCall& call) {
    if (absl::StartsWith(call.object, "0x1277")) ++discards_;
    if (discards_ == 0 || made) return 0;
    const auto device = other_->AddThin("a", kDeviceSize, {});
    made = device.ok();
    if (made) {
      EXPECT_THAT(other_->Activate(*device), IsOk());
    }
    return 0;
  });
  EXPECT_THAT(set().Delete("a", kDiscard), IsOk());
  faulty().SetPlan(nullptr);
  EXPECT_TRUE(made);
  EXPECT_TRUE(IsActive("a"));
  EXPECT_THAT(Names(), ElementsAre("a"));
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(IsEmpty()));
  ExpectClean();
}

TEST_F(LongDiscardVmTest, CollectionThatDiscardsLongKeepsNobodyWaiting) {
  AddWithData("a");
  auto user = Hold(Activate("a"));
  ASSERT_THAT(set().Delete("a", kDeferred), IsOk());
  user.reset();
  AtDiscard([&] { EXPECT_THAT(other_->AddThin("b", kDeviceSize, {}), IsOk()); });
  EXPECT_THAT(set().Collect("a", true, kPatience), IsOk());
  faulty().SetPlan(nullptr);
  EXPECT_EQ(discards_, 1);
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(IsEmpty()));
  EXPECT_EQ(set().Contents()->size(), 1u);
  ExpectClean();
}

TEST_F(LongDiscardVmTest, ShortDiscardIsDoneUnderTheLockAndSavesFiveFsyncs) {
  Add("a");
  ASSERT_THAT(Fill(Activate("a"), 0, kMiB, 'x'), IsOk());
  Deactivate("a");
  AtDiscard([&] { EXPECT_THAT(other_->AddThin("b", kDeviceSize, {}), FailsWithErrno(ETIMEDOUT)); });
  EXPECT_THAT(set().Delete("a", kDiscard), IsOk());
  const uint64_t syncs = faulty().CountOf("Sync");
  AddWithData("c");
  faulty().SetPlan(nullptr);
  EXPECT_THAT(set().Delete("c", kDiscard), IsOk());
  EXPECT_EQ(faulty().CountOf("Sync"), syncs + 5);
}

TEST_F(LongDiscardVmTest, DeviceWhosePoolIsBusyAfterwardsIsLeftToTheCollection) {
  AddWithData("a");
  LockAtDiscard();
  EXPECT_THAT(set().Delete("a", kDiscard), IsOk());
  Unlock();
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(ElementsAre("a")));
  EXPECT_THAT(set().Collect("a", true, kPatience), IsOk());
  EXPECT_THAT(*set().Contents(), IsEmpty());
  ExpectClean();
}

TEST_F(LongDiscardVmTest, CollectionWhosePoolIsBusyAfterwardsHasNotFreedTheDevice) {
  AddWithData("a");
  auto user = Hold(Activate("a"));
  ASSERT_THAT(set().Delete("a", kDeferred), IsOk());
  user.reset();
  LockAtDiscard();
  EXPECT_THAT(set().Collect("a", true, kPatience), FailsWithErrno(ETIMEDOUT));
  Unlock();
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(ElementsAre("a")));
  EXPECT_THAT(set().Collect("a", true, kPatience), IsOk());
  EXPECT_THAT(set().DeletedDevices(), IsOkAndHolds(IsEmpty()));
  ExpectClean();
}

TEST_F(DeviceSetDeleteVmTest, DiscardLeavesWhatASnapshotSharesAlone) {
  AddWithData("origin");
  Snapshot("snapshot", "origin");
  ASSERT_THAT(set().Delete("origin", kDiscard), IsOk());
  EXPECT_EQ(Read(Activate("snapshot"), 4 * kMiB, 4096), std::string(4096, 'x'));
}

TEST_F(DeviceSetDeleteVmTest, DiscardOfADeviceThatWasLeftActiveWorks) {
  Add("a");
  ASSERT_THAT(Fill(Activate("a"), 0, 8 * kMiB, 'x'), IsOk());
  const uint64_t full = LoopFileBytes();
  ASSERT_THAT(set().Delete("a", kDiscard), IsOk());
  EXPECT_LE(LoopFileBytes() + 7 * kMiB, full);
}

TEST_F(DeviceSetDeleteVmTest, ThinDeviceThatSomebodyElseDeletedIsNoErrorOfADiscard) {
  const uint32_t id = Add("a").thin_id();
  ASSERT_THAT(SendPool(absl::StrCat("delete ", id)), IsOk());
  EXPECT_THAT(set().Delete("a", kDiscard), IsOk());
  ExpectClean();
}

TEST_F(DeviceSetDeleteVmTest, EachWayToDeleteCostsAKnownNumberOfIoctlsAndSyncs) {
  const auto delete_costs = [&](const DeleteOptions& options, uint64_t ioctls, uint64_t syncs) {
    faulty().SetPlan(nullptr);
    ASSERT_THAT(set().Delete("a", options), IsOk());
    EXPECT_EQ(faulty().CountOf("Ioctl"), ioctls);
    EXPECT_EQ(faulty().CountOf("Sync"), syncs);
  };
  Add("a");
  delete_costs(kDeferred, 6, 3);
  Add("a");
  delete_costs(kBoth, 10, 3);
}

}  // namespace
}  // namespace dmkit::thinp
