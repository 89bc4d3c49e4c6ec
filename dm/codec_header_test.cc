// SPDX-License-Identifier: Apache-2.0
// Tests of headers, keys, packed numbers, and of which bytes are believed.

#include "dm/codec_header.h"

#include <string>

#include "dm/codec_testing.h"
#include "dm/uapi.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using testing::Filled;
using testing::Name;
using testing::Uuid;
using testing::With;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

HeaderFields SomeFields() {
  HeaderFields fields;
  fields.version = {4, 47, 1};
  fields.data_size = 312;
  fields.data_start = 312;
  fields.target_count = 2;
  fields.open_count = -1;
  fields.flags = 0x80000021;
  fields.event_nr = 7;
  fields.device = 0x123456789abcdef0;
  fields.name = "web";
  fields.uuid = std::string(128, 'u');
  return fields;
}

TEST(HeaderTest, DecodingGivesBackWhatWasEncoded) {
  const std::string bytes = EncodeHeader(SomeFields());
  ASSERT_EQ(bytes.size(), 312u);
  const auto fields = DecodeHeader(bytes);
  ASSERT_THAT(fields, IsOk());
  EXPECT_EQ(fields->version, (Version{4, 47, 1}));
  EXPECT_EQ(fields->data_start, 312u);
  EXPECT_EQ(fields->target_count, 2u);
  EXPECT_EQ(fields->open_count, -1);
  EXPECT_EQ(fields->flags, 0x80000021);
  EXPECT_EQ(fields->event_nr, 7u);
  EXPECT_EQ(fields->device, 0x123456789abcdef0u);
  EXPECT_EQ(fields->name, "web");
  EXPECT_EQ(fields->uuid, std::string(128, 'u'));
  EXPECT_EQ(EncodeHeader(*fields), bytes);
}

TEST(HeaderTest, BytesThatNoFieldFillsAreZero) {
  const std::string bytes = EncodeHeader(HeaderFields());
  EXPECT_EQ(bytes, std::string(312, '\0'));
}

TEST(HeaderTest, ShortOrUnterminatedHeadersAreRefused) {
  const std::string good = EncodeHeader(SomeFields());
  EXPECT_THAT(DecodeHeader(good.substr(0, 305)), IsOk());
  for (size_t size : {0u, 1u, 12u, 48u, 176u, 304u}) {
    EXPECT_THAT(DecodeHeader(good.substr(0, size)), FailsWithCode(kDataLoss)) << size;
  }
  EXPECT_THAT(DecodeHeader(Filled(good, 48, 128, 'x')), FailsWithCode(kDataLoss));
  EXPECT_THAT(DecodeHeader(Filled(good, 176, 129, 'x')), FailsWithCode(kDataLoss));
}

TEST(PackDeviceTest, MatchesTheKernelsLayout) {
  EXPECT_EQ(PackDevice({253, 0}).value(), 0xfd00u);
  EXPECT_EQ(PackDevice({253, 300}).value(), 0x10fd2cu);
  EXPECT_EQ(PackDevice({0xfff, 0xfffff}).value(), 0xffffffffu);
  EXPECT_EQ(UnpackDevice(0x10fd2c), (sys::DeviceNumber{253, 300}));
  // The upper half means nothing.
  EXPECT_EQ(UnpackDevice(0xdeadbeef0010fd2c), (sys::DeviceNumber{253, 300}));
}

TEST(PackDeviceTest, UnpackingGivesBackEveryNumber) {
  for (uint32_t major : {0u, 1u, 253u, 254u, 0xfffu}) {
    for (uint32_t minor : {0u, 1u, 255u, 256u, 257u, 0x12345u, 0xfffffu}) {
      const sys::DeviceNumber device = {major, minor};
      EXPECT_EQ(UnpackDevice(PackDevice(device).value()), device);
    }
  }
}

TEST(PackDeviceTest, NumbersOutOfRangeAreRefused) {
  for (sys::DeviceNumber device : {sys::DeviceNumber{0x1000, 0}, sys::DeviceNumber{0, 0x100000},
                                   sys::DeviceNumber{0xffffffff, 0}}) {
    EXPECT_THAT(PackDevice(device), FailsWithCode(kInvalid));
  }
}

TEST(KeyTest, FillsExactlyOneField) {
  for (const DeviceKey& key :
       {DeviceKey(Name("web")), DeviceKey(Uuid("X")), DeviceKey(sys::DeviceNumber{253, 300})}) {
    HeaderFields header;
    ASSERT_THAT(PutKey(key, header), IsOk());
    EXPECT_EQ(!header.name.empty() + !header.uuid.empty() + (header.device != 0), 1);
    EXPECT_EQ(TakeKey(header).value(), key);
  }
}

TEST(KeyTest, NumbersThatNameNoDeviceAreRefused) {
  HeaderFields header;
  EXPECT_THAT(PutKey(sys::DeviceNumber{0, 0}, header), FailsWithCode(kInvalid));
  EXPECT_THAT(PutKey(sys::DeviceNumber{4096, 0}, header), FailsWithCode(kInvalid));
}

TEST(KeyTest, NoKeyTwoKeysAndABadNameAreRefused) {
  HeaderFields header;
  EXPECT_THAT(TakeKey(header), FailsWithCode(kDataLoss));
  header.name = "web";
  header.uuid = "X";
  EXPECT_THAT(TakeKey(header), FailsWithCode(kDataLoss));
  header.uuid.clear();
  header.device = 1;
  EXPECT_THAT(TakeKey(header), FailsWithCode(kDataLoss));
  header.device = 0;
  header.name = "a/b";
  EXPECT_THAT(TakeKey(header), FailsWithCode(kDataLoss));
}

TEST(RawReplyTest, BytesBehindDataSizeAreNotKept) {
  std::string buffer(400, 'r');
  HeaderFields header;
  header.data_size = 320;
  header.data_start = 312;
  buffer.replace(0, 312, EncodeHeader(header));
  const auto reply = RawReply::Parse(Command::kTableStatus, buffer);
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->bytes().size(), 320u);
  EXPECT_TRUE(reply->has_payload());
}

TEST(RawReplyTest, HeaderOnlyRepliesOf305BytesHaveNoPayload) {
  HeaderFields header;
  header.data_size = 305;
  // As STATUS leaves it when there is no table: the caller's own.
  header.data_start = 40;
  const std::string bytes = EncodeHeader(header);
  const auto reply = RawReply::Parse(Command::kTableStatus, bytes);
  ASSERT_THAT(reply, IsOk());
  EXPECT_FALSE(reply->has_payload());
  EXPECT_THAT(CheckPayload(*reply), IsOk());
}

TEST(RawReplyTest, CommandsThatCopyNoHeaderBackTellTheVersionOnly) {
  for (Command command : {Command::kVersion, Command::kRemoveAll, Command::kDevSetGeometry}) {
    const std::string bytes = Filled(EncodeHeader(SomeFields()), 12, 300, 'x');
    const auto reply = RawReply::Parse(command, bytes);
    ASSERT_THAT(reply, IsOk());
    EXPECT_EQ(reply->header().version, (Version{4, 47, 1}));
    EXPECT_EQ(reply->header().flags, 0u);
    EXPECT_FALSE(reply->buffer_full());
    EXPECT_THAT(RawReply::Parse(command, bytes.substr(0, 12)), IsOk());
    EXPECT_THAT(RawReply::Parse(command, bytes.substr(0, 11)), FailsWithCode(kDataLoss));
  }
}

TEST(RawReplyTest, SizesThatCannotBeAreRefused) {
  HeaderFields header;
  for (uint32_t size : {0u, 12u, 304u, 313u, 0x7fffffffu, 0xffffffffu}) {
    header.data_size = size;
    EXPECT_THAT(RawReply::Parse(Command::kDevStatus, EncodeHeader(header)),
                FailsWithCode(kDataLoss))
        << size;
  }
  EXPECT_THAT(RawReply::Parse(Command::kDevStatus, ""), FailsWithCode(kDataLoss));
}

TEST(RawReplyTest, PayloadInsideTheHeaderIsRefused) {
  HeaderFields header;
  header.data_size = 312;
  for (uint32_t start : {0u, 40u, 304u}) {
    header.data_start = start;
    const std::string bytes = EncodeHeader(header);
    EXPECT_THAT(CheckPayload(RawReply::Parse(Command::kTableDeps, bytes).value()),
                FailsWithCode(kDataLoss))
        << start;
  }
}

TEST(RawReplyTest, AReplyThatDidNotFitIsNoPayload) {
  HeaderFields header;
  header.data_size = 312;
  header.data_start = 312;
  header.flags = DM_BUFFER_FULL_FLAG;
  const std::string bytes = EncodeHeader(header);
  const auto reply = RawReply::Parse(Command::kListDevices, bytes);
  ASSERT_THAT(reply, IsOk());
  EXPECT_TRUE(reply->buffer_full());
  EXPECT_THAT(CheckPayload(*reply), FailsWithCode(absl::StatusCode::kResourceExhausted));
}

TEST(RawRequestTest, ReadsAsMuchAsTheKernelDoes) {
  HeaderFields header;
  header.data_size = 330;
  const std::string buffer = EncodeHeader(header) + std::string(100, 'p');
  EXPECT_EQ(RawRequest::Parse(Command::kVersion, buffer)->bytes().size(), 12u);
  EXPECT_EQ(RawRequest::Parse(Command::kDevStatus, buffer)->bytes().size(), 305u);
  EXPECT_EQ(RawRequest::Parse(Command::kTableLoad, buffer)->bytes().size(), 330u);
}

TEST(RawRequestTest, SizesThatTheKernelRefusesAreRefused) {
  HeaderFields header;
  for (uint32_t size : {0u, 304u, 313u, 0xffffffffu}) {
    header.data_size = size;
    EXPECT_THAT(RawRequest::Parse(Command::kTableLoad, EncodeHeader(header)),
                FailsWithCode(kDataLoss))
        << size;
  }
}

DeviceInfo FullInfo() {
  DeviceInfo info;
  info.name = "web";
  info.uuid = "X";
  info.device = {253, 300};
  info.target_count = 3;
  info.open_count = 2;
  info.event_nr = 9;
  info.suspended = info.internally_suspended = info.read_only = true;
  info.has_active_table = info.has_inactive_table = true;
  info.deferred_remove = info.uevent_generated = true;
  return info;
}

DeviceInfo RoundTrip(Command command, const DeviceInfo& info) {
  const std::string bytes = EncodeHeader(EncodeDeviceInfo(command, info, HeaderFields()));
  return DecodeDeviceInfo(RawReply::Parse(command, bytes).value());
}

TEST(DeviceInfoTest, DecodingGivesBackWhatWasEncoded) {
  EXPECT_EQ(RoundTrip(Command::kDevStatus, FullInfo()), FullInfo());
  EXPECT_EQ(RoundTrip(Command::kDevStatus, DeviceInfo()), DeviceInfo());
}

TEST(DeviceInfoTest, RemovalTellsOnlyWhoAndWhether) {
  DeviceInfo expected;
  expected.name = "web";
  expected.uuid = "X";
  expected.has_inactive_table = expected.deferred_remove = expected.uevent_generated = true;
  EXPECT_EQ(RoundTrip(Command::kDevRemove, FullInfo()), expected);
  DeviceInfo gone = FullInfo();
  gone.deferred_remove = false;
  EXPECT_FALSE(RoundTrip(Command::kDevRemove, gone).exists);
}

TEST(DeviceInfoTest, RenamingTellsNeitherNamesNorInactiveTable) {
  DeviceInfo expected = FullInfo();
  expected.name = expected.uuid = "";
  expected.has_inactive_table = false;
  EXPECT_EQ(RoundTrip(Command::kDevRename, FullInfo()), expected);
}

TEST(DeviceInfoTest, FlagsOfTheRequestComeBackAsTheKernelLetsThem) {
  HeaderFields request;
  request.flags = 0xffffffff;
  // Cleared on entry: 8, 13, 15, 16. Stated anew: 0, 1, 5, 6, 18.
  EXPECT_EQ(EncodeDeviceInfo(Command::kDevStatus, DeviceInfo(), request).flags, 0xfffa5e9cu);
}

}  // namespace
}  // namespace dmkit::dm
