// SPDX-License-Identifier: Apache-2.0
// The driver's promises on a real kernel.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/str_join.h"
#include "driver/driver_vm_fixture.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;

std::string MustGet(Driver& driver, const std::string& id) {
  auto path = driver.Get(id);
  EXPECT_TRUE(path.ok()) << path.status();
  return path.value_or("");
}

TEST_F(DriverVmTest, FilesOfALayerAreSeenInItsChildrenAndNotInItsSiblings) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("parent", {}), sys::IsOk());
  Write(MustGet(driver, "parent"), "inherited", "from the parent");
  ASSERT_THAT(driver.Put("parent", false), sys::IsOk());
  ASSERT_THAT(driver.Create("left", {"parent"}), sys::IsOk());
  ASSERT_THAT(driver.Create("right", {"parent"}), sys::IsOk());
  Write(MustGet(driver, "left"), "own", "of the left one");
  const std::string right = MustGet(driver, "right");
  EXPECT_THAT(Read(right, "inherited"), Optional(std::string("from the parent")));
  EXPECT_EQ(Read(right, "own"), std::nullopt);
  EXPECT_EQ(Read(MustGet(driver, "parent"), "own"), std::nullopt);
}

TEST_F(DriverVmTest, SnapshotOfAMountedLayerHoldsWhatWasSynced) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("running", {}), sys::IsOk());
  const std::string running = MustGet(driver, "running");
  Write(running, "before", "kept");
  ASSERT_THAT(driver.Create("copy", {"running"}), sys::IsOk());
  Write(running, "after", "not in the copy");
  const std::string copy = MustGet(driver, "copy");
  EXPECT_THAT(Read(copy, "before"), Optional(std::string("kept")));
  EXPECT_EQ(Read(copy, "after"), std::nullopt);
  EXPECT_THAT(Read(running, "after"), Optional(std::string("not in the copy")));
}

TEST_F(DriverVmTest, ChainOfTwentyLayersKeepsEveryFile) {
  Driver& driver = Open();
  std::string parent;
  for (int i = 0; i < 20; ++i) {
    const std::string id = absl::StrCat("chain-", i);
    ASSERT_THAT(driver.Create(id, {parent}), sys::IsOk());
    Write(MustGet(driver, id), absl::StrCat("file-", i), id);
    ASSERT_THAT(driver.Put(id, false), sys::IsOk());
    parent = id;
  }
  const std::string last = MustGet(driver, parent);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Read(last, absl::StrCat("file-", i)), Optional(absl::StrCat("chain-", i)));
  }
}

TEST_F(DriverVmTest, GetAndPutAreCountedAcrossDrivers) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  const std::string path = MustGet(driver, "web");
  auto other = Driver::Open(dm(), config_);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(MustGet(**other, "web"), path);
  EXPECT_THAT(driver.Put("web", false), sys::IsOk());
  EXPECT_THAT((*other)->Remove("web"), sys::FailsWithErrno(EBUSY));
  EXPECT_THAT((*other)->Put("web", false), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
  EXPECT_THAT((*other)->Put("web", false), sys::FailsWithErrno(EINVAL));
  EXPECT_THAT((*other)->Remove("web"), sys::IsOk());
}

TEST_F(DriverVmTest, MountWithoutACountIsGivenBackByOnePut) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  MustGet(driver, "web");
  MustGet(driver, "web");
  const auto counts = host().root->List("/run/dmkit");
  ASSERT_TRUE(counts.ok());
  for (const sys::DirEntry& set : *counts) {
    host().root->Unlink(absl::StrCat("/run/dmkit/", set.name, "/mounts/web")).IgnoreError();
  }
  EXPECT_THAT(driver.Put("web", false), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
}

TEST_F(DriverVmTest, PutAllUnmountsHoweverOftenItWasHandedOut) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  for (int i = 0; i < 3; ++i) MustGet(driver, "web");
  EXPECT_THAT(driver.Put("web", true), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
}

TEST_F(DriverVmTest, PutOfALayerInUseDetachesItAndItsDeviceGoesWithTheLastUser) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  auto user = host().root->OpenDir(MustGet(driver, "web"));
  ASSERT_TRUE(user.ok());
  EXPECT_THAT(driver.Put("web", false), sys::IsOk());
  // Up again while the old mount still lingers: the removal is called off.
  Write(MustGet(driver, "web"), "again", "there");
  EXPECT_THAT(driver.Put("web", false), sys::IsOk());
  user->reset();
}

TEST_F(DriverVmTest, RemovingAParentLeavesItsChildrenAndTheyShowIt) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("parent", {}), sys::IsOk());
  Write(MustGet(driver, "parent"), "file", "kept");
  ASSERT_THAT(driver.Put("parent", false), sys::IsOk());
  ASSERT_THAT(driver.Create("child", {"parent"}), sys::IsOk());
  ASSERT_THAT(driver.Remove("parent"), sys::IsOk());
  EXPECT_THAT(Read(MustGet(driver, "child"), "file"), Optional(std::string("kept")));
  const auto list = driver.List();
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->layers_size(), 1);
  EXPECT_EQ(list->layers(0).parent(), "parent");
  EXPECT_TRUE(list->layers(0).parent_removed());
  EXPECT_GT(list->layers(0).mapped_bytes(), 0u);
  EXPECT_EQ(list->layers(0).mount_count(), 1u);
}

TEST_F(DriverVmTest, CleanupTakesEverythingDownAndTheNextOpenBringsItBack) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  Write(MustGet(driver, "web"), "file", "kept");
  ASSERT_THAT(driver.Cleanup(), sys::IsOk());
  EXPECT_THAT(DeviceNames(), IsEmpty());
  EXPECT_THAT(LoopFiles(), IsEmpty());
  Driver& again = Open();
  EXPECT_THAT(Read(MustGet(again, "web"), "file"), Optional(std::string("kept")));
}

TEST_F(DriverVmTest, DriverThatOutlivesSomebodyElsesCleanupBringsThePoolBack) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  {
    auto other = Driver::Open(dm(), config_);
    ASSERT_TRUE(other.ok()) << other.status();
    ASSERT_THAT((*other)->Cleanup(), sys::IsOk());
  }
  EXPECT_THAT(driver.Create("second", {"web"}), sys::IsOk());
  ASSERT_THAT(driver.Cleanup(), sys::IsOk());
  EXPECT_THAT(MustGet(driver, "second"), HasSubstr("/mnt/second/rootfs"));
}

TEST_F(DriverVmTest, RootMovedToAnotherDirectoryWorks) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  Write(MustGet(driver, "web"), "file", "kept");
  ASSERT_THAT(driver.Cleanup(), sys::IsOk());
  const std::string moved = config_.root + "-moved";
  ASSERT_THAT(host().root->Rename(config_.root, moved), sys::IsOk());
  config_.root = moved;
  Driver& again = Open();
  EXPECT_THAT(Read(MustGet(again, "web"), "file"), Optional(std::string("kept")));
}

TEST_F(DriverVmTest, SlashesAtTheEndOfTheRootDoNotCount) {
  const std::string root = config_.root;
  config_.root += "//";
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  EXPECT_EQ(MustGet(*driver_, "web"), root + "/mnt/web/rootfs");
}

TEST_F(DriverVmTest, BaseGrowsWithTheOptionAndNewLayersHaveItsSize) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("small", {}), sys::IsOk());
  SetOptions({"dm.basesize=96M"});
  Driver& grown = Open();
  ASSERT_THAT(grown.Create("large", {}), sys::IsOk());
  EXPECT_EQ(grown.Inspect("small")->size_bytes(), uint64_t{64} << 20);
  EXPECT_EQ(grown.Inspect("large")->size_bytes(), uint64_t{96} << 20);
  auto dir = host().root->OpenDir(MustGet(grown, "large"));
  ASSERT_TRUE(dir.ok());
  EXPECT_GT((*dir)->Space()->total_bytes, uint64_t{70} << 20);
}

TEST_F(DriverVmTest, XfsLayersMountBesideTheirParents) {
  SetOptions({"dm.fs=xfs", "dm.basesize=320M", "dm.loopdatasize=1G", "dm.loopmetadatasize=16M"});
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("one", {}), sys::IsOk());
  Write(MustGet(driver, "one"), "file", "kept");
  ASSERT_THAT(driver.Create("two", {"one"}), sys::IsOk());
  EXPECT_THAT(Read(MustGet(driver, "two"), "file"), Optional(std::string("kept")));
  SetOptions({"dm.basesize=400M"});
  Driver& grown = Open();
  ASSERT_THAT(grown.Create("large", {}), sys::IsOk());
  auto dir = host().root->OpenDir(MustGet(grown, "large"));
  ASSERT_TRUE(dir.ok());
  EXPECT_GT((*dir)->Space()->total_bytes, uint64_t{330} << 20);
}

TEST_F(DriverVmTest, DevicesGivenByTheAdminAreUsedAndLeftAttached) {
  const loop::AttachedLoop data = AttachImage("data", uint64_t{256} << 20);
  const loop::AttachedLoop metadata = AttachImage("metadata", uint64_t{8} << 20);
  SetOptions({"dm.basesize=64M", absl::StrCat("dm.datadev=", LoopPath(data)),
              absl::StrCat("dm.metadatadev=", LoopPath(metadata)), "dm.blocksize=128K"});
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  EXPECT_EQ(driver.PoolStatus()->block_size_bytes(), 128u * 1024);
  EXPECT_EQ(driver.PoolStatus()->data_backing(), LoopPath(data));
  Write(MustGet(driver, "web"), "file", "kept");
  ASSERT_THAT(driver.Cleanup(), sys::IsOk());
  EXPECT_EQ(LoopFiles().size(), 2u);
  Driver& again = Open();
  EXPECT_THAT(Read(MustGet(again, "web"), "file"), Optional(std::string("kept")));
  ASSERT_THAT(again.Cleanup(), sys::IsOk());
}

TEST_F(DriverVmTest, StatusShowsDockersRowsInDockersOrder) {
  Driver& driver = Open();
  const auto status = driver.Status();
  ASSERT_TRUE(status.ok()) << status.status();
  std::vector<std::string> names;
  for (const report::StatusRow& row : status->rows()) names.push_back(row.name());
  EXPECT_THAT(names,
              ElementsAre("Pool Name", "Pool Blocksize", "Base Device Size", "Backing Filesystem",
                          "Udev Sync Supported", "Data file", "Metadata file", "Data loop file",
                          "Metadata loop file", "Data Space Used", "Data Space Total",
                          "Data Space Available", "Metadata Space Used", "Metadata Space Total",
                          "Metadata Space Available", "Thin Pool Minimum Free Space",
                          "Deferred Removal Enabled", "Deferred Deletion Enabled",
                          "Deferred Deleted Device Count", "Library Version", "Pool Mode"));
  EXPECT_EQ(status->rows(1).value(), "65.54kB");
  EXPECT_EQ(status->rows(2).value(), "67.11MB");
  EXPECT_EQ(status->rows(3).value(), "ext4");
}

TEST_F(DriverVmTest, CheckOfAHealthyStoreIsClean) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  const auto check = driver.PoolCheck();
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_TRUE(check->clean()) << check->DebugString();
}

TEST_F(DriverVmTest, QuarantinedLayerIsReportedAndTheOthersWork) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("damaged", {}), sys::IsOk());
  ASSERT_THAT(driver.Create("healthy", {}), sys::IsOk());
  Write(config_.root + "/devices", "damaged", "# dmkit device v1\nname: \"dam");
  Driver& again = Open();
  EXPECT_EQ(again.Get("damaged").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(MustGet(again, "healthy"), HasSubstr("healthy"));
  const auto list = again.List();
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->layers_size(), 1);
  ASSERT_EQ(list->quarantined_size(), 1);
  EXPECT_EQ(list->quarantined(0).object(), "devices/damaged");
  const auto check = again.PoolCheck();
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_FALSE(check->clean());
  EXPECT_EQ(check->problems_size(), 2)
      << check->DebugString();  // the file, and a thin id without owner
}

// What each operation costs, so that a regression fails. Sync counts files and directories.
struct Cost {
  uint64_t ioctls;
  uint64_t syncs;
  friend bool operator==(const Cost& a, const Cost& b) {
    return a.ioctls == b.ioctls && a.syncs == b.syncs;
  }
  friend void PrintTo(const Cost& cost, std::ostream* out) {
    *out << cost.ioctls << " ioctls, " << cost.syncs << " syncs";
  }
};

TEST_F(DriverVmTest, EveryOperationCostsAKnownNumberOfIoctlsAndSyncs) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("parent", {}), sys::IsOk());
  // Of calls it is the most: udevd takes some over.
  const auto cost_of = [&](uint64_t calls_max, const std::function<absl::Status()>& operation) {
    counted_.SetPlan(nullptr);
    EXPECT_THAT(operation(), sys::IsOk());
    EXPECT_LE(counted_.calls(), calls_max) << absl::StrJoin(counted_.Log(), "\n");
    return Cost{counted_.CountOf("Ioctl"), counted_.CountOf("Sync")};
  };
  EXPECT_EQ(cost_of(35, [&] { return driver.Create("web", {"parent"}); }), (Cost{6, 4}));
  EXPECT_EQ(cost_of(23, [&] { return driver.Get("web").status(); }), (Cost{4, 0}));
  EXPECT_EQ(cost_of(14, [&] { return driver.Get("web").status(); }), (Cost{0, 0}));
  EXPECT_EQ(cost_of(39, [&] { return driver.Create("snap", {"web"}); }), (Cost{8, 4}));
  EXPECT_EQ(cost_of(13, [&] { return driver.Put("web", false); }), (Cost{0, 0}));
  EXPECT_EQ(cost_of(18, [&] { return driver.Put("web", false); }), (Cost{1, 0}));
  EXPECT_EQ(cost_of(49, [&] { return driver.Remove("web"); }), (Cost{10, 3}));
  const sys::Bytes larger{uint64_t{96} << 20};
  EXPECT_EQ(cost_of(71, [&] { return driver.Grow("snap", larger); }), (Cost{12, 4}));
  SetOptions({"dm.blkdiscard=false"});
  Driver& keeping = Open();
  EXPECT_EQ(cost_of(38, [&] { return keeping.Remove("snap"); }), (Cost{6, 3}));
}

}  // namespace
}  // namespace dmkit::driver
