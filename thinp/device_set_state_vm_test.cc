// SPDX-License-Identifier: Apache-2.0
// Stores whose files or pool are not as they should be: what is repaired, what is reported, and
// what is refused without making it worse.

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"
#include "dm/udev.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status_matchers.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/state_file.h"
#include "thinp/state_store.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;
constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;
// DEV_SUSPEND.
constexpr char kSuspendRequest[] = "0xc138fd06";

class DeviceSetStateVmTest : public DeviceSetFixture {
 protected:
  std::vector<std::string> QuarantinedFiles() {
    const auto report = set().Check();
    EXPECT_THAT(report, IsOk());
    std::vector<std::string> files;
    for (const Quarantined& file : report->quarantined) files.push_back(file.file);
    return files;
  }
};

TEST_F(DeviceSetStateVmTest, LostTransactionFileCostsNothingButLookUps) {
  Open();
  Add("a");
  Add("b");
  ASSERT_THAT(set().Delete("b"), IsOk());
  ASSERT_THAT(SendPool("create_thin 3"), IsOk());
  Close();
  ASSERT_THAT(plain_host().root->Unlink(StatePath("transaction")), IsOk());
  Open();
  EXPECT_EQ(Add("c").thin_id(), 2u) << "the highest id that a file names, and one";
  EXPECT_EQ(Add("d").thin_id(), 4u) << "3 was looked up and found taken";
  EXPECT_EQ(PoolTransaction(), 5u);
  EXPECT_THAT(*set().Contents(), Contains(Key(3u)));
  ASSERT_THAT(SendPool("delete 3"), IsOk());
  ExpectClean();
}

TEST_F(DeviceSetStateVmTest, LostTransactionFileMeansThatAnyDeviceOfTheSetMayBeSuspended) {
  Open();
  Add("a");
  Activate("a");
  MakeLinear("stranger", Attach("image", kMiB));
  for (const std::string& name : {SetName("a"), std::string("stranger")}) {
    ASSERT_THAT(plain().Suspend(Name(name), dm::SuspendOptions()), IsOk());
  }
  Close();
  ASSERT_THAT(plain_host().root->Unlink(StatePath("transaction")), IsOk());
  Open();
  EXPECT_THAT(SuspendedDevices(), ElementsAre("stranger"));
  ASSERT_THAT(plain().Resume(Name("stranger"), dm::SuspendOptions(), dm::UdevCookie()), IsOk());
}

TEST_F(DeviceSetStateVmTest, DamagedTransactionFileIsPutAsideAndReported) {
  Open();
  Add("a");
  Close();
  WriteText(StatePath("transaction"), "# dmkit transaction v1\nkind: DELETE\n");
  Open();
  EXPECT_THAT(QuarantinedFiles(), ElementsAre("transaction.quarantined"));
  EXPECT_EQ(ReadText(StatePath("transaction.quarantined")),
            "# dmkit transaction v1\nkind: DELETE\n");
  EXPECT_EQ(Add("b").thin_id(), 2u);
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
}

TEST_F(DeviceSetStateVmTest, TransactionFileOfANewerVersionStopsChangesOnly) {
  Open();
  Add("a");
  Close();
  WriteText(StatePath("transaction"),
            EncodeState("transaction", 2, proto::TransactionState::default_instance()));
  const std::string before = *ReadText(StatePath("transaction"));
  Open();
  EXPECT_THAT(set().AddThin("b", kDeviceSize, {}), FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(set().Delete("a"), FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(set().Check()->changes_problem, FailsWithCode(kFailedPrecondition));
  Activate("a");
  EXPECT_EQ(ReadText(StatePath("transaction")), before);
}

TEST_F(DeviceSetStateVmTest, QuarantinedDeviceLeavesTheOthersUsable) {
  Open();
  const proto::DeviceState bad = Add("bad");
  Add("good");
  WriteText(StatePath("devices/bad"), "");
  Open();
  const auto found = set().Find("bad");
  EXPECT_THAT(found, FailsWithCode(kDataLoss));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("devices/bad"));
  EXPECT_THAT(Names(), ElementsAre("good"));
  EXPECT_THAT(set().AddThin("bad", kDeviceSize, {}), FailsWithErrno(EEXIST));
  EXPECT_THAT(set().AddSnapshot("c", "bad", kDeviceSize, {}), FailsWithCode(kDataLoss));
  EXPECT_THAT(set().Delete("bad"), FailsWithCode(kDataLoss));
  EXPECT_THAT(QuarantinedFiles(), ElementsAre("devices/bad"));
  EXPECT_THAT(*set().Contents(), Contains(Key(bad.thin_id()))) << "its data stay";
  Activate("good");
  Snapshot("snapshot", "good");
  EXPECT_THAT(set().Delete("good"), IsOk());
}

TEST_F(DeviceSetStateVmTest, DamagedSetFileIsReplacedByItsCopy) {
  const std::string uuid = Open().uuid();
  Add("a");
  TakeDown();
  WriteText(StatePath("set"), "");
  EXPECT_EQ(Open().uuid(), uuid);
  EXPECT_THAT(QuarantinedFiles(), ElementsAre("set"));
  Activate("a");
  Add("b");
}

TEST_F(DeviceSetStateVmTest, StoreWithoutItsSetFilesIsNotMadeAnew) {
  Open();
  Add("a");
  TakeDown();
  const std::string metadata = Read(StatePath("pool/metadata"), 0, 65536);
  const std::string set_file = *ReadText(StatePath("set"));
  for (const char* name : {"set", "set.copy"}) {
    ASSERT_THAT(plain_host().root->Unlink(StatePath(name)), IsOk());
  }
  const absl::Status opened = TryOpen();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("`set` file"));
  EXPECT_EQ(Read(StatePath("pool/metadata"), 0, 65536), metadata);
  EXPECT_FALSE(Exists(StatePath("set")));
  EXPECT_THAT(MappedDevices(), IsEmpty());
  WriteText(StatePath("set"), set_file);
  Open();
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(DeviceSetStateVmTest, RootMayBeMovedAlsoWhileThePoolIsUp) {
  const std::string uuid = Open().uuid();
  Add("a");
  ASSERT_THAT(Fill(Activate("a"), 0, 4096, 'a'), IsOk());
  for (const bool up : {true, false}) {
    const std::string moved = options().root + "-moved";
    if (up) {
      Close();
    } else {
      TakeDown();
    }
    ASSERT_THAT(plain_host().root->Rename(options().root, moved), IsOk());
    options().root = moved;
    EXPECT_EQ(Open().uuid(), uuid);
    EXPECT_EQ(Read(Activate("a"), 0, 4096), std::string(4096, 'a'));
    ExpectClean();
  }
  EXPECT_THAT(LoopFiles(), Contains(StatePath("pool/data")));
}

TEST_F(DeviceSetStateVmTest, PoolThatACrashLeftSuspendedIsResumed) {
  Open();
  Add("a");
  ASSERT_THAT(plain().Suspend(SetUuid("pool"), dm::SuspendOptions()), IsOk());
  Open();
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
  ExpectClean();
}

TEST_F(DeviceSetStateVmTest, PoolThatACrashLeftWithoutATableIsMadeAgain) {
  Open();
  Add("a");
  const dm::DmUuid uuid = SetUuid("pool");
  const std::string name = SetName("pool");
  TakeDown();
  dm::CreateOptions create;
  create.uuid = uuid;
  ASSERT_THAT(plain().Create(Name(name), create), IsOk());
  Open();
  ExpectClean();
}

TEST_F(DeviceSetStateVmTest, RenamedPoolIsFoundByItsUuid) {
  Open();
  const std::string name = SetName("pool");
  ASSERT_THAT(plain().Rename(Name(name), Name("renamed"), dm::UdevCookie()), IsOk());
  MakeLinear(name, Attach("image", kMiB));
  Open();
  Add("a");
  EXPECT_EQ(set().pool().name().text(), "renamed");
  ExpectClean();
}

TEST_F(DeviceSetStateVmTest, MissingPoolFileIsRefusedAndNotMadeAnew) {
  Open();
  Add("a");
  TakeDown();
  for (const std::string& file : {StatePath("pool/data"), StatePath("pool/metadata")}) {
    ASSERT_THAT(plain_host().root->Rename(file, file + ".away"), IsOk());
    const absl::Status opened = TryOpen();
    EXPECT_THAT(opened, FailsWithErrno(ENOENT));
    EXPECT_THAT(std::string(opened.message()), HasSubstr(file));
    EXPECT_FALSE(Exists(file));
    EXPECT_THAT(LoopFiles(), IsEmpty());
    ASSERT_THAT(plain_host().root->Rename(file + ".away", file), IsOk());
  }
  Open();
  ExpectClean();
}

TEST_F(DeviceSetStateVmTest, ZeroedSuperblockIsRefusedAndNotFormatted) {
  Open();
  Add("a");
  TakeDown();
  const std::string superblock = Read(StatePath("pool/metadata"), 0, 4096);
  Overwrite(StatePath("pool/metadata"), 0, std::string(4096, '\0'));
  const absl::Status opened = TryOpen();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("superblock"));
  EXPECT_EQ(Read(StatePath("pool/metadata"), 0, 4096), std::string(4096, '\0'));
  EXPECT_THAT(MappedDevices(), IsEmpty());
  EXPECT_THAT(LoopFiles(), IsEmpty());
  Overwrite(StatePath("pool/metadata"), 0, superblock);
  Open();
  ExpectClean();
}

// Somebody who keeps the device open keeps its page cache, too, from before it was formatted.
TEST_F(DeviceSetStateVmTest, StalePageCacheOfAGivenDeviceIsNotTakenForItsContents) {
  GiveDevices();
  const auto holder = plain_host().root->OpenFile(options().pool.metadata_device, {});
  ASSERT_THAT(holder, IsOk());
  char first = 'x';
  ASSERT_THAT((*holder)->ReadAt(0, absl::MakeSpan(&first, 1)), IsOk());
  ASSERT_EQ(first, '\0');
  Open();
  Add("a");
  TakeDown();
  Open();
  ExpectClean();
}

TEST_F(DeviceSetStateVmTest, CheckFindsThinIdsWithoutDeviceAndDevicesWithoutThinId) {
  Open();
  Add("a");
  const proto::DeviceState gone = Add("b");
  ASSERT_THAT(SendPool("create_thin 900"), IsOk());
  ASSERT_THAT(SendPool(absl::StrCat("delete ", gone.thin_id())), IsOk());
  const auto report = set().Check();
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(report->unowned_thin_ids, ElementsAre(900));
  EXPECT_THAT(report->devices_without_thin, ElementsAre("b"));
  EXPECT_THAT(report->contents_problem, IsOk());
  EXPECT_FALSE(set().pool().Status()->held_metadata_root.has_value());
  EXPECT_THAT(*set().Contents(), ElementsAre(Key(1u), Key(900u)));
}

TEST_F(DeviceSetStateVmTest, ReadOnlyPoolIsReportedAndStillCompared) {
  GiveDevices();
  Open();
  Add("a");
  ASSERT_THAT(SendPool("create_thin 900"), IsOk());
  MakeReadOnly();
  const absl::Status refused = set().AddThin("b", kDeviceSize, {}).status();
  EXPECT_THAT(refused, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("mode ro"));
  EXPECT_THAT(set().Delete("a"), FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(Names(), ElementsAre("a"));
  Open();
  const auto report = set().Check();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->pool.mode, PoolMode::kReadOnly);
  EXPECT_TRUE(report->pool.needs_check);
  EXPECT_THAT(report->changes_problem, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(report->contents_problem, IsOk());
  EXPECT_THAT(report->unowned_thin_ids, ElementsAre(900)) << "as on disk, 16777215 is not";
  EXPECT_FALSE(report->transaction_open);
}

TEST_F(DeviceSetStateVmTest, FailedPoolIsReportedAndListsItsDevices) {
  GiveDevices();
  Open();
  Add("a");
  FailAll("given-metadata");
  EXPECT_FALSE(set().AddThin("b", kDeviceSize, {}).ok());
  set().pool().CommittedStatus().status().IgnoreError();
  Open();
  const auto report = set().Check();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->pool.mode, PoolMode::kFail);
  EXPECT_THAT(report->contents_problem, FailsWithErrno(EOPNOTSUPP));
  EXPECT_THAT(std::string(report->changes_problem.message()), HasSubstr("Fail"));
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(DeviceSetStateVmTest, SuspendedOriginIsResumedAlsoWhereThePoolTakesNoRepair) {
  GiveDevices();
  Open();
  Add("a");
  Activate("a");
  faulty().SetPlan(StopAfterIoctl(kSuspendRequest));
  EXPECT_FALSE(set().AddSnapshot("b", "a", kDeviceSize, {}).ok());
  faulty().SetPlan(nullptr);
  ASSERT_THAT(SuspendedDevices(), ElementsAre(SetName("a"))) << "the test has not got there";
  MakeReadOnly();
  Open();
  EXPECT_THAT(SuspendedDevices(), IsEmpty());
  EXPECT_TRUE(set().Check()->transaction_open);
}

// The pool's metadata comes from a backup, or another pool has taken its place.
TEST_F(DeviceSetStateVmTest, PoolThatIsOlderThanTheStoreIsNotRepairedToDeath) {
  Open();
  for (const char* name : {"a", "b", "c"}) Add(name);
  ASSERT_THAT(SendPool("set_transaction_id 3 1"), IsOk());
  Open();
  EXPECT_THAT(*set().Contents(), ElementsAre(Key(1u), Key(2u), Key(3u)));
  EXPECT_THAT(Names(), ElementsAre("a", "b", "c"));
  const absl::Status refused = set().AddThin("d", kDeviceSize, {}).status();
  EXPECT_THAT(refused, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("transaction"));
  EXPECT_THAT(set().Check()->changes_problem, FailsWithCode(kFailedPrecondition));
  ASSERT_THAT(plain_host().root->Unlink(StatePath("transaction")), IsOk());
  EXPECT_EQ(Add("d").thin_id(), 4u);
  ExpectClean();
}

TEST_F(DeviceSetStateVmTest, TakenIdsOfOthersAreSkippedAndLeft) {
  Open();
  for (const char* message : {"create_thin 1", "create_thin 2", "create_thin 4"}) {
    ASSERT_THAT(SendPool(message), IsOk());
  }
  const uint32_t first = Add("a").thin_id();
  EXPECT_THAT((std::vector<uint32_t>{1, 2, 4}), Not(Contains(first)));
  const uint32_t second = Snapshot("b", "a").thin_id();
  EXPECT_GT(second, first);
  EXPECT_THAT(set().Check()->unowned_thin_ids, ElementsAre(1, 2, 4));
  EXPECT_THAT(MappedDevices(), ElementsAre(SetName("pool"))) << "no probe is left";
}

TEST_F(DeviceSetStateVmTest, ManyTakenIdsInARowAreJumpedNotCounted) {
  Open();
  for (uint32_t id = 1; id <= 100; ++id) {
    ASSERT_THAT(SendPool(absl::StrCat("create_thin ", id)), IsOk());
  }
  faulty().SetPlan(nullptr);
  EXPECT_GT(Add("a").thin_id(), 100u);
  EXPECT_LT(faulty().CountOf("Ioctl"), 40u);
}

TEST_F(DeviceSetStateVmTest, IdsWrapAndAreThenLookedUp) {
  Open();
  EXPECT_EQ(Add("first").thin_id(), 1u);
  proto::TransactionState record = **Files().ReadTransaction();
  record.set_next_thin_id(ThinId::kMax);
  ASSERT_THAT(Files().WriteTransaction(record), IsOk());
  EXPECT_EQ(Add("a").thin_id(), ThinId::kMax);
  EXPECT_EQ(Add("b").thin_id(), 0u);
  EXPECT_EQ(Add("c").thin_id(), 2u) << "1 is in use";
  ExpectClean();
}

}  // namespace
}  // namespace dmkit::thinp
