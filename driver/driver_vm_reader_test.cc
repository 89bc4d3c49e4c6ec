// SPDX-License-Identifier: Apache-2.0
// Layers that are compared, and what else happens to them meanwhile: to the process that compares,
// and by others.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "driver/driver_vm_fixture.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class DriverReaderVmTest : public DriverVmTest {
 protected:
  // parent <- layer, which has one more file; neither of them mounted.
  void SetUp() override {
    ASSERT_THAT(Open().Create("parent", {}), sys::IsOk());
    ASSERT_THAT(driver_->Create("layer", {"parent"}), sys::IsOk());
    const auto path = driver_->Get("layer");
    ASSERT_THAT(path, sys::IsOk());
    Write(*path, "added", "x");
    ASSERT_THAT(driver_->Put("layer", false), sys::IsOk());
  }

  // Compares the two and calls `meanwhile` once, while both are mounted.
  absl::Status Compare(Driver& driver, const std::function<void()>& meanwhile) {
    bool called = false;
    const absl::Status compared = driver.Changes("layer", "parent", [&](const Change&) {
      if (!std::exchange(called, true)) meanwhile();
      return absl::OkStatus();
    });
    EXPECT_TRUE(called || !compared.ok());
    return compared;
  }

  // As a process that is killed there.
  void CompareAndBeKilled() {
    const absl::Status compared =
        Compare(*driver_, [&] { counted_.SetPlan(sys::FaultyHost::StopAt(1)); });
    EXPECT_THAT(compared, sys::FailsWithErrno(EIO));
    driver_.reset();
    counted_.SetPlan(nullptr);
    Open();
    EXPECT_TRUE(IsUp("layer"));
    EXPECT_TRUE(IsUp("parent"));
  }
};

TEST_F(DriverReaderVmTest, NextComparisonTakesDownWhatAKilledOneLeft) {
  CompareAndBeKilled();
  for (const char* id : {"layer", "parent"}) {
    const auto left = driver_->Inspect(id);
    ASSERT_THAT(left, sys::IsOk());
    EXPECT_EQ(left->mount_count(), 0u) << id;
  }
  EXPECT_THAT(Compare(*driver_, [] {}), sys::IsOk());
  ExpectAllDown();
}

TEST_F(DriverReaderVmTest, PutTakesDownWhatAKilledComparisonLeft) {
  CompareAndBeKilled();
  EXPECT_THAT(driver_->Put("layer", false), sys::IsOk());
  EXPECT_THAT(driver_->Put("parent", true), sys::IsOk());
  ExpectAllDown();
  EXPECT_THAT(driver_->Put("layer", false), sys::FailsWithErrno(EINVAL));
}

TEST_F(DriverReaderVmTest, GetOfWhatAKilledComparisonLeftIsOneAndCanBeWritten) {
  CompareAndBeKilled();
  const auto path = driver_->Get("layer");
  ASSERT_THAT(path, sys::IsOk());
  EXPECT_EQ(driver_->Inspect("layer")->mount_count(), 1u);
  Write(*path, "more", "x");
  EXPECT_THAT(driver_->Put("layer", false), sys::IsOk());
  EXPECT_FALSE(IsUp("layer"));
  EXPECT_THAT(driver_->Put("parent", false), sys::IsOk());
  ExpectAllDown();
}

TEST_F(DriverReaderVmTest, RemoveGrowAndApplyTakeDownWhatAKilledComparisonLeft) {
  sys::StringSink archive;
  ASSERT_THAT(driver_->Diff("layer", "parent", {}, archive), sys::IsOk());
  CompareAndBeKilled();
  EXPECT_THAT(driver_->Grow("layer", sys::Bytes{96 << 20}), sys::IsOk());
  EXPECT_FALSE(IsUp("layer"));
  sys::StringSource in(archive.data());
  EXPECT_THAT(driver_->ApplyDiff("parent", {}, in), sys::IsOk());
  ExpectAllDown();
  const auto path = driver_->Get("layer");
  ASSERT_THAT(path, sys::IsOk());
  Write(*path, "differs again", "x");
  ASSERT_THAT(driver_->Put("layer", false), sys::IsOk());
  CompareAndBeKilled();
  EXPECT_THAT(driver_->Remove("layer"), sys::IsOk());
  EXPECT_THAT(driver_->Remove("parent"), sys::IsOk());
  ExpectAllDown();
}

TEST_F(DriverReaderVmTest, CleanupTakesDownWhatAKilledComparisonLeft) {
  CompareAndBeKilled();
  EXPECT_THAT(driver_->Cleanup(), sys::IsOk());
  EXPECT_FALSE(IsUp("layer"));
  EXPECT_FALSE(IsUp("parent"));
}

TEST_F(DriverReaderVmTest, LayerThatIsComparedIsBusyAndItsReaderIsNamed) {
  const auto busy = [&](const absl::Status& status) {
    EXPECT_THAT(status, sys::FailsWithErrno(EBUSY));
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(absl::StrCat("process ", host().processes->ProcessId())),
                      HasSubstr("(changes)")));
  };
  EXPECT_THAT(Compare(*driver_,
                      [&] {
                        busy(driver_->Remove("parent"));
                        busy(driver_->Put("layer", false));
                        sys::StringSource nothing("");
                        busy(driver_->ApplyDiff("layer", {}, nothing).status());
                      }),
              sys::IsOk());
  ExpectAllDown();
}

TEST_F(DriverReaderVmTest, LastPutLeavesTheLayerToWhoComparesIt) {
  const auto path = driver_->Get("layer");
  ASSERT_THAT(path, sys::IsOk());
  EXPECT_THAT(Compare(*driver_,
                      [&] {
                        EXPECT_EQ(driver_->Inspect("layer")->mount_count(), 2u);
                        EXPECT_THAT(driver_->Put("layer", false), sys::IsOk());
                        EXPECT_TRUE(IsUp("layer"));
                        EXPECT_EQ(driver_->Inspect("layer")->mount_count(), 1u);
                      }),
              sys::IsOk());
  ExpectAllDown();
}

TEST_F(DriverReaderVmTest, LayerThatWasHandedOutIsNotTakenFromUnderItsUserByAKilledComparison) {
  const auto path = driver_->Get("layer");
  ASSERT_THAT(path, sys::IsOk());
  CompareAndBeKilled();
  EXPECT_EQ(driver_->Inspect("layer")->mount_count(), 1u);
  EXPECT_THAT(Compare(*driver_, [] {}), sys::IsOk());
  Write(*path, "still writable", "x");
  EXPECT_THAT(driver_->Put("layer", false), sys::IsOk());
  ExpectAllDown();
}

TEST_F(DriverReaderVmTest, LayerStaysUpUntilTheLastOfItsReadersHasEnded) {
  auto other_dm = dm::DeviceMapper::Open(kernel_->OtherHost());
  ASSERT_THAT(other_dm, sys::IsOk());
  auto other = Driver::Open(*other_dm, config_);
  ASSERT_THAT(other, sys::IsOk());
  EXPECT_THAT(Compare(*driver_,
                      [&] {
                        EXPECT_THAT(Compare(**other, [] {}), sys::IsOk());
                        EXPECT_TRUE(IsUp("layer"));
                        EXPECT_TRUE(IsUp("parent"));
                      }),
              sys::IsOk());
  ExpectAllDown();
}

TEST_F(DriverReaderVmTest, PutOfAllTakesTheLayerFromWhoComparesItAndHarmsNeither) {
  EXPECT_THAT(Compare(*driver_, [&] { EXPECT_THAT(driver_->Put("layer", true), sys::IsOk()); }),
              sys::IsOk());
  // The kernel takes its device away a moment after the last directory was closed.
  std::unique_ptr<cases::Sitter> nobody;
  EndOf(nobody, "layer");
  ExpectAllDown();
}

TEST_F(DriverReaderVmTest, LayerGrowsWhileItIsCompared) {
  EXPECT_THAT(Compare(*driver_,
                      [&] {
                        EXPECT_THAT(driver_->Grow("layer", sys::Bytes{96 << 20}), sys::IsOk());
                        EXPECT_TRUE(IsUp("layer"));
                      }),
              sys::IsOk());
  ExpectAllDown();
  const auto path = driver_->Get("layer");
  ASSERT_THAT(path, sys::IsOk());
  EXPECT_GT((*host().root->OpenDir(*path))->Space()->total_bytes, uint64_t{70} << 20);
}

TEST_F(DriverReaderVmTest, GrowthThatIsRefusedLeavesWhatIsComparedReadOnly) {
  EXPECT_THAT(Compare(*driver_,
                      [&] {
                        EXPECT_THAT(driver_->Grow("layer", sys::Bytes{(96 << 20) + 1}),
                                    sys::FailsWithCode(absl::StatusCode::kInvalidArgument));
                        EXPECT_THAT(
                            host().root->MakeDir(config_.root + "/mnt/layer/rootfs/no", 0755),
                            sys::FailsWithErrno(EROFS));
                      }),
              sys::IsOk());
  ExpectAllDown();
}

TEST_F(DriverReaderVmTest, ComparisonWhoseLayerIsLockedAtItsEndHasSucceeded) {
  config_.lock_patience = absl::ZeroDuration();
  Open();
  std::string path;
  counted_.SetPlan([&path](const sys::SeamCall& call) {
    if (absl::EndsWith(call.object, "/locks/layer")) path = call.object;
    return 0;
  });
  const sys::Host other = kernel_->OtherHost();
  std::optional<sys::HeldLock> held;
  EXPECT_THAT(Compare(*driver_,
                      [&] {
                        auto lock = sys::AcquireLock(other, *other.root, path, "grow",
                                                     absl::ZeroDuration());
                        ASSERT_THAT(lock, sys::IsOk());
                        held.emplace(*std::move(lock));
                      }),
              sys::IsOk());
  counted_.SetPlan(nullptr);
  EXPECT_TRUE(held.has_value());
  held.reset();
  EXPECT_TRUE(IsUp("layer"));
  EXPECT_EQ(driver_->Inspect("layer")->mount_count(), 0u);
  EXPECT_THAT(Compare(*driver_, [] {}), sys::IsOk());
  ExpectAllDown();
}

class DriverReaderXfsVmTest : public DriverReaderVmTest {
 protected:
  void SetUp() override {
    SetOptions({"dm.fs=xfs", "dm.basesize=320M", "dm.loopdatasize=1G", "dm.loopmetadatasize=16M"});
    DriverReaderVmTest::SetUp();
  }
};

// A mount that is made writable is somebody's already.
TEST_F(DriverReaderXfsVmTest, GetThatCannotSetTheRetriesLeavesTheMountToWhoComparesTheLayer) {
  config_.options.xfs_nospace_max_retries = 5;
  auto other = Driver::Open(dm(), config_);
  ASSERT_THAT(other, sys::IsOk());
  const std::string rootfs = config_.root + "/mnt/layer/rootfs";
  EXPECT_THAT(
      Compare(*driver_,
              [&] {
                counted_.SetPlan(sys::FaultyHost::FailMatching("OpenFile", "max_retries", EACCES));
                const absl::Status failed = (*other)->Get("layer").status();
                counted_.SetPlan(nullptr);
                EXPECT_THAT(std::string(failed.message()), HasSubstr("dm.xfs_nospace_max_retries"));
                EXPECT_TRUE(IsThere(rootfs + "/added"));
                EXPECT_THAT(host().root->MakeDir(rootfs + "/no", 0755), sys::FailsWithErrno(EROFS));
              }),
      sys::IsOk());
  ExpectAllDown();
}

// A comparison with an error, or the end, at each of its calls: the next one leaves nothing up.
class DriverReaderSweepVmTest : public DriverReaderVmTest {
 protected:
  void SweepComparison(sys::FaultyHost::Plan (*plan)(uint64_t), bool restart) {
    config_.lock_patience = absl::ZeroDuration();
    Open();
    Sweep(
        plan, [&] { return Compare(*driver_, [] {}); },
        [&](const absl::Status&) {
          if (restart) Open();
          EXPECT_THAT(Compare(*driver_, [] {}), sys::IsOk());
          ExpectAllDown();
        });
  }
};

TEST_F(DriverReaderSweepVmTest, ComparisonThatFailsAnywhereIsInNobodysWay) {
  SweepComparison(FailOnce, /*restart=*/false);
}

TEST_F(DriverReaderSweepVmTest, ComparisonThatEndsAnywhereIsInNobodysWay) {
  SweepComparison(sys::FaultyHost::StopAt, /*restart=*/true);
}

}  // namespace
}  // namespace dmkit::driver
