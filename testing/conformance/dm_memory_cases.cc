// SPDX-License-Identifier: Apache-2.0
// Memory of the caller that can be read and not written, and requests for which there is no room.

#include <sys/ioctl.h>

#include <cerrno>
#include <string>

#include "testing/conformance/dm_fixture.h"
#include "testing/conformance/guarded_ioctl.h"

namespace dmkit::conformance {
namespace {

constexpr uint32_t kCommands = 18;
constexpr size_t kVersionBytes = 12;
constexpr uint32_t kSizeMax = 1u << 30;

class DmMemory : public DmTest {
 protected:
  static unsigned long Code(uint32_t number) { return _IOC(_IOC_NONE, DM_IOCTL, number, 0); }
  int HalfReadOnly(uint32_t number, size_t writable_bytes, DmRequest& request) {
    request.Sent();
    return HalfReadOnlyIoctl(control(), Code(number), writable_bytes, request.bytes());
  }
  int HalfReadOnly(uint32_t number, size_t writable_bytes, DmRequest&& request) {
    return HalfReadOnly(number, writable_bytes, request);
  }
};

TEST_F(DmMemory, ReadOnlyOneGivesEfaultBeforeAnythingIsDone) {
  for (uint32_t number = 0; number < kCommands; ++number) {
    DmRequest request;
    EXPECT_EQ(HalfReadOnly(number, 0, request.Name("a")), -EFAULT) << number;
    EXPECT_EQ(request.Written(), "") << number;
  }
  EXPECT_FALSE(Exists("a"));
}

TEST_F(DmMemory, ReadOnlyOneComesBeforeAWrongVersionAndAnUnknownCommand) {
  EXPECT_EQ(HalfReadOnly(DM_LIST_DEVICES_CMD, 0, DmRequest().Version(3, 0, 0)), -EFAULT);
  EXPECT_EQ(HalfReadOnly(kCommands, 0, DmRequest()), -EFAULT);
  std::string bytes = DmRequest().bytes();
  EXPECT_EQ(HalfReadOnlyIoctl(control(), _IOC(_IOC_NONE, 0xfc, 0, 0), 0, bytes), -ENOTTY);
}

TEST_F(DmMemory, VersionNeedsItsTwelveBytesOnly) {
  EXPECT_EQ(HalfReadOnly(DM_VERSION_CMD, kVersionBytes, DmRequest()), 0);
  EXPECT_EQ(HalfReadOnly(DM_VERSION_CMD, kVersionBytes - 1, DmRequest()), -EFAULT);
}

TEST_F(DmMemory, WhatCannotBeAnsweredIsDoneAllTheSame) {
  const DmRequest request = DmRequest(kResultAt).Name("a");
  EXPECT_EQ(HalfReadOnly(DM_DEV_CREATE_CMD, kVersionBytes, DmRequest(request)), -EFAULT);
  EXPECT_TRUE(Exists("a"));
  EXPECT_EQ(HalfReadOnly(DM_DEV_CREATE_CMD, kVersionBytes, DmRequest(request)), -EBUSY);
  EXPECT_EQ(HalfReadOnly(DM_DEV_REMOVE_CMD, kHeaderSize - 1, DmRequest(request)), -EFAULT);
  EXPECT_FALSE(Exists("a"));
}

TEST_F(DmMemory, AFailureNeedsNoRoomForAnAnswer) {
  const DmRequest request = DmRequest(kResultAt).Name("a");
  EXPECT_EQ(HalfReadOnly(DM_DEV_STATUS_CMD, kVersionBytes, DmRequest(request)), -ENXIO);
}

TEST_F(DmMemory, OnlyWhatIsAnsweredMustBeWritable) {
  DmRequest request(4096);
  EXPECT_EQ(HalfReadOnly(DM_LIST_DEVICES_CMD, kResultAt + 8, request), 0);
  EXPECT_EQ(request.data_size(), kResultAt);
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(HalfReadOnly(DM_DEV_STATUS_CMD, kHeaderSize, DmRequest(4096).Name("a")), 0);
  // What it is for is the caller's business: the whole of a table is read.
  DmRequest table(kResultAt);
  table.Name("a").Target(0, 8, "zero", "");
  EXPECT_EQ(HalfReadOnly(DM_TABLE_LOAD_CMD, kHeaderSize, table), 0);
}

TEST_F(DmMemory, SecretsThatCannotBeWipedAreNotTaken) {
  const DmRequest secret = DmRequest(kResultAt).Name("a").Flags(DM_SECURE_DATA_FLAG);
  EXPECT_EQ(HalfReadOnly(DM_DEV_CREATE_CMD, kVersionBytes, DmRequest(secret)), -EFAULT);
  EXPECT_FALSE(Exists("a"));
  ASSERT_EQ(Create("a"), 0);
  DmRequest table(kResultAt);
  table.Name("a").Target(0, 8, "zero", "").Flags(DM_SECURE_DATA_FLAG);
  EXPECT_EQ(HalfReadOnly(DM_TABLE_LOAD_CMD, kResultAt, table), -EFAULT);
  EXPECT_EQ(FlagsOf("a") & DM_INACTIVE_PRESENT_FLAG, 0u);
}

TEST_F(DmMemory, ARequestLargerThanAllMemoryGivesEnomemBeforeItIsRead) {
  // With more than that there is room, and then the caller's memory ends too early.
  const int error = machine().MemoryBytes() < kSizeMax ? -ENOMEM : -EFAULT;
  for (const uint32_t number : {DM_LIST_DEVICES_CMD, DM_TABLE_LOAD_CMD, DM_TARGET_MSG_CMD}) {
    DmRequest request;
    EXPECT_EQ(Call(number, request.DataSize(kSizeMax)), error) << number;
    EXPECT_EQ(request.Written(), "version") << number;
    // The wipe of what cannot be taken fails first.
    DmRequest secret;
    EXPECT_EQ(Call(number, secret.Flags(DM_SECURE_DATA_FLAG).DataSize(kSizeMax)), -EFAULT);
  }
}

}  // namespace
}  // namespace dmkit::conformance
