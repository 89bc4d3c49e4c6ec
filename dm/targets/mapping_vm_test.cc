// SPDX-License-Identifier: Apache-2.0
// striped, delay, flakey, mirror and era on a real kernel: what is built is loaded, read back and
// asked for its status, and what is refused here the kernel refuses too.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/targets/delay.h"
#include "dm/targets/era.h"
#include "dm/targets/flakey.h"
#include "dm/targets/mirror.h"
#include "dm/targets/mirror_status.h"
#include "dm/targets/plain_status.h"
#include "dm/targets/striped.h"
#include "dm/targets/targets_vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;

class MappingVmTest : public testing::TargetsVmTest {};

TEST_F(MappingVmTest, StripedTellsWhichStripeFailed) {
  const sys::DeviceNumber good = Pieces(1)[0];
  const sys::DeviceNumber broken = Broken("broken");
  const StripedTarget target =
      StripedTarget::Create(sys::Sectors(24), {{good, sys::Sectors(8)}, {broken, sys::Sectors(16)}})
          .value();
  const std::string table = Table("striped", *target.Line({}, sys::Sectors(96)));
  EXPECT_EQ(table, target.Params());
  EXPECT_EQ(StripedTarget::Parse(table).value(), target);
  EXPECT_THAT(
      ParseStripedStatus(Status("striped"))->stripes,
      ElementsAre(StripedStatus::Stripe{good, false}, StripedStatus::Stripe{broken, false}));
  EXPECT_EQ(Read(NumberOf("striped"), 48 * 512), "");
  EXPECT_THAT(ParseStripedStatus(Status("striped"))->stripes,
              ElementsAre(StripedStatus::Stripe{good, false}, StripedStatus::Stripe{broken, true}));
}

TEST_F(MappingVmTest, WhatStripedRefusesTheKernelRefuses) {
  for (absl::string_view params :
       {"0 8", "1 0 1:0 0", "2 8 1:0 0", "1 8 1:0 0 1:0 8", "1 4294967296 1:0 0", "1 8 1:0 -1"}) {
    ExpectRefused("striped", 64, params);
  }
  ExpectRefused("striped", 65, "2 8 1:0 0 1:0 64");
  ExpectRefused("striped", 64, "2 64 1:0 0 1:0 64");
}

TEST_F(MappingVmTest, DelayIsReadBackWithEachNumberOfWays) {
  const std::vector<sys::DeviceNumber> pieces = Pieces(3);
  const DelayTarget::Way read = {pieces[0], sys::Sectors(8), 0};
  const DelayTarget::Way write = {pieces[1], sys::Sectors(0), 1};
  const DelayTarget::Way flush = {pieces[2], sys::Sectors(16), 4294967295};
  for (const DelayTarget& target :
       {DelayTarget(read), DelayTarget(read, write), DelayTarget(read, write, flush)}) {
    const std::string table = Table("delay", target.Line({}, sys::Sectors(64)));
    EXPECT_EQ(table, target.Params());
    EXPECT_EQ(DelayTarget::Parse(table).value(), target);
    EXPECT_EQ(ParseDelayStatus(Status("delay")).value(), DelayStatus());
    Remove("delay");
  }
}

TEST_F(MappingVmTest, FlakeyIsReadBackWithItsFeatures) {
  FlakeyTarget::Arguments arguments;
  arguments.device = Pieces(1)[0];
  arguments.offset = sys::Sectors(8);
  arguments.up_seconds = 1;
  const auto expect_read_back = [&](const FlakeyTarget::Features& features) {
    arguments.features = features;
    const FlakeyTarget target = FlakeyTarget::Create(arguments).value();
    ExpectReadBack(target, target.Line({}, sys::Sectors(64)));
  };
  FlakeyTarget::Features features;
  features.drop_writes = true;
  features.corrupt_byte = FlakeyTarget::CorruptByte{32, false, 255, 0};
  expect_read_back(features);
  features = {};
  features.corrupt_byte = FlakeyTarget::CorruptByte{4294967295, true, 0, 4294967295};
  expect_read_back(features);
  features = {};
  features.error_writes = true;
  expect_read_back(features);
  features.error_reads = true;
  features.random_read_corrupt = 1;
  features.random_write_corrupt = FlakeyTarget::kAlways;
  if (!IsKernel61()) {
    expect_read_back(features);
    return;
  }
  arguments.features = features;
  ExpectRefused("flakey", 64, FlakeyTarget::Create(arguments)->Params());
}

TEST_F(MappingVmTest, FlakeyWithoutFeaturesFailsAllIo) {
  FlakeyTarget::Arguments arguments;
  arguments.device = Pieces(1)[0];
  arguments.down_seconds = 4294967295;
  const FlakeyTarget target = FlakeyTarget::Create(arguments).value();
  const std::string table = Table("flakey", target.Line({}, sys::Sectors(64)));
  EXPECT_EQ(ParsePlainStatus(Status("flakey")), PlainStatus());
  EXPECT_EQ(Read(NumberOf("flakey"), 4096), "");
  if (!IsKernel61()) {
    arguments.features.error_reads = true;
    arguments.features.error_writes = true;
  }
  EXPECT_EQ(FlakeyTarget::Parse(table)->arguments(), arguments);
}

TEST_F(MappingVmTest, WhatFlakeyRefusesTheKernelRefuses) {
  for (absl::string_view params :
       {"1:0 0 0 0", "1:0 0 4294967295 1", "1:0 0 1 1 1", "1:0 0 1 1 1 nosuch",
        "1:0 0 1 1 2 drop_writes error_writes", "1:0 0 1 1 2 drop_writes drop_writes",
        "1:0 0 1 1 5 corrupt_bio_byte 0 r 0 0", "1:0 0 1 1 5 corrupt_bio_byte 1 r 256 0",
        "1:0 0 1 1 5 corrupt_bio_byte 1 x 0 0", "1:0 0 1 1 6 drop_writes corrupt_bio_byte 1 w 0 0",
        "1:0 0 1 1 6 error_writes corrupt_bio_byte 1 w 0 0",
        "1:0 0 1 1 2 random_read_corrupt 1000000001"}) {
    ExpectRefused("flakey", 64, params);
  }
}

TEST_F(MappingVmTest, MirrorIsReadBackWithEachLog) {
  const std::vector<sys::DeviceNumber> pieces = Pieces(3);
  MirrorTarget::Arguments arguments;
  arguments.legs = {{pieces[0], sys::Sectors(0)}, {pieces[1], sys::Sectors(8)}};
  arguments.log.region_size = sys::Sectors(256);
  for (const bool on_disk : {false, true}) {
    if (on_disk) arguments.log.disk = pieces[2];
    for (MirrorSync sync : {MirrorSync::kAsLogged, MirrorSync::kSync, MirrorSync::kNoSync}) {
      arguments.log.sync = sync;
      arguments.handle_errors = sync != MirrorSync::kAsLogged;
      arguments.keep_log = sync == MirrorSync::kSync;
      const MirrorTarget target = MirrorTarget::Create(arguments).value();
      const std::string table = Table("mirror", *target.Line({}, sys::Sectors(4000)));
      EXPECT_EQ(table, target.Params());
      EXPECT_EQ(MirrorTarget::Parse(table).value(), target);
      EXPECT_TRUE(InTime([&] {
        const auto status = ParseMirrorStatus(Status("mirror"));
        return status.ok() && status->regions == 16 && status->regions_in_sync == 16;
      })) << Status("mirror");
      const auto status = ParseMirrorStatus(Status("mirror"));
      EXPECT_THAT(status->legs, ElementsAre(MirrorStatus::Leg{pieces[0], MirrorHealth::kAlive},
                                            MirrorStatus::Leg{pieces[1], MirrorHealth::kAlive}));
      EXPECT_EQ(status->log->type, on_disk ? "disk" : "core");
      EXPECT_EQ(status->log->disk, arguments.log.disk);
      EXPECT_EQ(status->log->health, MirrorLogHealth::kAlive);
      EXPECT_EQ(status->unknown_tail, "");
      Remove("mirror");
    }
  }
}

TEST_F(MappingVmTest, MirrorTellsWhichLegAndWhetherTheLogFailed) {
  const sys::DeviceNumber good = Pieces(1)[0];
  const sys::DeviceNumber broken = Broken("broken");
  MirrorTarget::Arguments arguments;
  arguments.legs = {{good, sys::Sectors(0)}, {broken, sys::Sectors(0)}};
  arguments.log.region_size = sys::Sectors(256);
  arguments.log.sync = MirrorSync::kNoSync;
  arguments.handle_errors = true;
  // Else a write waits for somebody who mends the mirror.
  arguments.keep_log = true;
  Table("mirror", *MirrorTarget::Create(arguments)->Line({}, sys::Sectors(4096)));
  EXPECT_THAT(Write(NumberOf("mirror"), std::string(4096, 'd')), IsOk());
  EXPECT_TRUE(InTime([&] {
    const auto status = ParseMirrorStatus(Status("mirror"));
    return status.ok() && status->legs[1].health == MirrorHealth::kWriteFailed;
  })) << Status("mirror");
  EXPECT_EQ(ParseMirrorStatus(Status("mirror"))->legs[0].health, MirrorHealth::kAlive);
  Remove("mirror");

  arguments.legs[1].device = kRam;
  arguments.log.disk = broken;
  Table("mirror", *MirrorTarget::Create(arguments)->Line({}, sys::Sectors(4096)));
  const auto status = ParseMirrorStatus(Status("mirror"));
  EXPECT_EQ(status->log->disk, broken);
  EXPECT_EQ(status->log->health, MirrorLogHealth::kFailed) << Status("mirror");
}

TEST_F(MappingVmTest, WhatMirrorRefusesTheKernelRefuses) {
  for (absl::string_view params :
       {"core 1 8 1 1:0 0",
        "core 1 8 10 1:0 0 1:0 0 1:0 0 1:0 0 1:0 0 1:0 0 1:0 0 1:0 0 1:0 0 1:0 0",
        "core 1 1 2 1:0 0 1:1 0", "core 1 12 2 1:0 0 1:1 0", "core 1 8192 2 1:0 0 1:1 0",
        "core 2 8 maybe 2 1:0 0 1:1 0", "core 1 8 2 1:0 0 1:1 0 1 keep_log",
        "core 1 8 2 1:0 0 1:1 0 1 nosuch", "disk 1 8 2 1:0 0 1:1 0",
        "core 3 8 sync sync 2 1:0 0 1:1 0"}) {
    ExpectRefused("mirror", 4096, params);
  }
}

TEST_F(MappingVmTest, EraTellsErasAndSnapshotsOfItsMetadata) {
  const std::vector<sys::DeviceNumber> pieces = Pieces(2);
  const EraTarget target = EraTarget::Create(pieces[0], pieces[1], sys::Sectors(128)).value();
  const std::string table = Table("era", target.Line({}, sys::Sectors(4096)));
  EXPECT_EQ(table, target.Params());
  EXPECT_EQ(EraTarget::Parse(table).value(), target);
  const auto before = ParseEraStatus(Status("era"));
  ASSERT_THAT(before, IsOk());
  EXPECT_FALSE(before->has_failed);
  EXPECT_EQ(before->metadata_block_size, sys::Sectors(8));
  EXPECT_EQ(before->total_metadata_blocks, 512u);
  EXPECT_GT(before->used_metadata_blocks, 0u);
  EXPECT_EQ(before->metadata_snapshot, std::nullopt);
  ASSERT_THAT(dm_.Message(TestName("era"), {}, "take_metadata_snap"), IsOk());
  const auto after = ParseEraStatus(Status("era"));
  ASSERT_THAT(after, IsOk());
  EXPECT_GT(after->current_era, before->current_era);
  EXPECT_NE(after->metadata_snapshot, std::nullopt);
  EXPECT_EQ(after->unknown_tail, "");
}

TEST_F(MappingVmTest, WhatEraRefusesTheKernelRefuses) {
  const std::vector<sys::DeviceNumber> pieces = Pieces(2);
  const std::string devices =
      absl::StrCat(sys::FormatDeviceNumber(pieces[0]), " ", sys::FormatDeviceNumber(pieces[1]));
  for (absl::string_view size : {"0", "4", "12", "8 8", "x"}) {
    ExpectRefused("era", 4096, absl::StrCat(devices, " ", size));
  }
}

}  // namespace
}  // namespace dmkit::dm
