// SPDX-License-Identifier: Apache-2.0
// The pool on a real kernel: making, adopting, messages. Growth and reloads are in
// pool_growth_vm_test.cc, modes in pool_mode_vm_test.cc.

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "dm/types.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/loop_device.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/pool.h"
#include "thinp/pool_vm_fixture.h"
#include "thinp/thin_pool_target.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

using PoolVmTest = PoolFixture;

TEST_F(PoolVmTest, CreateMakesARunningPoolOnBlankMetadata) {
  const Pool pool = Make();
  EXPECT_EQ(pool.name().text(), "test-pool");
  EXPECT_EQ(pool.uuid(), "TEST-test-pool");
  EXPECT_FALSE(pool.found_suspended());
  const auto status = pool.Status();
  ASSERT_THAT(status, IsOk());
  EXPECT_EQ(status->mode, PoolMode::kWrite);
  EXPECT_EQ(status->transaction_id, 0u);
  EXPECT_EQ(status->used_data.count(), 0u);
  EXPECT_EQ(status->total_data.count(), kBlocks);
  EXPECT_EQ(status->total_metadata_blocks, kMetadataBytes / kMetadataBlockBytes);
  EXPECT_FALSE(status->held_metadata_root.has_value());
  EXPECT_FALSE(status->needs_check);
  EXPECT_THAT(CheckWritable(pool, *status), IsOk());
  const auto info = plain().Info(pool.name());
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->device, pool.device());
}

TEST_F(PoolVmTest, CreateTakesUpAPoolThatWasThereBefore) {
  {
    Pool pool = Make();
    ASSERT_THAT(pool.CreateThin(Id(3)), IsOk());
    ASSERT_THAT(pool.SetTransactionId(0, 9), IsOk());
    TakeDown();
  }
  Pool pool = Make();
  EXPECT_EQ(pool.Status()->transaction_id, 9u);
  EXPECT_THAT(pool.CreateThin(Id(3)), FailsWithErrno(EEXIST));
}

TEST_F(PoolVmTest, CreateOfATakenNameFailsWithEbusyAndLeavesTheFirstPool) {
  const Pool pool = Make();
  EXPECT_THAT(Pool::Create(dm(), Name(kPoolName), Uuid("TEST-other"), pool.length(), params()),
              FailsWithErrno(EBUSY));
  EXPECT_THAT(Pool::Create(dm(), Name("other"), Uuid(pool.uuid()), pool.length(), params()),
              FailsWithErrno(EBUSY));
  EXPECT_THAT(MappedDevices(), UnorderedElementsAre(kPoolName));
  EXPECT_EQ(pool.Status()->mode, PoolMode::kWrite);
}

TEST_F(PoolVmTest, CreateOnMetadataInUseFailsWithEbusy) {
  const Pool pool = Make();
  EXPECT_THAT(Pool::Create(dm(), Name("other"), Uuid("TEST-other"), pool.length(), params()),
              FailsWithErrno(EBUSY));
  EXPECT_THAT(MappedDevices(), UnorderedElementsAre(kPoolName));
}

TEST_F(PoolVmTest, CreateOnForeignMetadataIsRefusedAndLeavesItsBytes) {
  params();
  const auto create = [&] {
    return Pool::Create(dm(), Name(kPoolName), Uuid("TEST-test-pool"), Length(), params());
  };
  const sys::DeviceNumber metadata = metadata_loop().info.device;
  ASSERT_THAT(Fill(metadata, 4000, 1, 'x'), IsOk());
  const std::string stray = Read(metadata, 0, 8192);
  const auto one_byte = create();
  EXPECT_THAT(one_byte, FailsWithErrno(EILSEQ));
  EXPECT_THAT(std::string(one_byte.status().message()), HasSubstr("superblock"));
  EXPECT_EQ(Read(metadata, 0, 8192), stray);
  ASSERT_THAT(Fill(metadata, 0, 8192, 'x'), IsOk());
  EXPECT_THAT(create(), FailsWithErrno(ENOTBLK));
  EXPECT_EQ(Read(metadata, 0, 8192), std::string(8192, 'x'));
}

TEST_F(PoolVmTest, CreateWithAnotherBlockSizeThanTheMetadataHasFailsWithEinval) {
  {
    Make();
    TakeDown();
  }
  ThinPoolParams other = params();
  other.block_size = sys::Sectors{256};
  EXPECT_THAT(Pool::Create(dm(), Name(kPoolName), Uuid("TEST-test-pool"), Length(), other),
              FailsWithErrno(EINVAL));
}

TEST_F(PoolVmTest, CreateOnTooSmallMetadataFailsWithEnospc) {
  ThinPoolParams small = params();
  small.metadata = Attach("small", 4 * kMetadataBlockBytes).info.device;
  const auto pool = Pool::Create(dm(), Name(kPoolName), Uuid("TEST-test-pool"), Length(), small);
  EXPECT_THAT(pool, FailsWithErrno(ENOSPC));
  EXPECT_THAT(pool.status().message(), HasSubstr("too small"));
}

TEST_F(PoolVmTest, CreateRefusesBadParametersWithoutAnIoctl) {
  ThinPoolParams bad = params();
  bad.block_size = sys::Sectors{100};
  faulty().SetPlan(nullptr);
  EXPECT_THAT(Pool::Create(dm(), Name(kPoolName), Uuid("TEST-test-pool"), Length(), bad),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(faulty().calls(), 0u);
}

TEST_F(PoolVmTest, AdoptFindsWhatCreateMade) {
  const Pool made = Make();
  const auto adopted = Pool::Adopt(dm(), Name(kPoolName));
  ASSERT_THAT(adopted, IsOk());
  EXPECT_EQ(adopted->uuid(), made.uuid());
  EXPECT_EQ(adopted->device(), made.device());
  EXPECT_EQ(adopted->length(), made.length());
  EXPECT_EQ(adopted->params().metadata, made.params().metadata);
  EXPECT_EQ(adopted->params().data, made.params().data);
  EXPECT_EQ(adopted->params().block_size, made.params().block_size);
  EXPECT_EQ(adopted->params().low_water_mark, made.params().low_water_mark);
  EXPECT_EQ(adopted->params().features.skip_block_zeroing,
            made.params().features.skip_block_zeroing);
}

TEST_F(PoolVmTest, AdoptTakesAPoolWithoutAUuid) {
  params();
  ASSERT_THAT(plain().Create(Name("admin"), dm::CreateOptions()), IsOk());
  const dm::TableLine line{sys::Sectors{0}, Length(), *dm::TargetType::Create("thin-pool"),
                           *FormatThinPoolParams(params())};
  ASSERT_THAT(plain().Load(Name("admin"), {line}, dm::LoadOptions()), IsOk());
  ASSERT_THAT(plain().Resume(Name("admin"), dm::SuspendOptions(), dm::UdevCookie()), IsOk());
  auto pool = Pool::Adopt(dm(), Name("admin"));
  ASSERT_THAT(pool, IsOk());
  EXPECT_EQ(pool->uuid(), "");
  EXPECT_THAT(pool->CreateThin(Id(0)), IsOk());
  ASSERT_THAT(plain().Remove(Name("admin"), dm::RemoveOptions()), IsOk());
}

TEST_F(PoolVmTest, AdoptOfADeviceThatIsNoPoolIsRefused) {
  MakeLinear("plain-linear", Attach("image", kMiB));
  ASSERT_THAT(plain().Create(Name("no-table"), dm::CreateOptions()), IsOk());
  const auto linear = Pool::Adopt(dm(), Name("plain-linear"));
  EXPECT_THAT(linear, FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(linear.status().message(), HasSubstr("linear"));
  EXPECT_THAT(Pool::Adopt(dm(), Name("no-table")),
              FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Pool::Adopt(dm(), Name("missing")), FailsWithErrno(ENXIO));
  ASSERT_THAT(plain().Remove(Name("no-table"), dm::RemoveOptions()), IsOk());
}

TEST_F(PoolVmTest, AdoptLeavesASuspendedPoolToResume) {
  Make();
  ASSERT_THAT(plain().Suspend(Name(kPoolName), dm::SuspendOptions()), IsOk());
  auto pool = Pool::Adopt(dm(), Name(kPoolName));
  ASSERT_THAT(pool, IsOk());
  EXPECT_TRUE(pool->found_suspended());
  EXPECT_THAT(SuspendedDevices(), UnorderedElementsAre(kPoolName));
  EXPECT_THAT(pool->Resume(), IsOk());
  EXPECT_TRUE(SuspendedDevices().empty());
  EXPECT_FALSE(pool->found_suspended());
  faulty().SetPlan(nullptr);
  EXPECT_THAT(pool->Resume(), IsOk());
  EXPECT_EQ(faulty().calls(), 0u) << "nothing to resume";
}

TEST_F(PoolVmTest, RefreshFollowsAPoolThatWasTakenDownAndUp) {
  Pool pool = Make();
  TakeDown();
  EXPECT_THAT(pool.Refresh(), FailsWithErrno(ENXIO));
  // Takes the device number that the pool had.
  MakeLinear("stranger", Attach("image", kMiB));
  const Pool again = Make();
  ASSERT_FALSE(again.device() == pool.device()) << "the test has not moved the pool";
  ASSERT_THAT(pool.Refresh(), IsOk());
  EXPECT_EQ(pool.device(), again.device());
}

TEST_F(PoolVmTest, CreateThinOfATakenIdFailsWithEexist) {
  Pool pool = Make();
  EXPECT_THAT(pool.CreateThin(Id(0)), IsOk());
  EXPECT_THAT(pool.CreateThin(Id(ThinId::kMax)), IsOk());
  EXPECT_THAT(pool.CreateThin(Id(0)), FailsWithErrno(EEXIST));
}

TEST_F(PoolVmTest, CreateSnapshotTellsATakenIdFromAMissingOrigin) {
  Pool pool = Make();
  ASSERT_THAT(pool.CreateThin(Id(1)), IsOk());
  EXPECT_THAT(pool.CreateSnapshot(Id(2), Id(1)), IsOk());
  EXPECT_THAT(pool.CreateSnapshot(Id(2), Id(1)), FailsWithErrno(EEXIST));
  EXPECT_THAT(pool.CreateSnapshot(Id(1), Id(9)), FailsWithErrno(EEXIST));
  EXPECT_THAT(pool.CreateSnapshot(Id(3), Id(9)), FailsWithErrno(ENODATA));
}

TEST_F(PoolVmTest, DeleteTellsAMissingIdFromAnActiveOne) {
  Pool pool = Make();
  ASSERT_THAT(pool.CreateThin(Id(1)), IsOk());
  EXPECT_THAT(pool.Delete(Id(2)), FailsWithErrno(ENODATA));
  ActivateThinId(pool, 1);
  EXPECT_THAT(pool.Delete(Id(1)), FailsWithErrno(EBUSY));
  DeactivateThinId(1);
  EXPECT_THAT(pool.Delete(Id(1)), IsOk());
  EXPECT_THAT(pool.Delete(Id(1)), FailsWithErrno(ENODATA));
}

TEST_F(PoolVmTest, SetTransactionIdComparesTheCurrentOne) {
  Pool pool = Make();
  EXPECT_THAT(pool.SetTransactionId(1, 2), FailsWithErrno(EINVAL));
  EXPECT_THAT(pool.SetTransactionId(0, 5), IsOk());
  EXPECT_EQ(pool.Status()->transaction_id, 5u);
  EXPECT_THAT(pool.SetTransactionId(0, 6), FailsWithErrno(EINVAL));
  EXPECT_EQ(pool.CommittedStatus()->transaction_id, 5u);
}

TEST_F(PoolVmTest, MetadataSnapshotIsHeldOnceAndReleasedOnce) {
  Pool pool = Make();
  EXPECT_THAT(pool.ReleaseMetadataSnapshot(), FailsWithErrno(EINVAL));
  EXPECT_THAT(pool.ReserveMetadataSnapshot(), IsOk());
  EXPECT_TRUE(pool.Status()->held_metadata_root.has_value());
  EXPECT_THAT(pool.ReserveMetadataSnapshot(), FailsWithErrno(EBUSY));
  EXPECT_THAT(pool.ReleaseMetadataSnapshot(), IsOk());
  EXPECT_FALSE(pool.Status()->held_metadata_root.has_value());
}

TEST_F(PoolVmTest, EachMessageIsFollowedByOneStatus) {
  Pool pool = Make();
  faulty().SetPlan(nullptr);
  ASSERT_THAT(pool.CreateThin(Id(1)), IsOk());
  EXPECT_EQ(faulty().CountOf("Ioctl"), 2u);
  EXPECT_EQ(faulty().calls(), 2u);
}

TEST_F(PoolVmTest, SnapshotHasTheDataOfItsOriginAndGoesItsOwnWay) {
  Pool pool = Make();
  ASSERT_THAT(pool.CreateThin(Id(1)), IsOk());
  const sys::DeviceNumber origin = ActivateThinId(pool, 1);
  ASSERT_THAT(Fill(origin, 0, kBlockBytes, 'a'), IsOk());
  DeactivateThinId(1);
  ASSERT_THAT(pool.CreateSnapshot(Id(2), Id(1)), IsOk());
  const sys::DeviceNumber snapshot = ActivateThinId(pool, 2);
  const sys::DeviceNumber again = ActivateThinId(pool, 1);
  EXPECT_EQ(Read(snapshot, 0, kBlockBytes), std::string(kBlockBytes, 'a'));
  EXPECT_EQ(pool.CommittedStatus()->used_data.count(), 1u);
  ASSERT_THAT(Fill(snapshot, 0, kBlockBytes, 'b'), IsOk());
  EXPECT_EQ(Read(again, 0, kBlockBytes), std::string(kBlockBytes, 'a'));
  EXPECT_EQ(pool.CommittedStatus()->used_data.count(), 2u);
  DeactivateThinId(1);
  DeactivateThinId(2);
}

TEST_F(PoolVmTest, HasThinAnswersBothWaysAndLeavesNoProbe) {
  Pool pool = Make();
  ASSERT_THAT(pool.CreateThin(Id(7)), IsOk());
  EXPECT_THAT(pool.HasThin(Id(7), Name("probe"), Uuid("TEST-probe")), IsOkAndHolds(true));
  EXPECT_THAT(pool.HasThin(Id(8), Name("probe"), Uuid("TEST-probe")), IsOkAndHolds(false));
  EXPECT_THAT(MappedDevices(), UnorderedElementsAre(kPoolName));
  EXPECT_THAT(pool.Delete(Id(7)), IsOk()) << "the probe holds nothing";
}

TEST_F(PoolVmTest, HasThinTakesAwayAProbeThatACrashLeft) {
  Pool pool = Make();
  ASSERT_THAT(pool.CreateThin(Id(7)), IsOk());
  dm::CreateOptions options;
  options.uuid = Uuid("TEST-probe");
  ASSERT_THAT(plain().Create(Name("probe"), options), IsOk());
  ASSERT_THAT(
      plain().Load(Uuid("TEST-probe"), pool.ThinTable(Id(7), sys::Sectors{1}), dm::LoadOptions()),
      IsOk());
  EXPECT_THAT(pool.HasThin(Id(8), Name("probe"), Uuid("TEST-probe")), IsOkAndHolds(false));
  EXPECT_THAT(MappedDevices(), UnorderedElementsAre(kPoolName));
}

TEST_F(PoolVmTest, HasThinReportsOtherErrorsAndLeavesNoProbe) {
  Pool pool = Make();
  ASSERT_THAT(plain().Suspend(Name(kPoolName), dm::SuspendOptions()), IsOk());
  ASSERT_THAT(pool.CreateThin(Id(7)), IsOk());
  EXPECT_THAT(pool.HasThin(Id(7), Name("probe"), Uuid("TEST-probe")), FailsWithErrno(EINVAL));
  ASSERT_THAT(plain().Resume(Name(kPoolName), dm::SuspendOptions(), dm::UdevCookie()), IsOk());
  EXPECT_THAT(MappedDevices(), UnorderedElementsAre(kPoolName));
}

}  // namespace
}  // namespace dmkit::thinp
