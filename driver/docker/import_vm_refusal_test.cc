// SPDX-License-Identifier: Apache-2.0
// What the import refuses, and damaged stores of which it takes the rest.

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dm/activate.h"
#include "driver/docker/import_vm_fixture.h"
#include "loop/loop_device.h"
#include "sys/device_number.h"
#include "sys/durable.h"
#include "sys/lock_file.h"
#include "sys/status_matchers.h"
#include "thinp/pool.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::driver {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::UnorderedElementsAre;

constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

std::string Message(const absl::StatusOr<report::ImportReport>& report) {
  return std::string(report.status().message());
}

TEST_F(ImportVmTest, WhatIsNoStoreIsRefused) {
  ImportOptions options = Options();
  EXPECT_THAT(ImportDocker(dm(), options), FailsWithErrno(ENOENT));
  ASSERT_THAT(sys::MakeDirs(*host().root, docker() + "/devicemapper", 0700), IsOk());
  EXPECT_THAT(ImportDocker(dm(), options), FailsWithCode(kPrecondition));
  Write(dir() + "/file", "");
  options.docker_root = dir() + "/file";
  EXPECT_THAT(ImportDocker(dm(), options), FailsWithErrno(ENOTDIR));
  EXPECT_FALSE(IsThere(Options().root));
}

TEST_F(ImportVmTest, TheFolderAboveAStoreIsRefusedWithAHint) {
  MakeStore();
  ImportOptions options = Options();
  options.docker_root = dir();
  options.root = dir() + "-imported";
  const auto report = ImportDocker(dm(), options);
  EXPECT_THAT(report, FailsWithCode(kPrecondition));
  EXPECT_THAT(Message(report), HasSubstr(absl::StrCat("did you mean ", docker(), "?")));
}

TEST_F(ImportVmTest, WordsThatCannotBeAreRefused) {
  MakeStore();
  const auto refused = [&](auto change) {
    ImportOptions options = Options();
    change(options);
    EXPECT_THAT(ImportDocker(dm(), options), FailsWithCode(absl::StatusCode::kInvalidArgument));
  };
  refused([](ImportOptions& o) { o.docker_root = "devicemapper"; });
  refused([](ImportOptions& o) { o.docker_root = ""; });
  refused([](ImportOptions& o) { o.docker_root = "//"; });
  refused([](ImportOptions& o) { o.root = ""; });
  refused([](ImportOptions& o) { o.root = "imported"; });
  refused([](ImportOptions& o) { o.root = o.docker_root; });
  refused([](ImportOptions& o) { o.root = o.docker_root + "/imported"; });
  refused([](ImportOptions& o) {
    o.pool_device = "p";
    o.data_device = "/dev/loop0";
  });
  EXPECT_FALSE(IsThere(Options().root));
}

TEST_F(ImportVmTest, AStoreWithoutAPoolIsRefusedSayingHowToNameIt) {
  MakeStore();
  const std::string data = docker() + "/devicemapper/data";
  ASSERT_THAT(host().root->Rename(data, dir() + "/data"), IsOk());
  auto report = ImportDocker(dm(), Options());
  EXPECT_THAT(report, FailsWithErrno(ENOENT));
  EXPECT_THAT(Message(report), HasSubstr("dm.thinpooldev"));
  Write(docker() + "/setup-config.json", R"({"Device":"/dev/xvdf"})");
  report = ImportDocker(dm(), Options());
  EXPECT_THAT(report, FailsWithErrno(ENOENT));
  EXPECT_THAT(Message(report), AllOf(HasSubstr("/dev/xvdf"), HasSubstr("docker-thinpool")));
  ImportOptions options = Options();
  options.pool_device = "docker-thinpool";
  EXPECT_THAT(ImportDocker(dm(), options), FailsWithErrno(ENXIO));
  options.pool_device = "";
  options.data_device = dir() + "/data";
  EXPECT_THAT(ImportDocker(dm(), options), FailsWithCode(kPrecondition));
}

TEST_F(ImportVmTest, DamagedMetadataIsRefusedAndLeavesNothing) {
  MakeStore();
  const std::string metadata = docker() + "/devicemapper/metadata";
  Write(metadata, std::string(1 << 20, '\0'));
  EXPECT_THAT(ImportDocker(dm(), Options()), FailsWithCode(absl::StatusCode::kDataLoss));
  Write(metadata, "");
  EXPECT_THAT(ImportDocker(dm(), Options()), FailsWithCode(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(IsThere(Options().root));
}

TEST_F(ImportVmTest, DataThatWasCutOffIsRefusedAndTheImportUndone) {
  MakeStore();
  const std::string data = docker() + "/devicemapper/data";
  Write(data, std::string(1 << 20, 'x'));
  const auto report = ImportDocker(dm(), Options());
  EXPECT_THAT(report, FailsWithCode(kPrecondition));
  EXPECT_THAT(Message(report), HasSubstr("cut off"));
  EXPECT_FALSE(IsThere(Options().root + "/set"));
  EXPECT_FALSE(IsThere(Options().root + "/devices/aaaa"));
}

TEST_F(ImportVmTest, AStoreWhosePoolIsActiveIsRefusedNamingIt) {
  MakeStore();
  ImportOptions other = Options();
  other.root = dir() + "/other";
  const report::ImportReport first = Import(other);
  Open(other.root);
  for (const bool adopt : {false, true}) {
    ImportOptions options = Options();
    options.adopt = adopt;
    const auto report = ImportDocker(dm(), options);
    EXPECT_THAT(report, FailsWithCode(kPrecondition));
    EXPECT_THAT(Message(report), HasSubstr(first.pool_name()));
  }
}

TEST_F(ImportVmTest, DockersOwnPoolDeviceIsRecognisedByItsFiles) {
  MakeStore();
  const absl::Time deadline = host().clock->Now() + absl::Seconds(10);
  auto data =
      loop::Attach(host(), docker() + "/devicemapper/data", loop::AttachOptions{}, deadline);
  auto metadata =
      loop::Attach(host(), docker() + "/devicemapper/metadata", loop::AttachOptions{}, deadline);
  ASSERT_THAT(data, IsOk());
  ASSERT_THAT(metadata, IsOk());
  // Attached for writing, and in no use: not taken for reading either.
  EXPECT_THAT(ImportDocker(dm(), Options()), FailsWithCode(kPrecondition));
  thinp::ThinPoolParams params;
  params.data = data->info.device;
  params.metadata = metadata->info.device;
  params.block_size = sys::Sectors{128};
  const dm::DeviceIdentity docker_pool{*dm::DmName::Create("docker-254:0-13587-pool"),
                                       *dm::DmUuid::Create("unlike-docker-with-a-uuid")};
  ASSERT_THAT(thinp::Pool::Create(dm(), docker_pool.name, docker_pool.uuid,
                                  sys::Sectors{(96 << 20) / 512}, params),
              IsOk());
  const auto report = ImportDocker(dm(), Options());
  EXPECT_THAT(report, FailsWithCode(kPrecondition));
  EXPECT_THAT(Message(report), HasSubstr("\"docker-254:0-13587-pool\""));
  // Named as the given pool it is read where it is, and stays.
  ImportOptions options = Options();
  options.pool_device = "/dev/mapper/docker-254:0-13587-pool";
  EXPECT_THAT(Ids(Import(options)), ElementsAre("aaaa", "bbbb", "cccc-init"));
  EXPECT_THAT(Read(MustGet(Open(options.root), "bbbb"), "name"), Optional(std::string("bbbb")));
  Close();
  EXPECT_THAT(DeviceNames(), ElementsAre("docker-254:0-13587-pool"));
  EXPECT_THAT(dm::RemoveDevice(dm(), docker_pool, absl::Seconds(10), false), IsOk());
}

TEST_F(ImportVmTest, TwoImportsOfAStoreAtOnceExcludeEachOther) {
  MakeStore();
  const auto stat = host().root->Stat(docker());
  ASSERT_THAT(stat, IsOk());
  ImportOptions options = Options();
  options.run_root = dir() + "/run";
  options.lock_patience = absl::Milliseconds(10);
  ASSERT_THAT(sys::MakeDirs(*host().root, options.run_root, 0755), IsOk());
  const auto run = host().root->OpenDir(options.run_root);
  ASSERT_THAT(run, IsOk());
  {
    const auto held = sys::AcquireLock(
        host(), **run,
        absl::StrCat("import-", sys::FormatDeviceNumber(stat->device), "-", stat->inode),
        "the other import", absl::Seconds(1));
    ASSERT_THAT(held, IsOk());
    const auto report = ImportDocker(dm(), options);
    EXPECT_THAT(report, FailsWithErrno(ETIMEDOUT));
    EXPECT_THAT(Message(report), HasSubstr("the other import"));
  }
  Import(options);
  Open(options.root);
}

TEST_F(ImportVmTest, ARootThatHoldsAnotherStoreIsRefused) {
  MakeStore();
  ImportOptions options = Options();
  options.root = dir() + "/made";
  EXPECT_THAT(ImportDocker(dm(), options), FailsWithErrno(EEXIST));
  options.adopt = true;
  options.root = "";
  Import(options);
  Open(docker());
  Close();
  EXPECT_THAT(ImportDocker(dm(), options), FailsWithErrno(EEXIST));
}

TEST_F(ImportVmTest, DamageIsReportedItemByItemAndTheRestIsUsable) {
  MakeStore();
  WriteRecord("aaaa", R"({"device_id":2,"si)");
  WriteRecord("dddd", R"({"device_id":77,"size":67108864,"transaction_id":1})");
  WriteRecord("eeee", "");
  WriteRecord(".tmp123", "left by a crash");
  WriteRecord("transaction-metadata",
              R"({"open_transaction_id":9999,"device_hash":"cccc-init","device_id":4})");
  Write(docker() + "/devicemapper/json", R"({"Devices":{"ffff":{"device_id":"x"}}})");
  const report::ImportReport report = Import(Options());
  EXPECT_THAT(Ids(report), ElementsAre("bbbb"));
  EXPECT_THAT(
      Problems(report),
      UnorderedElementsAre(HasSubstr("metadata/aaaa: "), HasSubstr("metadata/eeee: "),
                           HasSubstr("devicemapper/json: ffff: "), HasSubstr("transaction 9999: "),
                           HasSubstr("layer \"cccc-init\": "), HasSubstr("layer \"dddd\": "),
                           HasSubstr("thin id 2: ")));
  EXPECT_THAT(Read(MustGet(Open(Options().root), "bbbb"), "name"), Optional(std::string("bbbb")));
}

TEST_F(ImportVmTest, AStoreThatLostItsBaseIsReadAllTheSame) {
  MakeStore();
  ASSERT_THAT(host().root->Unlink(docker() + "/metadata/base"), IsOk());
  WriteRecord("deviceset-metadata", "{");
  const report::ImportReport report = Import(Options());
  EXPECT_THAT(Ids(report), ElementsAre("aaaa", "bbbb", "cccc-init"));
  EXPECT_EQ(report.filesystem(), "ext4");
  Driver& driver = Open(Options().root);
  EXPECT_THAT(Read(MustGet(driver, "bbbb"), "name"), Optional(std::string("bbbb")));
  EXPECT_THAT(driver.Status(), IsOk());
  EXPECT_THAT(driver.List(), IsOk());
}

TEST_F(ImportVmTest, TheFilesystemIsLookedForInEveryLayer) {
  MakeStore();
  ASSERT_THAT(host().root->Unlink(docker() + "/metadata/base"), IsOk());
  WriteRecord("deviceset-metadata", "{");
  WriteRecord("aaaa", R"({"device_id":2,"size":512,"transaction_id":1})");
  const report::ImportReport report = Import(Options());
  EXPECT_EQ(report.filesystem(), "ext4");
  EXPECT_THAT(Read(MustGet(Open(Options().root), "bbbb"), "name"), Optional(std::string("bbbb")));
}

TEST_F(ImportVmTest, ALayerThatHoldsNoFilesystemIsRefusedAndTheOthersAreNot) {
  Driver& made = OpenMade({});
  MakeLayers(made);
  ToDocker(made);
  // The base has no directory for files: Docker made that at the first mount.
  WriteRecord("dddd", kBase);
  ASSERT_THAT(host().root->Unlink(docker() + "/metadata/base"), IsOk());
  WriteRecord("bbbb", R"({"device_id":3,"size":512,"transaction_id":1})");
  Import(Options());
  Driver& driver = Open(Options().root);
  const auto cut = driver.Get("bbbb");
  EXPECT_FALSE(cut.ok());
  EXPECT_THAT(Read(MustGet(driver, "cccc-init"), "name"), Optional(std::string("cccc-init")));
}

}  // namespace
}  // namespace dmkit::driver
