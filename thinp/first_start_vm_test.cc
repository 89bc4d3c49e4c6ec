// SPDX-License-Identifier: Apache-2.0
// Stores whose first start was interrupted: how the next one may go on, and what it must not take.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/device_mapper.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/loop_device.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
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

constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;
// TABLE_LOAD.
constexpr char kLoadRequest[] = "0xc138fd09";

using FirstStartVmTest = DeviceSetFixture;

// Nothing of the first start is known to be done yet, so it may be done differently.
TEST_F(FirstStartVmTest, InterruptedFirstStartMayGoOnWithOtherOptions) {
  faulty().SetPlan(StopAfterIoctl(kLoadRequest));
  EXPECT_FALSE(TryOpen().ok());
  faulty().SetPlan(nullptr);
  const auto interrupted = Files().ReadSet();
  ASSERT_THAT(interrupted, IsOk());
  ASSERT_TRUE(interrupted->has_value());
  ASSERT_FALSE((*interrupted)->state.pool().formatted());
  options().create = false;
  EXPECT_THAT(TryOpen(), FailsWithErrno(ENOENT)) << "it is not made yet";
  options().create = true;
  GiveDevices();
  Open();
  EXPECT_EQ(set().uuid(), (*interrupted)->state.set_uuid());
  EXPECT_EQ(set().pool_state().data().device(), options().pool.data_device);
  Add("a");
  TakeDown();
  Open();
  ExpectClean();
}

// What an interrupted import left, or a set file that is lost: their thin ids would soon be those
// of other devices.
TEST_F(FirstStartVmTest, StateFilesOfDevicesWithoutTheirSetAreNotTakenForANewPools) {
  for (const bool deleted : {false, true}) {
    {
      auto store = StateStore::Open(plain_host(), options().root, /*create=*/true);
      ASSERT_THAT(store, IsOk());
      proto::DeviceState left;
      left.set_name("left");
      left.set_thin_id(1);
      left.set_size_bytes(uint64_t{1} << 20);
      ASSERT_THAT(deleted ? store->WriteDeleted(left) : store->WriteDevice(left), IsOk());
    }
    const absl::Status refused = TryOpen();
    EXPECT_THAT(refused, FailsWithCode(kFailedPrecondition));
    EXPECT_THAT(std::string(refused.message()),
                HasSubstr(StatePath(deleted ? "deleted/left" : "devices/left")));
    EXPECT_FALSE(*Files().HasSet());
    ASSERT_THAT(deleted ? Files().RemoveDeleted("left") : Files().RemoveDevice("left"), IsOk());
  }
  Open();
  ExpectClean();
}

// A start that has formatted a given device and then fails leaves one that the next start takes.
TEST_F(FirstStartVmTest, GivenMetadataThatAFailedFirstStartFormattedIsTakenAgain) {
  GiveDevices();
  constexpr char kSuspendRequest[] = "0xc138fd06";
  faulty().SetPlan(sys::FaultyHost::FailMatching("Ioctl", kSuspendRequest, EIO));
  EXPECT_THAT(TryOpen(), FailsWithErrno(EIO));
  faulty().SetPlan(nullptr);
  Open();
  ExpectClean();
}

// Pool files without a set would be in the way of every later start.
TEST_F(FirstStartVmTest, PoolFilesThatCannotBeRemovedKeepTheirSet) {
  faulty().SetPlan([](const sys::SeamCall& call) {
    const bool fails = absl::StrContains(call.object, kLoadRequest) ||
                       (call.method == "Unlink" && absl::EndsWith(call.object, "/pool/data"));
    return fails ? EIO : 0;
  });
  EXPECT_THAT(TryOpen(), FailsWithErrno(EIO));
  faulty().SetPlan(nullptr);
  EXPECT_TRUE(Exists(StatePath("set")));
  Open();
  ExpectClean();
}

TEST_F(FirstStartVmTest, RemovedPoolFilesAreGoneForGoodBeforeTheirSet) {
  faulty().SetPlan([](const sys::SeamCall& call) {
    return absl::StrContains(call.object, kLoadRequest) ? EIO : 0;
  });
  EXPECT_THAT(TryOpen(), FailsWithErrno(EIO));
  std::vector<std::string> tail = faulty().Log();
  faulty().SetPlan(nullptr);
  const auto position = [&tail](const std::string& call, const std::string& object) {
    const auto found = std::find_if(tail.begin(), tail.end(), [&](const std::string& line) {
      return absl::StartsWith(line, call) && absl::EndsWith(line, object);
    });
    return found - tail.begin();
  };
  // The making of the files ends with a sync of their directory, too.
  tail.erase(tail.begin(), tail.begin() + position("Unlink ", "/pool/data"));
  EXPECT_LT(position("Unlink ", "/pool/metadata"), position("Sync ", "/pool"));
  EXPECT_LT(position("Sync ", "/pool"), position("Unlink ", "/set"));
  EXPECT_LT(position("Unlink ", "/set"), static_cast<std::ptrdiff_t>(tail.size()));
}

// Appliances have their root on a filesystem whose directories have no fsync.
TEST_F(FirstStartVmTest, RootMayLieBelowAFilesystemWithoutFsync) {
  const std::string mount_point = dir() + "/writable";
  ASSERT_THAT(plain_host().root->MakeDir(mount_point, 0755), IsOk());
  ASSERT_THAT(plain_host().mounts->Mount({"none", mount_point, "tmpfs", 0, ""}), IsOk());
  options().root = mount_point + "/new/store";
  faulty().SetPlan([this](const sys::SeamCall& call) {
    return call.method == "Sync" && call.object == dir() ? EINVAL : 0;
  });
  Open();
  EXPECT_THAT(faulty().Log(), Contains("Sync " + mount_point + "/new"));
  EXPECT_THAT(faulty().Log(), Contains("Sync " + mount_point));
  ExpectClean();
  TakeDown();
  EXPECT_THAT(plain_host().mounts->Unmount(mount_point, sys::UnmountMode::kNormal), IsOk());
}

// btrfs leaves its first 4 KiB blank, which the kernel would format.
TEST_F(FirstStartVmTest, InterruptedFirstStartDoesNotVouchForOtherDevices) {
  faulty().SetPlan(StopAfterIoctl(kLoadRequest));
  EXPECT_FALSE(TryOpen().ok());
  faulty().SetPlan(nullptr);
  loop::AttachedLoop& btrfs = Attach("btrfs", 4 * kMiB);
  options().pool.metadata_device = NodeOf(btrfs);
  Overwrite(NodeOf(btrfs), 65600, "_BHRfS_M");
  const std::string before = Read(btrfs.info.device, 0, 128 * 1024);
  const absl::Status opened = TryOpen();
  EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("btrfs"));
  EXPECT_EQ(Read(btrfs.info.device, 0, 128 * 1024), before);
  options().pool.metadata_device.clear();
  Open();
  ExpectClean();
}

// The files hold another store's pool: somebody has put them there meanwhile.
TEST_F(FirstStartVmTest, InterruptedFirstStartDoesNotTakeAPoolInUse) {
  DeviceSetOptions other_options = options();
  other_options.root = dir() + "/other";
  {
    auto other = DeviceSet::Open(dm(), other_options);
    ASSERT_THAT(other, IsOk());
    ASSERT_THAT((*other)->AddThin("a", kDeviceSize, {}), IsOk());
    ASSERT_THAT((*other)->DeactivatePool(), IsOk());
  }
  faulty().SetPlan(StopAfterIoctl(kLoadRequest));
  EXPECT_FALSE(TryOpen().ok());
  faulty().SetPlan(nullptr);
  plain().RemoveAll(false).IgnoreError();
  for (const char* file : {"/pool/data", "/pool/metadata"}) {
    ASSERT_THAT(plain_host().root->Rename(other_options.root + file, options().root + file),
                IsOk());
  }
  EXPECT_THAT(TryOpen(), FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(MappedDevices(), IsEmpty());
  for (const char* file : {"/pool/data", "/pool/metadata"}) {
    ASSERT_THAT(plain_host().root->Rename(options().root + file, other_options.root + file), IsOk())
        << "it is still there";
  }
  options().root = other_options.root;
  Open();
  EXPECT_THAT(Names(), ElementsAre("a"));
  ExpectClean();
}

}  // namespace
}  // namespace dmkit::thinp
