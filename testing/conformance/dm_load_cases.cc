// SPDX-License-Identifier: Apache-2.0
// DM_TABLE_LOAD: the reply, the records in the payload, and DM_TABLE_CLEAR. What makes a table
// valid is in dm_table_cases.cc.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

// `next` of the first record.
constexpr size_t kFirstNextAt = kResultAt + offsetof(dm_target_spec, next);

class DmLoad : public DmTest {
 protected:
  void SetUp() override {
    DmTest::SetUp();
    ASSERT_EQ(Create("a"), 0);
  }
  int LoadBytes(DmRequest request) { return Call(DM_TABLE_LOAD_CMD, request.Name("a")); }
};

class DmClear : public DmTest {};

TEST_F(DmLoad, PutsATableIntoTheInactiveSlot) {
  EXPECT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(FlagsOf("a"), DM_INACTIVE_PRESENT_FLAG);
  EXPECT_EQ(Table("a"), Lines());
  EXPECT_EQ(Table("a", DM_QUERY_INACTIVE_TABLE_FLAG), Lines{"0 8 zero "});
}

TEST_F(DmLoad, ReplacesTheInactiveTable) {
  Activate("below", 64, "zero", "");
  ASSERT_EQ(Load("a", 8, "linear", Number("below") + " 0"), 0);
  EXPECT_EQ(Status("below").open_count(), 1u);
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  EXPECT_EQ(Table("a", DM_QUERY_INACTIVE_TABLE_FLAG), Lines{"0 16 zero "});
  EXPECT_EQ(Status("below").open_count(), 0u);
}

TEST_F(DmLoad, FailedOneLeavesTheInactiveTable) {
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(Load("a", 8, "nosuch", ""), -EINVAL);
  EXPECT_EQ(Table("a", DM_QUERY_INACTIVE_TABLE_FLAG), Lines{"0 8 zero "});
}

TEST_F(DmLoad, FailedOneClosesTheDevicesThatItHadOpened) {
  Activate("below", 64, "zero", "");
  EXPECT_EQ(Load("a", {{0, 8, "linear", Number("below") + " 0"}, {8, 8, "zero", "unexpected"}}),
            -EINVAL);
  EXPECT_EQ(Status("below").open_count(), 0u);
}

TEST_F(DmLoad, ReplyIsAboutTheLiveTable) {
  ASSERT_EQ(Load("a", 8, "error", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  DmRequest request(kResultAt);
  request.Name("a").Flags(DM_READONLY_FLAG).Event(77);
  request.Target(0, 8, "zero", "").Target(8, 8, "zero", "").OpenCount(kPoison32);
  ASSERT_EQ(Call(DM_TABLE_LOAD_CMD, request), 0);
  EXPECT_EQ(request.Written(), "version data_size target_count open_count flags event_nr dev");
  EXPECT_EQ(request.data_size(), 305u);
  EXPECT_EQ(request.target_count(), 1u);
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG | DM_INACTIVE_PRESENT_FLAG);
}

TEST_F(DmLoad, ReplyIsAboutTheNewTableWithQueryInactive) {
  DmRequest request(kResultAt);
  request.Name("a").Flags(DM_READONLY_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG);
  request.Target(0, 8, "zero", "").Target(8, 8, "zero", "");
  ASSERT_EQ(Call(DM_TABLE_LOAD_CMD, request), 0);
  EXPECT_EQ(request.target_count(), 2u);
  EXPECT_EQ(request.flags(),
            DM_READONLY_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG | DM_INACTIVE_PRESENT_FLAG);
}

TEST_F(DmLoad, IsNoEventOfTheDevice) {
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(Status("a").event(), 0u);
}

TEST_F(DmLoad, FirstSuccessfulOneAddsTheDisk) {
  EXPECT_EQ(Load("a", 8, "nosuch", ""), -EINVAL);
  EXPECT_EQ(TakeUevents(), Lines());
  EXPECT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(TakeUevents(), Lines{"add dm-0"});
  EXPECT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(TakeUevents(), Lines());
}

TEST_F(DmLoad, DiskWithoutALiveTableHasNoSize) {
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  const auto file = Open(Node("a"));
  char byte = 0;
  EXPECT_EQ(file->ReadAt(0, absl::MakeSpan(&byte, 1)).value_or(1), 0u);
}

TEST_F(DmLoad, NoTargetGivesEinval) { EXPECT_EQ(LoadBytes(DmRequest()), -EINVAL); }

TEST_F(DmLoad, MoreThan1048576TargetsGiveEoverflow) {
  for (const uint32_t count : {1048577u, 0xffffffffu}) {
    EXPECT_EQ(LoadBytes(DmRequest(400).Target(0, 8, "zero", "").TargetCount(count)), -EOVERFLOW);
  }
  EXPECT_EQ(LoadBytes(DmRequest(400).Target(0, 8, "zero", "").TargetCount(1048576)), -EINVAL);
}

TEST_F(DmLoad, DeviceIsLookedForBeforeTheCount) {
  EXPECT_EQ(Call(DM_TABLE_LOAD_CMD, DmRequest().Name("nosuch").TargetCount(1048577)), -ENXIO);
}

TEST_F(DmLoad, MoreRecordsThanThereAreGiveEinval) {
  DmRequest request(kResultAt);
  request.Target(0, 8, "zero", "").TargetCount(2);
  EXPECT_EQ(LoadBytes(request), -EINVAL);
}

TEST_F(DmLoad, NextCountsFromItsOwnRecord) {
  // 48, 56 and so on, not the sums.
  EXPECT_EQ(Load("a", {{0, 8, "error", "x"}, {8, 8, "error", "123456789"}, {16, 8, "zero", ""}}),
            0);
  EXPECT_EQ(Table("a", DM_QUERY_INACTIVE_TABLE_FLAG),
            (Lines{"0 8 error ", "8 8 error ", "16 8 zero "}));
}

TEST_F(DmLoad, NextMayLeaveAGap) {
  DmRequest request(kResultAt);
  request.Target(0, 8, "zero", "").Put32(kFirstNextAt, 80);
  request.At(kResultAt + 80).Target(8, 8, "zero", "");
  EXPECT_EQ(LoadBytes(request), 0);
}

TEST_F(DmLoad, NextOfTheLastRecordIsIgnored) {
  for (const uint32_t next : {0u, 3u, 0xffffffffu}) {
    EXPECT_EQ(LoadBytes(DmRequest(400).Target(0, 8, "zero", "").Put32(kFirstNextAt, next)), 0);
  }
}

TEST_F(DmLoad, NextOutsideTheBufferGivesEinval) {
  for (const uint32_t next : {200u, 4096u, 0x7ffffff8u, 0xfffffff8u}) {
    DmRequest request(500);
    request.Target(0, 8, "zero", "").Target(8, 8, "zero", "").Put32(kFirstNextAt, next);
    EXPECT_EQ(LoadBytes(request), -EINVAL) << next;
  }
}

TEST_F(DmLoad, NextInsideItsRecordGivesEinval) {
  for (const uint32_t next : {0u, 8u, 32u, 39u}) {
    DmRequest request(500);
    request.Target(0, 8, "zero", "").Target(8, 8, "zero", "").Put32(kFirstNextAt, next);
    EXPECT_EQ(LoadBytes(request), -EINVAL) << next;
  }
}

TEST_F(DmLoad, UnalignedNextGivesEinvalSince612) {
  DmRequest request(500);
  request.Target(0, 8, "zero", "").Put32(kFirstNextAt, 44);
  request.At(kResultAt + 44).Target(8, 8, "zero", "");
  EXPECT_EQ(LoadBytes(request), is_6_1() ? 0 : -EINVAL);
}

TEST_F(DmLoad, UnalignedStartGivesEinvalSince612) {
  for (const uint32_t start : {313u, 316u}) {
    DmRequest request(400);
    request.DataStart(start).At(start).Target(0, 8, "zero", "");
    EXPECT_EQ(LoadBytes(request), is_6_1() ? 0 : -EINVAL) << start;
  }
}

TEST_F(DmLoad, StartAtTheEndOfTheHeaderGivesEinvalSince612) {
  DmRequest request(400);
  request.DataStart(305).At(305).Target(0, 8, "zero", "");
  EXPECT_EQ(LoadBytes(request), is_6_1() ? 0 : -EINVAL);
}

TEST_F(DmLoad, StartMayBeBehindAGap) {
  DmRequest request(kResultAt);
  request.DataStart(400).At(400).Target(0, 8, "zero", "");
  EXPECT_EQ(LoadBytes(request), 0);
}

TEST_F(DmLoad, StartOutsideTheBufferGivesEinval) {
  for (const uint32_t start : {360u, 400u, 0x7ffffff8u, 0xfffffff8u}) {
    DmRequest request(360);
    request.Target(0, 8, "zero", "").DataStart(start);
    EXPECT_EQ(LoadBytes(request), -EINVAL) << start;
  }
}

TEST_F(DmLoad, StartUnderTheFirstRecordsSizeGivesEinval) {
  for (const uint32_t start : {0u, 8u, 39u}) {
    DmRequest request(400);
    request.Target(0, 8, "zero", "").DataStart(start);
    EXPECT_EQ(LoadBytes(request), -EINVAL) << start;
  }
}

TEST_F(DmLoad, OverlapWithTheParametersGivesEinvalSince612) {
  // The second record starts where the first one's parameters do: they are its start sector.
  DmRequest request(500);
  request.Target(0, 8, "error", "").Put32(kFirstNextAt, 40);
  request.At(kResultAt + 40).Target(8, 8, "zero", "");
  EXPECT_EQ(LoadBytes(request), is_6_1() ? 0 : -EINVAL);
}

TEST_F(DmLoad, ParametersMustEndInsideTheBuffer) {
  DmRequest request(kResultAt);
  request.Target(0, 8, "error", "1234567");  // 48 bytes with the NUL
  request.bytes().resize(kResultAt + 47);
  request.DataSize(kResultAt + 47);
  EXPECT_EQ(LoadBytes(request), -EINVAL);
}

TEST_F(DmLoad, RecordWithoutRoomForParametersGivesEinval) {
  DmRequest request(kResultAt);
  request.Target(0, 8, "zero", "");
  request.bytes().resize(kResultAt + kSpecBytes);
  request.DataSize(kResultAt + kSpecBytes);
  EXPECT_EQ(LoadBytes(request), -EINVAL);
}

TEST_F(DmLoad, StatusOfARecordIsIgnored) {
  EXPECT_EQ(LoadBytes(DmRequest(400).Target(0, 8, "zero", "").Put32(kResultAt + 16, 77)), 0);
}

TEST_F(DmLoad, TypeWithoutANulRunsIntoTheParameters) {
  EXPECT_EQ(Load("a", 8, "zeroabcdefghijkl", "mno"), -EINVAL);
  // Fifteen bytes and a NUL are a name, if of nothing.
  EXPECT_EQ(Load("a", 8, "zeroabcdefghijk", ""), -EINVAL);
}

TEST_F(DmLoad, ManyTargetsAreFine) {
  std::vector<DmLine> table;
  for (uint64_t i = 0; i < 1000; ++i) table.push_back({i * 8, 8, i % 2 ? "zero" : "error", ""});
  EXPECT_EQ(Load("a", table), 0);
  EXPECT_EQ(Status("a", DM_QUERY_INACTIVE_TABLE_FLAG).target_count(), 1000u);
}

TEST_F(DmClear, DropsTheInactiveTable) {
  Activate("below", 64, "zero", "");
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", 8, "linear", Number("below") + " 0"), 0);
  EXPECT_EQ(Clear("a"), 0);
  EXPECT_EQ(FlagsOf("a"), 0u);
  EXPECT_EQ(Status("below").open_count(), 0u);
}

TEST_F(DmClear, WithoutAnInactiveTableIsSuccess) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(Clear("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmClear, ReplyWritesTheState) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  DmRequest request(400);
  request.Name("a").Event(77).Flags(DM_INACTIVE_PRESENT_FLAG).Poison();
  ASSERT_EQ(Call(DM_TABLE_CLEAR_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size target_count open_count flags event_nr dev name[127-127] "
            "uuid[128-128]");
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG);
  EXPECT_EQ(request.target_count(), 1u);
}

TEST_F(DmClear, KeepsTheDiskAndItsName) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Clear("a"), 0);
  EXPECT_EQ(OpenError(Node("a")), 0);
  TakeUevents();
  EXPECT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(TakeUevents(), Lines()) << "the disk is added once";
}

TEST_F(DmClear, SendsNoUeventAndIsNoEvent) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  TakeUevents();
  ASSERT_EQ(Clear("a"), 0);
  EXPECT_EQ(TakeUevents(), Lines());
  EXPECT_EQ(Status("a").event(), 0u);
}

}  // namespace
}  // namespace dmkit::conformance
