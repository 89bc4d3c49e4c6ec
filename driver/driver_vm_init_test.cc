// SPDX-License-Identifier: Apache-2.0
// Init layers: what is in them, whose they are, and that no crash leaves half of one in use.

#include <cerrno>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/device_mapper.h"
#include "driver/driver_vm_fixture.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

CreateOptions WithInit(const std::string& parent) {
  CreateOptions options;
  options.parent = parent;
  options.init = true;
  return options;
}

class DriverInitVmTest : public DriverVmTest {
 protected:
  void SetUp() override {
    ASSERT_THAT(Open().Create("image", {}), sys::IsOk());
    const auto path = driver_->Get("image");
    ASSERT_THAT(path, sys::IsOk());
    Write(*path, "bin", "of the image");
    ASSERT_THAT(driver_->Put("image", false), sys::IsOk());
  }

  void ExpectComplete() {
    EXPECT_EQ(driver_->Inspect("app")->parent(), "app-init");
    EXPECT_EQ(driver_->Inspect("app-init")->parent(), "image");
    EXPECT_TRUE(driver_->Inspect("app-init")->ready());
    EXPECT_TRUE(driver_->Inspect("app")->ready());
    const auto path = driver_->Get("app");
    ASSERT_THAT(path, sys::IsOk());
    EXPECT_EQ(Read(*path, "bin"), "of the image");
    EXPECT_EQ(Read(*path, "etc/hosts"), "");
    EXPECT_EQ(Read(*path, ".dockerenv"), "");
    EXPECT_TRUE(IsThere(*path + "/dev/shm"));
    EXPECT_THAT(host().root->ReadLink(*path + "/etc/mtab"),
                sys::IsOkAndHolds(std::string("/proc/mounts")));
    EXPECT_THAT(driver_->Put("app", false), sys::IsOk());
  }

  // Makes "app" with trouble at call 1, 2, ...; then once more without.
  void SweepCreate(sys::FaultyHost::Plan (*plan)(uint64_t), bool restart) {
    Sweep(
        plan, [&] { return driver_->Create("app", WithInit("image")); },
        [&](const absl::Status& status) {
          if (restart) Open();
          if (!*driver_->Exists("app")) {
            EXPECT_FALSE(status.ok());
            EXPECT_THAT(driver_->Create("app", WithInit("image")), sys::IsOk());
          }
          ExpectComplete();
          EXPECT_THAT(driver_->Remove("app"), sys::IsOk());
          EXPECT_EQ(*driver_->Exists("app-init"), false);
          ExpectClean();
        });
  }
};

TEST_F(DriverInitVmTest, ContainerHasItsImageAndDockersFilesAndGoesWithItsInitLayer) {
  ASSERT_THAT(driver_->Create("app", WithInit("image")), sys::IsOk());
  ExpectComplete();
  EXPECT_THAT(driver_->Create("app", WithInit("image")), sys::FailsWithErrno(EEXIST));
  ExpectComplete();
  EXPECT_THAT(driver_->Remove("app"), sys::IsOk());
  EXPECT_EQ(*driver_->Exists("app-init"), false);
  EXPECT_THAT(driver_->Remove("app"), sys::FailsWithErrno(ENOENT));
  EXPECT_EQ(driver_->List()->layers_size(), 1);
}

TEST_F(DriverInitVmTest, LayerMadeFromAContainerIsNoInitLayer) {
  ASSERT_THAT(driver_->Create("app", WithInit("image")), sys::IsOk());
  ASSERT_THAT(driver_->Create("child-init", {"app-init"}), sys::IsOk());
  ASSERT_THAT(driver_->Create("child", {"app"}), sys::IsOk());
  EXPECT_THAT(driver_->Remove("child"), sys::IsOk());
  EXPECT_EQ(*driver_->Exists("child-init"), true);
}

TEST_F(DriverInitVmTest, LayerOfAnInitLayersNameIsLeftAlone) {
  ASSERT_THAT(driver_->Create("app-init", {}), sys::IsOk());
  EXPECT_THAT(driver_->Create("app", WithInit("image")), sys::FailsWithErrno(EEXIST));
  EXPECT_EQ(*driver_->Exists("app-init"), true);
  EXPECT_EQ(*driver_->Exists("app"), false);
  EXPECT_THAT(driver_->Create("x", WithInit("x-init")),
              sys::FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(driver_->Create("y", WithInit("unknown")), sys::FailsWithErrno(ENOENT));
  EXPECT_EQ(*driver_->Exists("y-init"), false);
}

TEST_F(DriverInitVmTest, InitLayerWorksOnAnEmptyLayerToo) {
  ASSERT_THAT(driver_->Create("app", WithInit("")), sys::IsOk());
  EXPECT_EQ(driver_->Inspect("app-init")->parent(), "");
  EXPECT_THAT(driver_->Remove("app"), sys::IsOk());
}

// The remover finds an init layer alone, and its layer is there when it has the lock.
TEST_F(DriverInitVmTest, RemovalLeavesALayerThatIsMadeMeanwhile) {
  ASSERT_THAT(driver_->Create("app", WithInit("image")), sys::IsOk());
  counted_.SetPlan([](const sys::SeamCall& call) {
    return absl::EndsWith(call.object, "/locks/app-init") ? EIO : 0;
  });
  EXPECT_FALSE(driver_->Remove("app").ok());
  auto plain = dm::DeviceMapper::Open(kernel_->host());
  ASSERT_THAT(plain, sys::IsOk());
  auto other = Driver::Open(*plain, config_);
  ASSERT_THAT(other, sys::IsOk());
  ASSERT_FALSE(*(*other)->Exists("app"));
  bool made = false;
  counted_.SetPlan([&](const sys::SeamCall& call) {
    if (!made && absl::EndsWith(call.object, "/locks/app-init")) {
      made = true;
      EXPECT_THAT((*other)->Create("app", WithInit("image")), sys::IsOk());
    }
    return 0;
  });
  EXPECT_THAT(driver_->Remove("app"), sys::FailsWithErrno(ENOENT));
  counted_.SetPlan(nullptr);
  EXPECT_TRUE(made);
  ExpectComplete();
}

TEST_F(DriverInitVmTest, MakingThatFailsAnywhereCanBeRepeated) {
  SweepCreate(FailOnce, /*restart=*/false);
}

TEST_F(DriverInitVmTest, MakingThatEndsAnywhereCanBeRepeated) {
  SweepCreate(sys::FaultyHost::StopAt, /*restart=*/true);
}

}  // namespace
}  // namespace dmkit::driver
