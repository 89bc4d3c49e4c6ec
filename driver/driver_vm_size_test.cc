// SPDX-License-Identifier: Apache-2.0
// Sizes on a kernel: of new layers, of layers that grow, and of the pool; and the options that keep
// a full pool from doing harm.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "driver/driver_vm_fixture.h"
#include "sys/status.h"
#include "sys/string_stream.h"
#include "thinp/pool.h"

namespace dmkit::driver {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr sys::Bytes Mebibytes(uint64_t count) { return sys::Bytes{count * kMiB}; }
constexpr absl::StatusCode kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

class DriverSizeVmTest : public DriverVmTest {
 protected:
  std::string MustGet(const std::string& id) {
    auto path = driver_->Get(id);
    EXPECT_THAT(path, sys::IsOk());
    return path.value_or("");
  }
  void Put(const std::string& id) { EXPECT_THAT(driver_->Put(id, false), sys::IsOk()); }
  // Of the filesystem that the layer holds.
  uint64_t SpaceOf(const std::string& id) {
    uint64_t bytes = 0;
    {
      auto dir = host().root->OpenDir(MustGet(id));
      EXPECT_THAT(dir, sys::IsOk());
      bytes = (*dir)->Space()->total_bytes;
    }
    Put(id);
    return bytes;
  }
  uint64_t SizeOf(const std::string& id) { return driver_->Inspect(id)->size_bytes(); }
  absl::Status Create(const std::string& id, const std::string& parent, uint64_t mebibytes) {
    CreateOptions options;
    options.parent = parent;
    options.size = Mebibytes(mebibytes);
    return driver_->Create(id, options);
  }
  uint64_t TotalOf(const std::string& name) {
    const auto pool = driver_->PoolStatus();
    EXPECT_THAT(pool, sys::IsOk());
    return name == "data" ? pool->total_data_bytes() : pool->total_metadata_bytes();
  }
  std::string StatusRow(const std::string& name) {
    const auto status = driver_->Status();
    EXPECT_THAT(status, sys::IsOk());
    for (const report::StatusRow& row : status->rows()) {
      if (row.name() == name) return row.value();
    }
    return "";
  }
  void ExpectWhole(const std::string& id, uint64_t least_mebibytes) {
    EXPECT_GT(SpaceOf(id), least_mebibytes * kMiB);
    EXPECT_THAT(DeviceNames(), ::testing::SizeIs(1)) << "the pool alone is up";
    ExpectClean();
  }
};

TEST_F(DriverSizeVmTest, LayerMadeLargerThanItsParentHasAFilesystemOfThatSize) {
  Open();
  ASSERT_THAT(Create("parent", "", 64), sys::IsOk());
  Write(MustGet("parent"), "file", "kept");
  ASSERT_THAT(Create("large", "parent", 128), sys::IsOk());
  EXPECT_EQ(SizeOf("large"), 128 * kMiB);
  EXPECT_GT(SpaceOf("large"), 100 * kMiB);
  EXPECT_LT(SpaceOf("parent"), 64 * kMiB);
  ASSERT_THAT(driver_->Create("child", {"large"}), sys::IsOk());
  EXPECT_EQ(SizeOf("child"), 128 * kMiB);
  EXPECT_THAT(Read(MustGet("child"), "file"), Optional(std::string("kept")));
  Put("child");
  Put("parent");
  ExpectWhole("child", 100);
}

TEST_F(DriverSizeVmTest, LayerSmallerThanItsParentIsRefusedWithBothSizes) {
  Open();
  const absl::Status refused = Create("small", "", 32);
  EXPECT_THAT(refused, sys::FailsWithCode(kInvalidArgument));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("33554432"), HasSubstr("67108864"), HasSubstr("smaller")));
  EXPECT_FALSE(*driver_->Exists("small"));
}

TEST_F(DriverSizeVmTest, LayerGrowsWhileItIsMountedUnderItsUsers) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  const std::string path = MustGet("web");
  Write(path, "before", "kept");
  const auto changed = [&] {
    return std::vector<absl::Time>{host().root->Stat(path + "/..")->changed,
                                   host().root->Stat(path)->changed};
  };
  const std::vector<absl::Time> before = changed();
  auto user = host().root->OpenDir(path);
  ASSERT_THAT(user, sys::IsOk());
  EXPECT_LT((*user)->Space()->total_bytes, 64 * kMiB);
  ASSERT_THAT(driver_->Grow("web", Mebibytes(128)), sys::IsOk());
  EXPECT_EQ(changed(), before) << "whether it can be written is asked without writing";
  EXPECT_GT((*user)->Space()->total_bytes, 100 * kMiB);
  EXPECT_THAT(Read(path, "before"), Optional(std::string("kept")));
  Write(path, "after", "there");
  user->reset();
  EXPECT_THAT(driver_->Grow("web", Mebibytes(128)), sys::IsOk()) << "safe to repeat";
  Put("web");
  EXPECT_EQ(SizeOf("web"), 128 * kMiB);
  ExpectWhole("web", 100);
}

TEST_F(DriverSizeVmTest, LayerThatIsDownGrowsAndIsDownAfterwards) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  ASSERT_THAT(driver_->Grow("web", Mebibytes(96)), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
  ExpectWhole("web", 70);
  EXPECT_THAT(driver_->Grow("none", Mebibytes(96)), sys::FailsWithErrno(ENOENT));
  const absl::Status smaller = driver_->Grow("web", Mebibytes(64));
  EXPECT_THAT(smaller, sys::FailsWithCode(kInvalidArgument));
  EXPECT_THAT(std::string(smaller.message()), AllOf(HasSubstr("67108864"), HasSubstr("100663296")));
  EXPECT_THAT(driver_->Grow("web", sys::Bytes{96 * kMiB + 1}),
              sys::FailsWithCode(kInvalidArgument));
}

TEST_F(DriverSizeVmTest, LayerMountedReadOnlyIsNotGrownAndStaysAsItWas) {
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  SetOptions({"dm.mountopt=ro"});
  Open();
  const std::string path = MustGet("web");
  EXPECT_THAT(host().root->MakeDir(path + "/no", 0755), sys::FailsWithErrno(EROFS));
  counted_.SetPlan(nullptr);
  const absl::Status refused = driver_->Grow("web", Mebibytes(96));
  EXPECT_THAT(refused, sys::FailsWithErrno(EROFS));
  EXPECT_THAT(std::string(refused.message()),
              AllOf(HasSubstr("growing layer \"web\""), HasSubstr("dmkit put")));
  EXPECT_EQ(counted_.CountOf("Sync"), 0u) << "nothing was recorded";
  EXPECT_EQ(SizeOf("web"), 64 * kMiB);
  Put("web");
  ASSERT_THAT(driver_->Grow("web", Mebibytes(96)), sys::IsOk());
  ExpectWhole("web", 70);
}

TEST_F(DriverSizeVmTest, LayerThatOthersHaveMountedWritableGrowsWhateverThisOneWouldDo) {
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  MustGet("web");
  SetOptions({"dm.mountopt=ro"});
  Open();
  ASSERT_THAT(driver_->Grow("web", Mebibytes(96)), sys::IsOk());
  Put("web");
  ExpectWhole("web", 70);
}

TEST_F(DriverSizeVmTest, XfsLayerGrowsMountedAndAtItsMaking) {
  SetOptions({"dm.fs=xfs", "dm.basesize=320M", "dm.loopdatasize=1G", "dm.loopmetadatasize=16M"});
  Open();
  ASSERT_THAT(Create("web", "", 400), sys::IsOk());
  EXPECT_GT(SpaceOf("web"), 330 * kMiB);
  MustGet("web");
  ASSERT_THAT(driver_->Grow("web", Mebibytes(480)), sys::IsOk());
  Put("web");
  ExpectWhole("web", 410);
}

TEST_F(DriverSizeVmTest, MissingProgramIsSaidBeforeAnythingIsChanged) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  counted_.SetPlan(sys::FaultyHost::FailMatching("Find", "resize2fs", ENOENT));
  EXPECT_THAT(driver_->Grow("web", Mebibytes(96)), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(Create("large", "web", 96), sys::FailsWithErrno(ENOENT));
  counted_.SetPlan(nullptr);
  EXPECT_EQ(SizeOf("web"), 64 * kMiB);
  EXPECT_FALSE(*driver_->Exists("large"));
}

TEST_F(DriverSizeVmTest, ProgramThatFailsTakesANewLayerBackAndIsTriedAgainByGet) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  counted_.SetPlan(sys::FaultyHost::FailMatching("Run", "resize2fs", EIO));
  EXPECT_THAT(Create("large", "web", 96), sys::FailsWithErrno(EIO));
  EXPECT_FALSE(*driver_->Exists("large"));
  EXPECT_THAT(driver_->Grow("web", Mebibytes(96)), sys::FailsWithErrno(EIO));
  EXPECT_EQ(SizeOf("web"), 96 * kMiB);
  EXPECT_LT(SpaceOf("web"), 64 * kMiB) << "it is in reach all the same";
  counted_.SetPlan(nullptr);
  ExpectWhole("web", 70);
}

TEST_F(DriverSizeVmTest, GrowthThatFailsAnywhereIsTakenUpAgain) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  const std::string path = MustGet("web");
  uint64_t size = 64;
  Sweep(
      FailOnce, [&] { return driver_->Grow("web", Mebibytes(size += 4)); },
      [&](const absl::Status&) {
        Write(path, "file", absl::StrCat(size));
        EXPECT_THAT(driver_->Grow("web", Mebibytes(size)), sys::IsOk());
      });
  Put("web");
  ExpectWhole("web", size * 3 / 4);
}

TEST_F(DriverSizeVmTest, GrowthThatEndsAnywhereIsTakenUpAgain) {
  config_.lock_patience = absl::ZeroDuration();
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  uint64_t before = 64;
  uint64_t size = 64;
  Sweep(
      sys::FaultyHost::StopAt,
      [&] {
        before = size;
        return driver_->Grow("web", Mebibytes(size += 4));
      },
      [&](const absl::Status&) {
        Open();
        const uint64_t space = SpaceOf("web");
        size = SizeOf("web") / kMiB;
        EXPECT_TRUE(size == before || size == before + 4);
        EXPECT_GT(space, size * kMiB * 3 / 4);
        EXPECT_FALSE(IsUp("web"));
      });
  ExpectWhole("web", size * 3 / 4);
}

// To put what is mounted read-only would help nobody then.
TEST_F(DriverSizeVmTest, PoolThatTakesNoWritesRefusesGrowth) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  ASSERT_THAT(driver_->Create("mounted", {}), sys::IsOk());
  config_.options.mount_options = "ro";
  Open();
  MustGet("mounted");
  auto pool = thinp::Pool::Adopt(dm(), *dm::DmName::Create(driver_->PoolStatus()->name()));
  ASSERT_THAT(pool, sys::IsOk());
  thinp::ThinPoolParams params = pool->params();
  params.features.read_only = true;
  ASSERT_THAT(pool->Reload(params), sys::IsOk());
  for (const absl::Status& refused :
       {driver_->Grow("web", Mebibytes(96)), driver_->Grow("mounted", Mebibytes(96)),
        driver_->GrowPool()}) {
    EXPECT_THAT(refused, sys::FailsWithCode(kFailedPrecondition));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("mode ro"));
  }
  EXPECT_EQ(SizeOf("web"), 64 * kMiB);
  params.features.read_only = false;
  ASSERT_THAT(pool->Reload(params), sys::IsOk());
}

// The kernel would keep their writes waiting for space, and then fail them half way.
TEST_F(DriverSizeVmTest, PoolThatTakesNoWritesRefusesToGrowTheBaseAndToApplyAndAllIsAsBefore) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  auto pool = thinp::Pool::Adopt(dm(), *dm::DmName::Create(driver_->PoolStatus()->name()));
  ASSERT_THAT(pool, sys::IsOk());
  thinp::ThinPoolParams params = pool->params();
  params.features.read_only = true;
  ASSERT_THAT(pool->Reload(params), sys::IsOk());
  const Options options = config_.options;
  SetOptions({"dm.basesize=96M"});
  const absl::Status not_grown = OpenStatus();
  sys::StringSource nothing("");
  const uint64_t mounts = counted_.CountOf("Mount");
  const absl::Status not_applied = driver_->ApplyDiff("web", {}, nothing).status();
  EXPECT_EQ(counted_.CountOf("Mount"), mounts);
  for (const absl::Status& refused : {not_grown, not_applied}) {
    EXPECT_THAT(refused, sys::FailsWithCode(kFailedPrecondition));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("mode ro"));
  }
  EXPECT_TRUE(driver_->Inspect("web")->ready());
  params.features.read_only = false;
  ASSERT_THAT(pool->Reload(params), sys::IsOk());
  config_.options = options;
  EXPECT_THAT(driver_->Create("small", {}), sys::IsOk());
  EXPECT_EQ(SizeOf("small"), 64 * kMiB);
}

TEST_F(DriverSizeVmTest, LayerThatIsToBeItsOwnParentDoesNotWaitForItsOwnLock) {
  Open();
  EXPECT_THAT(Create("web", "web", 96), sys::FailsWithErrno(ENOENT));
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  EXPECT_THAT(Create("web", "web", 96), sys::FailsWithErrno(EEXIST));
  EXPECT_EQ(SizeOf("web"), 64 * kMiB);
}

TEST_F(DriverSizeVmTest, LargerLoopSizesGrowBothTotalsByExactlyThatAndSmallerOnesWarn) {
  Open();
  const uint64_t data = TotalOf("data");
  const uint64_t metadata = TotalOf("metadata");
  EXPECT_THAT(driver_->warnings(), IsEmpty());
  ASSERT_THAT(driver_->Cleanup(), sys::IsOk());
  SetOptions({"dm.loopdatasize=502M", "dm.loopmetadatasize=6M"});
  Open();
  EXPECT_EQ(TotalOf("data"), data);
  EXPECT_EQ(TotalOf("metadata"), metadata);
  EXPECT_THAT(driver_->warnings(), ElementsAre(HasSubstr("dm.loopdatasize is 526385152"),
                                               HasSubstr("dm.loopmetadatasize is 6291456")));
  SetOptions({"dm.loopdatasize=522M", "dm.loopmetadatasize=26M"});
  Open();
  EXPECT_EQ(TotalOf("data"), data + 10 * kMiB);
  EXPECT_EQ(TotalOf("metadata"), metadata + 10 * kMiB);
  EXPECT_THAT(driver_->warnings(), IsEmpty());
  ASSERT_THAT(driver_->Cleanup(), sys::IsOk());
  SetOptions({"dm.loopdatasize=532M", "dm.loopmetadatasize=36M"});
  Open();
  EXPECT_EQ(TotalOf("data"), data + 20 * kMiB);
  EXPECT_EQ(TotalOf("metadata"), metadata + 20 * kMiB);
}

TEST_F(DriverSizeVmTest, MinimumFreeSpaceStopsNewLayersAndIsShown) {
  Open();
  EXPECT_EQ(StatusRow("Thin Pool Minimum Free Space"), "53.69MB");
  config_.options.min_free_space_percent = 99;
  Open();
  EXPECT_EQ(StatusRow("Thin Pool Minimum Free Space"), "531.5MB");
  const absl::Status refused = driver_->Create("web", {});
  EXPECT_THAT(refused, sys::FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("dm.min_free_space"));
  config_.options.min_free_space_percent = 0;
  Open();
  EXPECT_EQ(StatusRow("Thin Pool Minimum Free Space"), "0B");
  EXPECT_THAT(driver_->Create("web", {}), sys::IsOk());
}

TEST_F(DriverSizeVmTest, OptionsOfTheFirstStartAreRememberedAndChangesRefusedWithBothValues) {
  const std::vector<std::string> sizes = {"dm.basesize=64M", "dm.loopdatasize=512M",
                                          "dm.loopmetadatasize=16M"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = sizes;
    words.insert(words.end(), more.begin(), more.end());
    SetOptions(words);
  };
  with({"dm.mkfsarg=-L", "dm.mkfsarg=first"});
  Open();
  with({});
  Open();
  with({"dm.mkfsarg=-L", "dm.mkfsarg=other"});
  const absl::Status changed = OpenStatus();
  EXPECT_THAT(changed, sys::FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(changed.message()), AllOf(HasSubstr("-L other"), HasSubstr("-L first")));
  SetOptions({"dm.directlvm_device=/dev/sdz"});
  EXPECT_THAT(OpenStatus(), sys::FailsWithCode(kFailedPrecondition));
  with({"dm.mkfsarg=-L", "dm.mkfsarg=first"});
  Open();
}

// A kernel without the file in sysfs has no such number; then nothing is mounted.
TEST_F(DriverSizeVmTest, RetriesOfXfsAreSetAtEveryMountOrTheMountFails) {
  SetOptions({"dm.fs=xfs", "dm.basesize=320M", "dm.loopdatasize=1G", "dm.loopmetadatasize=16M"});
  Open();
  config_.options.xfs_nospace_max_retries = 5;
  Open();
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  if (IsThere("/sys/fs/xfs")) {
    for (int i = 0; i < 2; ++i) {
      MustGet("web");
      const std::string number = driver_->Inspect("web")->device_number();
      const std::string minor = number.substr(number.find(':') + 1);
      EXPECT_THAT(
          Read(absl::StrCat("/sys/fs/xfs/dm-", minor, "/error/metadata/ENOSPC"), "max_retries"),
          Optional(std::string("5\n")));
      Put("web");
    }
    counted_.SetPlan(sys::FaultyHost::FailMatching("OpenFile", "max_retries", EACCES));
  }
  sys::StringSource nothing("");
  const absl::Status not_got = driver_->Get("web").status();
  const absl::Status not_applied = driver_->ApplyDiff("web", {}, nothing).status();
  const absl::Status not_grown = driver_->Grow("web", Mebibytes(352));
  config_.options.base_size = Mebibytes(352);
  const absl::Status not_opened = OpenStatus();
  counted_.SetPlan(nullptr);
  for (const absl::Status& failed : {not_got, not_applied, not_grown, not_opened}) {
    EXPECT_FALSE(failed.ok());
    EXPECT_THAT(std::string(failed.message()), HasSubstr("dm.xfs_nospace_max_retries"));
  }
  EXPECT_FALSE(IsUp("web"));
  EXPECT_THAT(DeviceNames(), ::testing::SizeIs(1)) << "the pool alone is up";
}

}  // namespace
}  // namespace dmkit::driver
