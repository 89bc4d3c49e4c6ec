// SPDX-License-Identifier: Apache-2.0
// raid on a real kernel: each type and each option is loaded, read back and asked for its status,
// and what is refused here the kernel refuses too.

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/targets/raid.h"
#include "dm/targets/raid_arguments.h"
#include "dm/targets/raid_status.h"
#include "dm/targets/targets_vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;

constexpr uint32_t kMembers = 4;
constexpr uint64_t kMetadataSectors = 512;

class RaidVmTest : public testing::TargetsVmTest {
 protected:
  RaidVmTest() {
    for (uint32_t i = 0; i < kMembers; ++i) {
      metadata_.push_back(
          Piece(absl::StrCat("metadata", i), {1, 1}, i * kMetadataSectors, kMetadataSectors));
    }
  }

  // A new set of four members, or of two for raid1.
  RaidArguments Set(RaidType type) {
    RaidArguments arguments;
    arguments.type = type;
    const bool is_raid1 = FactsOf(type).level == 1;
    arguments.chunk = sys::Sectors(is_raid1 ? 0 : 64);
    for (uint32_t i = 0; i < (is_raid1 ? 2 : kMembers); ++i) {
      arguments.members.push_back({metadata_[i], data_[i]});
      EXPECT_THAT(Write(metadata_[i], std::string(size_t{256} << 10, '\0')), IsOk());
    }
    return arguments;
  }
  // What a set of `arguments` has room for.
  static uint64_t LengthOf(const RaidArguments& arguments) {
    const RaidTypeFacts& facts = FactsOf(arguments.type);
    if (facts.level == 1) return kPieceSectors;
    const uint64_t copies = facts.level == 10 ? arguments.raid10_copies.value_or(2) : 1;
    return kPieceSectors * (arguments.members.size() - facts.parity_devices) / copies;
  }
  // Makes the set; what the kernel shows of its table.
  std::string Make(const RaidArguments& arguments) {
    const RaidTarget target = RaidTarget::Create(arguments).value();
    return Table("raid", *target.Line({}, sys::Sectors(LengthOf(arguments))));
  }
  RaidStatus StatusOf() {
    const auto status = ParseRaidStatus(Status("raid"));
    EXPECT_THAT(status, IsOk());
    return status.value_or(RaidStatus());
  }
  bool IsInSyncInTime() {
    return InTime([this] {
      const RaidStatus status = StatusOf();
      return status.progress == status.total &&
             status.health == std::vector<RaidHealth>(status.health.size(), RaidHealth::kInSync);
    });
  }
  // Removes the set when md has come to rest: between its start and that of a recovery it only
  // looks idle.
  void RemoveAtRest() {
    std::string last;
    int same = 0;
    EXPECT_TRUE(InTime([&] {
      const std::string now = Status("raid");
      same = now == last && StatusOf().action == RaidAction::kIdle ? same + 1 : 0;
      last = now;
      return same == 10;
    })) << last;
    Remove("raid");
  }
  void ExpectSetReadBack(const RaidArguments& arguments) {
    const std::string table = Make(arguments);
    const auto parsed = RaidTarget::Parse(table);
    ASSERT_THAT(parsed, IsOk());
    EXPECT_EQ(parsed->arguments(), arguments) << table;
    EXPECT_TRUE(IsInSyncInTime()) << Status("raid");
    EXPECT_EQ(StatusOf().health.size(), arguments.members.size());
    EXPECT_THAT(StatusOf().health, ::testing::Each(RaidHealth::kInSync));
    EXPECT_EQ(StatusOf().unknown_tail, "");
    RemoveAtRest();
  }

  const std::vector<sys::DeviceNumber> data_ = Pieces(kMembers);
  std::vector<sys::DeviceNumber> metadata_;
};

TEST_F(RaidVmTest, EachTypeIsReadBack) {
  for (RaidType type :
       {RaidType::kRaid0,      RaidType::kRaid1,    RaidType::kRaid10Far, RaidType::kRaid10Offset,
        RaidType::kRaid10Near, RaidType::kRaid10,   RaidType::kRaid4,     RaidType::kRaid5N,
        RaidType::kRaid5Ls,    RaidType::kRaid5Rs,  RaidType::kRaid5La,   RaidType::kRaid5Ra,
        RaidType::kRaid6Zr,    RaidType::kRaid6Nr,  RaidType::kRaid6Nc,   RaidType::kRaid6N6,
        RaidType::kRaid6Ls6,   RaidType::kRaid6Rs6, RaidType::kRaid6La6,  RaidType::kRaid6Ra6}) {
    SCOPED_TRACE(FactsOf(type).name);
    ExpectSetReadBack(Set(type));
  }
}

TEST_F(RaidVmTest, Raid1IsReadBackWithItsOptions) {
  RaidArguments arguments = Set(RaidType::kRaid1);
  arguments.sync = RaidSync::kNoSync;
  arguments.daemon_sleep = 1000;
  arguments.min_recovery_rate = 10;
  arguments.max_recovery_rate = 20000;
  arguments.write_mostly = {1};
  arguments.max_write_behind = sys::Sectors(512);
  arguments.region_size = sys::Sectors(1024);
  ExpectSetReadBack(arguments);
  arguments = Set(RaidType::kRaid1);
  arguments.rebuild = {1};
  ExpectSetReadBack(arguments);
  arguments = Set(RaidType::kRaid1);
  arguments.sync = RaidSync::kSync;
  arguments.delta_disks = 1;
  arguments.members[0].metadata.reset();
  arguments.members[1].metadata.reset();
  ExpectSetReadBack(arguments);
}

TEST_F(RaidVmTest, Raid10IsReadBackWithItsOptionsAndTellsItsLayout) {
  for (Raid10Format format : {Raid10Format::kNear, Raid10Format::kOffset, Raid10Format::kFar}) {
    for (const bool near_sets : {false, true}) {
      if (near_sets && format == Raid10Format::kNear) continue;
      RaidArguments arguments = Set(RaidType::kRaid10);
      arguments.sync = RaidSync::kNoSync;
      arguments.raid10_copies = 2;
      arguments.raid10_format = format;
      arguments.raid10_use_near_sets = near_sets;
      EXPECT_EQ(RaidTarget::Parse(Make(arguments))->arguments(), arguments);
      EXPECT_EQ(StatusOf().type, format == Raid10Format::kNear     ? "raid10"
                                 : format == Raid10Format::kOffset ? "raid10_offset"
                                                                   : "raid10_far");
      RemoveAtRest();
    }
  }
}

TEST_F(RaidVmTest, Raid5IsReadBackWithItsOptions) {
  RaidArguments arguments = Set(RaidType::kRaid5Ls);
  arguments.sync = RaidSync::kNoSync;
  arguments.stripe_cache = 512;
  arguments.region_size = sys::Sectors(1024);
  arguments.data_offset = sys::Sectors(0);
  ExpectSetReadBack(arguments);
}

TEST_F(RaidVmTest, AJournalTellsItsMode) {
  const sys::DeviceNumber journal = Piece("journal", {1, 1}, 8192, 8192);
  RaidArguments arguments = Set(RaidType::kRaid5Ls);
  arguments.journal_device = journal;
  EXPECT_EQ(RaidTarget::Parse(Make(arguments))->arguments(), arguments);
  EXPECT_EQ(StatusOf().journal, RaidHealth::kInSync) << "write-through";
  EXPECT_TRUE(IsInSyncInTime());
  RemoveAtRest();
  arguments.journal_mode = RaidJournalMode::kWriteBack;
  EXPECT_EQ(RaidTarget::Parse(Make(arguments))->arguments(), arguments);
  EXPECT_EQ(StatusOf().journal, RaidHealth::kNotInSync) << "write-back";
  RemoveAtRest();
}

TEST_F(RaidVmTest, AMemberMayBeMissingAndComeBack) {
  RaidArguments arguments = Set(RaidType::kRaid1);
  Make(arguments);
  EXPECT_TRUE(IsInSyncInTime());
  EXPECT_EQ(StatusOf().journal, RaidHealth::kMissing);
  RemoveAtRest();
  RaidArguments degraded = arguments;
  degraded.members[1] = RaidMember();
  EXPECT_EQ(RaidTarget::Parse(Make(degraded))->arguments(), degraded);
  EXPECT_THAT(StatusOf().health, ElementsAre(RaidHealth::kInSync, RaidHealth::kMissing));
  RemoveAtRest();
  arguments.rebuild = {1};
  EXPECT_EQ(RaidTarget::Parse(Make(arguments))->arguments(), arguments);
  EXPECT_TRUE(InTime([this] {
    return StatusOf().health == std::vector<RaidHealth>{RaidHealth::kInSync, RaidHealth::kInSync};
  })) << Status("raid");
  RemoveAtRest();
}

TEST_F(RaidVmTest, ACheckCountsWhatDiffers) {
  RaidArguments arguments = Set(RaidType::kRaid1);
  arguments.sync = RaidSync::kNoSync;
  ASSERT_THAT(Write(data_[0], std::string(4096, 'a')), IsOk());
  ASSERT_THAT(Write(data_[1], std::string(4096, 'b')), IsOk());
  Make(arguments);
  ASSERT_EQ(StatusOf().mismatches, 0u);
  ASSERT_THAT(dm_.Message(TestName("raid"), {}, "check"), IsOk());
  EXPECT_TRUE(InTime([this] {
    const RaidStatus status = StatusOf();
    return status.action == RaidAction::kIdle && status.mismatches > 0;
  })) << Status("raid");
  RemoveAtRest();
}

TEST_F(RaidVmTest, ADeadMemberIsTold) {
  RaidArguments arguments = Set(RaidType::kRaid1);
  arguments.sync = RaidSync::kNoSync;
  Make(arguments);
  const DmName member = TestName("piece1");
  ASSERT_THAT(dm_.Load(member, {testing::Line(0, kPieceSectors, "error", "")}, {}), IsOk());
  ASSERT_THAT(dm_.Resume(member, {}, {}), IsOk());
  ASSERT_THAT(Write(NumberOf("raid"), std::string(4096, 'd')), IsOk());
  EXPECT_TRUE(InTime([this] { return StatusOf().health[1] == RaidHealth::kDead; }))
      << Status("raid");
  EXPECT_EQ(StatusOf().health[0], RaidHealth::kInSync);
  RemoveAtRest();
}

TEST_F(RaidVmTest, WhatIsRefusedHereTheKernelRefuses) {
  const std::string one = absl::StrCat(" - ", sys::FormatDeviceNumber(data_[0]));
  const std::string two = absl::StrCat(" 2", one, " - ", sys::FormatDeviceNumber(data_[1]));
  const std::string three = absl::StrCat(" 3", one, " - ", sys::FormatDeviceNumber(data_[1]), " - ",
                                         sys::FormatDeviceNumber(data_[2]));
  const std::string metadata_alone =
      absl::StrCat(" 2", one, " ", sys::FormatDeviceNumber(metadata_[1]), " -");
  const std::string journal = absl::StrCat("journal_dev ", sys::FormatDeviceNumber(data_[3]));
  for (const std::string& params : std::vector<std::string>{
           "raid1 1 0 0",
           absl::StrCat("raid5_n 1 8 1", one),
           absl::StrCat("raid6_zr 1 8", three),
           absl::StrCat("raid10 1 8 1", one),
           absl::StrCat("raid1 1 0", metadata_alone),
           "raid1 1 0 2 - - - -",
           absl::StrCat("raid0 1 8 2", one, " - -"),
           absl::StrCat("raid5 1 8", two),
           absl::StrCat("raid0 1 0", two),
           absl::StrCat("raid0 1 4", two),
           absl::StrCat("raid0 1 24", two),
           absl::StrCat("raid0 1 2147483648", two),
           absl::StrCat("raid0 2 8 sync", two),
           absl::StrCat("raid0 3 8 region_size 8", two),
           absl::StrCat("raid0 3 8 data_offset 8", two),
           absl::StrCat("raid0 3 8 data_offset 36", two),
           absl::StrCat("raid6_zr 2 8 nosync 4", one, one, one, one),
           absl::StrCat("raid1 3 0 rebuild 2", two),
           absl::StrCat("raid1 5 0 rebuild 1 rebuild 1", two),
           absl::StrCat("raid1 4 0 sync rebuild 1", two),
           absl::StrCat("raid1 4 0 nosync rebuild 1", two),
           absl::StrCat("raid1 3 0 sync nosync", two),
           absl::StrCat("raid1 3 0 write_mostly 2", two),
           absl::StrCat("raid1 5 0 write_mostly 0 write_mostly 1", two),
           absl::StrCat("raid5_n 3 8 write_mostly 0", three),
           absl::StrCat("raid1 3 0 max_write_behind 32768", two),
           absl::StrCat("raid1 3 0 daemon_sleep -1", two),
           absl::StrCat("raid1 3 0 daemon_sleep 2147483648", two),
           absl::StrCat("raid1 5 0 min_recovery_rate 10 max_recovery_rate 9", two),
           absl::StrCat("raid1 3 0 stripe_cache 256", two),
           absl::StrCat("raid1 3 0 region_size 24", two),
           absl::StrCat("raid1 3 0 region_size 8192", two),
           absl::StrCat("raid5_n 3 64 region_size 32", three),
           absl::StrCat("raid1 3 0 raid10_copies 2", two),
           absl::StrCat("raid10 3 8 raid10_copies 1", two),
           absl::StrCat("raid10 3 8 raid10_copies 3", two),
           absl::StrCat("raid10 3 8 raid10_format left", two),
           absl::StrCat("raid10 2 8 raid10_use_near_sets", two),
           absl::StrCat("raid10 3 8 delta_disks -1", two),
           absl::StrCat("raid1 3 0 delta_disks 0", two),
           absl::StrCat("raid1 3 0 delta_disks 252", two),
           absl::StrCat("raid1 3 0 ", journal, two),
           absl::StrCat("raid5_n 3 8 journal_mode writeback", three)}) {
    ExpectRefused("raid", 4096, params);
  }
  ExpectRefused("raid", 4096, absl::StrCat("raid4 1 8 3", one, " - - - -"), EIO);
  ExpectRefused("raid", 4097, absl::StrCat("raid0 1 8", two));
  ExpectRefused("raid", 4097, absl::StrCat("raid5_n 1 8", three));
}

}  // namespace
}  // namespace dmkit::dm
