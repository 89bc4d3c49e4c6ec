// SPDX-License-Identifier: Apache-2.0
// Tests of dependencies.

#include "dm/codec_deps.h"

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
using testing::Name;
using testing::With;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

DependenciesReply SomeReply() {
  DependenciesReply reply;
  reply.info.target_count = 1;
  reply.devices = {{7, 1}, {253, 300}};
  return reply;
}

std::string Bytes(const DependenciesReply& reply) {
  return Answer(DependenciesRequest{Name("web")}, reply);
}

absl::StatusOr<DependenciesReply> Decode(const std::string& bytes) {
  const auto reply = DecodeBytes(Command::kTableDeps, bytes);
  if (!reply.ok()) return reply.status();
  return std::get<DependenciesReply>(*reply);
}

TEST(DependenciesTest, DecodingGivesBackWhatWasEncoded) {
  EXPECT_EQ(Decode(Bytes(SomeReply())).value(), SomeReply());
  DependenciesReply none = SomeReply();
  none.devices.clear();
  EXPECT_EQ(Decode(Bytes(none)).value(), none);
  EXPECT_EQ(Decode(Bytes(DependenciesReply())).value(), DependenciesReply());
}

TEST(DependenciesTest, PaddingIsTheCallers) {
  EXPECT_EQ(Decode(Filled(Bytes(SomeReply()), kPayloadStart + 4, 4, 'x')).value(), SomeReply());
}

TEST(DependenciesTest, CountsThatDoNotFitAreRefused) {
  const std::string good = Bytes(SomeReply());
  const size_t size = offsetof(dm_ioctl, data_size);
  for (const std::string& bad :
       {With(good, kPayloadStart, uint32_t{3}), With(good, kPayloadStart, uint32_t{0xffffffff}),
        With(good, size, uint32_t{335}), With(good, size, uint32_t{320}),
        With(good, size, uint32_t{313}), With(good, size, uint32_t{315}),
        With(good, offsetof(dm_ioctl, data_start), uint32_t{8})}) {
    EXPECT_THAT(Decode(bad), FailsWithCode(kDataLoss));
  }
}

}  // namespace
}  // namespace dmkit::dm
