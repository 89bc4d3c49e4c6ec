// SPDX-License-Identifier: Apache-2.0
// What a store is not made on, and that nothing is changed then: devices and pools that belong to
// somebody else, options that contradict what is known, filesystems without room.

#include <sys/mount.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "sys/units.h"
#include "thinp/device_set.h"
#include "thinp/device_set_vm_fixture.h"
#include "thinp/refusal_vm_fixture.h"
#include "thinp/vm_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr absl::StatusCode kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

class DeviceSetRefusalVmTest : public RefusalFixture {};

TEST_F(DeviceSetRefusalVmTest, BlankGivenDevicesAreTaken) {
  GiveDevices();
  Open();
  EXPECT_EQ(set().data_loop_path(), "");
  EXPECT_EQ(set().metadata_loop_path(), "");
  Add("a");
  Activate("a");
  ExpectClean();
  TakeDown();
  EXPECT_THAT(MappedDevices(), UnorderedElementsAre("given-data", "given-metadata"));
  Open();
  EXPECT_THAT(Names(), ElementsAre("a"));
  ExpectClean();
}

TEST_F(DeviceSetRefusalVmTest, OneHalfMayBeGivenAndTheOtherALoopFile) {
  GiveDevices();
  options().pool.metadata_device.clear();
  options().pool.metadata_loop_size = sys::Bytes{4 * kMiB};
  Open();
  EXPECT_EQ(set().metadata_loop_path(), StatePath("pool/metadata"));
  Add("a");
  TakeDown();
  Open();
  ExpectClean();
}

TEST_F(DeviceSetRefusalVmTest, GivenDeviceWithAFilesystemIsRefusedUntouched) {
  GiveDevices();
  for (const std::string& device : {options().pool.data_device, options().pool.metadata_device}) {
    Run({"mkfs.ext4", "-q", device});
    const std::string before = Read(device, 0, 4 * kMiB);
    EXPECT_THAT(Refusal(kFailedPrecondition), AllOf(HasSubstr(device), HasSubstr("ext")));
    EXPECT_EQ(Read(device, 0, 4 * kMiB), before);
    Overwrite(device, 0, std::string(4 * kMiB, '\0'));
  }
  Open();
}

TEST_F(DeviceSetRefusalVmTest, GivenDeviceInUseIsRefused) {
  GiveDevices();
  // Two pools on one data device would be no error to the kernel.
  DeviceSetOptions other_options = options();
  other_options.root = dir() + "/other";
  other_options.pool.metadata_device.clear();
  other_options.pool.metadata_loop_size = sys::Bytes{4 * kMiB};
  auto other = DeviceSet::Open(dm(), other_options);
  ASSERT_THAT(other, IsOk());
  const absl::Status opened = TryOpen();
  EXPECT_THAT(opened, FailsWithErrno(EBUSY));
  EXPECT_THAT(std::string(opened.message()), HasSubstr(options().pool.data_device));
  EXPECT_THAT(SetExists(plain_host(), options().root), IsOkAndHolds(false));
  EXPECT_EQ((*other)->pool().Status()->mode, PoolMode::kWrite);
  ASSERT_THAT((*other)->DeactivatePool(), IsOk());
}

TEST_F(DeviceSetRefusalVmTest, MetadataOfAnotherStoreIsRefusedUntouched) {
  GiveDevices();
  Open();
  Add("a");
  TakeDown();
  const std::string root = options().root;
  const std::string before = Read(options().pool.metadata_device, 0, kMiB);
  options().root = dir() + "/second";
  EXPECT_THAT(Refusal(kFailedPrecondition), HasSubstr("thin-pool"));
  EXPECT_EQ(Read(options().pool.metadata_device, 0, kMiB), before);
  options().root = root;
  Open();
  ExpectClean();
}

TEST_F(DeviceSetRefusalVmTest, GivenDeviceThatIsNoneOrMissingIsRefused) {
  options().pool.data_device = MakeImage("file", 64 * kMiB);
  EXPECT_THAT(Refusal(kInvalidArgument), HasSubstr("not a block device"));
  options().pool.data_device = "/dev/missing";
  EXPECT_THAT(TryOpen(), FailsWithErrno(ENOENT));
  ExpectNothingMade();
  options().pool.data_device.clear();
  options().pool.metadata_device = dir();
  EXPECT_THAT(Refusal(kInvalidArgument), HasSubstr("not a block device"));
}

TEST_F(DeviceSetRefusalVmTest, TooSmallDevicesAndFilesAreRefused) {
  options().pool.block_size = sys::Sectors{2048};
  options().pool.data_device = NodeOf(Attach("small-data", kMiB - 512));
  EXPECT_THAT(Refusal(kInvalidArgument), HasSubstr("1048576"));
  options().pool.data_device.clear();
  options().pool.metadata_device = NodeOf(Attach("small-metadata", 60 * 1024));
  EXPECT_THAT(Refusal(kInvalidArgument), HasSubstr("65536"));
  options().pool.metadata_device.clear();
  options().pool.data_loop_size = sys::Bytes{kMiB - 512};
  EXPECT_THAT(Refusal(kFailedPrecondition), HasSubstr("smaller than one block"));
  options().pool.data_loop_size = sys::Bytes{kMiB};
  EXPECT_EQ(Open().pool().Status()->total_data.count(), 1u);
}

TEST_F(DeviceSetRefusalVmTest, OneDeviceForBothHalvesIsRefused) {
  GiveDevices();
  options().pool.metadata_device = options().pool.data_device;
  Refusal(kInvalidArgument);
}

TEST_F(DeviceSetRefusalVmTest, PoolFilesThatLieThereAreNotOverwritten) {
  ASSERT_THAT(plain_host().root->MakeDir(options().root, 0700), IsOk());
  ASSERT_THAT(plain_host().root->MakeDir(StatePath("pool"), 0700), IsOk());
  for (const std::string& file : {StatePath("pool/data"), StatePath("pool/metadata")}) {
    WriteText(file, "precious");
    const absl::Status opened = TryOpen();
    EXPECT_THAT(opened, FailsWithCode(kFailedPrecondition));
    EXPECT_THAT(std::string(opened.message()), HasSubstr(file));
    EXPECT_EQ(ReadText(file), "precious");
    ASSERT_THAT(plain_host().root->Unlink(file), IsOk());
    ExpectNothingMade();
  }
}

TEST_F(DeviceSetRefusalVmTest, OptionsThatContradictTheStoreAreRefusedWithBothValues) {
  options().pool.block_size = sys::Sectors{256};
  Open();
  Add("a");
  const DeviceSetOptions good = options();
  options().pool.block_size = sys::Sectors{128};
  const absl::Status block_size = TryOpen();
  EXPECT_THAT(block_size, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(block_size.message()), AllOf(HasSubstr("128"), HasSubstr("256")));
  options() = good;
  options().pool.data_device = "/dev/other";
  const absl::Status data = TryOpen();
  EXPECT_THAT(data, FailsWithCode(kFailedPrecondition));
  EXPECT_THAT(std::string(data.message()), AllOf(HasSubstr("/dev/other"), HasSubstr("pool/data")));
  options() = good;
  options().pool.metadata_device = "/dev/other";
  EXPECT_THAT(TryOpen(), FailsWithCode(kFailedPrecondition));
  options() = good;
  options().pool.given_pool = "other";
  EXPECT_THAT(TryOpen(), FailsWithCode(kFailedPrecondition));
  options() = good;
  Open();
  options().pool = PoolOptions();
  Open();
  ExpectClean();
}

TEST_F(DeviceSetRefusalVmTest, LoopFilesGrowWithTheirOptionAndNeverShrink) {
  Open();
  Add("a");
  TakeDown();
  options().pool.data_loop_size = sys::Bytes{96 * kMiB};
  options().pool.metadata_loop_size = sys::Bytes{8 * kMiB};
  Open();
  EXPECT_EQ(set().pool().Status()->total_data.count(), 96 * kMiB / 65536);
  EXPECT_EQ(set().pool().Status()->total_metadata_blocks, 2048u);
  TakeDown();
  options().pool.data_loop_size = sys::Bytes{32 * kMiB};
  Open();
  EXPECT_EQ(set().pool().Status()->total_data.count(), 96 * kMiB / 65536);
  ExpectClean();
}

// ---- Roots.

TEST_F(DeviceSetRefusalVmTest, ReadOnlyFilesystemIsErofs) {
  const std::string mount_point = dir() + "/ro";
  ASSERT_THAT(plain_host().root->MakeDir(mount_point, 0755), IsOk());
  ASSERT_THAT(plain_host().mounts->Mount({"none", mount_point, "tmpfs", MS_RDONLY, ""}), IsOk());
  options().root = mount_point + "/store";
  EXPECT_THAT(TryOpen(), FailsWithErrno(EROFS));
  EXPECT_THAT(MappedDevices(), IsEmpty());
  ASSERT_THAT(plain_host().mounts->Unmount(mount_point, sys::UnmountMode::kNormal), IsOk());
}

TEST_F(DeviceSetRefusalVmTest, FullFilesystemIsEnospcAndTheStoreGoesOnWhenThereIsRoom) {
  GiveDevices();
  const std::string mount_point = dir() + "/full";
  ASSERT_THAT(plain_host().root->MakeDir(mount_point, 0755), IsOk());
  ASSERT_THAT(plain_host().mounts->Mount({"none", mount_point, "tmpfs", 0, "size=256k"}), IsOk());
  options().root = mount_point + "/store";
  const auto fill = [&] {
    sys::OpenOptions create;
    create.access = sys::Access::kReadWrite;
    create.create = true;
    const auto file = plain_host().root->OpenFile(mount_point + "/filler", create);
    ASSERT_THAT(file, IsOk());
    uint64_t at = 0;
    while (at < kMiB && (*file)->WriteAt(at, std::string(4096, 'x')).ok()) at += 4096;
    ASSERT_LT(at, kMiB) << "the test has not filled it";
  };
  const auto make_room = [&] {
    ASSERT_THAT(plain_host().root->Unlink(mount_point + "/filler"), IsOk());
  };
  fill();
  EXPECT_THAT(TryOpen(), FailsWithErrno(ENOSPC));
  ExpectNothingMade();
  make_room();
  Open();
  Add("a");
  fill();
  EXPECT_THAT(set().AddThin("b", kDeviceSize, {}), FailsWithErrno(ENOSPC));
  EXPECT_THAT(set().Delete("a"), FailsWithErrno(ENOSPC));
  EXPECT_THAT(Names(), ElementsAre("a"));
  make_room();
  ExpectClean();
  Add("b");
  EXPECT_THAT(set().Delete("a"), IsOk());
  TakeDown();
  ASSERT_THAT(plain_host().mounts->Unmount(mount_point, sys::UnmountMode::kNormal), IsOk());
}

}  // namespace
}  // namespace dmkit::thinp
