// SPDX-License-Identifier: Apache-2.0
// Tests of which file of a store is what, on real directories.

#include "driver/docker/store_dir.h"

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/device_number.h"
#include "sys/durable.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kDevice[] = R"({"device_id":7,"size":512,"transaction_id":1})";

class StoreDirTest : public ::testing::Test {
 protected:
  void MakeDir(const std::string& path) {
    ASSERT_THAT(sys::MakeDirs(*linux_.host().root, absl::StrCat(temp_.path(), "/", path), 0700),
                IsOk());
  }
  void Write(const std::string& path, absl::string_view contents) {
    const size_t slash = path.rfind('/');
    if (slash != std::string::npos) MakeDir(path.substr(0, slash));
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    const auto file = linux_.host().root->OpenFile(absl::StrCat(temp_.path(), "/", path), options);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->WriteAt(0, contents), IsOk());
  }
  absl::StatusOr<DockerStore> Read() { return ReadDockerStore(linux_.host(), temp_.path()); }
  DockerStore MustRead() {
    const auto store = Read();
    EXPECT_THAT(store, IsOk());
    return store.ok() ? *store : DockerStore();
  }
  static std::vector<std::string> Names(const DockerStore& store) {
    std::vector<std::string> names;
    for (const auto& [name, device] : store.devices) names.push_back(name);
    return names;
  }
  static std::vector<std::string> Objects(const DockerStore& store) {
    std::vector<std::string> objects;
    for (const report::Problem& problem : store.problems) objects.push_back(problem.object());
    return objects;
  }

  sys::TempDir temp_;
  sys::LinuxHost linux_;
};

TEST_F(StoreDirTest, EveryFileIsWhatItsNameSays) {
  Write("metadata/base", kDevice);
  Write("metadata/ab", kDevice);
  Write("metadata/ab-init", kDevice);
  Write("metadata/deviceset-metadata", R"({"next_device_id":8,"BaseDeviceFilesystem":"xfs"})");
  Write("metadata/transaction-metadata", R"({"open_transaction_id":9,"device_hash":"ab"})");
  Write("setup-config.json", R"({"Device":"/dev/xvdf"})");
  Write("devicemapper/data", "");
  Write("devicemapper/metadata", "");
  const DockerStore store = MustRead();
  EXPECT_THAT(Names(store), ElementsAre("ab", "ab-init", "base"));
  EXPECT_EQ(store.set.base_filesystem, "xfs");
  ASSERT_TRUE(store.transaction.has_value());
  EXPECT_EQ(store.transaction->id, 9u);
  EXPECT_EQ(store.direct_lvm_device, "/dev/xvdf");
  EXPECT_TRUE(store.has_data_file);
  EXPECT_TRUE(store.has_metadata_file);
  EXPECT_THAT(Objects(store), IsEmpty());
}

TEST_F(StoreDirTest, WhatIsNoRecordIsPassedOver) {
  Write("metadata/.tmp123", "cut o");
  Write("metadata/json.migrated", "{}");
  MakeDir("metadata/directory");
  ASSERT_THAT(linux_.host().root->MakeNode(temp_.path() + "/metadata/pipe", sys::FileType::kFifo,
                                           sys::DeviceNumber{}, 0600),
              IsOk());
  Write("setup-config.json", "");
  const DockerStore store = MustRead();
  EXPECT_THAT(Names(store), IsEmpty());
  EXPECT_THAT(Objects(store), IsEmpty());
  EXPECT_FALSE(store.has_data_file);
}

TEST_F(StoreDirTest, TheOldGenerationIsReadFromItsOneFile) {
  Write("devicemapper/json",
        absl::StrCat(R"({"Devices":{"":)", kDevice, R"(,"ab":)", kDevice, "}}"));
  const DockerStore store = MustRead();
  EXPECT_THAT(Names(store), ElementsAre("ab", "base"));
  EXPECT_FALSE(store.transaction.has_value());
}

TEST_F(StoreDirTest, OfAnInterruptedMigrationTheNewRecordsWin) {
  Write("metadata/ab", R"({"device_id":8,"size":1024})");
  Write("devicemapper/json",
        absl::StrCat(R"({"Devices":{"ab":)", kDevice, R"(,"cd":)", kDevice, R"(,"ef":{}}})"));
  const DockerStore store = MustRead();
  EXPECT_THAT(Names(store), ElementsAre("ab", "cd"));
  EXPECT_EQ(store.devices.at("ab").device_id, 8u);
  EXPECT_THAT(Objects(store), ElementsAre("devicemapper/json: ef"));
}

TEST_F(StoreDirTest, AFileThatCannotBeReadIsAProblemAndTheOthersAreRead) {
  Write("metadata/ab", kDevice);
  Write("metadata/cut", R"({"device_id":7,)");
  Write("metadata/long", std::string(100000, ' '));
  Write("metadata/deviceset-metadata", "x");
  Write("metadata/transaction-metadata", "");
  Write("devicemapper/json", "[]");
  Write("setup-config.json", "{");
  const DockerStore store = MustRead();
  EXPECT_THAT(Names(store), ElementsAre("ab"));
  EXPECT_FALSE(store.transaction.has_value());
  EXPECT_THAT(Objects(store),
              UnorderedElementsAre("metadata/cut", "metadata/long", "metadata/deviceset-metadata",
                                   "metadata/transaction-metadata", "devicemapper/json",
                                   "setup-config.json"));
}

TEST_F(StoreDirTest, WhatIsNoStoreIsRefused) {
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kFailedPrecondition));
  Write("devicemapper/data", "");
  EXPECT_THAT(Read(), FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(ReadDockerStore(linux_.host(), temp_.path() + "/none"), FailsWithErrno(ENOENT));
  EXPECT_THAT(ReadDockerStore(linux_.host(), temp_.path() + "/devicemapper/data"),
              FailsWithErrno(ENOTDIR));
}

TEST_F(StoreDirTest, TheFolderAboveIsRefusedWithAHint) {
  Write("devicemapper/metadata/base", kDevice);
  const auto store = Read();
  EXPECT_THAT(store, FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(store.status().message()),
              HasSubstr(absl::StrCat("did you mean ", temp_.path(), "/devicemapper?")));
}

}  // namespace
}  // namespace dmkit::driver
