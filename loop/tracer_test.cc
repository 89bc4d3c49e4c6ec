// SPDX-License-Identifier: Apache-2.0
// Each ioctl of the room as people see it.

#include "loop/tracer.h"

#include <cerrno>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/codec.h"
#include "loop/uapi.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

absl::Status Error(int error) { return sys::ErrnoStatus(error, "test"); }

TracedCall Call(unsigned long request) {
  TracedCall call;
  call.device = "/dev/loop3";
  call.request = request;
  return call;
}

TEST(TracerTest, RequestsWithoutArgumentAreTheirName) {
  EXPECT_EQ(FormatCall(Call(LOOP_CLR_FD), 0), "LOOP_CLR_FD /dev/loop3 -> OK");
  EXPECT_EQ(FormatCall(Call(LOOP_SET_CAPACITY), 0), "LOOP_SET_CAPACITY /dev/loop3 -> OK");
}

TEST(TracerTest, NumbersAreShown) {
  TracedCall call = Call(LOOP_SET_FD);
  call.value = 5;
  EXPECT_EQ(FormatCall(call, 0), "LOOP_SET_FD /dev/loop3 fd=5 -> OK");
  call.request = LOOP_SET_DIRECT_IO;
  call.value = 1;
  EXPECT_EQ(FormatCall(call, 0), "LOOP_SET_DIRECT_IO /dev/loop3 1 -> OK");
  call.request = LOOP_SET_BLOCK_SIZE;
  call.value = 4096;
  EXPECT_EQ(FormatCall(call, 0), "LOOP_SET_BLOCK_SIZE /dev/loop3 4096 -> OK");
}

TEST(TracerTest, ResultsOfTheControlDeviceAreNumbers) {
  TracedCall call = Call(LOOP_CTL_GET_FREE);
  call.device = "/dev/loop-control";
  EXPECT_EQ(FormatCall(call, 3), "LOOP_CTL_GET_FREE /dev/loop-control -> 3");
  EXPECT_EQ(FormatCall(call, 0), "LOOP_CTL_GET_FREE /dev/loop-control -> 0");
  call.request = LOOP_CTL_ADD;
  call.value = 9;
  EXPECT_EQ(FormatCall(call, 9), "LOOP_CTL_ADD /dev/loop-control 9 -> 9");
}

TEST(TracerTest, FailuresAreTheErrno) {
  EXPECT_EQ(FormatCall(Call(LOOP_GET_STATUS64), Error(ENXIO)),
            "LOOP_GET_STATUS64 /dev/loop3 -> ENXIO");
  EXPECT_EQ(FormatCall(Call(LOOP_CLR_FD), absl::InternalError("no errno")),
            "LOOP_CLR_FD /dev/loop3 -> INTERNAL: no errno");
}

TEST(TracerTest, RequestsAndRepliesAreDecoded) {
  ConfigureRequest request;
  request.fd = 7;
  request.status.flags = kFlagAutoclear;
  request.status.file_name = "/a";
  const std::string sent = *EncodeConfigure(request);
  TracedCall call = Call(LOOP_CONFIGURE);
  call.sent = sent;
  EXPECT_EQ(FormatCall(call, Error(EBUSY)),
            "LOOP_CONFIGURE /dev/loop3 fd=7 block_size=0 offset=0 sizelimit=0 flags=AUTOCLEAR "
            "file=\"/a\" -> EBUSY");

  const std::string status = *EncodeSetStatus(request.status);
  call = Call(LOOP_SET_STATUS64);
  call.sent = status;
  EXPECT_EQ(FormatCall(call, 0),
            "LOOP_SET_STATUS64 /dev/loop3 offset=0 sizelimit=0 flags=AUTOCLEAR file=\"/a\" -> OK");

  call = Call(LOOP_GET_STATUS64);
  call.received = status;
  EXPECT_EQ(FormatCall(call, 0),
            "LOOP_GET_STATUS64 /dev/loop3 -> number=0 device=0:0 inode=0 rdevice=0:0 offset=0 "
            "sizelimit=0 flags=AUTOCLEAR file=\"/a\"");

  call = Call(BLKSSZGET);
  call.received = absl::string_view("\0\x02\0\0", 4);
  EXPECT_EQ(FormatCall(call, 0), "BLKSSZGET /dev/loop3 -> 512");
}

TEST(TracerTest, BytesThatDoNotDecodeAreShownInHex) {
  const std::string noise(304, '\xff');
  TracedCall call = Call(LOOP_CONFIGURE);
  call.sent = noise;
  EXPECT_THAT(FormatCall(call, Error(EINVAL)),
              AllOf(StartsWith("LOOP_CONFIGURE /dev/loop3 undecodable 304 bytes ffff"),
                    EndsWith("... -> EINVAL")));
  call = Call(LOOP_GET_STATUS64);
  call.received = "abc";
  EXPECT_EQ(FormatCall(call, 0), "LOOP_GET_STATUS64 /dev/loop3 -> undecodable 3 bytes 616263");
  call = Call(BLKSSZGET);
  call.received = "ab";
  EXPECT_THAT(FormatCall(call, 0), EndsWith("undecodable 2 bytes 6162"));
}

TEST(TracerTest, UnknownRequestsKeepTheirNumber) {
  TracedCall call = Call(0x4C7F);
  call.value = 12;
  EXPECT_EQ(FormatCall(call, Error(EINVAL)), "ioctl 0x4c7f /dev/loop3 12 -> EINVAL");
  call.sent = "abc";
  EXPECT_EQ(FormatCall(call, 2), "ioctl 0x4c7f /dev/loop3 undecodable 3 bytes 616263 -> 2");
}

TEST(TracerTest, ALineIsPrintable) {
  TracedCall call = Call(LOOP_CLR_FD);
  call.device = "/dev/\nloop";
  EXPECT_THAT(FormatCall(call, absl::UnknownError("a\nb")), Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace dmkit::loop
