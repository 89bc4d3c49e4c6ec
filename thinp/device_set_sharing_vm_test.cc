// SPDX-License-Identifier: Apache-2.0
// Several users of one store at a time. Each has a host, a client and a device set of its own, as
// processes have; the lock keeps open files apart, not processes.

#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "sys/status_matchers.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using DeviceSetSharingVmTest = DeviceSetFixture;

// Opens the store, makes `count` devices (every second one a snapshot of `origin`, which may be
// suspended by the other user just then), activates some, and deletes all of them again.
absl::Status Work(const sys::Host& host, const DeviceSetOptions& options, const std::string& user,
                  int count) {
  DMKIT_ASSIGN_OR_RETURN(dm::DeviceMapper dm, dm::DeviceMapper::Open(host));
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<DeviceSet> set, DeviceSet::Open(dm, options));
  DMKIT_ASSIGN_OR_RETURN(const proto::DeviceState origin, set->Find("origin"));
  for (int i = 0; i < count; ++i) {
    const std::string name = absl::StrCat(user, i);
    const auto device = i % 2 == 0 ? set->AddThin(name, kDeviceSize, {})
                                   : set->AddSnapshot(name, "origin", kDeviceSize, {});
    if (!device.ok()) return sys::AddContext(device.status(), name);
    if (i % 8 == 0) DMKIT_RETURN_IF_ERROR(set->Activate(*device));
    if (i % 8 == 4) DMKIT_RETURN_IF_ERROR(set->Activate(origin));
    DMKIT_RETURN_IF_ERROR(sys::AddContext(set->Delete(name), name));
  }
  return absl::OkStatus();
}

TEST_F(DeviceSetSharingVmTest, TwoUsersDoFiftyCreatesAndDeletesEachWithoutDamage) {
  Open();
  Add("origin");
  Activate("origin");
  absl::Status first;
  absl::Status second;
  kernel().LetCallsSleep();
  const sys::Host hosts[] = {kernel().OtherHost(), kernel().OtherHost()};
  std::thread other([&] { first = Work(hosts[0], options(), "first-", 50); });
  second = Work(hosts[1], options(), "second-", 50);
  other.join();
  EXPECT_THAT(first, IsOk());
  EXPECT_THAT(second, IsOk());
  EXPECT_THAT(Names(), ElementsAre("origin"));
  EXPECT_EQ(PoolTransaction(), 1u + 2 * 2 * 50);
  ExpectClean();
}

TEST_F(DeviceSetSharingVmTest, TwoUsersMakeOneStoreAtTheSameTime) {
  std::vector<std::string> uuids(2);
  const auto open_set = [this](const sys::Host& host, std::string* uuid) {
    auto dm = dm::DeviceMapper::Open(host);
    auto set = DeviceSet::Open(*dm, options());
    *uuid = set.ok() ? (*set)->uuid() : set.status().ToString();
  };
  kernel().LetCallsSleep();
  const sys::Host hosts[] = {kernel().OtherHost(), kernel().OtherHost()};
  std::thread other([&] { open_set(hosts[0], &uuids[0]); });
  open_set(hosts[1], &uuids[1]);
  other.join();
  EXPECT_EQ(uuids[0], uuids[1]);
  EXPECT_EQ(Open().uuid(), uuids[0]);
  ExpectClean();
}

TEST_F(DeviceSetSharingVmTest, ChangeSeesWhatAnotherUserChanged) {
  Open();
  auto other = DeviceSet::Open(dm(), options());
  ASSERT_THAT(other, IsOk());
  Add("a");
  EXPECT_THAT((*other)->AddThin("a", kDeviceSize, {}), FailsWithErrno(EEXIST));
  EXPECT_EQ((*other)->AddSnapshot("b", "a", kDeviceSize, {})->thin_id(), 2u);
  EXPECT_EQ(Add("c").thin_id(), 3u);
  EXPECT_THAT((*other)->Delete("c"), IsOk());
  EXPECT_THAT(set().Delete("c"), FailsWithErrno(ENOENT));
  ExpectClean();
}

TEST_F(DeviceSetSharingVmTest, MetadataIsReadWhereAnotherUserHasMovedItTo) {
  Open();
  Add("a");
  auto other = DeviceSet::Open(plain(), options());
  ASSERT_THAT(other, IsOk());
  const sys::DeviceNumber before = (*other)->pool().params().metadata;
  TakeDown();
  Attach("takes-the-loop-device", kMiB);
  Open();
  ASSERT_NE(set().pool().params().metadata, before);
  const auto contents = (*other)->Contents();
  ASSERT_THAT(contents, IsOk());
  EXPECT_EQ(contents->size(), 1u);
  EXPECT_EQ((*other)->pool().params().metadata, set().pool().params().metadata);
}

// What a user left half done is undone by whoever comes next, also when he had the store open
// before.
TEST_F(DeviceSetSharingVmTest, ChangeRepairsFirstWhatAnotherUserLeft) {
  Open();
  auto other = DeviceSet::Open(plain(), options());
  ASSERT_THAT(other, IsOk());
  for (const char* last : {"/devices/.a.tmp", "/devices"}) {
    // Before and after the new state file has its name.
    faulty().SetPlan([last, stopped = false](const sys::SeamCall& call) mutable {
      stopped = stopped || (call.method == "Sync" && absl::EndsWith(call.object, last));
      return stopped ? EIO : 0;
    });
    EXPECT_FALSE(set().AddThin("a", kDeviceSize, {}).ok());
    faulty().SetPlan(nullptr);
    EXPECT_THAT((*other)->AddThin("a", kDeviceSize, {}), IsOk()) << "not EEXIST";
    EXPECT_THAT((*other)->Delete("a"), IsOk());
  }
  ExpectClean();
}

// Found without the lock, between the write of its state file and the end of its transaction.
TEST_F(DeviceSetSharingVmTest, DeviceWhoseCreationWasInterruptedIsUndoneNotUsed) {
  Open();
  auto other = DeviceSet::Open(plain(), options());
  ASSERT_THAT(other, IsOk());
  const auto interrupt = [this] {
    faulty().SetPlan([messages = 0](const sys::SeamCall& call) mutable {
      if (absl::StrContains(call.object, "0xc138fd0e")) ++messages;
      return messages < 2 ? 0 : EIO;
    });
    EXPECT_FALSE(set().AddThin("a", kDeviceSize, {}).ok());
    faulty().SetPlan(nullptr);
  };
  interrupt();
  const auto found = (*other)->Find("a");
  ASSERT_THAT(found, IsOk()) << "reading repairs nothing";
  EXPECT_THAT((*other)->Activate(*found), FailsWithErrno(ENOENT));
  EXPECT_THAT(Names(), IsEmpty());
  interrupt();
  EXPECT_THAT((*other)->SetLabels("a", {}), FailsWithErrno(ENOENT));
  interrupt();
  EXPECT_THAT((*other)->SetSize("a", kDeviceSize, {}), FailsWithErrno(ENOENT));
  EXPECT_THAT(MappedDevices(), ElementsAre(SetName("pool")));
  ExpectClean();
}

TEST_F(DeviceSetSharingVmTest, LockThatIsNotFreedInTimeNamesItsHolder) {
  options().lock_patience = absl::Milliseconds(20);
  Open();
  Add("a");
  auto root = plain_host().root->OpenDir(options().root);
  ASSERT_THAT(root, IsOk());
  {
    const auto lock =
        sys::AcquireLock(plain_host(), **root, "lock", "creating web", absl::Seconds(1));
    ASSERT_THAT(lock, IsOk());
    const std::string holder =
        absl::StrCat("process ", plain_host().processes->ProcessId(), " (creating web)");
    for (const absl::Status& status :
         {set().AddThin("b", kDeviceSize, {}).status(), set().Delete("a"),
          set().SetSize("a", kDeviceSize, {}), set().Check().status(), set().DeactivatePool(),
          DeviceSet::Open(dm(), options()).status()}) {
      EXPECT_THAT(status, FailsWithErrno(ETIMEDOUT));
      EXPECT_THAT(std::string(status.message()), HasSubstr(holder));
    }
    EXPECT_THAT(set().Find("a"), IsOk()) << "reading needs no lock";
    Activate("a");
  }
  Add("b");
}

}  // namespace
}  // namespace dmkit::thinp
