// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/to_report.h"

#include "absl/time/time.h"
#include "dm/types.h"
#include "driver/report.pb.h"
#include "gtest/gtest.h"
#include "loop/types.h"
#include "sys/device_number.h"
#include "sys/units.h"
#include "thinp/pool_conditions.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::driver::cli {
namespace {

TEST(ToReportTest, DeviceInfo) {
  dm::DeviceInfo info;
  info.name = "a";
  info.uuid = "U";
  info.device = sys::DeviceNumber{254, 7};
  info.target_count = 3;
  info.open_count = 2;
  info.event_nr = 9;
  info.suspended = true;
  info.read_only = true;
  info.has_active_table = true;
  info.has_inactive_table = true;
  const report::DmDevice device = ToReport(info);
  EXPECT_EQ(device.name(), "a");
  EXPECT_EQ(device.uuid(), "U");
  EXPECT_EQ(device.device_number(), "254:7");
  EXPECT_EQ(device.target_count(), 3u);
  EXPECT_EQ(device.open_count(), 2);
  EXPECT_EQ(device.event_nr(), 9u);
  EXPECT_TRUE(device.suspended());
  EXPECT_TRUE(device.read_only());
  EXPECT_TRUE(device.active_table());
  EXPECT_TRUE(device.inactive_table());
  EXPECT_FALSE(ToReport(dm::DeviceInfo()).active_table());
}

TEST(ToReportTest, Targets) {
  dm::TableReply reply;
  reply.info.name = "a";
  reply.targets = {{sys::Sectors(0), sys::Sectors(8), "zero", ""},
                   {sys::Sectors(8), sys::Sectors(16), "linear", "7:0 0"}};
  const report::DmDevice device = ToReport(reply);
  EXPECT_EQ(device.name(), "a");
  ASSERT_EQ(device.targets_size(), 2);
  EXPECT_EQ(device.targets(1).start_sector(), 8u);
  EXPECT_EQ(device.targets(1).length_sectors(), 16u);
  EXPECT_EQ(device.targets(1).type(), "linear");
  EXPECT_EQ(device.targets(1).text(), "7:0 0");
}

TEST(ToReportTest, TargetVersions) {
  const report::DmTargetVersionList list = ToReport({{"linear", dm::Version{1, 4, 0}}});
  ASSERT_EQ(list.targets_size(), 1);
  EXPECT_EQ(list.targets(0).type(), "linear");
  EXPECT_EQ(list.targets(0).version(), "1.4.0");
}

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
