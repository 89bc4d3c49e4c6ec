// SPDX-License-Identifier: Apache-2.0
// The end of layers that somebody still uses: leaked mounts, deferred removal and deletion, and the
// collection of what is left.

#include <cerrno>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "driver/driver_vm_fixture.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DriverRemovalVmTest : public DriverVmTest {};

TEST_F(DriverRemovalVmTest, CopyOfAMountInAnotherNamespaceEndsWithItsMountPoint) {
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  ASSERT_THAT(driver_->Get("web"), sys::IsOk());
  const auto sitter = kernel_->SitElsewhere("/");
  EXPECT_THAT(driver_->Put("web", false), sys::IsOk());
  EXPECT_THAT(DeviceNames(), Not(Contains(EndsWith("-web"))));
  EXPECT_THAT(driver_->Remove("web"), sys::IsOk());
  EXPECT_EQ(DeletedCount(), "0");
}

TEST_F(DriverRemovalVmTest, DeviceThatALeakedMountKeepsGoesWithIt) {
  Open();
  auto sitter = Leak("web");
  EXPECT_THAT(DeviceNames(), Contains(EndsWith("-web")));
  EXPECT_FALSE(IsUp("web"));
  EndOf(sitter, "web");
  EXPECT_THAT(DeviceNames(), Not(Contains(EndsWith("-web"))));
}

TEST_F(DriverRemovalVmTest, LayerInUseElsewhereIsRemovedInNameAndFreedLater) {
  Open();
  auto sitter = Leak("web");
  EXPECT_THAT(driver_->Remove("web"), sys::IsOk());
  EXPECT_THAT(driver_->Remove("web"), sys::FailsWithErrno(ENOENT));
  EXPECT_EQ(*driver_->Exists("web"), false);
  EXPECT_EQ(driver_->List()->layers_size(), 0);
  const absl::Status got = driver_->Get("web").status();
  EXPECT_THAT(got, sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(std::string(got.message()), HasSubstr("dmkit gc"));
  const absl::Status made = driver_->Create("web", {});
  EXPECT_THAT(made, sys::FailsWithErrno(EBUSY));
  EXPECT_THAT(std::string(made.message()), HasSubstr("dmkit gc"));
  EXPECT_EQ(DeletedCount(), "1");
  ExpectClean();

  Open();
  EXPECT_EQ(DeletedCount(), "1") << "after a restart";
  const auto busy = driver_->CollectGarbage(absl::Seconds(10));
  ASSERT_THAT(busy, sys::IsOk());
  EXPECT_THAT(busy->freed(), IsEmpty());
  ASSERT_EQ(busy->left_size(), 1);
  EXPECT_EQ(busy->left(0).object(), "layer \"web\"");
  EXPECT_THAT(busy->left(0).advice(), HasSubstr("may be being freed"));

  EndOf(sitter, "web");
  const auto freed = driver_->CollectGarbage(absl::Seconds(10));
  ASSERT_THAT(freed, sys::IsOk());
  EXPECT_THAT(freed->freed(), ElementsAre("web"));
  EXPECT_THAT(freed->left(), IsEmpty());
  EXPECT_EQ(DeletedCount(), "0");
  EXPECT_THAT(driver_->Create("web", {}), sys::IsOk());
  ExpectClean();
}

TEST_F(DriverRemovalVmTest, NameIsFreeAgainWithoutACollectionOnceNobodyUsesIt) {
  Open();
  auto sitter = Leak("web");
  ASSERT_THAT(driver_->Remove("web"), sys::IsOk());
  EndOf(sitter, "web");
  EXPECT_THAT(driver_->Create("web", {}), sys::IsOk());
  EXPECT_EQ(DeletedCount(), "0");
  ExpectClean();
}

TEST_F(DriverRemovalVmTest, RemoveFreesWhatEarlierOnesHadToLeave) {
  Open();
  ASSERT_THAT(driver_->Create("other", {}), sys::IsOk());
  auto first = Leak("first");
  auto second = Leak("second");
  ASSERT_THAT(driver_->Remove("first"), sys::IsOk());
  ASSERT_THAT(driver_->Remove("second"), sys::IsOk());
  EXPECT_EQ(DeletedCount(), "2");
  EndOf(first, "first");
  ASSERT_THAT(driver_->Remove("other"), sys::IsOk());
  EXPECT_EQ(DeletedCount(), "1");
}

TEST_F(DriverRemovalVmTest, CollectionEndsWhenItsTimeIsOver) {
  Open();
  Leak("web");
  auto sitter = Leak("again");
  ASSERT_THAT(driver_->Remove("again"), sys::IsOk());
  EndOf(sitter, "again");
  const auto report = driver_->CollectGarbage(absl::ZeroDuration());
  ASSERT_THAT(report, sys::IsOk());
  EXPECT_THAT(report->freed(), IsEmpty());
  EXPECT_EQ(report->left_size(), 1);
}

TEST_F(DriverRemovalVmTest, WithoutDeferredDeletionALayerInUseIsNotRemoved) {
  SetOptions({"dm.basesize=64M", "dm.loopdatasize=512M", "dm.loopmetadatasize=16M",
              "dm.use_deferred_deletion=false"});
  Open();
  auto sitter = Leak("web");
  clock_.Hurry(true);
  EXPECT_THAT(driver_->Remove("web"), sys::FailsWithErrno(EBUSY));
  clock_.Hurry(false);
  EXPECT_EQ(*driver_->Exists("web"), true);
  EXPECT_EQ(DeletedCount(), "0");
  EndOf(sitter, "web");
  EXPECT_THAT(driver_->Get("web"), sys::IsOk());
  EXPECT_THAT(driver_->Put("web", false), sys::IsOk());
  EXPECT_THAT(driver_->Remove("web"), sys::IsOk());
}

TEST_F(DriverRemovalVmTest, WithoutDeferredRemovalALayerInUseIsNotPutAndLater) {
  SetOptions({"dm.basesize=64M", "dm.loopdatasize=512M", "dm.loopmetadatasize=16M",
              "dm.use_deferred_removal=false"});
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  const auto path = driver_->Get("web");
  ASSERT_THAT(path, sys::IsOk());
  auto sitter = kernel_->SitElsewhere(*path);
  clock_.Hurry(true);
  EXPECT_THAT(driver_->Put("web", false), sys::FailsWithErrno(EBUSY));
  EXPECT_THAT(driver_->Remove("web"), sys::FailsWithErrno(EBUSY));
  clock_.Hurry(false);
  sitter.reset();
  EXPECT_THAT(driver_->Put("web", true), sys::FailsWithErrno(EINVAL)) << "down, in the end";
  EXPECT_THAT(DeviceNames(), Not(Contains(EndsWith("-web"))));
  EXPECT_THAT(driver_->Remove("web"), sys::IsOk());
}

TEST_F(DriverRemovalVmTest, SpaceOfARemovedLayerGoesBackToTheFilesystemBelow) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  const auto path = driver_->Get("web");
  ASSERT_THAT(path, sys::IsOk());
  Write(*path, "file", std::string(1 << 20, 'x'));
  for (int i = 0; i < 16; ++i) Write(*path, absl::StrCat("file", i), std::string(1 << 20, 'x'));
  ASSERT_THAT(driver_->Put("web", false), sys::IsOk());
  const auto full = host().root->Stat(config_.root + "/pool/data");
  ASSERT_THAT(driver_->Remove("web"), sys::IsOk());
  const auto empty = host().root->Stat(config_.root + "/pool/data");
  EXPECT_LE(empty->allocated_bytes + (16 << 20), full->allocated_bytes);
}

TEST_F(DriverRemovalVmTest, RemovalThatFailsWhenTheLayerIsGoneLeavesNoLockFile) {
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  std::string lock_file;
  bool discarded = false;
  counted_.SetPlan([&](const sys::SeamCall& call) {
    if (absl::EndsWith(call.object, "/locks/web")) lock_file = call.object;
    if (absl::StartsWith(call.object, "0x1277")) {
      discarded = true;
    } else if (discarded && call.method == "Ioctl") {
      return EIO;
    }
    return 0;
  });
  EXPECT_THAT(driver_->Remove("web"), sys::FailsWithErrno(EIO));
  counted_.SetPlan(nullptr);
  EXPECT_TRUE(discarded);
  EXPECT_EQ(*driver_->Exists("web"), false);
  EXPECT_NE(lock_file, "");
  EXPECT_FALSE(IsThere(lock_file));
  Open();
  EXPECT_THAT(driver_->Remove("web"), sys::FailsWithErrno(ENOENT));
  ExpectClean();
}

}  // namespace
}  // namespace dmkit::driver
