// SPDX-License-Identifier: Apache-2.0
// The bytes of the loop ioctls, against structures filled in here and against bytes of a real
// kernel.

#include "loop/codec.h"

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/uapi.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;

constexpr uint64_t kTooLarge = uint64_t{1} << 63;

SetStatusRequest FullStatus() {
  SetStatusRequest request;
  request.offset = sys::Bytes(4096);
  request.size_limit = sys::Bytes(1 << 20);
  request.flags = kFlagReadOnly | kFlagAutoclear | kFlagDirectIo;
  request.file_name = "/images/web.img";
  return request;
}

ConfigureRequest FullConfigure() {
  ConfigureRequest request;
  request.fd = 7;
  request.block_size = 4096;
  request.status = FullStatus();
  return request;
}

loop_info64 KernelStatus() {
  loop_info64 info = {};
  info.lo_device = 0x12345678;
  info.lo_inode = 42;
  info.lo_rdevice = 0x0700;
  info.lo_offset = 512;
  info.lo_sizelimit = 1024;
  info.lo_number = 3;
  info.lo_flags = kFlagAutoclear | 0x40;
  std::memcpy(info.lo_file_name, "/a b", 4);
  return info;
}

template <typename T>
std::string AsBytes(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

TEST(CodecTest, ConfigureFillsWhatIsAskedAndZeroesTheRest) {
  const auto bytes = EncodeConfigure(FullConfigure());
  ASSERT_THAT(bytes, IsOk());
  loop_config expected = {};
  expected.fd = 7;
  expected.block_size = 4096;
  expected.info.lo_offset = 4096;
  expected.info.lo_sizelimit = 1 << 20;
  expected.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  std::memcpy(expected.info.lo_file_name, "/images/web.img", 15);
  EXPECT_EQ(absl::BytesToHexString(*bytes), absl::BytesToHexString(AsBytes(expected)));
}

TEST(CodecTest, SetStatusFillsWhatIsAskedAndZeroesTheRest) {
  const auto bytes = EncodeSetStatus(FullStatus());
  ASSERT_THAT(bytes, IsOk());
  EXPECT_EQ(*bytes, AsBytes([] {
    loop_info64 info = {};
    info.lo_offset = 4096;
    info.lo_sizelimit = 1 << 20;
    info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    std::memcpy(info.lo_file_name, "/images/web.img", 15);
    return info;
  }()));
}

TEST(CodecTest, RequestsSurviveTheWayThereAndBack) {
  for (const uint32_t block_size : {0u, 512u, 1024u, 4096u}) {
    ConfigureRequest request = FullConfigure();
    request.block_size = block_size;
    request.status.file_name = std::string(kFileNameMax, 'n');
    const auto bytes = EncodeConfigure(request);
    ASSERT_THAT(bytes, IsOk());
    const auto decoded = DecodeConfigure(*bytes);
    ASSERT_THAT(decoded, IsOk());
    EXPECT_EQ(DebugString(*decoded), DebugString(request));
  }
  const auto bytes = EncodeSetStatus(FullStatus());
  ASSERT_THAT(bytes, IsOk());
  const auto decoded = DecodeSetStatus(*bytes);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(DebugString(*decoded), DebugString(FullStatus()));
}

TEST(CodecTest, LargestValuesAreEncoded) {
  ConfigureRequest request;
  request.fd = 0;
  request.status.offset = sys::Bytes(kTooLarge - 1);
  request.status.size_limit = sys::Bytes(kTooLarge - 1);
  EXPECT_THAT(EncodeConfigure(request), IsOk());
}

struct BadRequest {
  const char* what;
  void (*spoil)(ConfigureRequest&);
};

class BadRequestTest : public ::testing::TestWithParam<BadRequest> {};

TEST_P(BadRequestTest, IsRefusedNotShortened) {
  ConfigureRequest request = FullConfigure();
  GetParam().spoil(request);
  const auto bytes = EncodeConfigure(request);
  EXPECT_THAT(bytes, FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(bytes.status().message()), HasSubstr(GetParam().what));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadRequestTest,
    ::testing::Values(
        BadRequest{"descriptor -1", [](ConfigureRequest& r) { r.fd = -1; }},
        BadRequest{"block size 1 ", [](ConfigureRequest& r) { r.block_size = 1; }},
        BadRequest{"block size 256", [](ConfigureRequest& r) { r.block_size = 256; }},
        BadRequest{"block size 513", [](ConfigureRequest& r) { r.block_size = 513; }},
        BadRequest{"block size 3072", [](ConfigureRequest& r) { r.block_size = 3072; }},
        BadRequest{"block size 8192", [](ConfigureRequest& r) { r.block_size = 8192; }},
        BadRequest{"offset", [](ConfigureRequest& r) { r.status.offset = sys::Bytes(kTooLarge); }},
        BadRequest{"size limit",
                   [](ConfigureRequest& r) { r.status.size_limit = sys::Bytes(kTooLarge); }},
        BadRequest{"flags 0x2", [](ConfigureRequest& r) { r.status.flags = 2; }},
        BadRequest{"0x80000000", [](ConfigureRequest& r) { r.status.flags |= 0x80000000; }},
        BadRequest{"64 bytes",
                   [](ConfigureRequest& r) { r.status.file_name = std::string(64, 'n'); }},
        BadRequest{"NUL",
                   [](ConfigureRequest& r) { r.status.file_name = std::string("/a\0b", 4); }}));

TEST(CodecTest, SetStatusRefusesWhatConfigureRefuses) {
  SetStatusRequest request = FullStatus();
  request.offset = sys::Bytes(kTooLarge);
  EXPECT_THAT(EncodeSetStatus(request), FailsWithCode(absl::StatusCode::kInvalidArgument));
  request = FullStatus();
  request.file_name = std::string(64, 'n');
  EXPECT_THAT(EncodeSetStatus(request), FailsWithCode(absl::StatusCode::kInvalidArgument));
}

TEST(CodecTest, StatusGivesTheKernelsFields) {
  const auto reply = DecodeStatus(AsBytes(KernelStatus()));
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->number, 3u);
  // 12 bits of major between two parts of the minor.
  EXPECT_EQ(reply->device, (sys::DeviceNumber{0x456, 0x12378}));
  EXPECT_EQ(reply->inode, 42u);
  EXPECT_EQ(reply->rdevice, (sys::DeviceNumber{7, 0}));
  EXPECT_EQ(reply->offset, sys::Bytes(512));
  EXPECT_EQ(reply->size_limit, sys::Bytes(1024));
  EXPECT_EQ(reply->flags, kFlagAutoclear | 0x40);
  EXPECT_EQ(reply->file_name, "/a b");
}

TEST(CodecTest, BytesBehindTheNameAreNotLookedAt) {
  loop_info64 info = KernelStatus();
  std::memset(info.lo_file_name + 5, 0xEE, LO_NAME_SIZE - 5);
  std::memset(info.lo_crypt_name, 0xEE, LO_NAME_SIZE);
  const auto reply = DecodeStatus(AsBytes(info));
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->file_name, "/a b");
}

// LOOP_GET_STATUS64 on 6.18.44 (x86-64): an ext4 file on 254:0, loop0, offset 4096, size limit
// 65536, autoclear, attached as "/tmp/golden.img". All bytes behind these were zero.
constexpr char kGoldenStatus[] =
    "00fe0000000000002220a7000000000000000000000000000010000000000000"
    "0000010000000000000000000000000000000000040000002f746d702f676f6c"
    "64656e2e696d67";

TEST(CodecTest, BytesOfARealKernelAreUnderstood) {
  std::string bytes = absl::HexStringToBytes(kGoldenStatus);
  bytes.resize(kStatusBytes, '\0');
  const auto reply = DecodeStatus(bytes);
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(DebugString(*reply),
            "number=0 device=254:0 inode=10952738 rdevice=0:0 offset=4096 sizelimit=65536 "
            "flags=AUTOCLEAR file=\"/tmp/golden.img\"");
}

struct BadReply {
  const char* what;
  void (*spoil)(loop_info64&);
};

class BadReplyTest : public ::testing::TestWithParam<BadReply> {};

TEST_P(BadReplyTest, IsDataLoss) {
  loop_info64 info = KernelStatus();
  GetParam().spoil(info);
  const auto reply = DecodeStatus(AsBytes(info));
  EXPECT_THAT(reply, FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(std::string(reply.status().message()), HasSubstr(GetParam().what));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadReplyTest,
    ::testing::Values(
        BadReply{"file name",
                 [](loop_info64& i) { std::memset(i.lo_file_name, 'n', LO_NAME_SIZE); }},
        BadReply{": device", [](loop_info64& i) { i.lo_device = uint64_t{1} << 32; }},
        BadReply{": device", [](loop_info64& i) { i.lo_device = ~uint64_t{0}; }},
        BadReply{": rdevice", [](loop_info64& i) { i.lo_rdevice = uint64_t{1} << 63; }},
        BadReply{"number", [](loop_info64& i) { i.lo_number = 0x100000; }},
        BadReply{"number", [](loop_info64& i) { i.lo_number = ~0u; }},
        BadReply{"offset", [](loop_info64& i) { i.lo_offset = kTooLarge; }},
        BadReply{"size limit", [](loop_info64& i) { i.lo_sizelimit = ~uint64_t{0}; }}));

TEST(CodecTest, WrongLengthIsDataLoss) {
  const std::string status = AsBytes(KernelStatus());
  for (size_t size = 0; size < status.size(); ++size) {
    EXPECT_THAT(DecodeStatus(status.substr(0, size)), FailsWithCode(absl::StatusCode::kDataLoss))
        << size;
    EXPECT_THAT(DecodeSetStatus(status.substr(0, size)), FailsWithCode(absl::StatusCode::kDataLoss))
        << size;
  }
  EXPECT_THAT(DecodeStatus(status + '\0'), FailsWithCode(absl::StatusCode::kDataLoss));
  const auto configure = EncodeConfigure(FullConfigure());
  ASSERT_THAT(configure, IsOk());
  for (size_t size = 0; size < configure->size(); ++size) {
    EXPECT_THAT(DecodeConfigure(configure->substr(0, size)),
                FailsWithCode(absl::StatusCode::kDataLoss))
        << size;
  }
  EXPECT_THAT(DecodeConfigure(*configure + '\0'), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST(CodecTest, RequestThatEncodeRefusesIsDataLossToDecode) {
  loop_config config = {};
  config.fd = ~0u;
  EXPECT_THAT(DecodeConfigure(AsBytes(config)), FailsWithCode(absl::StatusCode::kDataLoss));
  config.fd = 3;
  config.block_size = 100;
  EXPECT_THAT(DecodeConfigure(AsBytes(config)), FailsWithCode(absl::StatusCode::kDataLoss));
  config.block_size = 0;
  config.info.lo_flags = 2;
  EXPECT_THAT(DecodeConfigure(AsBytes(config)), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeSetStatus(AsBytes(config.info)), FailsWithCode(absl::StatusCode::kDataLoss));
  config.info.lo_flags = 0;
  std::memset(config.info.lo_file_name, 'n', LO_NAME_SIZE);
  EXPECT_THAT(DecodeConfigure(AsBytes(config)), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeSetStatus(AsBytes(config.info)), FailsWithCode(absl::StatusCode::kDataLoss));
}

TEST(CodecTest, FileNameIsCutAt63Bytes) {
  EXPECT_EQ(CutFileName("/short"), "/short");
  EXPECT_EQ(CutFileName("/" + std::string(62, 'a')), "/" + std::string(62, 'a'));
  EXPECT_EQ(CutFileName("/" + std::string(63, 'a')), "/" + std::string(62, 'a'));
}

TEST(CodecTest, FlagsAreShownByName) {
  EXPECT_EQ(FormatFlags(0), "0");
  EXPECT_EQ(FormatFlags(5), "READ_ONLY|AUTOCLEAR");
  EXPECT_EQ(FormatFlags(0xFFu), "READ_ONLY|AUTOCLEAR|PARTSCAN|DIRECT_IO|0xe2");
}

TEST(CodecTest, NamesAreShownPrintable) {
  StatusReply reply;
  reply.file_name = "/a\n\x1b[31m";
  EXPECT_EQ(DebugString(reply),
            "number=0 device=0:0 inode=0 rdevice=0:0 offset=0 sizelimit=0 flags=0 "
            "file=\"/a\\x0a\\x1b[31m\"");
}

}  // namespace
}  // namespace dmkit::loop
