// SPDX-License-Identifier: Apache-2.0
// DM_DEV_SUSPEND, in both directions.

#include <cerrno>
#include <string>

#include "sys/status.h"
#include "testing/conformance/dm_fixture.h"

namespace dmkit::conformance {
namespace {

class DmSuspend : public DmTest {};
class DmResume : public DmTest {};

TEST_F(DmSuspend, IsAFlagAndNotACount) {
  Activate("a", 8, "zero", "");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Suspend("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_SUSPEND_FLAG | DM_ACTIVE_PRESENT_FLAG);
  EXPECT_EQ(Resume("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmSuspend, WorksWithoutATable) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Suspend("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_SUSPEND_FLAG);
}

TEST_F(DmSuspend, ReplyWritesTheState) {
  ASSERT_EQ(Create("a", "U"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  DmRequest request(kResultAt);
  request.Name("a").Flags(DM_SUSPEND_FLAG).Event(77).Poison();
  ASSERT_EQ(Call(DM_DEV_SUSPEND_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size target_count open_count flags event_nr dev name[127-127] uuid[0-1] "
            "uuid[128-128]");
  EXPECT_EQ(request.flags(), DM_SUSPEND_FLAG | DM_ACTIVE_PRESENT_FLAG);
  EXPECT_EQ(request.event(), 0u);
}

TEST_F(DmSuspend, IsNoEventAndSendsNoUevent) {
  Activate("a", 8, "zero", "");
  TakeUevents();
  EXPECT_EQ(Suspend("a"), 0);
  EXPECT_EQ(Status("a").event(), 0u);
  EXPECT_EQ(TakeUevents(), Lines());
}

TEST_F(DmSuspend, LeavesTheInactiveTable) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  EXPECT_EQ(Suspend("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_SUSPEND_FLAG | DM_ACTIVE_PRESENT_FLAG | DM_INACTIVE_PRESENT_FLAG);
}

TEST_F(DmSuspend, TakesNoflushAndSkipLockfsAndEchoesThem) {
  Activate("a", 8, "zero", "");
  for (const uint32_t flags : {uint32_t{DM_NOFLUSH_FLAG}, uint32_t{DM_SKIP_LOCKFS_FLAG}}) {
    DmRequest request(kResultAt);
    request.Name("a").Flags(DM_SUSPEND_FLAG | flags);
    ASSERT_EQ(Call(DM_DEV_SUSPEND_CMD, request), 0);
    EXPECT_EQ(request.flags(), DM_SUSPEND_FLAG | DM_ACTIVE_PRESENT_FLAG | flags);
    ASSERT_EQ(Resume("a"), 0);
  }
}

TEST_F(DmSuspend, IoWaitsUntilTheResume) {
  const ScratchDevice disk = Device(64);
  Activate("a", 64, "linear", disk.number + " 0");
  ASSERT_EQ(Suspend("a"), 0);
  const auto file = Open(Node("a"));
  bool is_resumed = false, was_resumed = false;
  char byte = 'x';
  machine().Beside(
      [&] {
        EXPECT_TRUE(file->ReadAt(0, absl::MakeSpan(&byte, 1)).ok());
        was_resumed = is_resumed;
      },
      [&] {
        is_resumed = true;
        EXPECT_EQ(Resume("a"), 0);
      });
  EXPECT_TRUE(was_resumed);
  EXPECT_EQ(byte, '\0');
}

TEST_F(DmSuspend, SuspendedDeviceCanBeOpened) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Suspend("a"), 0);
  EXPECT_EQ(OpenError(Node("a")), 0);
}

TEST_F(DmSuspend, DeviceWithoutALiveTableReadsAsEmptyAtOnce) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Suspend("a"), 0);
  const auto file = Open(Node("a"));
  char byte = 0;
  // The device has no size, so a read is at its end.
  const auto got = file->ReadAt(0, absl::MakeSpan(&byte, 1));
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, 0u);
}

TEST_F(DmResume, WithoutATableWorksOnlyWhileNotSuspended) {
  ASSERT_EQ(Create("a"), 0);
  EXPECT_EQ(Resume("a"), 0);
  ASSERT_EQ(Suspend("a"), 0);
  EXPECT_EQ(Resume("a"), -EINVAL);
  EXPECT_EQ(FlagsOf("a"), DM_SUSPEND_FLAG);
}

TEST_F(DmResume, MakesTheInactiveTableTheLiveOne) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(Resume("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG);
  EXPECT_EQ(Table("a"), Lines{"0 8 zero "});
  ASSERT_EQ(Load("a", 16, "error", ""), 0);
  EXPECT_EQ(Table("a"), Lines{"0 8 zero "});
  EXPECT_EQ(Resume("a"), 0);
  EXPECT_EQ(Table("a"), Lines{"0 16 error "});
  EXPECT_EQ(Table("a", DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG), Lines());
}

TEST_F(DmResume, EndsASuspensionThatCameBeforeTheTable) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Suspend("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(Resume("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmResume, ReplyWritesTheState) {
  ASSERT_EQ(Create("a", "U"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  DmRequest request(kResultAt);
  request.Name("a").Event(77).Flags(DM_INACTIVE_PRESENT_FLAG).Poison();
  ASSERT_EQ(Call(DM_DEV_SUSPEND_CMD, request), 0);
  EXPECT_EQ(request.Written(),
            "version data_size target_count open_count flags event_nr dev name[127-127] uuid[0-1] "
            "uuid[128-128]");
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG | DM_UEVENT_GENERATED_FLAG);
  EXPECT_EQ(request.target_count(), 1u);
  EXPECT_EQ(request.event(), 0u);
}

TEST_F(DmResume, WithNothingToDoGeneratesNoUevent) {
  Activate("a", 8, "zero", "");
  TakeUevents();
  DmRequest request(kResultAt);
  ASSERT_EQ(Call(DM_DEV_SUSPEND_CMD, request.Name("a").Event(5)), 0);
  EXPECT_EQ(request.flags(), DM_ACTIVE_PRESENT_FLAG);
  EXPECT_EQ(TakeUevents(), Lines());
}

TEST_F(DmResume, OfASuspendedDeviceSendsAUeventWithTheCookie) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Suspend("a"), 0);
  TakeUevents();
  EXPECT_EQ(Resume("a", 0xffffffff), 0);
  EXPECT_EQ(TakeUevents(), Lines{"change dm-0 DM_COOKIE=4294967295"});
}

TEST_F(DmResume, CookieOfZeroIsNotSent) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Suspend("a"), 0);
  TakeUevents();
  EXPECT_EQ(Resume("a"), 0);
  EXPECT_EQ(TakeUevents(), Lines{"change dm-0"});
}

TEST_F(DmResume, SaysResizeOnlyWhenBothSizesAreThereAndDiffer) {
  Activate("a", 8, "zero", "");
  EXPECT_EQ(TakeUevents(), (Lines{"add dm-0", "change dm-0"}));
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  EXPECT_EQ(Resume("a", 3), 0);
  EXPECT_EQ(TakeUevents(), Lines{"change dm-0 DM_COOKIE=3 RESIZE=1"});
  ASSERT_EQ(Load("a", 16, "error", ""), 0);
  EXPECT_EQ(Resume("a"), 0);
  EXPECT_EQ(TakeUevents(), Lines{"change dm-0"});
}

TEST_F(DmResume, DiskRoComesBeforeTheCookie) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Load("a", 8, "zero", "", DM_READONLY_FLAG), 0);
  TakeUevents();
  ASSERT_EQ(Resume("a", 3), 0);
  EXPECT_EQ(TakeUevents(), (Lines{"change dm-0 DISK_RO=1", "change dm-0 DM_COOKIE=3"}));
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(TakeUevents(), (Lines{"change dm-0 DISK_RO=0", "change dm-0"}));
}

TEST_F(DmResume, IsNoEventOfTheDevice) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Suspend("a"), 0);
  ASSERT_EQ(Resume("a"), 0);
  ASSERT_EQ(Load("a", 16, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Status("a").event(), 0u);
}

TEST_F(DmResume, TableThatDoesNotFitGivesEinvalAndIsLost) {
  const ScratchDevice disk = Device(64);
  Activate("a", 64, "linear", disk.number + " 0");
  ASSERT_EQ(Load("a", 65, "linear", disk.number + " 0"), 0);
  EXPECT_EQ(Resume("a"), -EINVAL);
  EXPECT_EQ(FlagsOf("a"), DM_SUSPEND_FLAG | DM_ACTIVE_PRESENT_FLAG);
  EXPECT_EQ(Table("a"), Lines{"0 64 linear " + disk.number + " 0"});
}

TEST_F(DmResume, SecondResumeAfterAFailedOneRunsTheOldTable) {
  const ScratchDevice disk = Device(64);
  Activate("a", 64, "linear", disk.number + " 0");
  ASSERT_EQ(Load("a", 65, "linear", disk.number + " 0"), 0);
  ASSERT_EQ(Resume("a"), -EINVAL);
  EXPECT_EQ(Resume("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmResume, FailedOneSendsNoUevent) {
  const ScratchDevice disk = Device(64);
  Activate("a", 64, "linear", disk.number + " 0");
  ASSERT_EQ(Load("a", 65, "linear", disk.number + " 0"), 0);
  TakeUevents();
  ASSERT_EQ(Resume("a", 5), -EINVAL);
  EXPECT_EQ(TakeUevents(), Lines());
}

TEST_F(DmResume, AlignmentOfALaterTableIsLookedAt) {
  ScratchOptions options;
  options.block_bytes = 4096;
  const ScratchDevice disk = Device(64, options);
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Load("a", 8, "linear", disk.number + " 1"), 0);
  EXPECT_EQ(Resume("a"), -EINVAL);
}

TEST_F(DmResume, SizeOfTheDeviceIsThatOfTheTable) {
  Activate("a", 24, "zero", "");
  const std::string path = "/sys/dev/block/" + Number("a") + "/size";
  const auto read = [&] {
    const auto file = Open(path);
    std::string text(16, '\0');
    const auto got = file->ReadAt(0, absl::MakeSpan(&text[0], text.size()));
    return got.ok() ? text.substr(0, *got) : "";
  };
  EXPECT_EQ(read(), "24\n");
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  EXPECT_EQ(read(), "24\n");
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(read(), "8\n");
}

TEST_F(DmResume, ReadOnlyTableMakesTheDeviceReadOnly) {
  Activate("a", 8, "zero", "");
  ASSERT_EQ(Load("a", 8, "zero", "", DM_READONLY_FLAG), 0);
  EXPECT_FALSE(Status("a").Has(DM_READONLY_FLAG));
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_TRUE(Status("a").Has(DM_READONLY_FLAG));
  sys::OpenOptions options;
  EXPECT_EQ(OpenError(Node("a"), options), 0);
  const auto file = Open(Node("a"), sys::Access::kReadWrite);
  EXPECT_EQ(sys::GetErrno(file->WriteAt(0, "x")), EPERM);
}

TEST_F(DmResume, WritableTableMakesTheDeviceWritableAgain) {
  ASSERT_EQ(Create("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", "", DM_READONLY_FLAG), 0);
  ASSERT_EQ(Resume("a"), 0);
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG);
}

TEST_F(DmResume, DoesNotUndoTheModeThatTheNodeWasGiven) {
  Activate("a", 8, "zero", "");
  {
    const auto file = Open(Node("a"));
    char yes[4] = {1, 0, 0, 0};
    constexpr unsigned long kSetReadOnly = 0x125d;  // BLKROSET
    ASSERT_TRUE(file->Ioctl(kSetReadOnly, absl::MakeSpan(yes)).ok());
  }
  ASSERT_EQ(Load("a", 8, "zero", ""), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(FlagsOf("a"), DM_ACTIVE_PRESENT_FLAG | DM_READONLY_FLAG);
}

}  // namespace
}  // namespace dmkit::conformance
