// SPDX-License-Identifier: Apache-2.0
// A set's pool made larger, also while it is in use, and kept from running full.

#include <cerrno>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/loop_device.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/thin_pool_target.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

class SetGrowthVmTest : public DeviceSetFixture {
 protected:
  uint64_t DataBytes() { return set().pool().Status()->total_data.count() * 65536; }
  uint64_t MetadataBytes() { return set().pool().Status()->total_metadata_blocks * 4096; }
  void Ask(uint64_t data_mib, uint64_t metadata_mib) {
    options().pool.data_loop_size = sys::Bytes{data_mib * kMiB};
    options().pool.metadata_loop_size = sys::Bytes{metadata_mib * kMiB};
  }
  uint64_t FileBytes(const std::string& name) {
    return plain_host().root->Stat(StatePath("pool/" + name))->size_bytes;
  }
};

TEST_F(SetGrowthVmTest, LargerLoopSizesGrowAnActivePoolByExactlyThat) {
  Open();
  Add("a");
  const sys::DeviceNumber device = Activate("a");
  ASSERT_THAT(Fill(device, 0, kMiB, 'x'), IsOk());
  Ask(74, 14);
  Open();
  EXPECT_EQ(DataBytes(), 74 * kMiB);
  EXPECT_EQ(MetadataBytes(), 14 * kMiB);
  EXPECT_EQ(Read(device, 0, 4096), std::string(4096, 'x'));
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
  ExpectClean();
  TakeDown();
  Open();
  EXPECT_EQ(DataBytes(), 74 * kMiB);
}

TEST_F(SetGrowthVmTest, SmallerLoopSizesChangeNothing) {
  Open();
  Ask(54, 2);
  Open();
  EXPECT_EQ(DataBytes(), 64 * kMiB);
  EXPECT_EQ(FileBytes("data"), 64 * kMiB);
  TakeDown();
  Open();
  EXPECT_EQ(DataBytes(), 64 * kMiB);
  EXPECT_EQ(MetadataBytes(), 4 * kMiB);
  ExpectClean();
}

TEST_F(SetGrowthVmTest, GrowthIsAskedForOnceAndThenCostsNoSuspend) {
  Ask(64, 4);
  Open();
  faulty().SetPlan(nullptr);
  Open();
  const uint64_t plain_calls = faulty().CountOf("Ioctl");
  options().pool.data_loop_size.reset();
  options().pool.metadata_loop_size.reset();
  faulty().SetPlan(nullptr);
  Open();
  EXPECT_EQ(plain_calls, faulty().CountOf("Ioctl") + 1) << "one status for the metadata's size";
}

TEST_F(SetGrowthVmTest, GrowPoolTakesWhatFilesHaveGained) {
  Open();
  Add("a");
  Activate("a");
  for (const auto& [name, size] : {std::pair("data", 96 * kMiB), std::pair("metadata", 8 * kMiB)}) {
    sys::OpenOptions open;
    open.access = sys::Access::kReadWrite;
    const auto file = plain_host().root->OpenFile(StatePath(absl::StrCat("pool/", name)), open);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Truncate(size), IsOk());
  }
  options().pool = PoolOptions();
  Open();
  EXPECT_EQ(DataBytes(), 64 * kMiB);
  ASSERT_THAT(set().GrowPool(), IsOk());
  EXPECT_EQ(DataBytes(), 96 * kMiB);
  EXPECT_EQ(MetadataBytes(), 8 * kMiB);
  EXPECT_THAT(set().GrowPool(), IsOk());
  ExpectClean();
}

TEST_F(SetGrowthVmTest, GrowPoolTakesWhatGivenDevicesHaveGained) {
  loop::AttachedLoop& data = Attach("grown-data", 64 * kMiB);
  loop::AttachedLoop& metadata = Attach("grown-metadata", 4 * kMiB);
  options().pool = PoolOptions();
  options().pool.data_device = NodeOf(data);
  options().pool.metadata_device = NodeOf(metadata);
  Open();
  Add("a");
  const auto grow = [&](const std::string& name, const loop::AttachedLoop& loop, uint64_t size) {
    sys::OpenOptions open;
    open.access = sys::Access::kReadWrite;
    const auto file = plain_host().root->OpenFile(absl::StrCat(dir(), "/", name), open);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Truncate(size), IsOk());
    ASSERT_THAT(loop::UpdateCapacity(plain_host(), loop.info.number), IsOk());
  };
  grow("grown-data", data, 80 * kMiB);
  grow("grown-metadata", metadata, 6 * kMiB);
  ASSERT_THAT(set().GrowPool(), IsOk());
  EXPECT_EQ(DataBytes(), 80 * kMiB);
  EXPECT_EQ(MetadataBytes(), 6 * kMiB);
  TakeDown();
  grow("grown-data", data, 96 * kMiB);
  Open();
  EXPECT_EQ(DataBytes(), 96 * kMiB) << "picked up at activation";
  ExpectClean();
}

TEST_F(SetGrowthVmTest, EveryFailingCallOfAGrowthLeavesThePoolRunning) {
  Open();
  Add("a");
  const sys::DeviceNumber device = Activate("a");
  for (uint64_t call = 1;; call += kernel().SweepStep()) {
    Ask(64 + 2 * call, 4);
    faulty().SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const absl::Status opened = TryOpen();
    const bool reached = faulty().calls() >= call;
    faulty().SetPlan(nullptr);
    EXPECT_THAT(SuspendedDevices(), IsEmpty()) << call;
    ASSERT_THAT(Fill(device, 0, 4096, 'x'), IsOk()) << call;
    if (!HasStore()) {
      options().pool.data_loop_size.reset();
      Open();
    }
    ASSERT_GE(DataBytes(), 64 * kMiB) << call;
    if (!reached) break;
  }
  ASSERT_THAT(set().GrowPool(), IsOk());
  EXPECT_EQ(DataBytes(), FileBytes("data")) << "the growth is taken up again";
  ExpectClean();
}

TEST_F(SetGrowthVmTest, GrowthThatEndsAnywhereIsTakenUpByTheNextStart) {
  Open();
  Add("a");
  const sys::DeviceNumber device = Activate("a");
  uint64_t data_mib = 64;
  for (uint64_t call = 1;; call += kernel().SweepStep()) {
    data_mib += 2;
    Ask(data_mib, 4 + call);
    faulty().SetPlan(sys::FaultyHost::StopAt(call));
    TryOpen().IgnoreError();
    const bool reached = faulty().calls() >= call;
    faulty().SetPlan(nullptr);
    Open();
    ASSERT_THAT(SuspendedDevices(), IsEmpty()) << call;
    ASSERT_EQ(DataBytes(), data_mib * kMiB) << call;
    ASSERT_EQ(MetadataBytes(), (4 + call) * kMiB) << call;
    ASSERT_THAT(Fill(device, 0, 4096, 'x'), IsOk()) << call;
    if (!reached) break;
  }
  ExpectClean();
}

TEST_F(SetGrowthVmTest, ReadOnlyPoolIsNotGrown) {
  GiveDevices();
  Open();
  MakeReadOnly();
  EXPECT_THAT(set().GrowPool(), FailsWithCode(kFailedPrecondition));
}

TEST_F(SetGrowthVmTest, SizesThatAReadOnlyPoolCannotTakeDoNotKeepPeopleFromReading) {
  Open();
  Add("a");
  auto pool = Pool::Adopt(plain(), Name(SetName("pool")));
  ASSERT_THAT(pool, IsOk());
  ThinPoolParams params = pool->params();
  params.features.read_only = true;
  ASSERT_THAT(pool->Reload(params), IsOk());
  Ask(96, 8);
  Open();
  EXPECT_THAT(set().Find("a"), IsOk());
  EXPECT_EQ(FileBytes("data"), 64 * kMiB);
  params.features.read_only = false;
  ASSERT_THAT(pool->Reload(params), IsOk());
  Open();
  EXPECT_EQ(DataBytes(), 96 * kMiB);
  EXPECT_EQ(MetadataBytes(), 8 * kMiB);
  ExpectClean();
}

TEST_F(SetGrowthVmTest, SnapshotsStopBelowTheFreeSpaceThatIsKept) {
  options().pool.min_free_percent = 50;
  Open();
  Add("a");
  Snapshot("before", "a");
  // Metadata of 4 MiB is hardly used; of the 1024 blocks of data more than half will be.
  const auto big = set().AddThin("big", sys::Bytes{48 * kMiB}, proto::DeviceLabels());
  ASSERT_THAT(big, IsOk());
  const sys::DeviceNumber device = Activate("big");
  ASSERT_THAT(Fill(device, 0, 40 * kMiB, 'x'), IsOk());
  const absl::Status refused =
      set().AddSnapshot("after", "a", kDeviceSize, proto::DeviceLabels()).status();
  EXPECT_THAT(refused, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("384 free data blocks"), HasSubstr("512 (50%)")));
  Add("empty");
  options().pool.min_free_percent = 37;
  Open();
  Snapshot("after", "a");
  ExpectClean();
}

// A pool of 1024 metadata blocks uses a few of them from its making on.
TEST_F(SetGrowthVmTest, FreeSpaceIsKeptInTheMetadataToo) {
  options().pool.min_free_percent = 99;
  Open();
  Add("a");
  const absl::Status refused =
      set().AddSnapshot("b", "a", kDeviceSize, proto::DeviceLabels()).status();
  EXPECT_THAT(refused, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("metadata blocks"), HasSubstr("1013 (99%)")));
}

TEST_F(SetGrowthVmTest, OptionsThatNameAnotherPoolAreRefusedWithBothValues) {
  Open();
  loop::AttachedLoop& other = Attach("other", 64 * kMiB);
  const PoolOptions good = options().pool;
  options().pool.data_device = NodeOf(other);
  EXPECT_THAT(std::string(TryOpen().message()),
              AllOf(HasSubstr(NodeOf(other)), HasSubstr("pool/data")));
  options().pool = PoolOptions();
  options().pool.given_pool = "vg-pool";
  EXPECT_THAT(std::string(TryOpen().message()),
              AllOf(HasSubstr("vg-pool"), HasSubstr("pool/data")));
  options().pool = PoolOptions();
  options().pool.block_size = sys::Sectors{256};
  EXPECT_THAT(std::string(TryOpen().message()), AllOf(HasSubstr("256"), HasSubstr("128")));
  options().pool = good;
  Open();
}

TEST_F(SetGrowthVmTest, LoopSizeForADeviceIsRefused) {
  GiveDevices();
  Open();
  const PoolOptions good = options().pool;
  options().pool.data_loop_size = sys::Bytes{128 * kMiB};
  EXPECT_THAT(TryOpen(), IsOk()) << "beside the device it means nothing";
  options().pool = PoolOptions();
  options().pool.data_loop_size = sys::Bytes{128 * kMiB};
  EXPECT_THAT(std::string(TryOpen().message()), HasSubstr("given-data"));
  options().pool = good;
  Open();
}

}  // namespace
}  // namespace dmkit::thinp
