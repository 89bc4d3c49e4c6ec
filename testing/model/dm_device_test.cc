// SPDX-License-Identifier: Apache-2.0
// Creating, renaming and removing mapped devices.

#include <cerrno>
#include <string>

#include "testing/model/dm_fixture.h"
#include "testing/model/encoded_device.h"

namespace dmkit::model {
namespace {

class DmDeviceTest : public DmTest {
 protected:
  int Rename(absl::string_view name, absl::string_view wanted, uint32_t flags = 0) {
    DmBytes bytes;
    return machine_.Call(kDevRename, bytes.Name(name).Flags(flags).Text(wanted));
  }
};

TEST_P(DmDeviceTest, NewDeviceIsNotSuspendedAndHasNoDisk) {
  DmBytes bytes(kStructBytes);
  ASSERT_EQ(machine_.Call(kDevCreate, bytes.Name("a").Flags(kInactivePresentFlag)), 0);
  EXPECT_EQ(bytes.flags(), 0u);
  EXPECT_EQ(bytes.U32(kOpenCountAt), 0u);
  EXPECT_EQ(bytes.U32(kEventAt), 0u);
  BlockHandle handle;
  EXPECT_EQ(machine_.Open("a", &handle), -ENXIO);
  EXPECT_TRUE(machine_.TakeUevents().empty());
}

TEST_P(DmDeviceTest, LowestFreeMinorIsTaken) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(machine_.Create(name), 0);
  ASSERT_EQ(machine_.Remove("b"), 0);
  ASSERT_EQ(machine_.Create("d"), 0);
  EXPECT_EQ(machine_.device("d").number().minor, 1u);
}

TEST_P(DmDeviceTest, WantedMinorIgnoresTheMajorAndIsEnxioWhenTaken) {
  DmBytes first(kStructBytes), second(kStructBytes), unflagged(kStructBytes);
  const uint64_t wanted = EncodeDevice({7, 55});
  EXPECT_EQ(machine_.Call(kDevCreate, first.Name("a").Flags(kPersistentDevFlag).Device(wanted)), 0);
  EXPECT_EQ(machine_.Number("a"), "253:55");
  EXPECT_EQ(machine_.Call(kDevCreate, second.Name("b").Flags(kPersistentDevFlag).Device(wanted)),
            -ENXIO);
  EXPECT_EQ(machine_.Call(kDevCreate, unflagged.Name("c").Device(wanted)), 0);
  EXPECT_EQ(machine_.Number("c"), "253:0");
}

TEST_P(DmDeviceTest, LargestMinorWorksAndSmallerOnesStayFree) {
  DmBytes bytes(kStructBytes);
  const uint64_t wanted = EncodeDevice({0, (1u << 20) - 1});
  ASSERT_EQ(machine_.Call(kDevCreate, bytes.Name("a").Flags(kPersistentDevFlag).Device(wanted)), 0);
  EXPECT_EQ(bytes.U64(kDeviceAt), EncodeDevice({253, (1u << 20) - 1}));
  ASSERT_EQ(machine_.Create("b"), 0);
  EXPECT_EQ(machine_.Number("b"), "253:0");
}

TEST_P(DmDeviceTest, AWantedMinorIsSkippedWhileItIsInUseAndThenTheLowestAgain) {
  DmBytes bytes(kStructBytes);
  bytes.Name("one").Flags(kPersistentDevFlag).Device(EncodeDevice({0, 1}));
  ASSERT_EQ(machine_.Call(kDevCreate, bytes), 0);
  for (const char* name : {"a", "b"}) ASSERT_EQ(machine_.Create(name), 0);
  EXPECT_EQ(machine_.Number("a"), "253:0");
  EXPECT_EQ(machine_.Number("b"), "253:2");
  ASSERT_EQ(machine_.Remove("one"), 0);
  for (const char* name : {"c", "d"}) ASSERT_EQ(machine_.Create(name), 0);
  EXPECT_EQ(machine_.Number("c"), "253:1");
  EXPECT_EQ(machine_.Number("d"), "253:3");
}

TEST_P(DmDeviceTest, TakenNameOrUuidIsEbusy) {
  DmBytes first(kStructBytes), name(kStructBytes), uuid(kStructBytes);
  ASSERT_EQ(machine_.Call(kDevCreate, first.Name("a").Uuid("U/1")), 0);
  EXPECT_EQ(machine_.Call(kDevCreate, name.Name("a")), -EBUSY);
  EXPECT_EQ(machine_.Call(kDevCreate, uuid.Name("b").Uuid("U/1")), -EBUSY);
  // Neither left anything behind.
  ASSERT_EQ(machine_.Create("b"), 0);
  EXPECT_EQ(machine_.Number("b"), "253:1");
}

TEST_P(DmDeviceTest, NameMustBeThereAndWithoutASlash) {
  DmBytes uuid_only(kStructBytes);
  EXPECT_EQ(machine_.Call(kDevCreate, uuid_only.Uuid("U")), -EINVAL);
  EXPECT_EQ(machine_.Create("a/b"), -EINVAL);
  EXPECT_EQ(machine_.Create("a b\n\x01"), 0);
}

TEST_P(DmDeviceTest, ReservedNamesDependOnTheKernel) {
  ASSERT_EQ(machine_.Create("a"), 0);
  for (const char* name : {"control", ".", ".."}) {
    EXPECT_EQ(machine_.Create(name), is_6_1() ? 0 : -EINVAL) << name;
    EXPECT_EQ(Rename("a", name), is_6_1() ? -EBUSY : -EINVAL) << name;
  }
}

TEST_P(DmDeviceTest, RenameChangesTheNameAndTheReplyKeepsTheOldOne) {
  machine_.Activate("a", 8, "zero", "");
  ASSERT_EQ(machine_.Load("a", 16, "zero", ""), 0);
  DmBytes bytes;
  EXPECT_EQ(machine_.Call(kDevRename, bytes.Name("a").Text("b")), 0);
  EXPECT_EQ(bytes.name(), "a");
  // What the caller gave, though a table is waiting.
  EXPECT_EQ(bytes.flags() & kInactivePresentFlag, 0u);
  EXPECT_EQ(bytes.U32(kEventAt), 1u);
  EXPECT_NE(machine_.Status("b").flags() & kInactivePresentFlag, 0u);
}

TEST_P(DmDeviceTest, RenameLooksAtTheNewNameFirst) {
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_EQ(Rename("nosuch", "a"), -EBUSY);
  EXPECT_EQ(Rename("a", "a"), -EBUSY);
  EXPECT_EQ(Rename("nosuch", "b"), -ENXIO);
}

TEST_P(DmDeviceTest, RenameFindsTheDeviceByItsNameOnly) {
  DmBytes create(kStructBytes), by_uuid, by_both;
  ASSERT_EQ(machine_.Call(kDevCreate, create.Name("a").Uuid("U")), 0);
  EXPECT_EQ(machine_.Call(kDevRename, by_uuid.Uuid("U").Text("b")), -ENXIO);
  EXPECT_EQ(machine_.Call(kDevRename, by_both.Name("a").Device(12345).Text("b")), 0);
}

TEST_P(DmDeviceTest, RenameRefusesBadTexts) {
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_EQ(Rename("a", ""), -EINVAL);
  EXPECT_EQ(Rename("a", "x/y"), -EINVAL);
  EXPECT_EQ(Rename("a", std::string(128, 'x')), -EINVAL);
  EXPECT_EQ(Rename("a", std::string(129, 'x'), kUuidFlag), -EINVAL);
  for (const uint32_t start : {0u, 304u, 1024u, 0xffffffffu}) {
    DmBytes bytes;
    bytes.Name("a").Text("b");
    bytes.Put32(kDataStartAt, start);
    EXPECT_EQ(machine_.Call(kDevRename, bytes), -EINVAL) << start;
  }
  DmBytes unterminated(kStructBytes + 4);
  EXPECT_EQ(machine_.Call(kDevRename, unterminated.Name("a").Raw("bbbb")), -EINVAL);
  DmBytes early;
  EXPECT_EQ(machine_.Call(kDevRename, early.Name("a").DataStart(305).Text("b")), 0);
}

TEST_P(DmDeviceTest, LongestTextsCanBeSet) {
  ASSERT_EQ(machine_.Create("a"), 0);
  const std::string name(127, 'n');
  EXPECT_EQ(Rename("a", name), 0);
  EXPECT_EQ(Rename(name, std::string(128, '/'), kUuidFlag), 0);
  EXPECT_EQ(machine_.Status(name).uuid(), std::string(128, '/'));
}

TEST_P(DmDeviceTest, UuidCanBeSetOnce) {
  ASSERT_EQ(machine_.Create("a"), 0);
  ASSERT_EQ(machine_.Create("b"), 0);
  EXPECT_EQ(Rename("a", "U/1", kUuidFlag), 0);
  EXPECT_EQ(Rename("a", "U/2", kUuidFlag), -EINVAL);
  EXPECT_EQ(Rename("b", "U/1", kUuidFlag), -EBUSY);
}

TEST_P(DmDeviceTest, RemoveKeepsWhatTheCallerGaveInTheStatusFields) {
  machine_.Activate("a", 8, "zero", "");
  ASSERT_EQ(machine_.Load("a", 16, "zero", ""), 0);
  DmBytes bytes(kStructBytes);
  bytes.Name("a").Event(77).Flags(kDeferredRemoveFlag);
  bytes.Put32(kOpenCountAt, 5);
  bytes.Put32(kTargetCountAt, 6);
  EXPECT_EQ(machine_.Call(kDevRemove, bytes), 0);
  EXPECT_EQ(bytes.flags(), kInactivePresentFlag | kUeventGeneratedFlag);
  EXPECT_EQ(bytes.U32(kEventAt), 77u);
  EXPECT_EQ(bytes.U32(kOpenCountAt), 5u);
  EXPECT_EQ(bytes.U32(kTargetCountAt), 6u);
  EXPECT_EQ(bytes.U64(kDeviceAt), 0u);
}

TEST_P(DmDeviceTest, SuspendedAndUnresumedDevicesCanBeRemoved) {
  machine_.Activate("a", 8, "zero", "");
  ASSERT_EQ(machine_.Suspend("a"), 0);
  EXPECT_EQ(machine_.Remove("a"), 0);
  ASSERT_EQ(machine_.Create("b"), 0);
  ASSERT_EQ(machine_.Load("b", 8, "zero", ""), 0);
  EXPECT_EQ(machine_.Remove("b"), 0);
  EXPECT_EQ(machine_.Remove("b"), -ENXIO);
}

TEST_P(DmDeviceTest, GeometryIsReadStrictly) {
  machine_.Activate("a", 64, "zero", "");
  const auto set = [this](absl::string_view text) {
    DmBytes bytes;
    return machine_.Call(kSetGeometry, bytes.Name("a").Text(text));
  };
  EXPECT_EQ(set("1 2 3 4"), 0);
  EXPECT_EQ(set("  1  2 3\t6"), 0);
  for (const char* text : {"", "1 2 3", "1 2 3 4 ", "1 2 3 4x", "-1 2 3 4", "65536 1 1 0",
                           "1 256 1 0", "1 1 256 0", "1 2 3 7", "a 2 3 4"}) {
    EXPECT_EQ(set(text), -EINVAL) << text;
  }
  DmBytes missing, early;
  EXPECT_EQ(machine_.Call(kSetGeometry, missing.Name("nosuch").Text("")), -ENXIO);
  early.Name("a").Text("1 2 3 4");
  early.Put32(kDataStartAt, 304);
  EXPECT_EQ(machine_.Call(kSetGeometry, early), -EINVAL);
}

TEST_P(DmDeviceTest, GeometryGoesWhenTheSizeChanges) {
  machine_.Activate("a", 64, "zero", "");
  DmBytes bytes;
  ASSERT_EQ(machine_.Call(kSetGeometry, bytes.Name("a").Text("9 2 3 4")), 0);
  uint16_t cylinders = 0;
  uint8_t heads = 0, sectors = 0;
  uint64_t start = 0;
  for (const uint64_t size : {uint64_t{64}, uint64_t{128}}) {
    ASSERT_EQ(machine_.Load("a", size, "zero", ""), 0);
    ASSERT_EQ(machine_.Resume("a"), 0);
    ASSERT_EQ(machine_.device("a").Geometry(&cylinders, &heads, &sectors, &start), 0);
    EXPECT_EQ(cylinders, size == 64 ? 9 : 0);
  }
}

DMKIT_ON_BOTH_KERNELS(DmDeviceTest);

}  // namespace
}  // namespace dmkit::model
