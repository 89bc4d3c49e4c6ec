// SPDX-License-Identifier: Apache-2.0
// DM_DEV_CREATE.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "sys/status.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmCreate : public DmTest {
 protected:
  int CreateWithMinor(absl::string_view name, uint64_t device) {
    DmRequest request(kResultAt);
    return Call(DM_DEV_CREATE_CMD, request.Name(name).Flags(DM_PERSISTENT_DEV_FLAG).Device(device));
  }
  std::string MinorOf(absl::string_view name) {
    const std::string number = Number(name);
    return number.substr(number.find(':') + 1);
  }
};

TEST_F(DmCreate, NameInUseGivesEbusy) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Create("a"), -EBUSY);
  EXPECT_EQ(Create("a", "U"), -EBUSY);
}

TEST_F(DmCreate, UuidInUseGivesEbusy) {
  ASSERT_EQ(Create("a", "U"), 0);
  EXPECT_EQ(Create("b", "U"), -EBUSY);
  EXPECT_FALSE(Exists("b"));
}

TEST_F(DmCreate, EmptyNameGivesEinval) {
  EXPECT_EQ(Create(""), -EINVAL);
  EXPECT_EQ(Create("", "U"), -EINVAL);
}

TEST_F(DmCreate, SlashInTheNameGivesEinval) {
  EXPECT_EQ(Create("a/b"), -EINVAL);
  EXPECT_EQ(Create("/"), -EINVAL);
}

TEST_F(DmCreate, ReservedNamesGiveEinvalSince612) {
  for (const char* name : {"control", ".", ".."}) {
    EXPECT_EQ(Create(name), is_6_1() ? 0 : -EINVAL) << name;
  }
  EXPECT_EQ(Create("..."), 0);
  EXPECT_EQ(Create("Control"), 0);
}

TEST_F(DmCreate, NameMayHoldAnyOtherByte) {
  const std::string name = "a b\n\x01\\\xff%";
  EXPECT_EQ(Create(name), 0);
  EXPECT_EQ(Status(name).name(), name);
}

TEST_F(DmCreate, UuidMayHoldAnyByteAndASlash) {
  EXPECT_EQ(Create("a", "U/ \n\xff"), 0);
  EXPECT_EQ(Status("a").uuid(), "U/ \n\xff");
}

TEST_F(DmCreate, LongestNameHas127BytesAndLongestUuid128) {
  const std::string name(127, 'n'), uuid(128, 'u');
  ASSERT_EQ(Create(name, uuid), 0);
  EXPECT_EQ(Status(name).name(), name);
  EXPECT_EQ(Status(name).uuid(), uuid);
}

TEST_F(DmCreate, LongerNamesAreCutToTheSame) {
  ASSERT_EQ(Create(std::string(127, 'n')), 0);
  EXPECT_EQ(Create(std::string(128, 'n')), -EBUSY);
}

TEST_F(DmCreate, NameAndUuidTogetherAreFine) {
  ASSERT_EQ(Create("a", "U"), 0);
  EXPECT_EQ(Status("a").uuid(), "U");
}

TEST_F(DmCreate, ReplyWritesTheDeviceAndItsState) {
  DmRequest request(400);
  request.Name("a").Event(77).Poison();
  ASSERT_EQ(Call(DM_DEV_CREATE_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size target_count open_count event_nr dev name[127-127] uuid[128-128]");
  EXPECT_EQ(request.data_size(), 305u);
  EXPECT_EQ(request.target_count(), 0u);
  EXPECT_EQ(request.open_count(), 0u);
  EXPECT_EQ(request.event(), 0u);
  EXPECT_EQ(request.flags(), 0u);
}

TEST_F(DmCreate, ReplyClearsInactivePresent) {
  DmRequest request(kResultAt);
  request.Name("a").Flags(DM_INACTIVE_PRESENT_FLAG | DM_SUSPEND_FLAG | DM_READONLY_FLAG);
  ASSERT_EQ(Call(DM_DEV_CREATE_CMD, request), 0);
  EXPECT_EQ(request.flags(), 0u);
}

TEST_F(DmCreate, NewDeviceIsNotSuspended) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(FlagsOf("a"), 0u);
}

TEST_F(DmCreate, NewDeviceHasNoDiskAndSendsNoUevent) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(TakeUevents(), Lines());
  const std::string sysfs = absl::StrCat("/sys/dev/block/", Number("a"));
  EXPECT_EQ(sys::GetErrno(host().root->Stat(sysfs).status()), ENOENT);
}

TEST_F(DmCreate, NewDeviceCannotBeOpened) {
  ASSERT_EQ(Create("a"), 0);
  const std::string path = "/dev/conformance-node";
  DmRequest status = Status("a");
  const auto major = static_cast<uint32_t>((status.device() >> 8) & 0xfff);
  const auto minor = static_cast<uint32_t>(status.device() & 0xff);
  ASSERT_TRUE(host().root->MakeNode(path, sys::FileType::kBlockDevice, {major, minor}, 0600).ok());
  EXPECT_EQ(OpenError(path), -ENXIO);
  EXPECT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(OpenError(path), 0);
  EXPECT_TRUE(host().root->Unlink(path).ok());
}

TEST_F(DmCreate, LowestFreeMinorIsTaken) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(Create(name), 0);
  EXPECT_EQ(MinorOf("a"), "0");
  EXPECT_EQ(MinorOf("c"), "2");
  ASSERT_EQ(Remove("b"), 0);
  ASSERT_EQ(Create("d"), 0);
  EXPECT_EQ(MinorOf("d"), "1");
}

TEST_F(DmCreate, NumberIsIgnoredWithoutPersistentDev) {
  DmRequest request(kResultAt);
  ASSERT_EQ(Call(DM_DEV_CREATE_CMD, request.Name("a").Device(EncodeDevice(0, 55))), 0);
  EXPECT_EQ(MinorOf("a"), "0");
}

TEST_F(DmCreate, PersistentMinorIsTakenAndItsMajorIgnored) {
  ASSERT_EQ(CreateWithMinor("a", EncodeDevice(7, 55)), 0);
  EXPECT_EQ(MinorOf("a"), "55");
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Number("a"), absl::StrCat(Number("b").substr(0, Number("b").find(':')), ":55"));
}

TEST_F(DmCreate, PersistentMinorInUseGivesEnxio) {
  ASSERT_EQ(CreateWithMinor("a", EncodeDevice(0, 55)), 0);
  EXPECT_EQ(CreateWithMinor("b", EncodeDevice(0, 55)), -ENXIO);
  // Also before the name is found to be taken.
  EXPECT_EQ(CreateWithMinor("a", EncodeDevice(0, 55)), -ENXIO);
  EXPECT_EQ(CreateWithMinor("a", EncodeDevice(0, 56)), -EBUSY);
}

TEST_F(DmCreate, MinorsOver255AreSpreadOverTheNumber) {
  ASSERT_EQ(CreateWithMinor("a", EncodeDevice(0, 0xabcde)), 0);
  EXPECT_EQ(MinorOf("a"), absl::StrCat(0xabcde));
  DmRequest request(kResultAt);
  EXPECT_EQ(Call(DM_DEV_STATUS_CMD, request.Device(Status("a").device())), 0);
  EXPECT_EQ(request.name(), "a");
}

TEST_F(DmCreate, LargestMinorIs1048575) {
  ASSERT_EQ(CreateWithMinor("a", EncodeDevice(0, (1u << 20) - 1)), 0);
  EXPECT_EQ(MinorOf("a"), "1048575");
}

TEST_F(DmCreate, PersistentMinorOfZeroIsAMinor) {
  ASSERT_EQ(CreateWithMinor("a", 0), 0);
  EXPECT_EQ(MinorOf("a"), "0");
  EXPECT_EQ(CreateWithMinor("b", 0), -ENXIO);
}

TEST_F(DmCreate, FailureLeavesNothingBehind) {
  ASSERT_EQ(Create("a", "U"), 0);
  EXPECT_EQ(Create("b", "U"), -EBUSY);
  EXPECT_EQ(Create("a", "V"), -EBUSY);
  ASSERT_EQ(Create("b", "V"), 0);
  EXPECT_EQ(MinorOf("b"), "1");
}

}  // namespace
}  // namespace dmkit::conformance
