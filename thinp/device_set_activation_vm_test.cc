// SPDX-License-Identifier: Apache-2.0
// Mapped devices of a store: made, found again, lengthened, taken down, and never taken from
// others.

#include <cerrno>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "dm/udev.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/lock_file.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/state.pb.h"
#include "thinp/state_file.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// DEV_SUSPEND, which also resumes.
constexpr char kSuspendRequest[] = "0xc138fd06";

class DeviceSetActivationVmTest : public DeviceSetFixture {
 protected:
  void SetUp() override {
    Open();
    device_ = Add("a");
  }
  uint64_t LengthOf(const std::string& name) {
    const auto table = plain().Table(SetUuid(name), dm::StatusOptions());
    EXPECT_THAT(table, IsOk());
    return table->targets.empty() ? 0 : table->targets[0].length.count();
  }
  proto::DeviceState device_;
};

TEST_F(DeviceSetActivationVmTest, ActivateMakesTheDeviceAndItsNodeOnce) {
  const auto info = set().Activate(device_);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->name, SetName("a"));
  EXPECT_EQ(info->uuid, SetUuid("a").text());
  EXPECT_EQ(LengthOf("a"), kDeviceSize.count() / 512);
  EXPECT_TRUE(Exists("/dev/mapper/" + SetName("a")));
  const auto again = set().Activate(device_);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->device, info->device);
  EXPECT_THAT(set().ActiveDevices(), IsOkAndHolds(ElementsAre("a")));
  EXPECT_EQ(set().DeviceName("a")->text(), SetName("a"));
}

TEST_F(DeviceSetActivationVmTest, DeactivateRemovesDeviceAndNodeAndIsRepeatable) {
  Activate("a");
  EXPECT_THAT(set().Deactivate("a", absl::ZeroDuration(), false), IsOk());
  EXPECT_THAT(set().Deactivate("a", absl::ZeroDuration(), false), IsOk());
  EXPECT_FALSE(IsActive("a"));
  EXPECT_FALSE(Exists("/dev/mapper/" + SetName("a")));
  EXPECT_THAT(set().ActiveDevices(), IsOkAndHolds(IsEmpty()));
}

TEST_F(DeviceSetActivationVmTest, DeactivateOfABusyDeviceFailsWithEbusy) {
  const auto holder = Hold(Activate("a"));
  EXPECT_THAT(set().Deactivate("a", absl::Milliseconds(10), false), FailsWithErrno(EBUSY));
  EXPECT_TRUE(IsActive("a"));
}

TEST_F(DeviceSetActivationVmTest, DeferredDeviceGoesWithItsLastClose) {
  auto holder = Hold(Activate("a"));
  EXPECT_THAT(set().Deactivate("a", absl::Milliseconds(10), true), IsOk());
  EXPECT_TRUE(IsActive("a"));
  holder.reset();
  for (int tries = 0; IsActive("a") && tries < 1000; ++tries) {
    plain_host().clock->Sleep(absl::Milliseconds(5));
  }
  EXPECT_FALSE(IsActive("a"));
  EXPECT_THAT(set().Deactivate("a", absl::ZeroDuration(), false), IsOk());
  EXPECT_FALSE(Exists("/dev/mapper/" + SetName("a"))) << "the node goes later";
}

TEST_F(DeviceSetActivationVmTest, ActivateCallsADeferredRemovalOff) {
  {
    const auto holder = Hold(Activate("a"));
    ASSERT_THAT(set().Deactivate("a", absl::ZeroDuration(), true), IsOk());
    ASSERT_TRUE(plain().Info(SetUuid("a"))->deferred_remove);
    EXPECT_THAT(set().Activate(device_), IsOk());
    EXPECT_FALSE(plain().Info(SetUuid("a"))->deferred_remove);
  }
  EXPECT_TRUE(IsActive("a"));
}

TEST_F(DeviceSetActivationVmTest, ActivateLengthensADeviceThatHasGrown) {
  const sys::DeviceNumber number = Activate("a");
  const auto holder = Hold(number);
  ASSERT_THAT(set().SetSize("a", sys::Bytes{2 * kDeviceSize.count()}, {}), IsOk());
  EXPECT_EQ(Activate("a"), number);
  EXPECT_EQ(LengthOf("a"), 2 * kDeviceSize.count() / 512);
}

// Who read the state before another process lengthened the device knows an old size.
TEST_F(DeviceSetActivationVmTest, ActivateNeverShortensADevice) {
  ASSERT_THAT(set().SetSize("a", sys::Bytes{2 * kDeviceSize.count()}, {}), IsOk());
  Activate("a");
  EXPECT_THAT(set().Activate(device_), IsOk());
  EXPECT_EQ(LengthOf("a"), 2 * kDeviceSize.count() / 512);
}

TEST_F(DeviceSetActivationVmTest, DeviceWithoutATableIsCompleted) {
  dm::CreateOptions options;
  options.uuid = SetUuid("a");
  ASSERT_THAT(plain().Create(Name(SetName("a")), options), IsOk());
  const sys::DeviceNumber number = Activate("a");
  EXPECT_EQ(LengthOf("a"), kDeviceSize.count() / 512);
  EXPECT_TRUE(Exists("/dev/mapper/" + SetName("a")));
  EXPECT_THAT(Fill(number, 0, 4096, 'x'), IsOk());
}

TEST_F(DeviceSetActivationVmTest, DeviceLeftSuspendedIsResumed) {
  const sys::DeviceNumber number = Activate("a");
  ASSERT_THAT(plain().Suspend(SetUuid("a"), dm::SuspendOptions()), IsOk());
  EXPECT_EQ(Activate("a"), number);
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
}

// A snapshot under way needs its origin suspended; whoever takes it holds the lock.
TEST_F(DeviceSetActivationVmTest, SuspendedDeviceIsNotResumedWhileSomebodyHoldsTheLock) {
  options().lock_patience = absl::Milliseconds(20);
  Open();
  Activate("a");
  ASSERT_THAT(plain().Suspend(SetUuid("a"), dm::SuspendOptions()), IsOk());
  auto root = plain_host().root->OpenDir(options().root);
  ASSERT_THAT(root, IsOk());
  {
    const auto lock =
        sys::AcquireLock(plain_host(), **root, "lock", "a snapshot", absl::Seconds(1));
    ASSERT_THAT(lock, IsOk());
    EXPECT_THAT(set().Activate(device_), FailsWithErrno(ETIMEDOUT));
    EXPECT_THAT(SuspendedDevices(), ElementsAre(SetName("a")));
  }
  EXPECT_THAT(set().Activate(device_), IsOk());
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
}

// Without the transaction file nobody knows which devices were suspended.
TEST_F(DeviceSetActivationVmTest, DeviceThatCannotBeResumedKeepsNoOtherSuspended) {
  Add("b");
  for (const char* name : {"a", "b"}) {
    Activate(name);
    ASSERT_THAT(plain().Suspend(SetUuid(name), dm::SuspendOptions()), IsOk());
  }
  Close();
  ASSERT_THAT(plain_host().root->Unlink(StatePath("transaction")), IsOk());
  // Both of the first round, not the first of two rounds.
  faulty().SetPlan([resumes = 0](const sys::SeamCall& call) mutable {
    if (!absl::StrContains(call.object, kSuspendRequest)) return 0;
    return ++resumes <= 2 ? EIO : 0;
  });
  Open();
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
}

TEST_F(DeviceSetActivationVmTest, DevicesAreResumedAlsoWhenTheTransactionFileCannotBeRead) {
  Activate("a");
  ASSERT_THAT(plain().Suspend(SetUuid("a"), dm::SuspendOptions()), IsOk());
  WriteText(StatePath("transaction"), EncodeState("transaction", 2, proto::TransactionState()));
  Open();
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
  EXPECT_THAT(set().Delete("a"), FailsWithCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(DeviceSetActivationVmTest, OriginIsResumedAlsoWhenTheRecordIsAheadOfThePool) {
  Activate("a");
  proto::TransactionState record = **Files().ReadTransaction();
  record.set_transaction_id(100);
  record.set_kind(proto::TransactionState::CREATE_SNAPSHOT);
  record.set_suspended_origin("a");
  ASSERT_THAT(Files().WriteTransaction(record), IsOk());
  ASSERT_THAT(plain().Suspend(SetUuid("a"), dm::SuspendOptions()), IsOk());
  Open();
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
  EXPECT_THAT(set().Delete("a"), FailsWithCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(DeviceSetActivationVmTest, StrangersDeviceUnderOurNameIsLeftAlone) {
  const dm::TableLine zero{sys::Sectors{0}, sys::Sectors{8}, *dm::TargetType::Create("zero"), ""};
  ASSERT_THAT(dm::CreateDevice(plain(), {Name(SetName("a")), Uuid("TEST-stranger"), {zero}, false}),
              IsOk());
  const auto active = set().Activate(device_);
  EXPECT_THAT(active, FailsWithErrno(EBUSY));
  EXPECT_THAT(std::string(active.status().message()), HasSubstr("somebody else"));
  EXPECT_THAT(set().Deactivate("a", absl::ZeroDuration(), false), IsOk());
  EXPECT_THAT(set().Delete("a"), IsOk());
  const auto info = plain().Info(Uuid("TEST-stranger"));
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->name, SetName("a"));
  EXPECT_TRUE(Exists("/dev/mapper/" + SetName("a"))) << "its node is not ours to remove";
  ASSERT_THAT(
      dm::RemoveDevice(plain(), {Name(info->name), Uuid("TEST-stranger")}, absl::Seconds(5), false),
      IsOk());
}

TEST_F(DeviceSetActivationVmTest, OurDeviceWithAnotherTableIsRefusedAndLeftAlone) {
  const dm::TableLine zero{sys::Sectors{0}, sys::Sectors{8}, *dm::TargetType::Create("zero"), ""};
  ASSERT_THAT(dm::CreateDevice(plain(), {Name(SetName("a")), SetUuid("a"), {zero}, false}), IsOk());
  const auto active = set().Activate(device_);
  EXPECT_THAT(active, FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(plain().Table(SetUuid("a"), dm::StatusOptions())->targets[0].type, "zero");
  Deactivate("a");
}

TEST_F(DeviceSetActivationVmTest, PoolTakenDownByAnotherProcessIsBroughtUpAgain) {
  auto other = DeviceSet::Open(dm(), options());
  ASSERT_THAT(other, IsOk());
  ASSERT_THAT((*other)->DeactivatePool(), IsOk());
  EXPECT_THAT(MappedDevices(), IsEmpty());
  Activate("a");
  Deactivate("a");
  ASSERT_THAT((*other)->DeactivatePool(), IsOk());
  Snapshot("b", "a");
  ASSERT_THAT((*other)->DeactivatePool(), IsOk());
  EXPECT_THAT(set().Delete("b"), IsOk());
  ASSERT_THAT((*other)->DeactivatePool(), IsOk());
  ExpectClean();
}

// The device number that the pool had belongs to another store's pool now.
TEST_F(DeviceSetActivationVmTest, PoolThatCameUpUnderAnotherNumberIsFollowed) {
  ASSERT_THAT(Fill(Activate("a"), 0, 65536, 'a'), IsOk());
  Deactivate("a");
  const sys::DeviceNumber before = set().pool().device();
  DeviceSetOptions stranger_options = options();
  stranger_options.root = dir() + "/stranger";
  auto ours = DeviceSet::Open(dm(), options());
  ASSERT_THAT(ours, IsOk());
  ASSERT_THAT((*ours)->DeactivatePool(), IsOk());
  auto stranger = DeviceSet::Open(dm(), stranger_options);
  ASSERT_THAT(stranger, IsOk());
  ASSERT_EQ((*stranger)->pool().device(), before) << "the test has not swapped the pools";
  ASSERT_THAT((*stranger)->AddThin("a", kDeviceSize, {}), IsOk());
  ASSERT_THAT(DeviceSet::Open(dm(), options()), IsOk());
  EXPECT_EQ(Read(Activate("a"), 0, 65536), std::string(65536, 'a'));
  Deactivate("a");
  Snapshot("b", "a");
  ExpectClean();
  ASSERT_THAT((*stranger)->DeactivatePool(), IsOk());
}

TEST_F(DeviceSetActivationVmTest, CopyOfTheRootDoesNotTakeThePoolOfItsOriginal) {
  const std::string original = options().root;
  const std::string set_file = *ReadText(StatePath("set"));
  options().root = original + "-copy";
  ASSERT_THAT(sys::MakeDirs(*plain_host().root, StatePath("devices"), 0700), IsOk());
  ASSERT_THAT(sys::MakeDirs(*plain_host().root, StatePath("pool"), 0700), IsOk());
  WriteText(StatePath("set"), set_file);
  for (const bool with_pool_files : {false, true}) {
    if (with_pool_files) WriteText(StatePath("pool/metadata"), "metadata");
    const auto copy = DeviceSet::Open(dm(), options());
    EXPECT_THAT(copy, FailsWithCode(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(std::string(copy.status().message()), HasSubstr(original + "/pool/metadata"));
  }
  options().root = original;
  Open();
  ExpectClean();
}

TEST_F(DeviceSetActivationVmTest, PoolStaysUpWhileADeviceIsActive) {
  Activate("a");
  EXPECT_THAT(set().DeactivatePool(), FailsWithErrno(EBUSY));
  EXPECT_THAT(MappedDevices(), UnorderedElementsAre(SetName("pool"), SetName("a")));
  ExpectClean();
}

TEST_F(DeviceSetActivationVmTest, ProbeThatACrashLeftHoldsNothingUp) {
  dm::CreateOptions options;
  options.uuid = SetUuid(".probe");
  ASSERT_THAT(plain().Create(Name(SetName(".probe")), options), IsOk());
  ASSERT_THAT(plain().Load(SetUuid(".probe"), set().pool().ThinTable(Id(1), sys::Sectors{1}),
                           dm::LoadOptions()),
              IsOk());
  EXPECT_THAT(set().ActiveDevices(), IsOkAndHolds(IsEmpty())) << "it is no device of the set";
  EXPECT_THAT(set().DeactivatePool(), IsOk());
  EXPECT_THAT(MappedDevices(), IsEmpty());
}

}  // namespace
}  // namespace dmkit::thinp
