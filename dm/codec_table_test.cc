// SPDX-License-Identifier: Apache-2.0
// Tests of target specs, in both directions of `next`.

#include "dm/codec_table.h"

#include <string>
#include <vector>

#include "dm/codec_testing.h"
#include "dm/uapi.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using testing::Answer;
using testing::DecodeBytes;
using testing::Filled;
using ::testing::IsEmpty;
using testing::Line;
using testing::Name;
using testing::Target;
using testing::With;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr size_t kFirst = kPayloadStart;
constexpr size_t kNext = offsetof(dm_target_spec, next);
constexpr size_t kType = offsetof(dm_target_spec, target_type);
constexpr uint64_t kLastSector = (uint64_t{1} << 54) - 1;

// Parameters of every length around a multiple of 8.
std::vector<TableLine> SomeTable() {
  return {Line(0, 8, "linear", "7:0 0"), Line(8, 8, "zero", ""), Line(16, 8, "x", "1234567"),
          Line(24, 8, "fifteen-letters", "12345678")};
}

TEST(CheckTableTest, TablesWithoutGapsAreFine) {
  EXPECT_THAT(CheckTable(SomeTable()), IsOk());
  EXPECT_THAT(CheckTable({Line(0, kLastSector, "zero", "")}), IsOk());
}

TEST(CheckTableTest, WhatNoKernelTakesIsRefused) {
  const std::vector<std::vector<TableLine>> bad = {
      {},
      {Line(0, 0, "zero", "")},
      {Line(1, 8, "zero", "")},
      {Line(0, 8, "zero", ""), Line(9, 8, "zero", "")},
      {Line(0, 8, "zero", ""), Line(7, 8, "zero", "")},
      {Line(0, 8, "zero", ""), Line(8, 0, "zero", "")},
      {Line(0, kLastSector + 1, "zero", "")},
      {Line(0, ~uint64_t{0}, "zero", "")},
      {Line(0, kLastSector, "zero", ""), Line(kLastSector, 1, "zero", "")},
      std::vector<TableLine>(kTargetsMax + 1, Line(0, 1, "zero", "")),
  };
  for (const auto& table : bad) {
    EXPECT_THAT(CheckTable(table), FailsWithCode(kInvalid)) << table.size();
  }
}

TEST(EncodeTableTest, ParametersWithANulAreRefused) {
  EXPECT_THAT(EncodeTable({Line(0, 8, "zero", absl::string_view("a\0b", 3))}),
              FailsWithCode(kInvalid));
}

TEST(EncodeTableTest, PaddingIsZeroAndRecordsAreAligned) {
  const std::string bytes = EncodeTable(SomeTable()).value();
  EXPECT_EQ(bytes.size() % 8, 0u);
  // "7:0 0" and its terminator are 6 bytes: two of padding.
  EXPECT_EQ(bytes.substr(40, 8), std::string("7:0 0\0\0\0", 8));
  EXPECT_EQ(bytes.substr(16, 4), std::string(4, '\0')) << "status";
}

std::string LoadBytes(const std::vector<TableLine>& table) {
  return EncodeRequest(LoadRequest{Name("web"), table}).value();
}

absl::StatusOr<std::vector<TableLine>> DecodeLoad(absl::string_view bytes) {
  const auto request = RawRequest::Parse(Command::kTableLoad, bytes);
  if (!request.ok()) return request.status();
  return DecodeTable(*request);
}

TEST(DecodeTableTest, DecodingGivesBackWhatWasEncoded) {
  EXPECT_THAT(DecodeLoad(LoadBytes(SomeTable())), IsOkAndHolds(SomeTable()));
  EXPECT_THAT(DecodeLoad(LoadBytes({})), IsOkAndHolds(IsEmpty()));
}

TEST(DecodeTableTest, NextOfTheLastLineDoesNotMatter) {
  const std::string good = LoadBytes({Line(0, 8, "zero", "")});
  EXPECT_THAT(DecodeLoad(With(good, kFirst + kNext, uint32_t{0xffffffff})), IsOk());
}

TEST(DecodeTableTest, MisplacedLinesAreRefused) {
  const std::string good = LoadBytes(SomeTable());
  ASSERT_THAT(DecodeLoad(good), IsOk());
  const size_t count = offsetof(dm_ioctl, target_count);
  const size_t start = offsetof(dm_ioctl, data_start);
  const size_t size = offsetof(dm_ioctl, data_size);
  const std::vector<std::string> bad = {
      With(good, count, uint32_t{5}),
      With(good, count, uint32_t{0xffffffff}),
      With(good, start, uint32_t{0}),
      With(good, start, uint32_t{305}),
      With(good, start, uint32_t{311}),
      With(good, start, uint32_t{316}),
      With(good, start, uint32_t{0xfffffff8}),
      With(good, kFirst + kNext, uint32_t{0}),
      With(good, kFirst + kNext, uint32_t{40}),
      With(good, kFirst + kNext, uint32_t{47}),
      With(good, kFirst + kNext, uint32_t{0xfffffff8}),
      With(good, size, static_cast<uint32_t>(good.size() - 8)),
      With(good, size, uint32_t{312}),
      Filled(good, kFirst + kType, DM_MAX_TYPE_NAME, 'x'),
      Filled(good, kFirst + kType, DM_MAX_TYPE_NAME, '\0'),
      Filled(good, good.size() - 8, 8, 'x'),
  };
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_THAT(DecodeLoad(bad[i]), FailsWithCode(kDataLoss)) << i;
  }
}

TableReply SomeReply() {
  TableReply reply;
  reply.info.name = "web";
  reply.info.device = {253, 1};
  reply.info.has_active_table = true;
  reply.info.target_count = 4;
  for (const TableLine& line : SomeTable()) {
    reply.targets.push_back(
        Target(line.start.count(), line.length.count(), line.type.text(), line.params));
  }
  return reply;
}

std::string StatusBytes(const TableReply& reply) {
  return Answer(StatusRequest{Name("web")}, reply);
}

TEST(DecodeTableReplyTest, DecodingGivesBackWhatWasEncoded) {
  EXPECT_EQ(
      std::get<TableReply>(DecodeBytes(Command::kTableStatus, StatusBytes(SomeReply())).value()),
      SomeReply());
  const std::string waited = Answer(WaitRequest{Name("web"), 1}, SomeReply());
  EXPECT_EQ(std::get<TableReply>(DecodeBytes(Command::kDevWait, waited).value()), SomeReply());
}

TEST(DecodeTableReplyTest, NextMeansSomethingElseThanInALoad) {
  // The same bytes, read in the other direction: the second spec's `next` leads somewhere else.
  const std::string load = LoadBytes(SomeTable());
  const std::string as_reply =
      With(load, offsetof(dm_ioctl, data_size), static_cast<uint32_t>(load.size()));
  EXPECT_THAT(DecodeBytes(Command::kTableStatus, as_reply), FailsWithCode(kDataLoss));
  const std::string status = StatusBytes(SomeReply());
  EXPECT_THAT(DecodeLoad(status), FailsWithCode(kDataLoss));
}

TEST(DecodeTableReplyTest, NoTableIsNoTarget) {
  TableReply none;
  none.info.name = "web";
  EXPECT_EQ(std::get<TableReply>(DecodeBytes(Command::kTableStatus, StatusBytes(none)).value()),
            none);
}

TEST(DecodeTableReplyTest, ATableThatVanishedMeanwhileIsNoTarget) {
  TableReply dying;
  dying.info.target_count = 2;
  const auto reply = DecodeBytes(Command::kDevWait, Answer(WaitRequest{Name("web"), 1}, dying));
  ASSERT_THAT(reply, IsOk());
  EXPECT_THAT(std::get<TableReply>(*reply).targets, IsEmpty());
}

TEST(DecodeTableReplyTest, TheLastByteOfATypeMayBeTheCallers) {
  const std::string bytes = With(StatusBytes(SomeReply()), kFirst + kType + 15, 'x');
  EXPECT_THAT(DecodeBytes(Command::kTableStatus, bytes), IsOk());
}

TEST(DecodeTableReplyTest, UnintelligibleRepliesAreRefused) {
  const std::string good = StatusBytes(SomeReply());
  const size_t count = offsetof(dm_ioctl, target_count);
  const size_t start = offsetof(dm_ioctl, data_start);
  const size_t size = offsetof(dm_ioctl, data_size);
  const size_t written = DecodeHeader(good)->data_size;
  const size_t second = kFirst + 48;
  const std::vector<std::string> bad = {
      With(good, count, uint32_t{5}),
      With(good, count, uint32_t{0xffffffff}),
      With(good, start, uint32_t{0}),
      With(good, start, uint32_t{304}),
      With(good, start, uint32_t{320}),
      With(good, start, static_cast<uint32_t>(written - 1)),
      With(good, size, static_cast<uint32_t>(written - 1)),
      With(good, size, uint32_t{313}),
      With(good, size, uint32_t{0}),
      With(good, size, uint32_t{0xffffffff}),
      With(good, kFirst + kNext, uint32_t{0}),
      With(good, kFirst + kNext, uint32_t{40}),
      With(good, kFirst + kNext, uint32_t{45}),
      With(good, kFirst + kNext, uint32_t{0xffffffff}),
      With(good, second + kNext, uint32_t{48}),
      With(good, second + kNext, uint32_t{0}),
      Filled(good, kFirst + kType, DM_MAX_TYPE_NAME, 'x'),
      Filled(good, kFirst + 40, 8, 'x'),
      Filled(good, written - 1, 1, 'x'),
  };
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_THAT(DecodeBytes(Command::kTableStatus, bad[i]), FailsWithCode(kDataLoss)) << i;
  }
}

TEST(DecodeTableReplyTest, EveryCutIsNoticed) {
  const std::string good = StatusBytes(SomeReply());
  const uint32_t written = DecodeHeader(good)->data_size;
  for (uint32_t size = kHeaderBytes + 1; size < written; ++size) {
    // Up to where the payload starts there is none: no target, which is not what was sent.
    const auto reply =
        DecodeBytes(Command::kTableStatus, With(good, offsetof(dm_ioctl, data_size), size));
    if (size <= kPayloadStart) {
      EXPECT_THAT(std::get<TableReply>(reply.value()).targets, IsEmpty()) << size;
    } else {
      EXPECT_THAT(reply, FailsWithCode(kDataLoss)) << size;
    }
  }
}

}  // namespace
}  // namespace dmkit::dm
