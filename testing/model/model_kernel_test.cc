// SPDX-License-Identifier: Apache-2.0
// The whole model, with dmkit on it: what a process crash and a power loss keep of a store, and
// what the kernel says is left.

#include "testing/model/model_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/device_mapper.h"
#include "dm/udev.h"
#include "driver/driver.h"
#include "driver/options.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "testing/model/disk.h"

namespace dmkit::model {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class ModelKernelTest : public ::testing::TestWithParam<const Profile*> {
 protected:
  void Open() {
    auto dm = dm::DeviceMapper::Open(kernel_.host());
    ASSERT_THAT(dm, IsOk());
    driver_.reset();
    dm_ = std::make_unique<dm::DeviceMapper>(*std::move(dm));
    driver::DriverConfig config;
    config.root = "/store";
    config.options = *driver::ParseOptions(
        {"dm.basesize=64M", "dm.loopdatasize=512M", "dm.loopmetadatasize=16M"});
    auto driver = driver::Driver::Open(*dm_, config);
    ASSERT_THAT(driver, IsOk());
    driver_ = *std::move(driver);
  }
  void Close() {
    driver_.reset();
    dm_.reset();
  }

  void Write(const std::string& layer, const std::string& text) {
    const auto path = driver_->Get(layer);
    ASSERT_THAT(path, IsOk());
    auto dir = kernel_.host().root->OpenDir(*path);
    ASSERT_THAT(dir, IsOk());
    ASSERT_THAT(sys::ReplaceFileDurably(**dir, "file", text), IsOk());
    dir->reset();
    ASSERT_THAT(driver_->Put(layer, false), IsOk());
  }
  std::string Read(const std::string& layer) {
    const auto path = driver_->Get(layer);
    EXPECT_THAT(path, IsOk());
    const auto text = sys::ReadFile(*kernel_.host().root, *path + "/file", 4096);
    EXPECT_THAT(driver_->Put(layer, false), IsOk());
    return text.ok() ? *text : text.status().ToString();
  }

  ModelKernel kernel_{*GetParam(), /*seed=*/1};
  std::unique_ptr<dm::DeviceMapper> dm_;
  std::unique_ptr<driver::Driver> driver_;
};

TEST_P(ModelKernelTest, LayersAreIsolatedAndNothingIsLeft) {
  Open();
  ASSERT_THAT(driver_->Create("base-layer", {}), IsOk());
  Write("base-layer", "old");
  ASSERT_THAT(driver_->Create("copy", {"base-layer"}), IsOk());
  Write("copy", "new");
  EXPECT_EQ(Read("base-layer"), "old");
  EXPECT_EQ(Read("copy"), "new");
  ASSERT_THAT(driver_->Remove("base-layer"), IsOk());
  EXPECT_EQ(Read("copy"), "new");
  ASSERT_THAT(driver_->Cleanup(), IsOk());
  Close();
  EXPECT_THAT(kernel_.Leaks(), IsEmpty());
  EXPECT_THAT(kernel_.Hangs(), IsEmpty());
}

TEST_P(ModelKernelTest, APowerLossKeepsWhatWasReported) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), IsOk());
  Write("web", "kept");
  ASSERT_THAT(driver_->Get("web"), IsOk());
  for (const Unsynced unsynced : {Unsynced::kLost, Unsynced::kSomeKept, Unsynced::kKept}) {
    kernel_.Reboot(unsynced);
    EXPECT_THAT(kernel_.Leaks(), IsEmpty());
    Open();
    EXPECT_EQ(Read("web"), "kept");
  }
  ASSERT_THAT(driver_->Cleanup(), IsOk());
  Close();
  EXPECT_THAT(kernel_.Leaks(), IsEmpty());
}

TEST_P(ModelKernelTest, AProcessCrashLeavesMountsAndDevicesToTheNextProcess) {
  Open();
  ASSERT_THAT(driver_->Create("web", {}), IsOk());
  Write("web", "kept");
  ASSERT_THAT(driver_->Get("web"), IsOk());
  kernel_.CrashProcess();
  EXPECT_THAT(kernel_.OpenHandles(), IsEmpty());
  EXPECT_THAT(kernel_.MountPoints(), SizeIs(1));
  EXPECT_THAT(kernel_.BoundLoops(), SizeIs(2));
  EXPECT_THAT(dm_->List(), FailsWithErrno(EBADF));
  Open();
  EXPECT_THAT(driver_->Put("web", false), IsOk());
  EXPECT_EQ(Read("web"), "kept");
  ASSERT_THAT(driver_->Cleanup(), IsOk());
  Close();
  EXPECT_THAT(kernel_.Leaks(), IsEmpty());
}

TEST_P(ModelKernelTest, LeaksTellWhatIsThere) {
  const sys::Host host = kernel_.host();
  ASSERT_THAT(sys::ReplaceFileDurably(*host.root, "image", std::string(1 << 20, 'x')), IsOk());
  sys::OpenOptions read_write;
  read_write.access = sys::Access::kReadWrite;
  auto image = host.root->OpenFile("/image", read_write);
  const auto loop = host.root->OpenFile("/dev/loop0", read_write);
  ASSERT_THAT(image, IsOk());
  ASSERT_THAT(loop, IsOk());
  constexpr unsigned long kSetFd = 0x4c00;
  const int descriptor = (*image)->descriptor();
  ASSERT_THAT((*loop)->IoctlValue(kSetFd, static_cast<uint64_t>(descriptor)), IsOk());
  image->reset();
  ASSERT_THAT(host.semaphores->Create(0x0d4d1234), IsOk());
  EXPECT_THAT(kernel_.Leaks(),
              ElementsAre("loop0 /image open 1", "process 1 descriptor 4: /dev/loop0",
                          "semaphore 0x0d4d1234 value 0"));
}

TEST_P(ModelKernelTest, AProcessHasItsOwnFilesAndItsUser) {
  const sys::Host root = kernel_.host();
  const sys::Host user = kernel_.host(2, 1000);
  EXPECT_EQ(root.processes->EffectiveUserId(), 0u);
  EXPECT_EQ(user.processes->EffectiveUserId(), 1000u);
  EXPECT_EQ(user.processes->ProcessId(), 2);
  const auto file = root.root->OpenFile("/dev/null", sys::OpenOptions());
  ASSERT_THAT(file, IsOk());
  kernel_.CrashProcess(2);
  EXPECT_THAT((*file)->Stat(), IsOk());
  EXPECT_EQ(kernel_.host(2).processes->EffectiveUserId(), 0u);
}

TEST_P(ModelKernelTest, DisksStayOverAPowerLossAndKeepWhatWasFlushed) {
  Disk& disk = kernel_.AddDisk("vda", 1 << 20);
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  {
    const auto file = kernel_.host().root->OpenFile("/dev/vda", options);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->WriteAt(0, "kept"), IsOk());
    ASSERT_THAT((*file)->Sync(), IsOk());
    ASSERT_THAT((*file)->WriteAt(0, "lost"), IsOk());
    kernel_.Reboot();
    EXPECT_THAT((*file)->Sync(), FailsWithErrno(EBADF));
  }
  EXPECT_EQ(disk.open_count(), 0u);
  const auto file = kernel_.host().root->OpenFile("/dev/vda", options);
  ASSERT_THAT(file, IsOk());
  std::string bytes(4, '\0');
  EXPECT_THAT((*file)->ReadAt(0, absl::MakeSpan(&bytes[0], 4)), IsOkAndHolds(4u));
  EXPECT_EQ(bytes, "kept");
}

TEST_P(ModelKernelTest, AfterAPowerLossTheKernelCountsAnew) {
  Disk& disk = kernel_.AddDisk("vda", 1 << 20);
  disk.SetNodeReadOnly(true);
  kernel_.Reboot();
  EXPECT_FALSE(disk.read_only());
  EXPECT_EQ(disk.disk_sequence(), 1u);
  const std::vector<Uevent> events = kernel_.TakeUevents();
  ASSERT_THAT(events, Not(IsEmpty()));
  EXPECT_EQ(events.front().sequence, 1u);
  EXPECT_EQ(events.front().Value("DISKSEQ"), "2");
}

TEST_P(ModelKernelTest, ATmpfsHoldsNoMoreThanItsSize) {
  const sys::Host host = kernel_.host();
  ASSERT_THAT(host.mounts->Mount({"none", "/mnt", "tmpfs", 0, "size=256k"}), IsOk());
  EXPECT_THAT(kernel_.MountPoints(), ElementsAre("/mnt tmpfs none"));
  sys::OpenOptions create;
  create.access = sys::Access::kReadWrite;
  create.create = true;
  {
    const auto file = host.root->OpenFile("/mnt/file", create);
    ASSERT_THAT(file, IsOk());
    for (uint64_t at = 0; at < 64; ++at) {
      ASSERT_THAT((*file)->WriteAt(at * 4096, std::string(4096, 'x')), IsOk()) << at;
    }
    EXPECT_THAT((*file)->WriteAt(uint64_t{64} * 4096, "x"), FailsWithErrno(ENOSPC));
  }
  EXPECT_THAT(host.mounts->Unmount("/mnt", sys::UnmountMode::kNormal), IsOk());
}

TEST_P(ModelKernelTest, TheSameSeedGivesTheSameBytes) {
  const auto boot_id = [](uint64_t seed) {
    ModelKernel kernel(*GetParam(), seed);
    return *sys::ReadFile(*kernel.host().root, "/proc/sys/kernel/random/boot_id", 64);
  };
  EXPECT_EQ(boot_id(1), boot_id(1));
  EXPECT_NE(boot_id(1), boot_id(2));
}

TEST_P(ModelKernelTest, UdevdMakesLinksForAnnouncedDevices) {
  ModelOptions options;
  options.has_udevd = true;
  ModelKernel kernel(*GetParam(), 1, options);
  const sys::Host host = kernel.host();
  auto dm = dm::DeviceMapper::Open(host);
  ASSERT_THAT(dm, IsOk());
  const auto name = *dm::DmName::Create("web");
  ASSERT_THAT(dm->Create(name, dm::CreateOptions()), IsOk());
  const dm::TableLine line{sys::Sectors{0}, sys::Sectors{8}, *dm::TargetType::Create("zero"), ""};
  ASSERT_THAT(dm->Load(name, {line}, dm::LoadOptions()), IsOk());
  ASSERT_THAT(dm->Resume(name, dm::SuspendOptions(), dm::QuietCookie()), IsOk());
  kernel.Advance(absl::Milliseconds(1));
  EXPECT_THAT(host.root->ReadLink("/dev/mapper/web"), IsOkAndHolds(std::string("../dm-0")));
  ASSERT_THAT(dm->Remove(name, dm::RemoveOptions()), IsOk());
  kernel.Advance(absl::Milliseconds(1));
  EXPECT_THAT(host.root->ReadLink("/dev/mapper/web"), FailsWithErrno(ENOENT));
}

std::string KernelName(const ::testing::TestParamInfo<const Profile*>& info) {
  return info.param == &Linux61() ? "Linux61" : "Linux612";
}

INSTANTIATE_TEST_SUITE_P(Kernels, ModelKernelTest, ::testing::Values(&Linux61(), &Linux612()),
                         KernelName);

}  // namespace
}  // namespace dmkit::model
