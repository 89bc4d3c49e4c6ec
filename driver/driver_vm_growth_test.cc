// SPDX-License-Identifier: Apache-2.0
// What becomes, on a kernel, of a growth whose process ends in the middle of it: nobody has what it
// left mounted, and whoever gets the layer next gets all of it. That sizes are right otherwise is
// for driver_vm_size_test.

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "driver/driver_vm_fixture.h"
#include "sys/status.h"
#include "sys/string_stream.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class DriverGrowthVmTest : public DriverVmTest {
 protected:
  void SetUp() override {
    config_.lock_patience = absl::ZeroDuration();
    Open();
  }

  absl::Status Grow(uint64_t mebibytes) {
    return driver_->Grow("web", sys::Bytes{mebibytes * kMiB});
  }
  absl::Status CreateOf(uint64_t mebibytes) {
    CreateOptions options;
    options.size = sys::Bytes{mebibytes * kMiB};
    return driver_->Create("web", options);
  }

  // Of the filesystem of "web", as one more Get sees it.
  uint64_t SpaceOfWeb() {
    const auto path = driver_->Get("web");
    EXPECT_THAT(path, sys::IsOk());
    if (!path.ok()) return 0;
    const uint64_t bytes = (*host().root->OpenDir(*path))->Space()->total_bytes;
    EXPECT_THAT(driver_->Put("web", false), sys::IsOk());
    return bytes;
  }

  // `run` ends when it starts the program that grows a filesystem; the next process begins.
  void EndInProgram(const std::function<absl::Status()>& run) {
    counted_.SetPlan([stopped = false](const sys::SeamCall& call) mutable {
      stopped = stopped || (call.method == "Run" && absl::StrContains(call.object, "resize2fs"));
      return stopped ? EIO : 0;
    });
    EXPECT_THAT(run(), sys::FailsWithErrno(EIO));
    counted_.SetPlan(nullptr);
    Open();
    EXPECT_TRUE(IsUp("web")) << "the test has not got there";
  }
};

TEST_F(DriverGrowthVmTest, LayerThatWasGrownByAProcessThatEndedIsNobodys) {
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  sys::StringSink archive;
  ASSERT_THAT(driver_->Diff("web", "", {}, archive), sys::IsOk());
  EndInProgram([&] { return Grow(96); });
  EXPECT_EQ(driver_->Inspect("web")->mount_count(), 0u);
  sys::StringSource in(archive.data());
  EXPECT_THAT(driver_->ApplyDiff("web", {}, in), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
  EndInProgram([&] { return Grow(128); });
  EXPECT_THAT(driver_->Put("web", false), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
  EndInProgram([&] { return Grow(128); });
  EXPECT_THAT(driver_->Remove("web"), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
}

TEST_F(DriverGrowthVmTest, LayerThatWasMadeLargerByAProcessThatEndedIsNobodys) {
  EndInProgram([&] { return CreateOf(96); });
  EXPECT_EQ(driver_->Inspect("web")->mount_count(), 0u);
  EXPECT_GT(SpaceOfWeb(), 70 * kMiB);
  EXPECT_FALSE(IsUp("web")) << "the one Get was given back";
  ASSERT_THAT(driver_->Remove("web"), sys::IsOk());
  EndInProgram([&] { return CreateOf(96); });
  EXPECT_THAT(driver_->Remove("web"), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
}

// A user's options are for users: the growth does without them, and its mount is not handed out.
TEST_F(DriverGrowthVmTest, MountOfAGrowthThatEndedIsNotHandedOut) {
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  SetOptions({"dm.mountopt=ro"});
  Open();
  EndInProgram([&] { return Grow(96); });
  const auto path = driver_->Get("web");
  ASSERT_THAT(path, sys::IsOk());
  EXPECT_THAT(host().root->MakeDir(*path + "/no", 0755), sys::FailsWithErrno(EROFS));
  EXPECT_GT((*host().root->OpenDir(*path))->Space()->total_bytes, 70 * kMiB);
}

TEST_F(DriverGrowthVmTest, GrowthUnderAUserThatEndsAnywhereIsTakenUpByTheNextGet) {
  ASSERT_THAT(driver_->Create("web", {}), sys::IsOk());
  const auto path = driver_->Get("web");
  ASSERT_THAT(path, sys::IsOk());
  uint64_t size = 64;
  Sweep(
      sys::FaultyHost::StopAt, [&] { return Grow(size += 4); },
      [&](const absl::Status&) {
        Open();
        const uint64_t space = SpaceOfWeb();
        size = driver_->Inspect("web")->size_bytes() / kMiB;
        EXPECT_GT(space, size * kMiB * 3 / 4);
        EXPECT_EQ(driver_->Inspect("web")->mount_count(), 1u);
        Write(*path, "file", absl::StrCat(size));
      });
  EXPECT_GT(size, 64u);
  EXPECT_THAT(driver_->Put("web", false), sys::IsOk());
  EXPECT_FALSE(IsUp("web"));
}

TEST_F(DriverGrowthVmTest, LayerWhoseMakingWithASizeEndsAnywhereIsWholeOrNot) {
  Sweep(
      sys::FaultyHost::StopAt, [&] { return CreateOf(96); },
      [&](const absl::Status&) {
        Open();
        ExpectClean();
        if (!*driver_->Exists("web")) return;
        EXPECT_GT(SpaceOfWeb(), 70 * kMiB);
        EXPECT_FALSE(IsUp("web"));
        EXPECT_THAT(driver_->Remove("web"), sys::IsOk());
      });
}

}  // namespace
}  // namespace dmkit::driver
