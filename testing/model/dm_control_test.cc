// SPDX-License-Identifier: Apache-2.0
// The way of every ioctl: checks in their order, and what is written back.

#include <sys/ioctl.h>

#include <cerrno>
#include <string>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

class DmControlTest : public DmTest {
 protected:
  int Raw(unsigned long request, std::string& memory, uint32_t user = 0) {
    TestProcess process(user);
    const Scheduler::Call call(machine_.core.scheduler, 1);
    return machine_.control->Ioctl(process, request,
                                   UserMemory(absl::MakeSpan(&memory[0], memory.size())));
  }
  // A request whose number says nothing of a size, so that the memory can be as short as one likes.
  static unsigned long Bare(uint32_t number) { return _IOC(_IOC_NONE, 0xfd, number, 0); }
  uint32_t minor() const { return GetParam()->dm_interface[1]; }
};

TEST_P(DmControlTest, AnybodyButRootGetsEaccesBeforeAnythingElse) {
  DmBytes bytes;
  const std::string before = bytes.bytes();
  EXPECT_EQ(Raw(_IOC(_IOC_READ, 'x', 0, 0), bytes.bytes(), /*user=*/1000), -EACCES);
  EXPECT_EQ(Raw(Bare(kVersion), bytes.bytes(), /*user=*/1000), -EACCES);
  EXPECT_EQ(bytes.bytes(), before);
}

TEST_P(DmControlTest, ForeignTypeIsEnottyAndWritesNothing) {
  DmBytes bytes;
  const std::string before = bytes.bytes();
  EXPECT_EQ(Raw(_IOC(_IOC_READ, 0xfc, 0, 0), bytes.bytes()), -ENOTTY);
  EXPECT_EQ(bytes.bytes(), before);
}

TEST_P(DmControlTest, VersionTouchesTwelveBytesOnly) {
  std::string memory = DmBytes().bytes().substr(0, 12);
  EXPECT_EQ(Raw(Bare(kVersion), memory), 0);
  EXPECT_EQ(static_cast<uint32_t>(memory[4]), minor());
  memory.resize(11);
  EXPECT_EQ(Raw(Bare(kVersion), memory), -EFAULT);
}

TEST_P(DmControlTest, UnknownCommandUpdatesTheVersionThenFails) {
  DmBytes bytes;
  EXPECT_EQ(machine_.Call(18, bytes), -ENOTTY);
  EXPECT_EQ(bytes.U32(4), minor());
  DmBytes wrong;
  EXPECT_EQ(machine_.Call(18, wrong.Version(3, 0)), -EINVAL);
  EXPECT_EQ(wrong.U32(0), 4u);
}

TEST_P(DmControlTest, OlderMinorIsTakenAndNewerIsRefused) {
  for (const uint32_t asked : {0u, 1u, minor()}) {
    DmBytes bytes;
    EXPECT_EQ(machine_.Call(kListDevices, bytes.Version(4, asked)), 0) << asked;
  }
  DmBytes newer;
  EXPECT_EQ(machine_.Call(kListDevices, newer.Version(4, minor() + 1)), -EINVAL);
  EXPECT_EQ(newer.U32(4), minor());
}

TEST_P(DmControlTest, SizeAndDirectionOfTheRequestAreIgnored) {
  DmBytes bytes;
  EXPECT_EQ(Raw(Bare(kListDevices), bytes.bytes()), 0);
  EXPECT_EQ(Raw(_IOC(_IOC_READ, 0xfd, kListDevices, 8), bytes.bytes()), 0);
}

TEST_P(DmControlTest, ShortMemoryIsEfault) {
  std::string memory = DmBytes(kStructBytes).Name("a").bytes().substr(0, 304);
  EXPECT_EQ(Raw(Bare(kDevStatus), memory), -EFAULT);
  // 305 bytes are all that a command without payload touches.
  memory = DmBytes(kStructBytes).Name("a").bytes().substr(0, 305);
  EXPECT_EQ(Raw(Bare(kDevCreate), memory), 0);
  // With a payload, all that the size says.
  memory = DmBytes(400).bytes().substr(0, 399);
  EXPECT_EQ(Raw(Bare(kListDevices), memory), -EFAULT);
}

TEST_P(DmControlTest, DataSizeHasLimits) {
  for (const uint32_t size : {0u, 304u, (1u << 30) + 1, 0xffffffffu}) {
    DmBytes bytes;
    bytes.Put32(kDataSizeAt, size);
    EXPECT_EQ(machine_.Call(kListDevices, bytes), -EINVAL) << size;
    EXPECT_EQ(machine_.Call(kRemoveAll, bytes), -EINVAL) << size;
  }
  DmBytes huge;
  huge.Put32(kDataSizeAt, 1u << 30);
  EXPECT_EQ(machine_.Call(kRemoveAll, huge), 0);
  // There is no room, or else it cannot be read.
  EXPECT_EQ(machine_.Call(kListDevices, huge), -ENOMEM);
  machine_.core.memory_bytes = uint64_t{2} << 30;
  EXPECT_EQ(machine_.Call(kListDevices, huge), -EFAULT);
}

TEST_P(DmControlTest, OnErrorOnlyTheVersionIsWrittenBack) {
  DmBytes bytes;
  bytes.Name("nosuch").Flags(kBufferFullFlag | kDataOutFlag).Poison();
  const std::string before = bytes.bytes();
  EXPECT_EQ(machine_.Call(kDevStatus, bytes), -ENXIO);
  EXPECT_EQ(bytes.bytes().substr(12), before.substr(12));
}

TEST_P(DmControlTest, SecureDataWipesTheCallersMemoryOnFailure) {
  DmBytes header(kStructBytes);
  header.Name("nosuch").Flags(kSecureDataFlag).Poison();
  EXPECT_EQ(machine_.Call(kDevStatus, header), -ENXIO);
  EXPECT_EQ(header.bytes(), std::string(305, '\0') + std::string(7, kPoison));
  DmBytes payload(400);
  payload.Name("nosuch").Flags(kSecureDataFlag).Poison();
  EXPECT_EQ(machine_.Call(kTableStatus, payload), -ENXIO);
  EXPECT_EQ(payload.bytes(), std::string(400, '\0'));
}

TEST_P(DmControlTest, SecureDataNeverComesBackSetAndLeavesZerosBehindTheReply) {
  machine_.Activate("a", 8, "zero", "");
  DmBytes bytes(600);
  bytes.Name("a").Flags(kSecureDataFlag).Poison();
  EXPECT_EQ(machine_.Call(kTableStatus, bytes), 0);
  EXPECT_EQ(bytes.flags() & kSecureDataFlag, 0u);
  EXPECT_EQ(bytes.data_size(), 353u);
  EXPECT_EQ(bytes.bytes().substr(353), std::string(600 - 353, '\0'));
}

TEST_P(DmControlTest, HeaderOnlyReplyIs305Bytes) {
  machine_.Activate("a", 8, "zero", "");
  DmBytes bytes(400);
  bytes.Name("a").Poison();
  EXPECT_EQ(machine_.Call(kDevStatus, bytes), 0);
  EXPECT_EQ(bytes.data_size(), 305u);
  EXPECT_EQ(bytes.bytes().substr(305), std::string(95, kPoison));
}

TEST_P(DmControlTest, RemoveAllAndSetGeometryWriteNoHeader) {
  machine_.Activate("a", 8, "zero", "");
  DmBytes geometry;
  geometry.Name("a").Flags(kBufferFullFlag).Text("1 1 8 0");
  const std::string before = geometry.bytes();
  EXPECT_EQ(machine_.Call(kSetGeometry, geometry), 0);
  EXPECT_EQ(geometry.bytes().substr(12), before.substr(12));
  DmBytes all(kStructBytes);
  all.Flags(kBufferFullFlag);
  EXPECT_EQ(machine_.Call(kRemoveAll, all), 0);
  EXPECT_EQ(all.flags(), kBufferFullFlag);
  EXPECT_EQ(all.data_size(), kStructBytes);
}

TEST_P(DmControlTest, FlagsOfTheReplyAreClearedFromTheRequestAndOthersAreEchoed) {
  machine_.Create("a");
  DmBytes bytes(kStructBytes);
  constexpr uint32_t kUnknown = (1u << 2) | (1u << 7) | (1u << 30);
  bytes.Name("a").Flags(kUnknown | kBufferFullFlag | kUeventGeneratedFlag | kDataOutFlag |
                        kUuidFlag | kSuspendFlag | kReadOnlyFlag | kActivePresentFlag |
                        kInternalSuspendFlag | kInactivePresentFlag);
  EXPECT_EQ(machine_.Call(kDevStatus, bytes), 0);
  EXPECT_EQ(bytes.flags(), kUnknown | kUuidFlag);
}

TEST_P(DmControlTest, DeferredRemoveIsEchoedThoughNothingIsDeferred) {
  machine_.Create("a");
  EXPECT_NE(machine_.Status("a", kDeferredRemoveFlag).flags() & kDeferredRemoveFlag, 0u);
  EXPECT_EQ(machine_.Status("a").flags() & kDeferredRemoveFlag, 0u);
}

TEST_P(DmControlTest, TwoTextsAreEinvalButATextAndANumberAreEnxio) {
  DmBytes create(kStructBytes);
  ASSERT_EQ(machine_.Call(kDevCreate, create.Name("a").Uuid("U")), 0);
  const uint64_t number = create.U64(kDeviceAt);
  DmBytes both(kStructBytes), with_name(kStructBytes), with_uuid(kStructBytes);
  EXPECT_EQ(machine_.Call(kDevStatus, both.Name("a").Uuid("U")), -EINVAL);
  EXPECT_EQ(machine_.Call(kDevStatus, with_name.Name("a").Device(number)), -ENXIO);
  EXPECT_EQ(machine_.Call(kDevStatus, with_uuid.Uuid("U").Device(number)), -ENXIO);
  DmBytes none(kStructBytes), arm(kStructBytes), version;
  EXPECT_EQ(machine_.Call(kDevStatus, none), -ENXIO);
  EXPECT_EQ(machine_.Call(kArmPoll, arm.Name("a").Uuid("U")), -EINVAL);
  EXPECT_EQ(machine_.Call(kGetTargetVersion, version.Name("linear").Uuid("U")), -EINVAL);
}

TEST_P(DmControlTest, HighBitsOfTheNumberAreIgnoredButMakeItNonZero) {
  DmBytes create(kStructBytes);
  ASSERT_EQ(machine_.Call(kDevCreate, create.Name("a")), 0);
  DmBytes high(kStructBytes), low(kStructBytes);
  EXPECT_EQ(machine_.Call(kDevStatus, high.Device(uint64_t{1} << 32)), -ENXIO);
  EXPECT_EQ(machine_.Call(kDevStatus, low.Device(create.U64(kDeviceAt) | uint64_t{1} << 40)), 0);
  EXPECT_EQ(low.name(), "a");
}

TEST_P(DmControlTest, ReplyOfALookupIsNoRequestForTheNext) {
  DmBytes bytes(kStructBytes);
  ASSERT_EQ(machine_.Call(kDevCreate, bytes.Name("a").Uuid("U")), 0);
  EXPECT_EQ(machine_.Call(kDevStatus, bytes), -EINVAL);
}

TEST_P(DmControlTest, LookupsAreExactAndGiveNameAndUuid) {
  DmBytes create(kStructBytes);
  ASSERT_EQ(machine_.Call(kDevCreate, create.Name("a").Uuid("U")), 0);
  DmBytes other(kStructBytes), by_uuid(kStructBytes), by_number(kStructBytes);
  EXPECT_EQ(machine_.Call(kDevStatus, other.Name("A")), -ENXIO);
  EXPECT_EQ(machine_.Call(kDevStatus, by_uuid.Uuid("U")), 0);
  EXPECT_EQ(by_uuid.name(), "a");
  EXPECT_EQ(machine_.Call(kDevStatus, by_number.Device(create.U64(kDeviceAt))), 0);
  EXPECT_EQ(by_number.name(), "a");
  EXPECT_EQ(by_number.uuid(), "U");
}

TEST_P(DmControlTest, LongTextsAreCutNotRefused) {
  DmBytes bytes(kStructBytes);
  bytes.Name(std::string(128, 'x')).Uuid(std::string(129, 'u'));
  ASSERT_EQ(machine_.Call(kDevCreate, bytes), 0);
  EXPECT_EQ(machine_.Status(std::string(127, 'x')).uuid(), std::string(128, 'u'));
}

TEST_P(DmControlTest, ArmPollGivesBackTheHeaderWithItsFlagsCleaned) {
  DmBytes bytes(kStructBytes);
  bytes.Flags(kBufferFullFlag | kReadOnlyFlag).Event(7);
  EXPECT_EQ(machine_.Call(kArmPoll, bytes), 0);
  EXPECT_EQ(bytes.flags(), kReadOnlyFlag);
  EXPECT_EQ(bytes.data_size(), 305u);
  EXPECT_EQ(bytes.U32(kEventAt), 7u);
}

DMKIT_ON_BOTH_KERNELS(DmControlTest);

}  // namespace
}  // namespace dmkit::model
