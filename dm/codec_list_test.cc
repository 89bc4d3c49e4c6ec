// SPDX-License-Identifier: Apache-2.0
// Tests of lists of devices.

#include "dm/codec_list.h"

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
using ::testing::IsEmpty;
using testing::With;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr size_t kFirst = kPayloadStart;
constexpr size_t kNext = kFirst + offsetof(dm_name_list, next);

// Names of every length around a multiple of 8, with, without and with an unknown uuid.
ListDevicesReply SomeList() {
  return {{{{253, 0}, "abc", 1, "DMKIT-x"},
           {{253, 300}, "abcd", 0, ""},
           {{253, 2}, "a", 0xffffffff, std::nullopt},
           {{253, 3}, std::string(127, 'n'), 2, std::string(128, 'u')}}};
}

std::string Bytes(const ListDevicesReply& list, const Version& kernel = testing::kKernel) {
  return Answer(ListDevicesRequest{}, list, 1024, kernel);
}

absl::StatusOr<ListDevicesReply> Decode(const std::string& bytes) {
  const auto reply = DecodeBytes(Command::kListDevices, bytes);
  if (!reply.ok()) return reply.status();
  return std::get<ListDevicesReply>(*reply);
}

TEST(ListDevicesTest, DecodingGivesBackWhatWasEncoded) {
  EXPECT_EQ(Decode(Bytes(SomeList())).value(), SomeList());
  EXPECT_EQ(Decode(Bytes({})).value(), ListDevicesReply{});
}

TEST(ListDevicesTest, OlderKernelsTellNoEvents) {
  ListDevicesReply expected = SomeList();
  for (ListedDevice& device : expected.devices) {
    device.event_nr = std::nullopt;
    device.uuid = std::nullopt;
  }
  EXPECT_EQ(Decode(Bytes(SomeList(), {4, 36, 0})).value(), expected);
}

TEST(ListDevicesTest, AnEmptyListIsOneWhoseSizeEndsBeforeTheFirstRecord) {
  std::string bytes = Bytes({});
  ASSERT_EQ(DecodeHeader(bytes)->data_size, kPayloadStart);
  // What lies where a record would is the caller's own.
  EXPECT_THAT(Decode(Filled(bytes, kPayloadStart, 64, 'x'))->devices, IsEmpty());
}

TEST(ListDevicesTest, ARoomTooSmallIsMarkedAndNotDecoded) {
  for (size_t room : {312u, 313u, 319u}) {
    EXPECT_THAT(Decode(Answer(ListDevicesRequest{}, ListDevicesReply{}, room)),
                FailsWithCode(absl::StatusCode::kResourceExhausted))
        << room;
  }
  EXPECT_THAT(Decode(Answer(ListDevicesRequest{}, ListDevicesReply{}, 320)), IsOk());
}

TEST(ListDevicesTest, UnintelligibleListsAreRefused) {
  const std::string good = Bytes(SomeList());
  const size_t size = offsetof(dm_ioctl, data_size);
  const uint32_t written = DecodeHeader(good)->data_size;
  const std::vector<std::string> bad = {
      With(good, kFirst, uint64_t{0}),
      With(good, kFirst, uint64_t{1} << 32),
      With(good, kNext, uint32_t{1}),
      With(good, kNext, uint32_t{12}),
      With(good, kNext, uint32_t{15}),
      With(good, kNext, uint32_t{16}),
      With(good, kNext, uint32_t{20}),
      With(good, kNext, uint32_t{24}),
      With(good, kNext, uint32_t{31}),
      With(good, kNext, uint32_t{0xffffffff}),
      With(good, kNext, written),
      With(good, size, written - 9),
      With(good, size, uint32_t{313}),
      With(good, size, uint32_t{332}),
      With(good, size, uint32_t{0xffffffff}),
      With(good, offsetof(dm_ioctl, data_start), uint32_t{304}),
      With(good, offsetof(dm_ioctl, data_start), uint32_t{316}),
      With(good, offsetof(dm_ioctl, data_start), written - 4),
      Filled(good, kFirst + 12, 1024 - kFirst - 12, 'x'),
      Filled(good, written - 8, 8, 'u'),
  };
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_THAT(Decode(bad[i]), FailsWithCode(kDataLoss)) << i;
  }
}

}  // namespace
}  // namespace dmkit::dm
