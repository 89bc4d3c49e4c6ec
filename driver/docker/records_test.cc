// SPDX-License-Identifier: Apache-2.0
// Tests of the records' readers: what Docker wrote, and what is none of it.

#include "driver/docker/records.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::IsOk;
using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

TEST(DockerRecordsTest, ADeviceIsRead) {
  const auto device = ParseDockerDevice(
      R"({"device_id":7,"size":314572800,"transaction_id":9,"initialized":true,"deleted":true})");
  ASSERT_THAT(device, IsOk());
  EXPECT_EQ(device->device_id, 7u);
  EXPECT_EQ(device->size_bytes, 314572800u);
  EXPECT_EQ(device->transaction_id, 9u);
  EXPECT_TRUE(device->initialized);
  EXPECT_TRUE(device->deleted);
}

TEST(DockerRecordsTest, MembersAreKnownInAnyCaseAndUnknownOnesPassedOver) {
  const auto device = ParseDockerDevice(
      R"( {"Device_ID": 0, "SIZE": 512, "later": {"x": [1]}, "transaction_id": null} )");
  ASSERT_THAT(device, IsOk());
  EXPECT_EQ(device->device_id, 0u);
  EXPECT_EQ(device->size_bytes, 512u);
  EXPECT_EQ(device->transaction_id, 0u);
  EXPECT_FALSE(device->deleted);
}

TEST(DockerRecordsTest, TheLargestValuesAreRead) {
  const auto device = ParseDockerDevice(R"({"device_id":16777215,"size":9007199254740991})");
  ASSERT_THAT(device, IsOk());
  EXPECT_EQ(device->device_id, 16777215u);
  EXPECT_EQ(device->size_bytes, 9007199254740991u);
}

TEST(DockerRecordsTest, WhatIsNoDeviceIsRefused) {
  for (const char* text : {
           "",
           " \n",
           "{",
           "}",
           "[]",
           "null",
           "7",
           "\"x\"",
           "{}",
           R"({"device_id":7})",
           R"({"size":512})",
           R"({"device_id":null,"size":512})",
           R"({"device_id":7,"size":)",
           R"({"device_id":7,"size":5)",
           R"({"device_id":7,"size":512)",
           R"({"device_id":7,"size":512}})",
           R"({"device_id":7,"size":512}{"device_id":8,"size":512})",
           R"({"device_id":7,"size":512} x)",
           R"(x{"device_id":7,"size":512})",
           R"({"device_id":"7","size":512})",
           R"({"device_id":true,"size":512})",
           R"({"device_id":-1,"size":512})",
           R"({"device_id":16777216,"size":512})",
           R"({"device_id":7.5,"size":512})",
           R"({"device_id":7,"size":-512})",
           R"({"device_id":7,"size":9007199254740992})",
           R"({"device_id":7,"size":1e300})",
           R"({"device_id":7,"size":[512]})",
           R"({"device_id":7,"size":512,"deleted":1})",
           R"({"device_id":7,"size":512,"initialized":"true"})",
           R"({"device_id":7,"size":512,"transaction_id":-2})",
           R"({"device_id":7,"Device_Id":8,"size":512})",
           "{\"device_id\":7,\"size\":512,\"\xff\":1}",
       }) {
    EXPECT_THAT(ParseDockerDevice(text), FailsWithCode(kDataLoss)) << text;
  }
  EXPECT_THAT(ParseDockerDevice(std::string("{\"device_id\":7,\"size\":512}\0\0", 28)),
              FailsWithCode(kDataLoss));
}

TEST(DockerRecordsTest, AnErrorSaysWhichMemberIsWrong) {
  EXPECT_THAT(std::string(ParseDockerDevice(R"({"device_id":7})").status().message()),
              HasSubstr("\"size\" is missing"));
}

TEST(DockerRecordsTest, ASetIsReadAsFarAsItsVersionHasIt) {
  const auto full = ParseDockerSet(
      R"({"next_device_id":8,"BaseDeviceUUID":"17b01d22","BaseDeviceFilesystem":"ext4"})");
  ASSERT_THAT(full, IsOk());
  EXPECT_EQ(full->next_device_id, 8u);
  EXPECT_EQ(full->base_uuid, "17b01d22");
  EXPECT_EQ(full->base_filesystem, "ext4");
  const auto old = ParseDockerSet("{}");
  ASSERT_THAT(old, IsOk());
  EXPECT_EQ(old->base_filesystem, "");
}

TEST(DockerRecordsTest, WhatIsNoSetIsRefused) {
  for (const char* text :
       {"", "{\"next_device_id\":", R"({"next_device_id":"8"})", R"({"next_device_id":-8})",
        R"({"BaseDeviceUUID":17})", R"({"BaseDeviceFilesystem":["ext4"]})", "[8]"}) {
    EXPECT_THAT(ParseDockerSet(text), FailsWithCode(kDataLoss)) << text;
  }
}

TEST(DockerRecordsTest, ATransactionIsRead) {
  const auto transaction =
      ParseDockerTransaction(R"({"open_transaction_id":9,"device_hash":"ab","device_id":8})");
  ASSERT_THAT(transaction, IsOk());
  EXPECT_EQ(transaction->id, 9u);
  EXPECT_EQ(transaction->hash, "ab");
  EXPECT_EQ(transaction->device_id, 8u);
}

TEST(DockerRecordsTest, WhatIsNoTransactionIsRefused) {
  for (const char* text :
       {"", "{}", R"({"open_transaction_id":"9"})", R"({"open_transaction_id":9,"device_hash":3})",
        R"({"open_transaction_id":9,"device_id":16777216})"}) {
    EXPECT_THAT(ParseDockerTransaction(text), FailsWithCode(kDataLoss)) << text;
  }
}

TEST(DockerRecordsTest, TheDiskOfASetupIsRead) {
  const auto disk = ParseDockerSetup(R"({"Device":"/dev/xvdf","ThinpPercent":0})");
  ASSERT_THAT(disk, IsOk());
  EXPECT_EQ(*disk, "/dev/xvdf");
  EXPECT_EQ(ParseDockerSetup("").value(), "");
  for (const char* text : {"{", R"({"Device":1})", "/dev/xvdf", "\xff"}) {
    EXPECT_THAT(ParseDockerSetup(text), FailsWithCode(kDataLoss)) << text;
  }
}

TEST(DockerRecordsTest, TheOldFileIsReadDeviceByDevice) {
  const auto devices = ParseDockerDevices(
      R"({"Devices":{"":{"device_id":0,"size":512,"transaction_id":1,"initialized":true},)"
      R"("ab":{"device_id":1,"size":512,"transaction_id":2,"initialized":false},)"
      R"("cd":{"device_id":"x","size":512},"ef":3}})");
  ASSERT_THAT(devices, IsOk());
  ASSERT_EQ(devices->size(), 4u);
  ASSERT_THAT(devices->at(""), IsOk());
  EXPECT_TRUE(devices->at("")->initialized);
  ASSERT_THAT(devices->at("ab"), IsOk());
  EXPECT_EQ(devices->at("ab")->device_id, 1u);
  EXPECT_THAT(devices->at("cd"), FailsWithCode(kDataLoss));
  EXPECT_THAT(devices->at("ef"), FailsWithCode(kDataLoss));
}

TEST(DockerRecordsTest, WhatIsNoOldFileIsRefused) {
  EXPECT_TRUE(ParseDockerDevices("{}").value().empty());
  for (const char* text : {"", "[]", R"({"Devices":[]})", R"({"Devices":{"":{"device_id":0)",
                           R"({"Devices":{},"devices":{}})"}) {
    EXPECT_THAT(ParseDockerDevices(text), FailsWithCode(kDataLoss)) << text;
  }
}

TEST(DockerRecordsTest, NestingWithoutEndIsRefused) {
  const std::string deep = absl::StrCat("{\"a\":", std::string(100000, '['), "}");
  EXPECT_THAT(ParseDockerSet(deep), FailsWithCode(kDataLoss));
}

}  // namespace
}  // namespace dmkit::driver
