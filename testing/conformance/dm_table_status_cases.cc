// SPDX-License-Identifier: Apache-2.0
// DM_TABLE_STATUS and DM_TABLE_DEPS: records, and buffers that are too small.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr size_t kNextAt = offsetof(dm_target_spec, next);
constexpr size_t kTypeAt = offsetof(dm_target_spec, target_type);

class DmTableStatus : public DmTest {};
class DmDeps : public DmTest {};

TEST_F(DmTableStatus, ReplyIsARecordPerTarget) {
  Activate("a", {{0, 8, "zero", ""}, {8, 16, "error", ""}});
  EXPECT_EQ(Table("a", 0), (Lines{"0 8 zero ", "8 16 error "}));
}

TEST_F(DmTableStatus, WritesTheHeaderAndItsRecords) {
  Activate("a", 8, "zero", "");
  DmRequest request(400);
  request.Name("a").DataStart(77).Event(77).Poison();
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            absl::StrCat("version data_size data_start target_count open_count flags event_nr dev "
                         "name[127-127] uuid[128-128] payload[0-",
                         is_6_1() ? "38] payload[40-40]" : "40]"));
  EXPECT_EQ(request.data_start(), 312u);
  EXPECT_EQ(request.data_size(), 353u);
  EXPECT_EQ(request.U32(kResultAt + 16), 0u) << "the record's status";
}

TEST_F(DmTableStatus, LastByteOfTheTypeIsTheCallersOn61) {
  Activate("a", 8, "zero", "");
  DmRequest request(400);
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request.Name("a").Poison()), 0);
  const std::string type = request.bytes().substr(kResultAt + kTypeAt, 16);
  EXPECT_EQ(type.substr(0, 15), "zero" + std::string(11, '\0'));
  EXPECT_EQ(type[15], is_6_1() ? kPoison : '\0');
}

TEST_F(DmTableStatus, NextCountsFromTheFirstRecord) {
  Activate("a", {{0, 8, "zero", ""}, {8, 8, "zero", ""}, {16, 8, "zero", ""}});
  DmRequest request;
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request.Name("a")), 0);
  EXPECT_EQ(request.U32(kResultAt + kNextAt), 48u);
  EXPECT_EQ(request.U32(kResultAt + 48 + kNextAt), 96u);
  EXPECT_EQ(request.U32(kResultAt + 96 + kNextAt), 144u) << "the last one has one, too";
}

TEST_F(DmTableStatus, GapsBetweenRecordsAreTheCallers) {
  Activate("a", {{0, 8, "zero", ""}, {8, 8, "zero", ""}});
  DmRequest request;
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request.Name("a").Poison()), 0);
  EXPECT_EQ(request.bytes().substr(kResultAt + 41, 7), std::string(7, kPoison));
}

TEST_F(DmTableStatus, SizeIsTheEndOfTheLastText) {
  const ScratchDevice disk = Device(64);
  const std::string params = disk.number + " 3";
  Activate("a", 8, "linear", params);
  DmRequest request;
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request.Name("a").Flags(DM_STATUS_TABLE_FLAG)), 0);
  EXPECT_EQ(request.data_size(), kResultAt + kSpecBytes + params.size() + 1);
}

TEST_F(DmTableStatus, WithoutATableThereIsNoPayload) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest request(400);
  request.Name("a").DataStart(77).Poison();
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request), 0);
  EXPECT_EQ(request.data_size(), 305u);
  EXPECT_EQ(request.target_count(), 0u);
  EXPECT_EQ(request.data_start(), 77u) << "is not written";
}

TEST_F(DmTableStatus, QueryInactiveIsAboutThatTable) {
  Activate("a", 8, "zero", "");
  DmRequest none;
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, none.Name("a").Flags(DM_QUERY_INACTIVE_TABLE_FLAG)), 0);
  EXPECT_EQ(none.data_size(), 305u);
  ASSERT_EQ(Load("a", 16, "error", ""), 0);
  EXPECT_EQ(Table("a", DM_QUERY_INACTIVE_TABLE_FLAG), Lines{"0 16 error "});
  EXPECT_EQ(Table("a", 0), Lines{"0 8 zero "});
}

TEST_F(DmTableStatus, TableWinsOverMeasurement) {
  const ScratchDevice disk = Device(64);
  Activate("a", 8, "linear", disk.number + " 3");
  EXPECT_EQ(Table("a", DM_STATUS_TABLE_FLAG | DM_IMA_MEASUREMENT_FLAG),
            Lines{"0 8 linear " + disk.number + " 3"});
}

TEST_F(DmTableStatus, WorksOnASuspendedDevice) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Suspend("a"), 0);
  EXPECT_EQ(Table("a", 0), Lines{"0 8 zero "});
}

TEST_F(DmTableStatus, BufferFullIsOneWithoutRoomForTheAlignedEnd) {
  // Two records with empty texts: they end at 353 and 401.
  Activate("a", {{0, 8, "zero", ""}, {8, 8, "zero", ""}});
  for (size_t size = 305; size <= 420; ++size) {
    DmRequest request(size);
    ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request.Name("a")), 0);
    EXPECT_EQ(request.data_size(), size <= 353 ? 305u : size <= 401 ? 353u : 401u) << size;
    EXPECT_EQ(request.is_full(), size < 408) << size;
    EXPECT_EQ(request.target_count(), 2u) << size;
    EXPECT_EQ(request.data_start(), std::min(size, kResultAt)) << size;
  }
}

TEST_F(DmTableStatus, TextThatFillsItsRoomIsNotCounted) {
  const ScratchDevice disk = Device(64);
  const std::string params = disk.number + " 0";
  Activate("a", 8, "linear", params);
  const size_t end = kResultAt + kSpecBytes + params.size() + 1;
  for (size_t size = end - 4; size <= Align8(end + 1); ++size) {
    DmRequest request(size);
    ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request.Name("a").Flags(DM_STATUS_TABLE_FLAG)), 0);
    EXPECT_EQ(request.data_size(), size > end ? end : 305) << size;
    EXPECT_EQ(request.is_full(), size <= end || size < Align8(end)) << size;
  }
}

TEST_F(DmTableStatus, NothingIsCopiedBehindTheSizeOfTheReply) {
  Activate("a", {{0, 8, "zero", ""}, {8, 8, "zero", ""}});
  DmRequest request(399);
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request.Name("a").Poison()), 0);
  EXPECT_EQ(request.data_size(), 353u);
  EXPECT_EQ(request.bytes().substr(353), std::string(46, kPoison));
}

TEST_F(DmDeps, AreTheDevicesOnceTheLastAddedFirst) {
  const ScratchDevice first = Device(64), second = Device(64);
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", {{0, 8, "linear", first.number + " 0"},
                       {8, 8, "linear", second.number + " 0"},
                       {16, 8, "linear", first.number + " 8"}}),
            0);
  ASSERT_EQ(Resume("a"), 0);
  DmRequest request;
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, request.Name("a")), 0);
  EXPECT_EQ(request.data_size(), kResultAt + 24);
  EXPECT_EQ(request.U32(kResultAt), 2u);
  EXPECT_EQ(request.U64(kResultAt + 8), EncodeDevice(second.device.major, second.device.minor));
  EXPECT_EQ(request.U64(kResultAt + 16), EncodeDevice(first.device.major, first.device.minor));
}

TEST_F(DmDeps, WriteTheHeaderAndTheListButItsPadding) {
  const ScratchDevice disk = Device(64);
  Activate("a", 8, "linear", disk.number + " 0");
  DmRequest request(400);
  request.Name("a").DataStart(77).Event(77).Poison();
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size data_start target_count open_count flags event_nr dev "
            "name[127-127] uuid[128-128] payload[0-3] payload[8-15]");
  EXPECT_EQ(request.target_count(), 1u);
}

TEST_F(DmDeps, OfATableWithoutDevicesAreACountOfZero) {
  Activate("a", 8, "zero", "");
  DmRequest request(400);
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, request.Name("a").Poison()), 0);
  EXPECT_EQ(request.data_size(), kResultAt + 8);
  EXPECT_EQ(request.U32(kResultAt), 0u);
}

TEST_F(DmDeps, WithoutATableThereIsNoPayload) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest request(400);
  request.Name("a").DataStart(77).Poison();
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, request), 0);
  EXPECT_EQ(request.data_size(), 305u);
  EXPECT_EQ(request.data_start(), 77u);
}

TEST_F(DmDeps, QueryInactiveIsAboutThatTable) {
  const ScratchDevice disk = Device(64);
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Load("a", 8, "linear", disk.number + " 0"), 0);
  DmRequest live, inactive;
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, live.Name("a")), 0);
  EXPECT_EQ(live.U32(kResultAt), 0u);
  inactive.Name("a").Flags(DM_QUERY_INACTIVE_TABLE_FLAG);
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, inactive), 0);
  EXPECT_EQ(inactive.U32(kResultAt), 1u);
}

TEST_F(DmDeps, WithoutRoomForAllSetBufferFull) {
  const ScratchDevice first = Device(64), second = Device(64);
  Activate("a", {{0, 8, "linear", first.number + " 0"}, {8, 8, "linear", second.number + " 0"}});
  for (size_t size = 305; size <= kResultAt + 25; ++size) {
    DmRequest request(size);
    ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, request.Name("a")), 0);
    EXPECT_EQ(request.is_full(), size < kResultAt + 24) << size;
    EXPECT_EQ(request.data_size(), size < kResultAt + 24 ? 305u : kResultAt + 24) << size;
    EXPECT_EQ(request.data_start(), std::min(size, kResultAt)) << size;
  }
}

}  // namespace
}  // namespace dmkit::conformance
