// SPDX-License-Identifier: Apache-2.0
// The suite that Docker, and containers/storage, run against every graph driver, and what Docker
// ran against this one alone: layers made, filled, stacked, looked at and removed. What needs a
// comparison of layers is in driver_vm_shared_diff_test.cc.

#include "driver/driver_vm_shared.h"

#include <cerrno>

namespace dmkit::driver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kMiB = uint64_t{1} << 20;

TEST_F(SharedSuiteTest, CreateEmpty) {
  Driver& driver = Open();
  Make("empty", "");
  EXPECT_THAT(driver.Exists("empty"), sys::IsOkAndHolds(true));
  In("empty", [](sys::Dir& rootfs) {
    EXPECT_EQ(FactsOf(rootfs, "."), kEmptyRoot);
    EXPECT_THAT(Names(rootfs), IsEmpty());
  });
  EXPECT_THAT(driver.Remove("empty"), sys::IsOk());
  EXPECT_THAT(driver.Exists("empty"), sys::IsOkAndHolds(false));
}

TEST_F(SharedSuiteTest, CreateBase) {
  Driver& driver = Open();
  MakeBase("Base");
  In("Base", ExpectBase);
  EXPECT_THAT(driver.Remove("Base"), sys::IsOk());
}

TEST_F(SharedSuiteTest, CreateSnap) {
  Driver& driver = Open();
  MakeBase("Base");
  Make("Snap", "Base");
  In("Snap", ExpectBase);
  In("Base", ExpectBase);
  EXPECT_THAT(driver.Remove("Snap"), sys::IsOk());
  EXPECT_THAT(driver.Remove("Base"), sys::IsOk());
}

TEST_F(SharedSuiteTest, ModeAndOwnerOfTheRootDirectorySurvive) {
  Open();
  Make("Base", "");
  In("Base", [](sys::Dir& rootfs) {
    ASSERT_THAT(rootfs.SetOwner(".", 3, 4), sys::IsOk());
    ASSERT_THAT(rootfs.SetMode(".", 0711), sys::IsOk());
  });
  Make("Snap", "Base");
  for (const char* const id : {"Base", "Snap"}) {
    In(id, [](sys::Dir& rootfs) {
      EXPECT_EQ(FactsOf(rootfs, "."), (Facts{sys::FileType::kDirectory, 0711, 3, 4}));
    });
  }
}

// 125 is as deep as Docker stacks layers.
TEST_F(SharedSuiteTest, DeepLayerRead) {
  constexpr int kDepth = 128;
  SetOptions({"dm.basesize=64M", "dm.loopdatasize=2G", "dm.loopmetadatasize=16M"});
  Open();
  const auto id_of = [](int i) {
    return i == 0 ? std::string("bottom") : absl::StrCat("deep-", i);
  };
  Make("bottom", "");
  In("bottom", [](sys::Dir& rootfs) { Put(rootfs, "testfile.txt", Bytes(3)); });
  for (int i = 1; i <= kDepth; ++i) {
    Make(id_of(i), id_of(i - 1));
    In(id_of(i), [&](sys::Dir& rootfs) {
      Put(rootfs, "top-id", id_of(i));
      const std::string dir = absl::StrCat("layer-", i);
      ASSERT_THAT(rootfs.MakeDir(dir, 0755), sys::IsOk());
      Put(rootfs, dir + "/layer-id", id_of(i));
      Put(rootfs, dir + "/parent-id", id_of(i - 1));
    });
  }
  In(id_of(kDepth), [&](sys::Dir& rootfs) {
    EXPECT_EQ(Text(rootfs, "testfile.txt"), Bytes(3));
    EXPECT_EQ(Text(rootfs, "top-id"), id_of(kDepth));
    for (int i = kDepth; i > 0; --i) {
      const std::string dir = absl::StrCat("layer-", i);
      EXPECT_EQ(Text(rootfs, dir + "/layer-id"), id_of(i));
      EXPECT_EQ(Text(rootfs, dir + "/parent-id"), id_of(i - 1));
    }
    EXPECT_EQ(Names(rootfs).size(), size_t{kDepth} + 2);
  });
}

TEST_F(SharedSuiteTest, ListLayers) {
  Driver& driver = Open();
  const auto ids = [&] {
    std::vector<std::string> found;
    const auto list = driver.List();
    EXPECT_TRUE(list.ok()) << list.status();
    for (const report::Layer& layer : list->layers()) found.push_back(layer.id());
    return found;
  };
  EXPECT_THAT(ids(), IsEmpty());
  Make("a", "");
  Make("b", "a");
  Make("c", "a");
  EXPECT_THAT(ids(), ElementsAre("a", "b", "c"));
  ASSERT_THAT(driver.Remove("b"), sys::IsOk());
  EXPECT_THAT(ids(), ElementsAre("a", "c"));
}

TEST_F(SharedSuiteTest, GetAgainOfAMountedLayerIsTheSamePath) {
  Driver& driver = Open();
  Make("web", "");
  const auto first = driver.Get("web");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(*first, HasSubstr("/mnt/web/rootfs"));
  EXPECT_THAT(driver.Get("web"), sys::IsOkAndHolds(*first));
  EXPECT_THAT(driver.Put("web", false), sys::IsOk());
  EXPECT_THAT(driver.Put("web", false), sys::IsOk());
}

TEST_F(SharedSuiteTest, UnknownLayersAreSaidToBeUnknown) {
  Driver& driver = Open();
  EXPECT_THAT(driver.Exists("no"), sys::IsOkAndHolds(false));
  EXPECT_THAT(driver.Get("no"), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver.Put("no", false), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver.Remove("no"), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver.Inspect("no"), sys::FailsWithErrno(ENOENT));
  CreateOptions options;
  options.parent = "no";
  EXPECT_THAT(driver.Create("child", options), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver.Exists("child"), sys::IsOkAndHolds(false));
}

// What Docker showed of an image and a container in "inspect".
TEST_F(SharedSuiteTest, LayersHaveDevicesAndSizesOfTheirOwn) {
  Driver& driver = Open();
  Make("image", "");
  Make("container", "image");
  const auto image = driver.Inspect("image");
  const auto container = driver.Inspect("container");
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_TRUE(container.ok()) << container.status();
  EXPECT_NE(image->thin_id(), container->thin_id());
  EXPECT_NE(image->device_name(), container->device_name());
  EXPECT_EQ(image->size_bytes(), 64 * kMiB);
  EXPECT_EQ(container->size_bytes(), 64 * kMiB);
}

TEST_F(SharedSuiteTest, ALayerWhoseDeviceSomebodyDeletedCanBeRemoved) {
  Driver& driver = Open();
  Make("web", "");
  Make("other", "");
  const auto pool = dm::DmName::Create(driver.PoolStatus()->name());
  ASSERT_TRUE(pool.ok()) << pool.status();
  ASSERT_THAT(dm().Message(*pool, sys::Sectors(0),
                           absl::StrCat("delete ", driver.Inspect("web")->thin_id())),
              sys::IsOk());
  EXPECT_THAT(driver.Remove("web"), sys::IsOk());
  EXPECT_THAT(driver.Exists("web"), sys::IsOkAndHolds(false));
  EXPECT_TRUE(driver.PoolCheck()->clean()) << driver.PoolCheck()->DebugString();
  In("other", [](sys::Dir& rootfs) { EXPECT_THAT(Names(rootfs), IsEmpty()); });
}

TEST_F(SharedSuiteTest, MountsThatAProgramLeftBehindAreFoundAndTakenDown) {
  Open();
  Make("web", "");
  const auto path = driver_->Get("web");
  ASSERT_TRUE(path.ok()) << path.status();
  {
    auto rootfs = host().root->OpenDir(*path);
    ASSERT_TRUE(rootfs.ok());
    Put(**rootfs, "file", "kept");
  }
  Open();
  EXPECT_THAT(driver_->Get("web"), sys::IsOkAndHolds(*path));
  EXPECT_THAT(driver_->Cleanup(), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
  EXPECT_THAT(DeviceNames(), IsEmpty());
  Open();
  In("web", [](sys::Dir& rootfs) { EXPECT_EQ(Text(rootfs, "file"), "kept"); });
}

// 0, or the errno of the first piece of a MiB that could not be written and synced.
int Fill(sys::Dir& rootfs, const std::string& name, uint64_t mib) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = true;
  auto file = rootfs.OpenFile(name, options);
  if (!file.ok()) return sys::GetErrno(file.status());
  const std::string piece(kMiB, 'x');
  for (uint64_t i = 0; i < mib; ++i) {
    const absl::Status put = (*file)->WriteAt(i * kMiB, piece);
    if (!put.ok()) return sys::GetErrno(put);
  }
  return sys::GetErrno((*file)->Sync());
}

TEST_F(SharedSuiteTest, ALayerHoldsWhatItsSizeAllowsAndNoMore) {
  Open();
  Make("Base", "");
  Make("Quota", "Base");
  In("Quota", [](sys::Dir& rootfs) {
    EXPECT_EQ(Fill(rootfs, "smaller", 25), 0);
    EXPECT_EQ(Fill(rootfs, "larger", 50), ENOSPC);
    EXPECT_EQ(rootfs.Stat("smaller")->size_bytes, 25 * kMiB);
  });
}

TEST_F(SharedSuiteTest, SmallerLoopFilesAreNotMadeSmallerAndCleanupWorks) {
  Open();
  const report::PoolStatus before = *driver_->PoolStatus();
  ASSERT_THAT(driver_->Cleanup(), sys::IsOk());
  SetOptions({"dm.basesize=64M", "dm.loopdatasize=502M", "dm.loopmetadatasize=6M"});
  Open();
  const report::PoolStatus after = *driver_->PoolStatus();
  EXPECT_EQ(after.total_data_bytes(), before.total_data_bytes());
  EXPECT_EQ(after.total_metadata_bytes(), before.total_metadata_bytes());
  EXPECT_THAT(driver_->Cleanup(), sys::IsOk());
}

TEST_F(SharedSuiteTest, LargerLoopFilesAreGrownByAsMuch) {
  Open();
  const report::PoolStatus before = *driver_->PoolStatus();
  ASSERT_THAT(driver_->Cleanup(), sys::IsOk());
  SetOptions({"dm.basesize=64M", "dm.loopdatasize=522M", "dm.loopmetadatasize=26M"});
  Open();
  const report::PoolStatus after = *driver_->PoolStatus();
  EXPECT_EQ(after.total_data_bytes(), before.total_data_bytes() + 10 * kMiB);
  EXPECT_EQ(after.total_metadata_bytes(), before.total_metadata_bytes() + 10 * kMiB);
  EXPECT_THAT(driver_->Cleanup(), sys::IsOk());
}

}  // namespace
}  // namespace dmkit::driver
