// SPDX-License-Identifier: Apache-2.0
// The life of a store's devices on a real kernel, and what each step costs.

#include <cerrno>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/block.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/pool.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr absl::StatusCode kInvalidArgument = absl::StatusCode::kInvalidArgument;

using DeviceSetVmTest = DeviceSetFixture;

TEST_F(DeviceSetVmTest, FirstOpenMakesTheStoreAndTheNextFindsIt) {
  EXPECT_THAT(SetExists(host(), options().root), IsOkAndHolds(false));
  const std::string uuid = Open().uuid();
  EXPECT_EQ(uuid.size(), 36u);
  EXPECT_THAT(SetExists(host(), options().root), IsOkAndHolds(true));
  EXPECT_THAT(MappedDevices(), ElementsAre(SetName("pool")));
  EXPECT_THAT(LoopFiles(),
              UnorderedElementsAre(StatePath("pool/data"), StatePath("pool/metadata")));
  EXPECT_EQ(set().data_loop_path(), StatePath("pool/data"));
  EXPECT_TRUE(set().pool_state().formatted());
  EXPECT_TRUE(Exists("/dev/mapper/" + SetName("pool")));
  Add("a");
  ExpectClean();
  EXPECT_EQ(Open().uuid(), uuid);
  EXPECT_THAT(Names(), ElementsAre("a"));
  TakeDown();
  EXPECT_THAT(MappedDevices(), IsEmpty());
  EXPECT_THAT(LoopFiles(), IsEmpty());
  EXPECT_EQ(Open().uuid(), uuid);
  EXPECT_THAT(Names(), ElementsAre("a"));
  ExpectClean();
}

TEST_F(DeviceSetVmTest, OpenWithoutCreateMakesNothing) {
  options().create = false;
  EXPECT_THAT(TryOpen(), FailsWithErrno(ENOENT));
  EXPECT_FALSE(Exists(options().root));
  // Directories alone are no store.
  ASSERT_THAT(sys::MakeDirs(*plain_host().root, StatePath("devices"), 0700), IsOk());
  EXPECT_THAT(TryOpen(), FailsWithErrno(ENOENT));
  EXPECT_FALSE(Exists(StatePath("set")));
  EXPECT_THAT(MappedDevices(), IsEmpty());
}

TEST_F(DeviceSetVmTest, NewDeviceIsRecordedAsAskedFor) {
  Open();
  proto::DeviceLabels labels;
  labels.set_filesystem("ext4");
  labels.set_created_unix_seconds(12345);
  const auto device = set().AddThin("web", kDeviceSize, labels);
  ASSERT_THAT(device, IsOk());
  EXPECT_EQ(device->name(), "web");
  EXPECT_EQ(device->size_bytes(), kDeviceSize.count());
  EXPECT_EQ(device->transaction_id(), PoolTransaction());
  EXPECT_EQ(device->origin(), "");
  const auto found = set().Find("web");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->SerializeAsString(), device->SerializeAsString());
  EXPECT_EQ(found->labels().filesystem(), "ext4");
  EXPECT_FALSE(IsActive("web"));
  EXPECT_THAT(set().AddThin("web", kDeviceSize, labels), FailsWithErrno(EEXIST));
  EXPECT_THAT(set().Find("db"), FailsWithErrno(ENOENT));
  ExpectClean();
}

TEST_F(DeviceSetVmTest, BadNamesAndSizesAreRefusedBeforeAnyCall) {
  Open();
  faulty().SetPlan(nullptr);
  for (const char* name : {"", ".", "..", ".probe", "pool", "a/b", "../x"}) {
    EXPECT_THAT(set().AddThin(name, kDeviceSize, {}), FailsWithCode(kInvalidArgument)) << name;
    EXPECT_THAT(set().AddSnapshot(name, "a", kDeviceSize, {}), FailsWithCode(kInvalidArgument));
    EXPECT_THAT(set().AddSnapshot("a", name, kDeviceSize, {}), FailsWithCode(kInvalidArgument));
    EXPECT_THAT(set().Find(name), FailsWithCode(kInvalidArgument)) << name;
  }
  EXPECT_THAT(set().AddThin(std::string(86, 'x'), kDeviceSize, {}),
              FailsWithCode(kInvalidArgument));
  for (const uint64_t size : {uint64_t{0}, uint64_t{511}, uint64_t{513}}) {
    EXPECT_THAT(set().AddThin("a", sys::Bytes{size}, {}), FailsWithCode(kInvalidArgument)) << size;
  }
  EXPECT_EQ(faulty().calls(), 0u);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(DeviceSetVmTest, IdsAndTransactionsOnlyIncrease) {
  Open();
  EXPECT_EQ(Add("a").thin_id(), 1u);
  EXPECT_EQ(Add("b").thin_id(), 2u);
  EXPECT_THAT(set().Delete("b"), IsOk());
  EXPECT_EQ(PoolTransaction(), 3u);
  Open();
  const proto::DeviceState again = Add("b");
  EXPECT_EQ(again.thin_id(), 3u) << "an id that was used is not used again";
  EXPECT_EQ(again.transaction_id(), 4u);
}

TEST_F(DeviceSetVmTest, SnapshotOfAnInactiveOriginHasItsData) {
  Open();
  Add("a");
  ASSERT_THAT(Fill(Activate("a"), 0, kMiB, 'a'), IsOk());
  Deactivate("a");
  const proto::DeviceState snapshot = Snapshot("b", "a");
  EXPECT_EQ(snapshot.origin(), "a");
  EXPECT_FALSE(IsActive("a"));
  EXPECT_EQ(Read(Activate("b"), 0, kMiB), std::string(kMiB, 'a'));
  ExpectClean();
}

TEST_F(DeviceSetVmTest, SnapshotOfAMountedOriginIsConsistentAndTheOriginRunsOn) {
  Open();
  Add("a");
  const std::string node = *sys::BlockNode(plain_host(), Activate("a"));
  Run({"mkfs.ext4", "-q", node});
  const std::string mount_point = dir() + "/mnt";
  ASSERT_THAT(plain_host().root->MakeDir(mount_point, 0755), IsOk());
  ASSERT_THAT(plain_host().mounts->Mount({node, mount_point, "ext4", 0, ""}), IsOk());
  const std::string contents(kMiB, 'x');
  {
    auto mounted = plain_host().root->OpenDir(mount_point);
    ASSERT_THAT(sys::ReplaceFile(**mounted, "before", contents), IsOk());
    Snapshot("b", "a");
    EXPECT_THAT(SuspendedDevices(), IsEmpty());
    ASSERT_THAT(sys::ReplaceFileDurably(**mounted, "after", "y"), IsOk());
  }
  ASSERT_THAT(plain_host().mounts->Unmount(mount_point, sys::UnmountMode::kNormal), IsOk());
  const std::string snapshot = *sys::BlockNode(plain_host(), Activate("b"));
  // A frozen filesystem has nothing left in its journal.
  Run({"e2fsck", "-f", "-n", snapshot});
  ASSERT_THAT(plain_host().mounts->Mount({snapshot, mount_point, "ext4", 0, ""}), IsOk());
  EXPECT_EQ(ReadText(mount_point + "/before"), contents);
  EXPECT_FALSE(Exists(mount_point + "/after"));
  ASSERT_THAT(plain_host().mounts->Unmount(mount_point, sys::UnmountMode::kNormal), IsOk());
  ExpectClean();
}

TEST_F(DeviceSetVmTest, SnapshotMayBeLargerButNotSmallerThanItsOrigin) {
  Open();
  Add("a");
  EXPECT_THAT(set().AddSnapshot("b", "a", sys::Bytes{kDeviceSize.count() - 512}, {}),
              FailsWithCode(kInvalidArgument));
  EXPECT_THAT(set().AddSnapshot("b", "a", sys::Bytes{2 * kDeviceSize.count()}, {}), IsOk());
  const auto size =
      sys::BlockSize(**sys::OpenBlock(plain_host(), Activate("b"), sys::OpenOptions()));
  EXPECT_THAT(size, IsOkAndHolds(sys::Bytes{2 * kDeviceSize.count()}));
}

TEST_F(DeviceSetVmTest, SnapshotOfAMissingOriginIsEnoentAndChangesNothing) {
  Open();
  const uint64_t before = PoolTransaction();
  EXPECT_THAT(set().AddSnapshot("b", "a", kDeviceSize, {}), FailsWithErrno(ENOENT));
  EXPECT_EQ(PoolTransaction(), before);
  EXPECT_FALSE(Exists(StatePath("transaction")));
  ExpectClean();
}

TEST_F(DeviceSetVmTest, DeleteTakesAnActiveDeviceDownFirst) {
  Open();
  Add("a");
  Add("b");
  Activate("a");
  EXPECT_THAT(set().Delete("a"), IsOk());
  EXPECT_THAT(set().Delete("b"), IsOk());
  EXPECT_THAT(MappedDevices(), ElementsAre(SetName("pool")));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(set().Delete("a"), FailsWithErrno(ENOENT)) << "also when repeated";
  ExpectClean();
}

TEST_F(DeviceSetVmTest, DeleteOfABusyDeviceFailsWithEbusyAndChangesNothing) {
  Open();
  Add("a");
  const sys::DeviceNumber device = Activate("a");
  const uint64_t before = PoolTransaction();
  {
    const auto holder = Hold(device);
    EXPECT_THAT(set().Delete("a"), FailsWithErrno(EBUSY));
  }
  EXPECT_TRUE(IsActive("a"));
  EXPECT_THAT(set().Find("a"), IsOk());
  EXPECT_EQ(PoolTransaction(), before);
  ExpectClean();
  EXPECT_THAT(set().Delete("a"), IsOk());
}

// Somebody has mapped the same thin id under a name of his own.
TEST_F(DeviceSetVmTest, DeleteOfAThinIdInUseElsewhereFailsWithEbusyAndTheStoreGoesOn) {
  Open();
  const proto::DeviceState device = Add("a");
  const auto table = set().pool().ThinTable(Id(device.thin_id()), sys::Sectors{128});
  ASSERT_THAT(dm::CreateDevice(plain(), {Name("other"), Uuid("TEST-other"), table, false}), IsOk());
  EXPECT_THAT(set().Delete("a"), FailsWithErrno(EBUSY));
  EXPECT_THAT(set().Find("a"), IsOk());
  ExpectClean();
  Add("b");
  Remove("other");
  EXPECT_THAT(set().Delete("a"), IsOk());
  ExpectClean();
}

TEST_F(DeviceSetVmTest, DeviceWhoseThinIsGoneCanStillBeDeleted) {
  Open();
  const proto::DeviceState device = Add("a");
  ASSERT_THAT(SendPool(absl::StrCat("delete ", device.thin_id())), IsOk());
  EXPECT_THAT(set().Activate(device), FailsWithErrno(ENODATA));
  EXPECT_THAT(set().Delete("a"), IsOk());
  ExpectClean();
}

TEST_F(DeviceSetVmTest, FullPoolRefusesNewDevicesAndLetsOldOnesBeDeleted) {
  options().pool.data_loop_size = sys::Bytes{8 * kMiB};
  Open();
  Add("a");
  Add("b");
  Pool pool = set().pool();
  ThinPoolParams params = pool.params();
  params.features.error_if_no_space = true;
  ASSERT_THAT(pool.Reload(params), IsOk());
  const sys::DeviceNumber device = Activate("a");
  ASSERT_THAT(Fill(device, 0, 8 * kMiB, 'x'), IsOk());
  ASSERT_FALSE(Fill(device, 8 * kMiB, 65536, 'x').ok());
  for (const auto& refused :
       {set().AddThin("c", kDeviceSize, {}), set().AddSnapshot("c", "b", kDeviceSize, {})}) {
    EXPECT_THAT(refused, FailsWithCode(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("out_of_data_space"));
  }
  EXPECT_FALSE(IsActive("b")) << "refused before anything was done";
  EXPECT_THAT(set().Delete("b"), IsOk());
  EXPECT_THAT(set().Delete("a"), IsOk());
  ExpectClean();
  Add("c");
}

TEST_F(DeviceSetVmTest, LabelsAndSizeAreReplacedDurably) {
  Open();
  Add("a");
  proto::DeviceLabels labels;
  labels.set_ready(true);
  EXPECT_THAT(set().SetLabels("a", labels), IsOk());
  labels.set_growing(true);
  EXPECT_THAT(set().SetSize("a", sys::Bytes{2 * kDeviceSize.count()}, labels), IsOk());
  EXPECT_THAT(set().SetSize("a", kDeviceSize, {}), FailsWithCode(kInvalidArgument));
  EXPECT_THAT(set().SetSize("a", sys::Bytes{2 * kDeviceSize.count() + 1}, {}),
              FailsWithCode(kInvalidArgument));
  const auto device = Open().Find("a");
  ASSERT_THAT(device, IsOk());
  EXPECT_TRUE(device->labels().ready());
  EXPECT_TRUE(device->labels().growing());
  EXPECT_EQ(device->size_bytes(), 2 * kDeviceSize.count());
  EXPECT_THAT(set().SetLabels("b", labels), FailsWithErrno(ENOENT));
  EXPECT_THAT(set().SetSize("b", kDeviceSize, {}), FailsWithErrno(ENOENT));
}

// ---- What it costs.

class DeviceSetCostVmTest : public DeviceSetFixture {
 protected:
  struct Cost {
    uint64_t ioctls;
    uint64_t fsyncs;
    bool operator==(const Cost& other) const {
      return ioctls == other.ioctls && fsyncs == other.fsyncs;
    }
  };
  friend std::ostream& operator<<(std::ostream& out, const Cost& cost) {
    return out << cost.ioctls << " ioctls, " << cost.fsyncs << " fsyncs";
  }

  template <typename Operation>
  Cost CostOf(Operation operation) {
    faulty().SetPlan(nullptr);
    EXPECT_THAT(operation(), IsOk());
    return {faulty().CountOf("Ioctl") + faulty().CountOf("IoctlValue"), faulty().CountOf("Sync")};
  }

  uint64_t CallsToOpen() {
    Close();
    faulty().SetPlan(nullptr);
    Open();
    return faulty().calls();
  }
};

// One looks at the pool, two are the create or delete message and the move of the transaction id,
// each followed by a status; two of the fsyncs are the intent's.
TEST_F(DeviceSetCostVmTest, EachChangeCostsACountedNumberOfIoctlsAndFsyncs) {
  Open();
  EXPECT_EQ(CostOf([&] { return set().AddThin("a", kDeviceSize, {}); }), (Cost{5, 4}));
  // One more asks whether the origin is active.
  EXPECT_EQ(CostOf([&] { return set().AddSnapshot("b", "a", kDeviceSize, {}); }), (Cost{6, 4}));
  const auto device = set().Find("a");
  EXPECT_EQ(CostOf([&] { return set().Activate(*device); }), (Cost{4, 0}));
  EXPECT_EQ(CostOf([&] { return set().Activate(*device); }), (Cost{3, 0})) << "already active";
  // Suspend and resume.
  EXPECT_EQ(CostOf([&] { return set().AddSnapshot("c", "a", kDeviceSize, {}); }), (Cost{8, 4}));
  EXPECT_EQ(CostOf([&] { return set().Deactivate("a", absl::Seconds(5), false); }), (Cost{1, 0}));
  Activate("c");
  EXPECT_EQ(CostOf([&] { return set().Delete("c"); }), (Cost{6, 3})) << "active";
  EXPECT_EQ(CostOf([&] { return set().Delete("b"); }), (Cost{6, 3})) << "not active";
}

TEST_F(DeviceSetCostVmTest, OpenCostsTheSameWithThreeAndWithThirtyDevices) {
  Open();
  for (int i = 0; i < 3; ++i) Add(absl::StrCat("a", i));
  const uint64_t calls_up = CallsToOpen();
  TakeDown();
  const uint64_t calls_down = CallsToOpen();
  for (int i = 3; i < 30; ++i) Snapshot(absl::StrCat("a", i), "a0");
  EXPECT_EQ(CallsToOpen(), calls_up);
  TakeDown();
  EXPECT_EQ(CallsToOpen(), calls_down);
  ExpectClean();
}

}  // namespace
}  // namespace dmkit::thinp
