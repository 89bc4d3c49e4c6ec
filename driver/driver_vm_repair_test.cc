// SPDX-License-Identifier: Apache-2.0
// That the driver goes on, on a real kernel, after crashes, with damaged state and with devices
// that fail.

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "driver/driver_vm_fixture.h"
#include "driver/layer_lock.h"
#include "sys/lock_file.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class DriverRepairVmTest : public DriverVmTest {
 protected:
  std::string MountPoint(const std::string& layer) const {
    return absl::StrCat(config_.root, "/mnt/", layer);
  }

  // Nothing works any more from the first `method` on `object` on, as if the process had been
  // killed there.
  void StopAt(const std::string& method, const std::string& object) {
    counted_.SetPlan([=, stopped = false](const sys::SeamCall& call) mutable {
      stopped = stopped || (call.method == method && absl::StrContains(call.object, object));
      return stopped ? EIO : 0;
    });
  }

  std::string RunDir(Driver& driver) {
    const std::string uuid = driver.PoolStatus()->uuid();
    return absl::StrCat("/run/dmkit/",
                        absl::StripSuffix(absl::StripPrefix(uuid, "DMKIT-"), "-pool"));
  }
};

TEST_F(DriverRepairVmTest, DamagedBaseStopsNothingButNewEmptyLayers) {
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  const std::string devices = config_.root + "/devices";
  const std::string base = *Read(devices, "base");
  Write(devices, "base", base.substr(0, base.size() / 2));
  Driver& driver = Open();
  EXPECT_THAT(driver.Create("child", {"web"}), sys::IsOk());
  EXPECT_THAT(driver.Get("child"), sys::IsOk());
  EXPECT_THAT(driver.Put("child", false), sys::IsOk());
  EXPECT_THAT(driver.Remove("child"), sys::IsOk());
  const absl::Status empty = driver.Create("empty", {});
  EXPECT_THAT(empty, sys::FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(std::string(empty.message()), HasSubstr("devices/base"));
  const auto list = driver.List();
  ASSERT_THAT(list, sys::IsOk());
  EXPECT_EQ(list->layers_size(), 1);
  EXPECT_EQ(list->quarantined(0).object(), "devices/base");
  EXPECT_EQ(driver.Status()->rows(2).value(), "unknown");
  Write(devices, "base", base);
  EXPECT_THAT(Open().Create("empty", {}), sys::IsOk());
}

TEST_F(DriverRepairVmTest, InterruptedGrowthOfTheBaseIsTakenUpAgain) {
  ASSERT_THAT(Open().Create("small", {}), sys::IsOk());
  SetOptions({"dm.basesize=96M"});
  StopAt("Run", "resize2fs");
  EXPECT_THAT(OpenStatus(), sys::FailsWithErrno(EIO));
  counted_.SetPlan(nullptr);
  ASSERT_TRUE(IsThere(MountPoint("base"))) << "the test has not got there";
  SetOptions({});
  Driver& driver = Open();
  EXPECT_FALSE(IsThere(MountPoint("base")));
  ASSERT_THAT(driver.Create("large", {}), sys::IsOk());
  const auto path = driver.Get("large");
  ASSERT_THAT(path, sys::IsOk());
  EXPECT_GT((*host().root->OpenDir(*path))->Space()->total_bytes, uint64_t{70} << 20);
}

// Data that does not reach the device is an error of fsync and syncfs only, never of umount.
TEST_F(DriverRepairVmTest, BaseThatCouldNotBeWrittenBackIsNotReady) {
  const auto fail_sync = [](const sys::SeamCall& call) {
    return call.method == "SyncFilesystem" ? EIO : 0;
  };
  counted_.SetPlan(fail_sync);
  EXPECT_THAT(OpenStatus(), sys::FailsWithErrno(EIO));
  counted_.SetPlan(nullptr);
  ASSERT_THAT(Open().Create("web", CreateOptions()), sys::IsOk());
  config_.options.base_size = sys::Bytes{uint64_t{96} << 20};
  counted_.SetPlan(fail_sync);
  EXPECT_THAT(OpenStatus(), sys::FailsWithErrno(EIO));
  counted_.SetPlan(nullptr);
  EXPECT_THAT(Open().Create("larger", CreateOptions()), sys::IsOk());
}

TEST_F(DriverRepairVmTest, GrowthThatCannotBeFinishedKeepsNobodyFromTheLayers) {
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  SetOptions({"dm.basesize=96M"});
  StopAt("Run", "resize2fs");
  EXPECT_THAT(OpenStatus(), sys::FailsWithErrno(EIO));
  counted_.SetPlan(sys::FaultyHost::FailMatching("Find", "resize2fs", ENOENT));
  EXPECT_THAT(OpenStatus(), sys::FailsWithErrno(ENOENT)) << "it is asked for";
  SetOptions({});
  Driver& driver = Open();
  EXPECT_THAT(driver.Get("web"), sys::IsOk());
  EXPECT_THAT(driver.Create("empty", {}), sys::FailsWithErrno(ENOENT));
  counted_.SetPlan(nullptr);
  EXPECT_THAT(Open().Create("empty", {}), sys::IsOk());
}

// What a create that was cut off before its last message has left is seen by others at once.
TEST_F(DriverRepairVmTest, LayerWhoseMakingWasCutOffIsMountedByNobody) {
  Driver& driver = Open();
  auto plain = dm::DeviceMapper::Open(kernel_->host());
  ASSERT_THAT(plain, sys::IsOk());
  auto other = Driver::Open(*plain, config_);
  ASSERT_THAT(other, sys::IsOk());
  counted_.SetPlan([messages = 0](const sys::SeamCall& call) mutable {
    if (absl::StrContains(call.object, "0xc138fd0e")) ++messages;
    return messages < 2 ? 0 : EIO;
  });
  EXPECT_FALSE(driver.Create("web", {}).ok());
  counted_.SetPlan(nullptr);
  ASSERT_TRUE(*(*other)->Exists("web"));
  EXPECT_THAT((*other)->Get("web"), sys::FailsWithErrno(ENOENT));
  EXPECT_FALSE(*(*other)->Exists("web"));
  EXPECT_THAT((*other)->Create("web", {}), sys::IsOk());
}

TEST_F(DriverRepairVmTest, CreateDoesNotWaitForTheLockOfItsLayer) {
  config_.lock_patience = absl::ZeroDuration();
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("there", {}), sys::IsOk());
  const auto locks = LayerLocks::Open(host(), RunDir(driver), absl::ZeroDuration());
  ASSERT_THAT(locks, sys::IsOk());
  const auto web = locks->Acquire("web", "test");
  const auto there = locks->Acquire("there", "test");
  ASSERT_TRUE(web.ok() && there.ok());
  EXPECT_THAT(driver.Create("there", {}), sys::FailsWithErrno(EEXIST));
  EXPECT_THAT(driver.Create("web", {}), sys::IsOk());
}

TEST_F(DriverRepairVmTest, LayerIsNoParentOfItself) {
  Driver& driver = Open();
  EXPECT_THAT(driver.Create("web", {"web"}), sys::FailsWithErrno(ENOENT));
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  EXPECT_THAT(driver.Create("web", {"web"}), sys::FailsWithErrno(EEXIST));
}

// As every stat of an xfs mount whose device has failed.
TEST_F(DriverRepairVmTest, DeadFilesystemIsMountedAndCanBePut) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  ASSERT_THAT(driver.Get("web"), sys::IsOk());
  counted_.SetPlan(sys::FaultyHost::FailMatching("Stat", MountPoint("web"), EIO));
  EXPECT_THAT(driver.Remove("web"), sys::FailsWithErrno(EBUSY));
  EXPECT_THAT(driver.Get("web"), sys::FailsWithErrno(EIO));
  EXPECT_THAT(driver.List(), sys::IsOk());
  EXPECT_THAT(driver.Put("web", false), sys::IsOk());
  counted_.SetPlan(nullptr);
  EXPECT_FALSE(IsThere(MountPoint("web")));
  EXPECT_THAT(driver.Remove("web"), sys::IsOk());
}

TEST_F(DriverRepairVmTest, WhatLiesBelowAMountIsSaidAndTheDeviceGoesAllTheSame) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  ASSERT_THAT(host().root->MakeDir(MountPoint("web"), 0700), sys::IsOk());
  Write(MountPoint("web"), "file", "below");
  ASSERT_THAT(driver.Get("web"), sys::IsOk());
  EXPECT_THAT(driver.Put("web", false), sys::FailsWithErrno(ENOTEMPTY));
  EXPECT_THAT(DeviceNames(), Each(Not(HasSubstr("web"))));
  EXPECT_EQ(driver.Inspect("web")->mount_count(), 0u);
  ASSERT_THAT(host().root->Unlink(MountPoint("web") + "/file"), sys::IsOk());
  EXPECT_THAT(driver.Remove("web"), sys::IsOk());
}

TEST_F(DriverRepairVmTest, MountPointThatACrashLeftGoesWithItsLayer) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  ASSERT_THAT(host().root->MakeDir(MountPoint("web"), 0700), sys::IsOk());
  ASSERT_THAT(driver.Remove("web"), sys::IsOk());
  EXPECT_FALSE(IsThere(MountPoint("web")));
}

TEST_F(DriverRepairVmTest, CleanupLeavesWhatIsNoLayers) {
  Driver& driver = Open();
  const std::vector<std::string> foreign = {MountPoint("lost+found"), MountPoint("usb-stick")};
  for (const std::string& path : foreign) {
    ASSERT_THAT(host().root->MakeDir(path, 0700), sys::IsOk());
  }
  EXPECT_THAT(driver.Cleanup(), sys::IsOk());
  for (const std::string& path : foreign) EXPECT_TRUE(IsThere(path)) << path;
}

TEST_F(DriverRepairVmTest, CleanupGoesOnAfterAnErrorAndTellsIt) {
  Driver& driver = Open();
  for (const char* layer : {"a", "b", "c"}) {
    ASSERT_THAT(driver.Create(layer, {}), sys::IsOk());
    ASSERT_THAT(driver.Get(layer), sys::IsOk());
  }
  counted_.SetPlan(sys::FaultyHost::FailMatching("Unmount", MountPoint("b"), EIO));
  clock_.Hurry(true);
  EXPECT_THAT(driver.Cleanup(), sys::FailsWithErrno(EIO));
  clock_.Hurry(false);
  counted_.SetPlan(nullptr);
  EXPECT_FALSE(IsThere(MountPoint("a")));
  EXPECT_TRUE(IsThere(MountPoint("b")));
  EXPECT_FALSE(IsThere(MountPoint("c")));
  EXPECT_EQ(driver.Inspect("b")->mount_count(), 1u);
}

// The pool's metadata comes from a backup, for instance.
TEST_F(DriverRepairVmTest, CheckTellsWhyAPoolThatLooksWellTakesNoChanges) {
  Driver& driver = Open();
  for (const char* layer : {"a", "b", "c"}) ASSERT_THAT(driver.Create(layer, {}), sys::IsOk());
  const dm::DmName pool = *dm::DmName::Create(driver.PoolStatus()->name());
  const uint64_t now = driver.PoolStatus()->transaction_id();
  const auto set_id = [&](uint64_t from, uint64_t to) {
    return dm()
        .Message(pool, sys::Sectors{0}, absl::StrCat("set_transaction_id ", from, " ", to))
        .status();
  };
  ASSERT_THAT(set_id(now, 1), sys::IsOk());
  EXPECT_THAT(driver.Create("d", {}), sys::FailsWithCode(absl::StatusCode::kFailedPrecondition));
  const auto check = driver.PoolCheck();
  ASSERT_THAT(check, sys::IsOk());
  EXPECT_FALSE(check->clean());
  ASSERT_EQ(check->problems_size(), 1) << check->DebugString();
  EXPECT_THAT(check->problems(0).problem(), HasSubstr("transaction"));
  ASSERT_THAT(set_id(1, now), sys::IsOk());
  EXPECT_TRUE(driver.PoolCheck()->clean());
}

// By somebody who looks whenever a program runs or something is mounted.
TEST_F(DriverRepairVmTest, ProgramsAndMountsRunWithoutTheSetsLock) {
  std::vector<std::string> looked;
  counted_.SetPlan([&](const sys::SeamCall& call) {
    if (call.method != "Run" && call.method != "Mount") return 0;
    looked.push_back(call.method == "Run" ? call.object : std::string(call.method));
    auto root = kernel_->host().root->OpenDir(config_.root);
    EXPECT_THAT(root, sys::IsOk());
    EXPECT_THAT(sys::AcquireLock(kernel_->host(), **root, "lock", "test", absl::ZeroDuration()),
                sys::IsOk())
        << call.method << " " << call.object;
    return 0;
  });
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  ASSERT_THAT(driver_->Get("web"), sys::IsOk());
  SetOptions({"dm.basesize=96M"});
  Open();
  counted_.SetPlan(nullptr);
  EXPECT_THAT(looked, ElementsAre("mkfs.ext4", "Mount", "Mount", "Mount", "resize2fs"));
}

TEST_F(DriverRepairVmTest, ExistenceThatCannotBeFoundOutIsAnErrorAndDamageIsNot) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  counted_.SetPlan(sys::FaultyHost::FailMatching("OpenFile", "devices/web", EIO));
  EXPECT_THAT(driver.Exists("web"), sys::FailsWithErrno(EIO));
  counted_.SetPlan(nullptr);
  Write(config_.root + "/devices", "web", "");
  EXPECT_TRUE(*driver.Exists("web"));
}

TEST_F(DriverRepairVmTest, InspectTellsWhatListTellsAndLeavesNoDeviceActive) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  const uint64_t listed = driver.List()->layers(0).mapped_bytes();
  counted_.SetPlan(nullptr);
  const auto web = driver.Inspect("web");
  ASSERT_THAT(web, sys::IsOk());
  EXPECT_EQ(counted_.CountOf("Ioctl"), 8u) << "no metadata snapshot, whatever the pool holds";
  EXPECT_GT(listed, 0u);
  EXPECT_EQ(web->mapped_bytes(), listed);
  EXPECT_EQ(web->device_number(), "");
  EXPECT_THAT(DeviceNames(), Each(Not(HasSubstr("web"))));
  ASSERT_THAT(driver.Get("web"), sys::IsOk());
  EXPECT_GE(driver.Inspect("web")->mapped_bytes(), listed);
  EXPECT_THAT(DeviceNames(), Contains(HasSubstr("web")));
}

}  // namespace
}  // namespace dmkit::driver
