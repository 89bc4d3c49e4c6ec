// SPDX-License-Identifier: Apache-2.0
// The header that all commands share: how a device is named, which flags come back, what an error
// leaves, and secure data.

#include <cerrno>
#include <string>

#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

// The commands that look for a device by name, uuid or number.
constexpr uint32_t kLookups[] = {DM_DEV_REMOVE_CMD,      DM_DEV_SUSPEND_CMD,  DM_DEV_STATUS_CMD,
                                 DM_DEV_WAIT_CMD,        DM_TABLE_LOAD_CMD,   DM_TABLE_CLEAR_CMD,
                                 DM_TABLE_DEPS_CMD,      DM_TABLE_STATUS_CMD, DM_TARGET_MSG_CMD,
                                 DM_DEV_SET_GEOMETRY_CMD};

class DmLookup : public DmTest {};
class DmFlags : public DmTest {};
class DmError : public DmTest {};
class DmSecureData : public DmTest {};

TEST_F(DmLookup, MissingNameGivesEnxioForEveryCommand) {
  for (const uint32_t number : kLookups) {
    EXPECT_EQ(Call(number, DmRequest().Name("nosuch")), -ENXIO) << number;
  }
}

TEST_F(DmLookup, MissingUuidGivesEnxioForEveryCommand) {
  ASSERT_EQ(Create("a"), 0);
  for (const uint32_t number : kLookups) {
    EXPECT_EQ(Call(number, DmRequest().Uuid("nosuch")), -ENXIO) << number;
  }
}

TEST_F(DmLookup, MissingNumberGivesEnxioForEveryCommand) {
  ASSERT_EQ(Create("a"), 0);
  const uint64_t device = Status("a").device();
  for (const uint32_t number : kLookups) {
    EXPECT_EQ(Call(number, DmRequest().Device(device + 1)), -ENXIO) << number;
  }
}

TEST_F(DmLookup, NoKeyGivesEnxioForEveryCommand) {
  for (const uint32_t number : kLookups) {
    EXPECT_EQ(Call(number, DmRequest()), -ENXIO) << number;
  }
}

TEST_F(DmLookup, NameAndUuidGiveEinvalForEveryCommand) {
  ASSERT_EQ(Create("a", "U"), 0);
  for (const uint32_t number : kLookups) {
    EXPECT_EQ(Call(number, DmRequest().Name("a").Uuid("U")), -EINVAL) << number;
  }
}

TEST_F(DmLookup, NameAndUuidGiveEinvalWhereNoDeviceIsLookedFor) {
  EXPECT_EQ(Call(DM_DEV_ARM_POLL_CMD, DmRequest().Name("a").Uuid("U")), -EINVAL);
  EXPECT_EQ(Call(DM_GET_TARGET_VERSION_CMD, DmRequest().Name("linear").Uuid("U")), -EINVAL);
  EXPECT_EQ(Call(DM_DEV_RENAME_CMD, DmRequest().Name("a").Uuid("U").Text("b")), -EINVAL);
}

TEST_F(DmLookup, NameAndNumberGiveEnxio) {
  ASSERT_EQ(Create("a"), 0);
  const uint64_t device = Status("a").device();
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, DmRequest().Name("a").Device(device)), -ENXIO);
}

TEST_F(DmLookup, UuidAndNumberGiveEnxio) {
  ASSERT_EQ(Create("a", "U"), 0);
  const uint64_t device = Status("a").device();
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, DmRequest().Uuid("U").Device(device)), -ENXIO);
}

TEST_F(DmLookup, HighBitsOfTheNumberAreIgnored) {
  ASSERT_EQ(Create("a"), 0);
  const uint64_t device = Status("a").device();
  for (const unsigned bit : {32u, 40u, 63u}) {
    DmRequest request;
    EXPECT_EQ(Call(DM_DEV_STATUS_CMD, request.Device(device | uint64_t{1} << bit)), 0) << bit;
    EXPECT_EQ(request.device(), device);
  }
}

TEST_F(DmLookup, HighBitsAloneAreANumberThatIsMissing) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, DmRequest().Device(uint64_t{1} << 32)), -ENXIO);
  // With a name they are a second key.
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, DmRequest().Name("a").Device(uint64_t{1} << 32)), -ENXIO);
}

TEST_F(DmLookup, NumberOfAnotherDriverGivesEnxio) {
  const ScratchDevice disk = Device(64);
  const uint64_t device = EncodeDevice(disk.device.major, disk.device.minor);
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, DmRequest().Device(device)), -ENXIO);
}

TEST_F(DmLookup, IsExact) {
  ASSERT_EQ(Create("name", "UUID"), 0);
  for (const char* name : {"Name", "nam", "name1", "name "}) {
    EXPECT_EQ(Call(DM_DEV_STATUS_CMD, DmRequest().Name(name)), -ENXIO) << name;
  }
  for (const char* uuid : {"uuid", "UUI", "UUID1"}) {
    EXPECT_EQ(Call(DM_DEV_STATUS_CMD, DmRequest().Uuid(uuid)), -ENXIO) << uuid;
  }
}

TEST_F(DmLookup, ByNameWritesTheUuid) {
  ASSERT_EQ(Create("name", "UUID"), 0);
  DmRequest request(kResultAt);
  request.Name("name");
  ASSERT_EQ(Call(DM_DEV_STATUS_CMD, request), 0);
  EXPECT_EQ(request.uuid(), "UUID");
}

TEST_F(DmLookup, ByUuidWritesTheName) {
  ASSERT_EQ(Create("name", "UUID"), 0);
  DmRequest request(kResultAt);
  ASSERT_EQ(Call(DM_DEV_STATUS_CMD, request.Uuid("UUID")), 0);
  EXPECT_EQ(request.name(), "name");
  EXPECT_EQ(request.uuid(), "UUID");
}

TEST_F(DmLookup, ByNumberWritesNameAndUuid) {
  ASSERT_EQ(Create("name", "UUID"), 0);
  DmRequest request(kResultAt);
  ASSERT_EQ(Call(DM_DEV_STATUS_CMD, request.Device(Status("name").device())), 0);
  EXPECT_EQ(request.name(), "name");
  EXPECT_EQ(request.uuid(), "UUID");
}

TEST_F(DmLookup, WritesTextsUpToTheirEndAndTheLastByteOfBothFields) {
  ASSERT_EQ(Create("name", "UUID"), 0);
  DmRequest request(kResultAt);
  request.Device(Status("name").device()).Poison();
  request.bytes().replace(offsetof(dm_ioctl, name) + 1, 127, 127, kPoison);
  request.bytes().replace(offsetof(dm_ioctl, uuid) + 1, 128, 128, kPoison);
  ASSERT_EQ(Call(DM_DEV_STATUS_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size target_count open_count name[0-4] name[127-127] uuid[0-4] "
            "uuid[128-128]");
}

TEST_F(DmLookup, ReplyOfAStatusIsNoRequestForTheNext) {
  ASSERT_EQ(Create("a", "U"), 0);
  ASSERT_EQ(Create("b"), 0);
  DmRequest both = Status("a");
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, both), -EINVAL);
  DmRequest name = Status("b");
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, name), -ENXIO);
}

TEST_F(DmLookup, TextsWithoutANulAreCutAtTheLastByte) {
  const std::string name(128, 'n'), uuid(129, 'u');
  ASSERT_EQ(Create(name, uuid), 0);
  EXPECT_EQ(Status(std::string(127, 'n')).uuid(), std::string(128, 'u'));
  EXPECT_TRUE(Exists(name));
}

TEST_F(DmFlags, OfTheReplyAreClearedFromTheRequest) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Status("a", DM_BUFFER_FULL_FLAG | DM_UEVENT_GENERATED_FLAG | DM_DATA_OUT_FLAG).flags(),
            0u);
}

TEST_F(DmFlags, WithoutAMeaningAreEchoed) {
  ASSERT_EQ(Create("a"), 0);
  const uint32_t unknown = (1u << 2) | (1u << 7) | (0xfffu << 20);
  EXPECT_EQ(Status("a", unknown).flags(), unknown);
}

TEST_F(DmFlags, OfRequestsAreEchoed) {
  ASSERT_EQ(Create("a"), 0);
  const uint32_t flags = DM_PERSISTENT_DEV_FLAG | DM_STATUS_TABLE_FLAG | DM_SKIP_BDGET_FLAG |
                         DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG |
                         DM_UUID_FLAG | DM_IMA_MEASUREMENT_FLAG;
  EXPECT_EQ(Status("a", flags).flags(), flags);
}

TEST_F(DmFlags, OfTheStateAreReplaced) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Status("a", DM_READONLY_FLAG | DM_SUSPEND_FLAG | DM_ACTIVE_PRESENT_FLAG |
                            DM_INACTIVE_PRESENT_FLAG | DM_INTERNAL_SUSPEND_FLAG)
                .flags(),
            0u);
}

TEST_F(DmFlags, DeferredRemoveIsEchoedThoughNothingIsDeferred) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Status("a", DM_DEFERRED_REMOVE).flags(), DM_DEFERRED_REMOVE);
  EXPECT_EQ(FlagsOf("a"), 0u);
}

TEST_F(DmError, LeavesAllButTheVersion) {
  ASSERT_EQ(Create("a", "U"), 0);
  const uint32_t flags = DM_BUFFER_FULL_FLAG | DM_DATA_OUT_FLAG | DM_UEVENT_GENERATED_FLAG;
  for (const uint32_t number : kLookups) {
    DmRequest request;
    request.Name("nosuch").Flags(flags).Event(77).Poison();
    EXPECT_LT(Call(number, request), 0) << number;
    EXPECT_EQ(request.Written(), "version") << number;
  }
  DmRequest rename, create, arm, versions;
  EXPECT_LT(Call(DM_DEV_RENAME_CMD, rename.Name("nosuch").Text("b").Poison()), 0);
  EXPECT_EQ(rename.Written(), "version");
  EXPECT_LT(Call(DM_DEV_CREATE_CMD, create.Name("a").Poison()), 0);
  EXPECT_EQ(create.Written(), "version");
  EXPECT_LT(Call(DM_DEV_ARM_POLL_CMD, arm.Name("a").Uuid("U").Poison()), 0);
  EXPECT_EQ(arm.Written(), "version");
  EXPECT_LT(Call(DM_GET_TARGET_VERSION_CMD, versions.Name("nosuch").Poison()), 0);
  EXPECT_EQ(versions.Written(), "version");
}

TEST_F(DmSecureData, WipesTheHeaderOfAFailedCommandWithItsVersion) {
  DmRequest request(kResultAt);
  request.Name("nosuch").Flags(DM_SECURE_DATA_FLAG).Poison();
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, request), -ENXIO);
  EXPECT_EQ(request.bytes(), std::string(305, '\0') + std::string(7, kPoison));
}

TEST_F(DmSecureData, WipesThePayloadOfAFailedCommand) {
  DmRequest request(400);
  request.Name("nosuch").Flags(DM_SECURE_DATA_FLAG).Poison();
  EXPECT_EQ(Call(DM_TABLE_STATUS_CMD, request), -ENXIO);
  EXPECT_EQ(request.bytes(), std::string(400, '\0'));
}

TEST_F(DmSecureData, WipesBeforeNamesAreLookedAt) {
  DmRequest request(kResultAt);
  request.Name("a").Uuid("U").Flags(DM_SECURE_DATA_FLAG);
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, request), -EINVAL);
  EXPECT_EQ(request.bytes(), std::string(kResultAt, '\0'));
}

TEST_F(DmSecureData, LeavesMemoryAloneWhenTheSizeIsWrong) {
  DmRequest request;
  request.Flags(DM_SECURE_DATA_FLAG).DataSize(304).Poison();
  EXPECT_EQ(Call(DM_LIST_DEVICES_CMD, request), -EINVAL);
  EXPECT_EQ(request.Written(), "version");
}

TEST_F(DmSecureData, FlagDoesNotComeBack) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Status("a", DM_SECURE_DATA_FLAG).flags(), 0u);
}

TEST_F(DmSecureData, LeavesZerosBehindTheReply) {
  Activate("a", 8, "zero", "");
  DmRequest request(600);
  request.Name("a").Flags(DM_SECURE_DATA_FLAG).Poison();
  ASSERT_EQ(Call(DM_TABLE_STATUS_CMD, request), 0);
  EXPECT_EQ(request.data_size(), 353u);
  EXPECT_EQ(request.bytes().substr(353), std::string(600 - 353, '\0'));
}

TEST_F(DmSecureData, WipesTheHeaderWhereNoneComesBack) {
  Activate("a", 8, "zero", "");
  DmRequest request(400);
  request.Name("a").Flags(DM_SECURE_DATA_FLAG).Text("1 1 8 0").Poison();
  ASSERT_EQ(Call(DM_DEV_SET_GEOMETRY_CMD, request), 0);
  EXPECT_EQ(request.bytes(), std::string(400, '\0'));
}

}  // namespace
}  // namespace dmkit::conformance
