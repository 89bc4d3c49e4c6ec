// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/to_report.h"

#include "absl/time/time.h"
#include "driver/report.pb.h"
#include "gtest/gtest.h"
#include "loop/types.h"
#include "sys/device_number.h"
#include "sys/units.h"
#include "thinp/pool_conditions.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::driver::cli {
namespace {

TEST(ToReportTest, PoolEvent) {
  thinp::PoolEvent event;
  event.kind = thinp::PoolEventKind::kModeChanged;
  event.mode_before = thinp::PoolMode::kWrite;
  event.sight.emplace();
  event.sight->name = "pool";
  event.sight->uuid = "U";
  event.sight->device = {253, 7};
  event.sight->event_nr = 9;
  event.sight->block_size = sys::Sectors(128);
  event.sight->status.mode = thinp::PoolMode::kReadOnly;
  event.sight->status.needs_check = true;
  event.sight->status.used_data = sys::DataBlocks(2);
  event.sight->status.total_data = sys::DataBlocks(3);
  event.sight->status.used_metadata_blocks = 4;
  event.sight->status.total_metadata_blocks = 5;
  const report::PoolEvent report = ToReport(event, absl::FromUnixMillis(1500));
  EXPECT_EQ(report.unix_milliseconds(), 1500);
  EXPECT_EQ(report.event(), "mode");
  EXPECT_EQ(report.name(), "pool");
  EXPECT_EQ(report.uuid(), "U");
  EXPECT_EQ(report.device_number(), "253:7");
  EXPECT_EQ(report.event_nr(), 9u);
  EXPECT_EQ(report.mode(), "ro");
  EXPECT_EQ(report.mode_before(), "rw");
  EXPECT_TRUE(report.needs_check());
  EXPECT_EQ(report.used_data_bytes(), 131072u);
  EXPECT_EQ(report.total_data_bytes(), 196608u);
  EXPECT_EQ(report.used_metadata_bytes(), 16384u);
  EXPECT_EQ(report.total_metadata_bytes(), 20480u);
}

TEST(ToReportTest, APoolThatIsGoneHasNothingButThat) {
  thinp::PoolEvent event;
  event.kind = thinp::PoolEventKind::kGone;
  const report::PoolEvent report = ToReport(event, absl::UnixEpoch());
  EXPECT_EQ(report.event(), "gone");
  EXPECT_EQ(report.name(), "");
  EXPECT_EQ(report.mode(), "");
}

TEST(ToReportTest, LoopDevice) {
  loop::LoopInfo info;
  info.number = 3;
  info.offset = sys::Bytes(512);
  info.size_limit = sys::Bytes(1024);
  info.file_name = "said";
  info.backing_file = "/found (deleted)";
  info.read_only = true;
  info.autoclear = true;
  info.direct_io = true;
  const report::LoopDevice device = ToReport(info);
  EXPECT_EQ(device.number(), 3u);
  EXPECT_EQ(device.path(), "/dev/loop3");
  EXPECT_EQ(device.backing_file(), "/found (deleted)");
  EXPECT_EQ(device.offset_bytes(), 512u);
  EXPECT_EQ(device.size_limit_bytes(), 1024u);
  EXPECT_TRUE(device.read_only());
  EXPECT_TRUE(device.autoclear());
  EXPECT_TRUE(device.direct_io());
}

TEST(ToReportTest, LoopDeviceWithoutSysfsHasTheNameThatTheAttacherGave) {
  loop::LoopInfo info;
  info.file_name = "said";
  EXPECT_EQ(ToReport(info).backing_file(), "said");
}

}  // namespace
}  // namespace dmkit::driver::cli
