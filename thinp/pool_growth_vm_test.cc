// SPDX-License-Identifier: Apache-2.0
// Changing the table of a live pool: more data, more metadata, other features.

#include <cerrno>
#include <cstdint>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
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

using PoolGrowthVmTest = PoolFixture;

TEST_F(PoolGrowthVmTest, GrowDataMakesRoomAndKeepsFeaturesAndDevices) {
  Pool pool = Make();
  const ThinPoolParams before = pool.params();
  GrowImage(data_loop(), "data", 2 * kDataBytes);
  ASSERT_THAT(pool.GrowData(sys::Sectors{2 * Length().count()}), IsOk());
  EXPECT_EQ(pool.Status()->total_data.count(), 2 * kBlocks);
  const auto adopted = Pool::Adopt(dm(), Name(kPoolName));
  ASSERT_THAT(adopted, IsOk());
  EXPECT_EQ(adopted->length().count(), 2 * Length().count());
  EXPECT_EQ(*FormatThinPoolParams(adopted->params()), *FormatThinPoolParams(before));
  faulty().SetPlan(nullptr);
  EXPECT_THAT(pool.GrowData(pool.length()), IsOk());
  EXPECT_EQ(faulty().calls(), 0u) << "there is nothing to do";
}

TEST_F(PoolGrowthVmTest, GrowDataBeyondTheDeviceFailsAndThePoolRunsOn) {
  Pool pool = Make();
  EXPECT_THAT(pool.GrowData(sys::Sectors{2 * Length().count()}), FailsWithErrno(EINVAL));
  EXPECT_TRUE(SuspendedDevices().empty());
  EXPECT_EQ(pool.length(), Length());
  EXPECT_EQ(pool.Status()->total_data.count(), kBlocks);
  EXPECT_THAT(pool.CreateThin(Id(1)), IsOk());
}

TEST_F(PoolGrowthVmTest, GrowDataRefusesToShrink) {
  Pool pool = Make();
  faulty().SetPlan(nullptr);
  EXPECT_THAT(pool.GrowData(sys::Sectors{128}), FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(faulty().calls(), 0u);
}

TEST_F(PoolGrowthVmTest, GrowMetadataTakesWhatTheDeviceHasGained) {
  Pool pool = Make();
  const uint64_t before = pool.Status()->total_metadata_blocks;
  GrowImage(metadata_loop(), "metadata", 2 * kMetadataBytes);
  EXPECT_EQ(pool.Status()->total_metadata_blocks, before) << "not before the resume";
  ASSERT_THAT(pool.GrowMetadata(), IsOk());
  EXPECT_EQ(pool.Status()->total_metadata_blocks, 2 * before);
  EXPECT_TRUE(SuspendedDevices().empty());
}

TEST_F(PoolGrowthVmTest, ReloadReplacesFeaturesAndLowWaterMark) {
  Pool pool = Make();
  ThinPoolParams changed = pool.params();
  changed.features.error_if_no_space = true;
  changed.features.no_discard_passdown = true;
  changed.low_water_mark = sys::DataBlocks{77};
  ASSERT_THAT(pool.Reload(changed), IsOk());
  const auto status = pool.Status();
  ASSERT_THAT(status, IsOk());
  EXPECT_TRUE(status->error_if_no_space);
  EXPECT_EQ(status->discard, DiscardMode::kNoPassdown);
  EXPECT_EQ(Pool::Adopt(dm(), Name(kPoolName))->params().low_water_mark.count(), 77u);
}

TEST_F(PoolGrowthVmTest, ReloadRefusesOtherDevicesAndBlockSizes) {
  Pool pool = Make();
  ThinPoolParams other_block = pool.params();
  other_block.block_size = sys::Sectors{256};
  ThinPoolParams other_data = pool.params();
  other_data.data = Attach("other", kDataBytes).info.device;
  ThinPoolParams other_metadata = pool.params();
  other_metadata.metadata = other_data.data;
  faulty().SetPlan(nullptr);
  for (const ThinPoolParams& other : {other_block, other_data, other_metadata}) {
    EXPECT_THAT(pool.Reload(other), FailsWithCode(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(faulty().calls(), 0u);
}

// Discards cannot change sides in a pool that lives: the kernel refuses that at the load.
TEST_F(PoolGrowthVmTest, FailedReloadLeavesTheOldTableRunning) {
  Pool pool = Make();
  ThinPoolParams changed = pool.params();
  changed.features.ignore_discard = true;
  EXPECT_THAT(pool.Reload(changed), FailsWithErrno(EINVAL));
  EXPECT_FALSE(pool.params().features.ignore_discard);
  const auto info = plain().Info(Name(kPoolName));
  ASSERT_THAT(info, IsOk());
  EXPECT_FALSE(info->suspended);
  EXPECT_FALSE(info->has_inactive_table);
  EXPECT_THAT(pool.CreateThin(Id(1)), IsOk());
}

TEST_F(PoolGrowthVmTest, EveryFailingCallOfAReloadLeavesThePoolRunning) {
  Pool pool = Make();
  ThinPoolParams changed = pool.params();
  for (uint64_t call = 1;; ++call) {
    changed.low_water_mark = sys::DataBlocks{call};
    faulty().SetPlan(sys::FaultyHost::FailCall(call, EIO));
    const absl::Status reloaded = pool.Reload(changed);
    const bool reached = faulty().calls() >= call;
    faulty().SetPlan(nullptr);
    EXPECT_TRUE(SuspendedDevices().empty()) << call;
    if (!reached) break;
    EXPECT_THAT(reloaded, FailsWithErrno(EIO)) << call;
    EXPECT_FALSE(plain().Info(Name(kPoolName))->has_inactive_table) << call;
  }
  EXPECT_EQ(Pool::Adopt(dm(), Name(kPoolName))->params().low_water_mark, changed.low_water_mark);
}

}  // namespace
}  // namespace dmkit::thinp
