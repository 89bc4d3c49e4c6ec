// SPDX-License-Identifier: Apache-2.0
// Tests of lists of target versions.

#include "dm/codec_versions.h"

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
using testing::Answer;
using testing::DecodeBytes;
using testing::Filled;
using testing::With;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr size_t kFirst = kPayloadStart;

TargetVersionsReply SomeList() {
  return {{{"zero", {1, 1, 0}}, {"thin-pool", {1, 22, 0}}, {"linear", {1, 4, 0}}}};
}

std::string Bytes(const TargetVersionsReply& list) { return Answer(ListVersionsRequest{}, list); }

absl::StatusOr<TargetVersionsReply> Decode(const std::string& bytes) {
  const auto reply = DecodeBytes(Command::kListVersions, bytes);
  if (!reply.ok()) return reply.status();
  return std::get<TargetVersionsReply>(*reply);
}

TEST(TargetVersionsTest, DecodingGivesBackWhatWasEncoded) {
  EXPECT_EQ(Decode(Bytes(SomeList())).value(), SomeList());
  EXPECT_EQ(Decode(Bytes({})).value(), TargetVersionsReply{});
}

TEST(TargetVersionsTest, TheTailOfAnEstimateTooLargeIsNotRead) {
  const std::string good = Bytes(SomeList());
  const uint32_t written = DecodeHeader(good)->data_size;
  // 3 * (16 + 1 + 7) and 19 letters are claimed; the records end at 24 + 32 + 23.
  ASSERT_EQ(written, kFirst + 91);
  EXPECT_EQ(Decode(Filled(good, kFirst + 79, 12, 'x')).value(), SomeList());
}

TEST(TargetVersionsTest, UnintelligibleListsAreRefused) {
  const std::string good = Bytes(SomeList());
  const size_t size = offsetof(dm_ioctl, data_size);
  for (const std::string& bad :
       {With(good, kFirst, uint32_t{1}), With(good, kFirst, uint32_t{16}),
        With(good, kFirst, uint32_t{20}), With(good, kFirst, uint32_t{0xffffffff}),
        With(good, kFirst, uint32_t{90}), With(good, kFirst + 24, uint32_t{4}),
        With(good, size, uint32_t{313}), With(good, size, uint32_t{kFirst + 15}),
        With(good, size, uint32_t{kFirst + 78}),
        With(good, offsetof(dm_ioctl, data_start), uint32_t{300}),
        With(good, offsetof(dm_ioctl, data_start), uint32_t{kFirst + 90})}) {
    EXPECT_THAT(Decode(bad), FailsWithCode(kDataLoss));
  }
}

}  // namespace
}  // namespace dmkit::dm
