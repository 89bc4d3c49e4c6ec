// SPDX-License-Identifier: Apache-2.0
// The way of every ioctl on the control device: who may, what is looked at in which order, and
// what is copied. Lookups and flags are in dm_header_cases.cc.

#include <sys/ioctl.h>

#include <cerrno>
#include <string>

#include "sys/status.h"
#include "testing/conformance/dm_fixture.h"
#include "testing/conformance/guarded_ioctl.h"

namespace dmkit::conformance {
namespace {

constexpr uint32_t kCommands = 18;

class DmVersion : public DmTest {};

class DmControl : public DmTest {
 protected:
  // A request that says nothing of a size, so that the memory can be as short as one likes.
  static unsigned long Bare(uint32_t number) { return _IOC(_IOC_NONE, DM_IOCTL, number, 0); }
  // The call as user 65534, on a descriptor of its own.
  int CallAsNobody(unsigned long code, std::string& bytes) {
    EXPECT_TRUE(host().root->SetMode(kControlPath, 0666).ok());
    int result = 0;
    machine().AsNobody([&](const sys::Host& nobody) {
      const auto file = nobody.root->OpenFile(kControlPath, {});
      ASSERT_TRUE(file.ok()) << file.status();
      result = GuardedIoctl(**file, code, bytes);
    });
    EXPECT_TRUE(host().root->SetMode(kControlPath, 0600).ok());
    return result;
  }
  uint32_t minor() { return profile().dm_interface[1]; }
};

TEST_F(DmVersion, TellsTheInterfaceOfTheKernel) {
  DmRequest request;
  ASSERT_EQ(Call(DM_VERSION_CMD, request), 0);
  EXPECT_EQ(request.version(0), 4u);
  EXPECT_EQ(request.version(1), is_6_1() ? 47u : 48u);
  EXPECT_EQ(request.version(2), 0u);
}

TEST_F(DmVersion, TouchesTwelveBytesOnly) {
  std::string bytes = DmRequest().bytes().substr(0, 12);
  EXPECT_EQ(GuardedIoctl(control(), DM_VERSION & 0xffff, bytes), 0);
  EXPECT_EQ(static_cast<uint32_t>(bytes[4]), profile().dm_interface[1]);
}

TEST_F(DmVersion, LooksAtNothingBehindTheVersion) {
  DmRequest request;
  request.Name("a").Uuid("U").Flags(DM_SECURE_DATA_FLAG).DataSize(1).Poison();
  EXPECT_EQ(Call(DM_VERSION_CMD, request), 0);
  EXPECT_EQ(request.Written(), "version");
}

TEST_F(DmControl, NobodyGetsEaccesBeforeTheTypeIsLookedAt) {
  std::string bytes = DmRequest().bytes();
  const std::string before = bytes;
  EXPECT_EQ(CallAsNobody(_IOC(_IOC_READ, 'x', 0, 0), bytes), -EACCES);
  EXPECT_EQ(bytes, before);
}

TEST_F(DmControl, NobodyGetsEaccesForEveryCommandAndNoVersion) {
  for (uint32_t number = 0; number <= kCommands; ++number) {
    std::string bytes = DmRequest().bytes();
    const std::string before = bytes;
    EXPECT_EQ(CallAsNobody(Bare(number), bytes), -EACCES) << number;
    EXPECT_EQ(bytes, before) << number;
  }
}

TEST_F(DmControl, NodeIsRootsOnly) {
  const auto stat = host().root->Stat(kControlPath);
  ASSERT_TRUE(stat.ok());
  EXPECT_EQ(stat->type, sys::FileType::kCharDevice);
  EXPECT_EQ(stat->rdevice, (sys::DeviceNumber{10, 236}));
  EXPECT_EQ(stat->mode, 0600u);
  machine().AsNobody([](const sys::Host& nobody) {
    EXPECT_EQ(sys::GetErrno(nobody.root->OpenFile(kControlPath, {}).status()), EACCES);
  });
}

TEST_F(DmControl, DescriptorForReadingIsEnough) {
  const auto file = Open(kControlPath, sys::Access::kReadOnly);
  DmRequest request(kResultAt);
  EXPECT_EQ(CallOn(*file, DM_DEV_CREATE_CMD, request.Name("a")), 0);
}

TEST_F(DmControl, ReadAndWriteAtAPositionGiveEspipe) {
  char byte = 0;
  EXPECT_EQ(sys::GetErrno(control().ReadAt(0, absl::MakeSpan(&byte, 1)).status()), ESPIPE);
  EXPECT_EQ(sys::GetErrno(control().WriteAt(0, "x")), ESPIPE);
}

TEST_F(DmControl, ForeignTypeGivesEnottyAndWritesNothing) {
  std::string bytes = DmRequest().bytes();
  const std::string before = bytes;
  EXPECT_EQ(GuardedIoctl(control(), _IOC(_IOC_NONE, 0xfc, 0, 0), bytes), -ENOTTY);
  EXPECT_EQ(bytes, before);
}

TEST_F(DmControl, UnknownCommandGivesEnottyAfterTheVersionWasWritten) {
  for (const uint32_t number : {18u, 19u, 200u, 255u}) {
    DmRequest request;
    EXPECT_EQ(Call(number, request.Poison()), -ENOTTY) << number;
    EXPECT_EQ(request.Written(), "version") << number;
  }
}

TEST_F(DmControl, UnknownCommandWithAWrongVersionGivesEinval) {
  DmRequest request;
  EXPECT_EQ(Call(18, request.Version(3, 0, 0)), -EINVAL);
  EXPECT_EQ(request.version(0), 4u);
}

TEST_F(DmControl, OtherMajorGivesEinvalAndTheKernelsVersion) {
  for (const uint32_t major : {0u, 3u, 5u}) {
    DmRequest request;
    request.Version(major, 0, 0).Poison();
    EXPECT_EQ(Call(DM_LIST_DEVICES_CMD, request), -EINVAL) << major;
    EXPECT_EQ(request.Written(), "version");
    EXPECT_EQ(request.version(0), 4u);
    EXPECT_EQ(request.version(1), minor());
  }
}

TEST_F(DmControl, NewerMinorGivesEinval) {
  DmRequest request;
  EXPECT_EQ(Call(DM_LIST_DEVICES_CMD, request.Version(4, minor() + 1, 0)), -EINVAL);
  EXPECT_EQ(request.version(1), minor());
}

TEST_F(DmControl, OlderMinorIsTakenAndReplaced) {
  for (const uint32_t asked : {0u, 1u, minor()}) {
    DmRequest request;
    EXPECT_EQ(Call(DM_LIST_DEVICES_CMD, request.Version(4, asked, 0)), 0) << asked;
    EXPECT_EQ(request.version(1), minor());
  }
}

TEST_F(DmControl, PatchLevelIsIgnoredAndReplaced) {
  DmRequest request;
  EXPECT_EQ(Call(DM_LIST_DEVICES_CMD, request.Version(4, 0, 0xffffffff)), 0);
  EXPECT_EQ(request.version(2), 0u);
}

TEST_F(DmControl, SizeAndDirectionOfTheRequestAreIgnored) {
  for (const unsigned long code :
       {Bare(DM_DEV_CREATE_CMD), static_cast<unsigned long>(_IOC(_IOC_READ, DM_IOCTL, 3, 8)),
        static_cast<unsigned long>(_IOC(_IOC_WRITE, DM_IOCTL, 3, 305))}) {
    std::string bytes = DmRequest(kResultAt).Name("a").bytes();
    EXPECT_EQ(GuardedIoctl(control(), code, bytes), 0) << code;
    EXPECT_EQ(Remove("a"), 0);
  }
}

TEST_F(DmControl, MemoryShorterThanTheVersionGivesEfault) {
  std::string bytes = DmRequest().bytes().substr(0, 11);
  const std::string before = bytes;
  EXPECT_EQ(GuardedIoctl(control(), Bare(DM_VERSION_CMD), bytes), -EFAULT);
  EXPECT_EQ(bytes, before);
}

TEST_F(DmControl, NullPointerGivesEfault) {
  const auto result = control().IoctlValue(Bare(DM_VERSION_CMD), 0);
  EXPECT_EQ(sys::GetErrno(result.status()), EFAULT);
}

TEST_F(DmControl, MemoryShorterThanTheHeaderGivesEfaultAfterTheVersionWasWritten) {
  DmRequest request(kResultAt);
  request.Name("a");
  request.bytes().resize(304);
  EXPECT_EQ(Call(DM_DEV_CREATE_CMD, request), -EFAULT);
  EXPECT_EQ(request.Written(), "version");
}

TEST_F(DmControl, CommandWithoutPayloadTouches305Bytes) {
  DmRequest request(1000);
  request.Name("a");
  request.bytes().resize(305);
  EXPECT_EQ(Call(DM_DEV_CREATE_CMD, request), 0);
}

TEST_F(DmControl, PayloadMustBeReadableToItsEnd) {
  DmRequest request(400);
  request.bytes().resize(399);
  EXPECT_EQ(Call(DM_LIST_DEVICES_CMD, request), -EFAULT);
  EXPECT_EQ(request.Written(), "version");
}

TEST_F(DmControl, SizeUnderTheHeadersGivesEinval) {
  for (const uint32_t size : {0u, 1u, 304u}) {
    for (const uint32_t number : {DM_REMOVE_ALL_CMD, DM_LIST_DEVICES_CMD, DM_DEV_ARM_POLL_CMD}) {
      DmRequest request;
      EXPECT_EQ(Call(number, request.DataSize(size)), -EINVAL) << size << " " << number;
    }
  }
}

TEST_F(DmControl, SizeOverOneGibibyteGivesEinval) {
  for (const uint32_t size : {(1u << 30) + 1, 0xffffffffu}) {
    for (const uint32_t number : {DM_REMOVE_ALL_CMD, DM_LIST_DEVICES_CMD, DM_DEV_ARM_POLL_CMD}) {
      DmRequest request;
      EXPECT_EQ(Call(number, request.DataSize(size)), -EINVAL) << size << " " << number;
    }
  }
}

TEST_F(DmControl, SizeOfOneGibibyteIsFineWithoutAPayload) {
  DmRequest request;
  EXPECT_EQ(Call(DM_DEV_ARM_POLL_CMD, request.DataSize(1u << 30)), 0);
  EXPECT_EQ(request.data_size(), 305u);
}

TEST_F(DmControl, SizeIsLookedAtBeforeNames) {
  DmRequest request;
  request.Name("a").Uuid("U").DataSize(304);
  request.bytes().resize(305);
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, request), -EINVAL);
  // An unknown command is found out even before.
  EXPECT_EQ(Call(18, request), -ENOTTY);
}

TEST_F(DmControl, ReplyWithoutPayloadIs305BytesLong) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest request(400);
  ASSERT_EQ(Call(DM_DEV_STATUS_CMD, request.Name("a").Poison()), 0);
  EXPECT_EQ(request.data_size(), 305u);
  EXPECT_EQ(request.bytes().substr(305), std::string(95, kPoison));
}

}  // namespace
}  // namespace dmkit::conformance
