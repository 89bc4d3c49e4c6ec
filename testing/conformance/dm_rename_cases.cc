// SPDX-License-Identifier: Apache-2.0
// DM_DEV_RENAME. Never after DM_TABLE_CLEAR: see dm_fixture.h.

#include <cerrno>
#include <string>

#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmRename : public DmTest {
 protected:
  int SetUuid(absl::string_view name, absl::string_view uuid) {
    return Rename(name, uuid, DM_UUID_FLAG);
  }
};

TEST_F(DmRename, ChangesTheName) {
  ASSERT_EQ(Create("a", "U"), 0);
  const uint64_t device = Status("a").device();
  EXPECT_EQ(Rename("a", "b"), 0);
  EXPECT_FALSE(Exists("a"));
  EXPECT_EQ(Status("b").device(), device);
  EXPECT_EQ(Status("b").uuid(), "U");
}

TEST_F(DmRename, OldNameCanBeUsedAgain) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Rename("a", "b"), 0);
  EXPECT_EQ(Create("a"), 0);
}

TEST_F(DmRename, MissingNameGivesEnxio) { EXPECT_EQ(Rename("nosuch", "b"), -ENXIO); }

TEST_F(DmRename, NewNameInUseGivesEbusy) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Rename("a", "b"), -EBUSY);
}

TEST_F(DmRename, ToItselfGivesEbusy) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Rename("a", "a"), -EBUSY);
}

TEST_F(DmRename, NewNameIsLookedAtBeforeTheOldOne) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Rename("nosuch", "a"), -EBUSY);
  EXPECT_EQ(Rename("", "a"), -EBUSY);
  EXPECT_EQ(Rename("nosuch", "x/y"), -EINVAL);
}

TEST_F(DmRename, EmptyNameGivesEinval) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Rename("a", ""), -EINVAL);
  EXPECT_EQ(SetUuid("a", ""), -EINVAL);
}

TEST_F(DmRename, SlashGivesEinvalInANameOnly) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Rename("a", "x/y"), -EINVAL);
  EXPECT_EQ(SetUuid("a", "x/y"), 0);
}

TEST_F(DmRename, ReservedNamesGiveEinvalSince612) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Rename("a", "control"), is_6_1() ? 0 : -EINVAL);
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(Rename("b", ".."), is_6_1() ? 0 : -EINVAL);
  ASSERT_EQ(Create("c"), 0);
  EXPECT_EQ(SetUuid("c", "control"), 0);
}

TEST_F(DmRename, LongerThan127BytesGivesEinval) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Rename("a", std::string(128, 'n')), -EINVAL);
  EXPECT_EQ(Rename("a", std::string(127, 'n')), 0);
}

TEST_F(DmRename, UuidLongerThan128BytesGivesEinval) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(SetUuid("a", std::string(129, 'u')), -EINVAL);
  EXPECT_EQ(SetUuid("a", std::string(128, 'u')), 0);
}

TEST_F(DmRename, UuidCanBeSetOnce) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(SetUuid("a", "U"), 0);
  EXPECT_EQ(Status("a").uuid(), "U");
  EXPECT_EQ(SetUuid("a", "V"), -EINVAL);
}

TEST_F(DmRename, UuidOfCreationIsForGood) {
  ASSERT_EQ(Create("a", "U"), 0);
  EXPECT_EQ(SetUuid("a", "V"), -EINVAL);
}

TEST_F(DmRename, UuidInUseGivesEbusyEvenToItsOwner) {
  ASSERT_EQ(Create("a", "U"), 0);
  ASSERT_EQ(Create("b"), 0);
  EXPECT_EQ(SetUuid("b", "U"), -EBUSY);
  EXPECT_EQ(SetUuid("a", "U"), -EBUSY);
  EXPECT_EQ(SetUuid("nosuch", "U"), -EBUSY);
}

TEST_F(DmRename, NameAndUuidAreNotComparedWithEachOther) {
  ASSERT_EQ(Create("a", "U"), 0);
  EXPECT_EQ(Rename("a", "U"), 0);
}

TEST_F(DmRename, FindsTheDeviceByItsNameOnly) {
  ASSERT_EQ(Create("a", "U"), 0);
  const uint64_t device = Status("a").device();
  EXPECT_EQ(Call(DM_DEV_RENAME_CMD, DmRequest().Uuid("U").Text("b")), -ENXIO);
  EXPECT_EQ(Call(DM_DEV_RENAME_CMD, DmRequest().Device(device).Text("b")), -ENXIO);
}

TEST_F(DmRename, IgnoresTheNumber) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Call(DM_DEV_RENAME_CMD, DmRequest().Name("a").Device(0x7777).Text("b")), 0);
}

TEST_F(DmRename, PayloadMustLieBehindTheHeader) {
  ASSERT_EQ(Create("a"), 0);
  for (const uint32_t start : {0u, 48u, 304u}) {
    EXPECT_EQ(Call(DM_DEV_RENAME_CMD, DmRequest().Name("a").Text("b").DataStart(start)), -EINVAL)
        << start;
  }
  EXPECT_EQ(Call(DM_DEV_RENAME_CMD, DmRequest().Name("a").DataStart(305).At(305).Text("b")), 0);
}

TEST_F(DmRename, PayloadMustLieInsideTheBuffer) {
  ASSERT_EQ(Create("a"), 0);
  for (const uint32_t start : {1024u, 1025u, 0x7fffffffu, 0xffffffffu}) {
    EXPECT_EQ(Call(DM_DEV_RENAME_CMD, DmRequest(1024).Name("a").Text("b").DataStart(start)),
              -EINVAL)
        << start;
  }
}

TEST_F(DmRename, PayloadMustEndInsideTheBuffer) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest unterminated(kResultAt + 4);
  EXPECT_EQ(Call(DM_DEV_RENAME_CMD, unterminated.Name("a").Raw("bbbb")), -EINVAL);
  EXPECT_TRUE(Exists("a"));
}

TEST_F(DmRename, ReplyKeepsTheOldName) {
  Activate("a", 8, "zero", "");
  DmRequest request(400);
  request.Name("a").Event(5).Text("b").Poison().TargetCount(kPoison32);
  ASSERT_EQ(Call(DM_DEV_RENAME_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size target_count open_count flags event_nr dev name[127-127] "
            "uuid[128-128]");
  EXPECT_EQ(request.name(), "a");
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG | DM_UEVENT_GENERATED_FLAG);
  EXPECT_EQ(request.target_count(), 1u);
  EXPECT_EQ(request.event(), 1u);
}

TEST_F(DmRename, ReplyLeavesInactivePresentAsTheCallerHadIt) {
  Activate("a", 8, "zero", "");
  DmRequest with, without;
  with.Name("a").Flags(DM_INACTIVE_PRESENT_FLAG).Text("b");
  ASSERT_EQ(Call(DM_DEV_RENAME_CMD, with), 0);
  EXPECT_TRUE(with.Has(DM_INACTIVE_PRESENT_FLAG));
  ASSERT_EQ(Load("b", 16, "zero", ""), 0);
  ASSERT_EQ(Call(DM_DEV_RENAME_CMD, without.Name("b").Text("c")), 0);
  EXPECT_FALSE(without.Has(DM_INACTIVE_PRESENT_FLAG));
  EXPECT_TRUE(Status("c").Has(DM_INACTIVE_PRESENT_FLAG));
}

TEST_F(DmRename, ReplyOfASetUuidKeepsTheUuidEmpty) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest request;
  ASSERT_EQ(Call(DM_DEV_RENAME_CMD, request.Name("a").Flags(DM_UUID_FLAG).Text("U")), 0);
  EXPECT_EQ(request.uuid(), "");
}

TEST_F(DmRename, IsAnEventOfALiveTable) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Rename("a", "b"), 0);
  EXPECT_EQ(Status("b").event(), 0u);
  ASSERT_EQ(Load("b", 8, "zero", ""), 0);
  ASSERT_EQ(Rename("b", "c"), 0);
  EXPECT_EQ(Status("c").event(), 0u) << "the table is inactive";
  ASSERT_EQ(Resume("c"), 0);
  ASSERT_EQ(Rename("c", "d"), 0);
  EXPECT_EQ(Status("d").event(), 1u);
  ASSERT_EQ(SetUuid("d", "U"), 0);
  EXPECT_EQ(Status("d").event(), 2u);
}

TEST_F(DmRename, SendsAUeventWithTheCookieWhenThereIsADisk) {
  ASSERT_EQ(Create("a"), 0);
  DmRequest bare;
  ASSERT_EQ(Call(DM_DEV_RENAME_CMD, bare.Name("a").Event(5).Text("b")), 0);
  EXPECT_EQ(bare.flags(), 0u);
  ASSERT_EQ(Load("b", 8, "zero", ""), 0);
  TakeUevents();
  ASSERT_EQ(Rename("b", "c", 0, 5), 0);
  EXPECT_EQ(TakeUevents(), Lines{"change dm-0 DM_COOKIE=5"});
}

TEST_F(DmRename, WorksOnASuspendedAndOnAnOpenDevice) {
  Activate("a", 8, "zero", "");
  const auto file = Open(Node("a"));
  ASSERT_EQ(Suspend("a"), 0);
  EXPECT_EQ(Rename("a", "b"), 0);
  EXPECT_EQ(FlagsOf("b"), DM_ACTIVE_PRESENT_FLAG | DM_SUSPEND_FLAG);
  EXPECT_EQ(Resume("b"), 0);
}

}  // namespace
}  // namespace dmkit::conformance
