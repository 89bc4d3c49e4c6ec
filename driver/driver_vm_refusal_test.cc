// SPDX-License-Identifier: Apache-2.0
// What the driver refuses on a real kernel: with a message that says what is wrong, and with
// nothing changed.

#include <cerrno>

#include "absl/strings/match.h"
#include "dm/activate.h"
#include "driver/driver_vm_fixture.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kReadOnlyMount = 1;  // MS_RDONLY

MATCHER_P2(RefusedWith, code, text, "") {
  *result_listener << "which is " << arg.ToString();
  return arg.code() == code && absl::StrContains(arg.message(), text);
}

class DriverRefusalVmTest : public DriverVmTest {
 protected:
  // Nothing of a store that was refused at its first start may stay.
  void ExpectNothingMade() {
    EXPECT_FALSE(*thinp::SetExists(host(), config_.root));
    EXPECT_FALSE(IsThere(config_.root + "/pool/data"));
    EXPECT_FALSE(IsThere(config_.root + "/pool/metadata"));
    EXPECT_THAT(DeviceNames(), IsEmpty());
  }

  std::string FirstBytes(const std::string& path) {
    auto file = host().root->OpenFile(path, sys::OpenOptions{});
    EXPECT_TRUE(file.ok()) << file.status();
    std::string bytes(128 * 1024, '\0');
    EXPECT_TRUE((*file)->ReadAt(0, absl::MakeSpan(bytes)).ok());
    return bytes;
  }

  void Overwrite(const std::string& path, uint64_t offset, const std::string& bytes) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    auto file = host().root->OpenFile(path, options);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_THAT((*file)->WriteAt(offset, bytes), sys::IsOk());
    ASSERT_THAT((*file)->Sync(), sys::IsOk());
  }

  void Run(const std::vector<std::string>& argv) {
    auto result = host().processes->Run(argv, absl::Minutes(1));
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->exit_status, 0) << result->output;
  }

  // A thin pool made by somebody else.
  void MakeForeignPool(const loop::AttachedLoop& data, const loop::AttachedLoop& metadata) {
    thinp::ThinPoolParams params;
    params.data = data.info.device;
    params.metadata = metadata.info.device;
    params.block_size = thinp::kBlockSizeMin;
    auto pool =
        thinp::Pool::Create(dm(), *dm::DmName::Create("admins-pool"),
                            *dm::DmUuid::Create("ADMIN-1"), sys::Sectors{64 * 2048}, params);
    ASSERT_TRUE(pool.ok()) << pool.status();
  }

  void RemoveForeign(const std::string& name, const std::string& uuid) {
    EXPECT_THAT(dm::RemoveDevice(dm(), {*dm::DmName::Create(name), *dm::DmUuid::Create(uuid)},
                                 absl::Seconds(5), false),
                sys::IsOk());
  }
};

TEST_F(DriverRefusalVmTest, BadLayerIdsAreRefusedByEveryMethod) {
  Driver& driver = Open();
  for (const std::string& id : {std::string(), std::string("."), std::string(".."),
                                std::string("a/b"), std::string(86, 'x'), std::string("base"),
                                std::string("pool"), std::string("-x"), std::string("a b")}) {
    EXPECT_THAT(driver.Create(id, {}), sys::FailsWithCode(absl::StatusCode::kInvalidArgument))
        << id;
    EXPECT_THAT(driver.Remove(id), sys::FailsWithCode(absl::StatusCode::kInvalidArgument)) << id;
    EXPECT_THAT(driver.Get(id), sys::FailsWithCode(absl::StatusCode::kInvalidArgument)) << id;
    EXPECT_THAT(driver.Put(id, false), sys::FailsWithCode(absl::StatusCode::kInvalidArgument))
        << id;
  }
  EXPECT_EQ(driver.List()->layers_size(), 0);
}

TEST_F(DriverRefusalVmTest, UnknownParentsAndLayersAreEnoent) {
  Driver& driver = Open();
  EXPECT_THAT(driver.Create("web", {"nobody"}), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver.Get("nobody"), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver.Put("nobody", false), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver.Remove("nobody"), sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(driver.Inspect("nobody"), sys::FailsWithErrno(ENOENT));
  EXPECT_FALSE(*driver.Exists("nobody"));
  EXPECT_FALSE(*driver.Exists("web"));
}

TEST_F(DriverRefusalVmTest, ExistingIdIsEexistAndStaysAsItWas) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  const uint32_t thin_id = driver.Inspect("web")->thin_id();
  EXPECT_THAT(driver.Create("web", {}), sys::FailsWithErrno(EEXIST));
  EXPECT_EQ(driver.Inspect("web")->thin_id(), thin_id);
}

TEST_F(DriverRefusalVmTest, RemovingAMountedLayerSaysWhereItIsMounted) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  const auto path = driver.Get("web");
  ASSERT_TRUE(path.ok()) << path.status();
  const absl::Status removed = driver.Remove("web");
  EXPECT_THAT(removed, sys::FailsWithErrno(EBUSY));
  EXPECT_THAT(std::string(removed.message()), HasSubstr(config_.root + "/mnt/web"));
  EXPECT_TRUE(*driver.Exists("web"));
}

TEST_F(DriverRefusalVmTest, MissingMkfsIsSaidBeforeAnythingIsMade) {
  counted_.SetPlan(sys::FaultyHost::FailMatching("Find", "mkfs.ext4", ENOENT));
  const absl::Status opened = OpenStatus();
  EXPECT_THAT(opened, sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("mkfs.ext4"));
  counted_.SetPlan(nullptr);
  ExpectNothingMade();
}

TEST_F(DriverRefusalVmTest, RootIsAnAbsolutePathBelowTheRootDirectory) {
  for (const char* root : {"", "store", "./store", "/", "//"}) {
    config_.root = root;
    EXPECT_THAT(OpenStatus(), sys::FailsWithCode(absl::StatusCode::kInvalidArgument)) << root;
  }
  EXPECT_EQ(counted_.CountOf("MakeDir"), 0u);
}

TEST_F(DriverRefusalVmTest, StoreIsNotMadeWhereOnlyAnExistingOneIsWanted) {
  config_.create = false;
  EXPECT_THAT(OpenStatus(), sys::FailsWithErrno(ENOENT));
  EXPECT_FALSE(IsThere(config_.root));
}

TEST_F(DriverRefusalVmTest, FailedMkfsLeavesNoBaseBehindAndTheNextOpenMakesIt) {
  counted_.SetPlan(sys::FaultyHost::FailMatching("Run", "mkfs.ext4", EIO));
  EXPECT_THAT(OpenStatus(), sys::FailsWithErrno(EIO));
  counted_.SetPlan(nullptr);
  Driver& driver = Open();
  EXPECT_THAT(driver.Create("web", {}), sys::IsOk());
  EXPECT_TRUE(driver.PoolCheck()->clean());
}

TEST_F(DriverRefusalVmTest, GivenPoolThatDoesNotExistIsNamed) {
  SetOptions({"dm.basesize=64M", "dm.thinpooldev=no-such-pool"});
  const absl::Status opened = OpenStatus();
  EXPECT_THAT(opened, sys::FailsWithErrno(ENXIO));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("no-such-pool"));
  ExpectNothingMade();
}

TEST_F(DriverRefusalVmTest, GivenDeviceThatIsNoPoolIsRefused) {
  const dm::NewDevice zero{
      *dm::DmName::Create("admins-zero"),
      *dm::DmUuid::Create("ADMIN-2"),
      {{sys::Sectors{0}, sys::Sectors{2048}, *dm::TargetType::Create("zero"), ""}},
      false};
  ASSERT_THAT(dm::CreateDevice(dm(), zero), sys::IsOk());
  SetOptions({"dm.basesize=64M", "dm.thinpooldev=/dev/mapper/admins-zero"});
  EXPECT_THAT(OpenStatus(), RefusedWith(absl::StatusCode::kFailedPrecondition, "no thin pool"));
  RemoveForeign("admins-zero", "ADMIN-2");
  ExpectNothingMade();
}

TEST_F(DriverRefusalVmTest, GivenPoolIsUsedWhenEmptyAndRefusedWhenUsedByOthers) {
  const loop::AttachedLoop data = AttachImage("data", 128 * kMiB);
  const loop::AttachedLoop metadata = AttachImage("metadata", 8 * kMiB);
  MakeForeignPool(data, metadata);
  SetOptions({"dm.basesize=64M", "dm.thinpooldev=admins-pool"});
  {
    Driver& driver = Open();
    ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
    ASSERT_TRUE(driver.Get("web").ok());
    ASSERT_THAT(driver.Cleanup(), sys::IsOk());
    EXPECT_THAT(DeviceNames(), testing::ElementsAre("admins-pool"));
  }
  driver_.reset();
  config_.root += "-second";
  EXPECT_THAT(OpenStatus(), RefusedWith(absl::StatusCode::kFailedPrecondition, "not empty"));
  EXPECT_FALSE(*thinp::SetExists(host(), config_.root));
  RemoveForeign("admins-pool", "ADMIN-1");
}

TEST_F(DriverRefusalVmTest, DataDeviceSmallerThanABlockIsRefused) {
  const loop::AttachedLoop data = AttachImage("data", 512 * 1024);
  SetOptions({"dm.basesize=64M", "dm.loopmetadatasize=16M", "dm.blocksize=1M",
              absl::StrCat("dm.datadev=", LoopPath(data))});
  EXPECT_THAT(OpenStatus(), RefusedWith(absl::StatusCode::kInvalidArgument, LoopPath(data)));
  ExpectNothingMade();
}

TEST_F(DriverRefusalVmTest, DevicesWithAForeignSignatureAreRefusedAndNotTouched) {
  const loop::AttachedLoop device = AttachImage("foreign", 64 * kMiB);
  const std::string path = LoopPath(device);
  Run({"mkfs.ext4", "-q", path});
  const std::string before = FirstBytes(path);
  for (const char* option : {"dm.datadev=", "dm.metadatadev="}) {
    SetOptions({"dm.basesize=64M", "dm.loopdatasize=512M", absl::StrCat(option, path)});
    EXPECT_THAT(OpenStatus(), RefusedWith(absl::StatusCode::kFailedPrecondition, "signature"));
    ExpectNothingMade();
  }
  EXPECT_EQ(FirstBytes(path), before);
}

TEST_F(DriverRefusalVmTest, MetadataOfAFormerPoolAreTakenWhenClearedAsSaid) {
  const loop::AttachedLoop data = AttachImage("data", 128 * kMiB);
  const loop::AttachedLoop metadata = AttachImage("metadata", 8 * kMiB);
  MakeForeignPool(data, metadata);
  RemoveForeign("admins-pool", "ADMIN-1");
  const std::string path = LoopPath(metadata);
  SetOptions({"dm.basesize=64M", absl::StrCat("dm.datadev=", LoopPath(data)),
              absl::StrCat("dm.metadatadev=", path)});
  EXPECT_THAT(OpenStatus(),
              RefusedWith(absl::StatusCode::kFailedPrecondition,
                          absl::StrCat("(dd if=/dev/zero of=", path, " bs=4096 count=1)")));
  Overwrite(path, 0, std::string(4096, '\0'));
  EXPECT_THAT(Open().Create("web", {}), sys::IsOk());
  // It goes before the devices that it is on.
  ASSERT_THAT(driver_->Cleanup(), sys::IsOk());
  driver_.reset();
}

TEST_F(DriverRefusalVmTest, SignaturesAreSeenWhereThePageCacheIsOlder) {
  // Somebody has the device open, so that its page cache keeps what it was before there was a pool.
  const loop::AttachedLoop metadata = AttachImage("metadata", 16 * kMiB);
  SetOptions({"dm.basesize=64M", "dm.loopdatasize=512M",
              absl::StrCat("dm.metadatadev=", LoopPath(metadata))});
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  ASSERT_THAT(driver_->Cleanup(), sys::IsOk());
  driver_.reset();
  config_.root += "-second";
  EXPECT_THAT(OpenStatus(), RefusedWith(absl::StatusCode::kFailedPrecondition, "signature"));
}

TEST_F(DriverRefusalVmTest, MissingPoolFileIsNotMadeAnew) {
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  ASSERT_THAT(driver_->Cleanup(), sys::IsOk());
  const std::string file = config_.root + "/pool/data";
  ASSERT_THAT(host().root->Rename(file, file + ".away"), sys::IsOk());
  const absl::Status opened = OpenStatus();
  EXPECT_THAT(opened, sys::FailsWithErrno(ENOENT));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("pool/data"));
  EXPECT_FALSE(IsThere(file));
  ASSERT_THAT(host().root->Rename(file + ".away", file), sys::IsOk());
  EXPECT_TRUE(*Open().Exists("web"));
}

TEST_F(DriverRefusalVmTest, BlankSuperblockOfAKnownPoolIsNotFormatted) {
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  ASSERT_THAT(driver_->Cleanup(), sys::IsOk());
  const std::string file = config_.root + "/pool/metadata";
  const std::string superblock = FirstBytes(file).substr(0, 4096);
  Overwrite(file, 0, std::string(4096, '\0'));
  EXPECT_THAT(OpenStatus(), RefusedWith(absl::StatusCode::kFailedPrecondition, "all-zero"));
  EXPECT_EQ(FirstBytes(file).substr(0, 4096), std::string(4096, '\0'));
  Overwrite(file, 0, superblock);
  EXPECT_TRUE(*Open().Exists("web"));
}

TEST_F(DriverRefusalVmTest, PoolFilesWithoutTheirStateAreNotOverwritten) {
  ASSERT_THAT(Open().Create("web", {}), sys::IsOk());
  ASSERT_THAT(driver_->Cleanup(), sys::IsOk());
  driver_.reset();
  for (const char* name : {"/set", "/set.copy"}) {
    ASSERT_THAT(host().root->Unlink(config_.root + name), sys::IsOk());
  }
  EXPECT_THAT(OpenStatus(), RefusedWith(absl::StatusCode::kFailedPrecondition, "`set` file"));
}

TEST_F(DriverRefusalVmTest, OptionsThatContradictTheStoreAreRefusedWithBothValues) {
  Open();
  for (const auto& [option, known] : std::vector<std::pair<std::string, std::string>>{
           {"dm.blocksize=128K", "128"}, {"dm.basesize=32M", "67108864"}, {"dm.fs=xfs", "ext4"}}) {
    SetOptions({option});
    EXPECT_THAT(OpenStatus(), RefusedWith(absl::StatusCode::kFailedPrecondition, known)) << option;
  }
  SetOptions({});
  EXPECT_TRUE(OpenStatus().ok());
}

TEST_F(DriverRefusalVmTest, ReadOnlyAndFullFilesystemsAreSaid) {
  const std::string point = config_.root + "-mount";
  ASSERT_THAT(host().root->MakeDir(point, 0700), sys::IsOk());
  config_.root = point + "/store";
  {
    auto mounted = host().mounts->Mount({"tmpfs", point, "tmpfs", kReadOnlyMount, ""});
    ASSERT_TRUE(mounted.ok()) << mounted.status();
    EXPECT_THAT(OpenStatus(), sys::FailsWithErrno(EROFS));
  }
  ASSERT_THAT(host().mounts->Unmount(point, sys::UnmountMode::kNormal), sys::IsOk());
  {
    auto mounted = host().mounts->Mount({"tmpfs", point, "tmpfs", 0, "size=4k,nr_inodes=20"});
    ASSERT_TRUE(mounted.ok()) << mounted.status();
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    ASSERT_TRUE((*mounted)->OpenFile("filler", options).ok());
    Overwrite(point + "/filler", 0, std::string(4096, 'x'));
    EXPECT_THAT(OpenStatus(), sys::FailsWithErrno(ENOSPC));
  }
  ASSERT_THAT(host().mounts->Unmount(point, sys::UnmountMode::kNormal), sys::IsOk());
  EXPECT_THAT(DeviceNames(), IsEmpty());
}

TEST_F(DriverRefusalVmTest, ReadOnlyPoolIsSaidAndReadingStillWorks) {
  Driver& driver = Open();
  ASSERT_THAT(driver.Create("web", {}), sys::IsOk());
  auto pool = thinp::Pool::Adopt(dm(), *dm::DmName::Create(driver.PoolStatus()->name()));
  ASSERT_TRUE(pool.ok()) << pool.status();
  thinp::ThinPoolParams params = pool->params();
  params.features.read_only = true;
  ASSERT_THAT(pool->Reload(params), sys::IsOk());
  EXPECT_THAT(driver.Create("more", {}),
              RefusedWith(absl::StatusCode::kFailedPrecondition, "mode ro"));
  EXPECT_THAT(driver.Remove("web"),
              RefusedWith(absl::StatusCode::kFailedPrecondition, "thin_check"));
  EXPECT_EQ(driver.List()->layers_size(), 1);
  EXPECT_EQ(driver.PoolStatus()->mode(), "ro");
  EXPECT_FALSE(driver.PoolCheck()->clean());
  EXPECT_TRUE(OpenStatus().ok());
  params.features.read_only = false;
  ASSERT_THAT(pool->Reload(params), sys::IsOk());
  EXPECT_THAT(driver.Create("more", {}), sys::IsOk());
  EXPECT_TRUE(driver.PoolCheck()->clean());
}

}  // namespace
}  // namespace dmkit::driver
