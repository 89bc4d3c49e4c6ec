// SPDX-License-Identifier: Apache-2.0
// What an import promises: layers are read, nothing in the store changes, an adopted store is ours.

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "driver/archive/changes.h"
#include "driver/archive/options.h"
#include "driver/docker/import_vm_fixture.h"
#include "loop/loop_device.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::StartsWith;

TEST_F(ImportVmTest, LayersOfAnImportedStoreAreReadAndNothingInItChanges) {
  MakeStore();
  const auto before = Fingerprint(docker());
  const report::ImportReport report = Import(Options());
  EXPECT_THAT(Ids(report), ElementsAre("aaaa", "bbbb", "cccc-init"));
  EXPECT_THAT(Problems(report), IsEmpty());
  EXPECT_EQ(report.block_size_bytes(), 65536u);
  EXPECT_EQ(report.filesystem(), "ext4");
  EXPECT_THAT(DeviceNames(), ElementsAre(report.pool_name()));
  Driver& driver = Open(Options().root);
  for (const char* id : {"aaaa", "bbbb", "cccc-init"}) {
    const std::string path = MustGet(driver, id);
    EXPECT_THAT(Read(path, "name"), Optional(std::string(id)));
    EXPECT_THAT(Read(path, "from-aaaa"), Optional(std::string("aaaa")));
    EXPECT_THAT(host().root->MakeDir(path + "/new", 0755), FailsWithErrno(EROFS));
  }
  for (const char* id : {"aaaa", "bbbb", "cccc-init"}) {
    EXPECT_THAT(driver.Put(id, false), IsOk());
  }
  Close();
  EXPECT_EQ(Fingerprint(docker()), before);
}

TEST_F(ImportVmTest, ChangesOfAnImportedStoreAreRefused) {
  MakeStore();
  const auto before = Fingerprint(docker());
  Import(Options());
  Driver& driver = Open(Options().root);
  EXPECT_THAT(driver.Create("new", {}), FailsWithErrno(EROFS));
  EXPECT_THAT(driver.Create("new", {"aaaa"}), FailsWithErrno(EROFS));
  EXPECT_THAT(driver.Remove("aaaa"), FailsWithErrno(EROFS));
  const auto layers = driver.List();
  ASSERT_THAT(layers, IsOk());
  EXPECT_EQ(layers->layers_size(), 3);
  EXPECT_THAT(driver.Inspect("bbbb"), IsOk());
  EXPECT_THAT(driver.Status(), IsOk());
  const auto check = driver.PoolCheck();
  ASSERT_THAT(check, IsOk());
  EXPECT_TRUE(check->clean()) << check->DebugString();
  sys::StringSource archive("");
  EXPECT_THAT(driver.ApplyDiff("aaaa", ArchiveOptions(), archive), FailsWithErrno(EROFS));
  EXPECT_THAT(driver.Grow("aaaa", sys::Bytes{uint64_t{128} << 20}), FailsWithErrno(EROFS));
  Close();
  EXPECT_EQ(Fingerprint(docker()), before);
}

TEST_F(ImportVmTest, LayersOfAnImportedStoreAreCompared) {
  MakeStore();
  Import(Options());
  Driver& driver = Open(Options().root);
  std::vector<std::string> changes;
  EXPECT_THAT(driver.Changes("cccc-init", "aaaa",
                             [&](const Change& change) {
                               changes.push_back(absl::StrCat(
                                   std::string(1, ChangeLetter(change.kind)), change.path));
                               return absl::OkStatus();
                             }),
              IsOk());
  EXPECT_THAT(changes, ElementsAre("A/from-bbbb", "A/from-cccc-init", "C/name"));
  // Docker does not say whose child a layer is.
  EXPECT_THAT(driver.DiffWarning("cccc-init", "aaaa"), sys::IsOkAndHolds(""));
  sys::StringSink out;
  EXPECT_THAT(driver.Diff("bbbb", "aaaa", ArchiveOptions(), out), IsOk());
  EXPECT_NE(out.data(), "");
  EXPECT_THAT(driver.DiffSize("bbbb", "aaaa"), sys::IsOkAndHolds(sys::Bytes{8}));
}

TEST_F(ImportVmTest, AnImportedStoreIsThereAgainAfterCleanup) {
  MakeStore();
  Import(Options());
  EXPECT_THAT(Open(Options().root).Cleanup(), IsOk());
  EXPECT_THAT(DeviceNames(), IsEmpty());
  EXPECT_THAT(Read(MustGet(Open(Options().root), "bbbb"), "name"), Optional(std::string("bbbb")));
}

TEST_F(ImportVmTest, ADryRunReportsAndMakesNothing) {
  MakeStore();
  const auto before = Fingerprint(dir());
  ImportOptions options = Options();
  options.dry_run = true;
  const report::ImportReport report = Import(options);
  EXPECT_TRUE(report.dry_run());
  EXPECT_EQ(report.pool_name(), "");
  EXPECT_THAT(Ids(report), ElementsAre("aaaa", "bbbb", "cccc-init"));
  EXPECT_THAT(DeviceNames(), IsEmpty());
  EXPECT_THAT(LoopFiles(), IsEmpty());
  EXPECT_EQ(Fingerprint(dir()), before);
}

TEST_F(ImportVmTest, AnImportCanBeRepeated) {
  MakeStore();
  const report::ImportReport first = Import(Options());
  WriteRecord("dddd", R"({"device_id":9,"size":67108864,"transaction_id":1})");
  const report::ImportReport second = Import(Options());
  EXPECT_EQ(second.pool_name(), first.pool_name());
  EXPECT_THAT(Ids(second), ElementsAre("aaaa", "bbbb", "cccc-init"));
  EXPECT_THAT(Problems(second), ElementsAre(StartsWith("layer \"dddd\"")));
  Open(Options().root);
}

TEST_F(ImportVmTest, AStoreOfTheOldGenerationIsImported) {
  MakeStore();
  std::string json = R"({"Devices":{)";
  for (const char* id : {"aaaa", "bbbb", "cccc-init", "base"}) {
    const auto record = Read(docker() + "/metadata", id);
    ASSERT_TRUE(record.has_value());
    absl::StrAppend(&json, "\"", id == std::string("base") ? "" : id, "\":", *record, ",");
    ASSERT_THAT(host().root->Unlink(absl::StrCat(docker(), "/metadata/", id)), IsOk());
  }
  json.back() = '}';
  Write(docker() + "/devicemapper/json", json + "}");
  for (const char* name : {"deviceset-metadata", "transaction-metadata"}) {
    ASSERT_THAT(host().root->Unlink(absl::StrCat(docker(), "/metadata/", name)), IsOk());
  }
  ASSERT_THAT(host().root->RemoveDir(docker() + "/metadata"), IsOk());
  const auto before = Fingerprint(docker());
  const report::ImportReport report = Import(Options());
  EXPECT_THAT(Ids(report), ElementsAre("aaaa", "bbbb", "cccc-init"));
  EXPECT_THAT(Problems(report), IsEmpty());
  EXPECT_EQ(report.filesystem(), "ext4");
  EXPECT_THAT(Read(MustGet(Open(Options().root), "bbbb"), "name"), Optional(std::string("bbbb")));
  Close();
  EXPECT_EQ(Fingerprint(docker()), before);
}

TEST_F(ImportVmTest, AnAdoptedStoreIsOursToChange) {
  MakeStore();
  ImportOptions options = Options();
  options.adopt = true;
  options.root = "";
  const report::ImportReport report = Import(options);
  EXPECT_EQ(report.root(), docker());
  {
    Driver& driver = Open(docker());
    Write(MustGet(driver, "bbbb") + "/name", "changed");
    EXPECT_THAT(driver.Put("bbbb", false), IsOk());
    ASSERT_THAT(driver.Create("dddd", {"bbbb"}), IsOk());
    ASSERT_THAT(driver.Create("eeee", {}), IsOk());
    EXPECT_THAT(driver.Remove("aaaa"), IsOk());
  }
  Close();
  Driver& again = Open(docker());
  EXPECT_THAT(Read(MustGet(again, "dddd"), "name"), Optional(std::string("changed")));
  EXPECT_THAT(Read(MustGet(again, "cccc-init"), "name"), Optional(std::string("cccc-init")));
  EXPECT_EQ(Read(MustGet(again, "eeee"), "name"), std::nullopt);
  const auto check = again.PoolCheck();
  ASSERT_THAT(check, IsOk());
  EXPECT_TRUE(check->clean()) << check->DebugString();
}

TEST_F(ImportVmTest, AStoreAdoptedIntoAnotherRootGrowsByTheSizesOfItsFiles) {
  MakeStore();
  ImportOptions options = Options();
  options.adopt = true;
  Import(options);
  const auto start = [&](const std::vector<std::string>& words) {
    Close();
    DriverConfig config;
    config.root = options.root;
    config.create = false;
    config.options = *ParseOptions(words);
    return Driver::Open(dm(), config);
  };
  uint64_t before = 0;
  {
    auto driver = start({});
    ASSERT_THAT(driver, IsOk());
    before = (*driver)->PoolStatus()->total_data_bytes();
    ASSERT_THAT((*driver)->Cleanup(), IsOk());
  }
  {
    auto driver = start({absl::StrCat("dm.loopdatasize=", before + (64 << 20), "b")});
    ASSERT_THAT(driver, IsOk());
    EXPECT_EQ((*driver)->PoolStatus()->total_data_bytes(), before + (64 << 20));
    EXPECT_THAT(Read(MustGet(**driver, "bbbb"), "name"), Optional(std::string("bbbb")));
    ASSERT_THAT((*driver)->Cleanup(), IsOk());
  }
  EXPECT_GE(host().root->Stat(docker() + "/devicemapper/data")->size_bytes, before + (64 << 20));
}

TEST_F(ImportVmTest, FilesOfAStoreThatIsOnlyReadKeepTheirSizes) {
  MakeStore();
  const auto before = Fingerprint(docker());
  Import(Options());
  DriverConfig config;
  config.root = Options().root;
  config.create = false;
  config.options = *ParseOptions({"dm.loopdatasize=600G", "dm.loopmetadatasize=3G"});
  const auto driver = Driver::Open(dm(), config);
  EXPECT_THAT(driver, sys::FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(driver.status().message()), HasSubstr("leave the option out"));
  EXPECT_EQ(Fingerprint(docker()), before);
  Open(Options().root);
}

TEST_F(ImportVmTest, WhatDockerHadDeletedIsFreedInAnAdoptedStore) {
  MakeStore();
  WriteRecord(
      "bbbb",
      R"({"device_id":3,"size":67108864,"transaction_id":3,"initialized":false,"deleted":true})");
  ImportOptions options = Options();
  options.adopt = true;
  const report::ImportReport report = Import(options);
  EXPECT_THAT(Ids(report), ElementsAre("aaaa", "cccc-init"));
  Driver& driver = Open(options.root);
  EXPECT_THAT(driver.Exists("bbbb"), sys::IsOkAndHolds(false));
  ASSERT_THAT(driver.Create("bbbb", {"aaaa"}), IsOk());
  EXPECT_EQ(Read(MustGet(driver, "bbbb"), "from-bbbb"), std::nullopt);
  const auto check = driver.PoolCheck();
  ASSERT_THAT(check, IsOk());
  EXPECT_TRUE(check->clean()) << check->DebugString();
}

TEST_F(ImportVmTest, AnAdoptedStoreIsUnchangedUntilItIsWritten) {
  MakeStore();
  const auto before = Fingerprint(docker());
  ImportOptions options = Options();
  options.adopt = true;
  options.root = "";
  Import(options);
  EXPECT_THAT(Open(docker()).Exists("aaaa"), sys::IsOkAndHolds(true));
  Close();
  const auto after = Fingerprint(docker());
  for (const auto& [path, print] : before) {
    // Directories get the new state files.
    if (path == docker()) continue;
    EXPECT_EQ(after.at(path), print) << path;
  }
  // A look at the pool takes a metadata snapshot, which changes nothing for Docker: without our
  // files it can have its store back.
  EXPECT_THAT(Open(docker()).List(), IsOk());
  Close();
  for (const char* name : {"set", "set.copy"}) {
    ASSERT_THAT(host().root->Unlink(absl::StrCat(docker(), "/", name)), IsOk());
  }
  EXPECT_THAT(Ids(Import(Options())), ElementsAre("aaaa", "bbbb", "cccc-init"));
  Open(Options().root);
}

TEST_F(ImportVmTest, HalvesThatAreLinksToDevicesAreImported) {
  MakeStore();
  std::vector<loop::AttachedLoop> devices;
  for (const char* half : {"data", "metadata"}) {
    const std::string file = absl::StrCat(docker(), "/devicemapper/", half);
    ASSERT_THAT(host().root->Rename(file, absl::StrCat(dir(), "/", half)), IsOk());
    auto attached = loop::Attach(host(), absl::StrCat(dir(), "/", half), loop::AttachOptions{},
                                 host().clock->Now() + absl::Seconds(10));
    ASSERT_THAT(attached, IsOk());
    ASSERT_THAT(host().root->MakeSymlink(absl::StrCat("/dev/loop", attached->info.number), file),
                IsOk());
    devices.push_back(*std::move(attached));
  }
  const auto before = Fingerprint(dir() + "/metadata");
  Import(Options());
  EXPECT_THAT(Read(MustGet(Open(Options().root), "bbbb"), "name"), Optional(std::string("bbbb")));
  Close();
  devices.clear();
  EXPECT_EQ(Fingerprint(dir() + "/metadata"), before);
}

}  // namespace
}  // namespace dmkit::driver
