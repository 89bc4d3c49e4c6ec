// SPDX-License-Identifier: Apache-2.0
// The files of devices: each is read or quarantined by itself.

#include <cerrno>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "thinp/state.pb.h"
#include "thinp/state_file.h"
#include "thinp/state_store.h"
#include "thinp/state_store_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;

using StateStoreDevicesTest = StateStoreFixture;

TEST_F(StateStoreDevicesTest, DevicesAreListedByName) {
  StateStore store = Open();
  for (const char* name : {"b", "a.tmp", "a"}) {
    ASSERT_THAT(store.WriteDevice(Device(name, 1)), IsOk());
  }
  EXPECT_THAT(ListedDevices(store), ElementsAre("a", "a.tmp", "b"));
  EXPECT_THAT(QuarantinedFiles(store), IsEmpty());
  EXPECT_THAT(store.RemoveDevice("a"), IsOk());
  EXPECT_THAT(store.RemoveDevice("a"), IsOk());
  EXPECT_THAT(store.HasDevice("a"), IsOkAndHolds(false));
  EXPECT_THAT(ListedDevices(store), ElementsAre("a.tmp", "b"));
}

TEST_F(StateStoreDevicesTest, FileCutOffAtAnyByteQuarantinesThatDeviceOnly) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteDevice(Device("good", 1)), IsOk());
  ASSERT_THAT(store.WriteDevice(Device("bad", 2)), IsOk());
  const std::string whole = ReadRaw("devices/bad");
  for (size_t size = 0; size < whole.size(); ++size) {
    WriteRaw("devices/bad", whole.substr(0, size));
    EXPECT_THAT(store.ReadDevice("bad"), FailsWithCode(kDataLoss)) << size;
    EXPECT_THAT(ListedDevices(store), ElementsAre("good")) << size;
    EXPECT_THAT(QuarantinedFiles(store), ElementsAre("devices/bad")) << size;
  }
  EXPECT_THAT(store.HasDevice("bad"), IsOkAndHolds(true)) << "its name stays taken";
}

TEST_F(StateStoreDevicesTest, AnyFlippedBitQuarantinesTheDevice) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteDevice(Device("bad", 2)), IsOk());
  const std::string whole = ReadRaw("devices/bad");
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    WriteRaw("devices/bad", damaged);
    EXPECT_FALSE(store.ReadDevice("bad").ok()) << bit;
    EXPECT_THAT(QuarantinedFiles(store), ElementsAre("devices/bad")) << bit;
  }
}

TEST_F(StateStoreDevicesTest, FileOfANewerVersionQuarantinesTheDeviceAndSaysSo) {
  StateStore store = Open();
  WriteRaw("devices/new", EncodeState("device", 3, Device("new", 2)));
  const auto device = store.ReadDevice("new");
  EXPECT_THAT(device, FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(device.status().message(), HasSubstr("devices/new"));
  EXPECT_THAT(QuarantinedFiles(store), ElementsAre("devices/new"));
}

TEST_F(StateStoreDevicesTest, RenamedOrCopiedFileIsQuarantined) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteDevice(Device("web", 2)), IsOk());
  WriteRaw("devices/db", ReadRaw("devices/web"));
  const auto device = store.ReadDevice("db");
  EXPECT_THAT(device, FailsWithCode(kDataLoss));
  EXPECT_THAT(device.status().message(), HasSubstr("\"web\""));
  EXPECT_THAT(ListedDevices(store), ElementsAre("web"));
  EXPECT_THAT(QuarantinedFiles(store), ElementsAre("devices/db"));
}

TEST_F(StateStoreDevicesTest, StateOfAnotherKindIsQuarantined) {
  StateStore store = Open();
  WriteRaw("devices/web", EncodeState("set", 1, Set("one")));
  WriteRaw("devices/huge", std::string(kStateFileBytesMax + 1, '#'));
  ASSERT_THAT(store.root().MakeDir("devices/dir", 0700), IsOk());
  EXPECT_THAT(store.ReadDevice("web"), FailsWithCode(kDataLoss));
  EXPECT_THAT(store.ReadDevice("huge"), FailsWithCode(kDataLoss));
  EXPECT_THAT(store.ReadDevice("dir"), FailsWithCode(kDataLoss));
  EXPECT_THAT(QuarantinedFiles(store), ElementsAre("devices/dir", "devices/huge", "devices/web"));
}

TEST_F(StateStoreDevicesTest, TemporariesThatACrashLeftAreNoDevices) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteDevice(Device("web", 1)), IsOk());
  faulty_.SetPlan([](const sys::SeamCall& call) {
    return call.method == "Rename" || call.method == "Unlink" ? EIO : 0;
  });
  EXPECT_THAT(store.WriteDevice(Device("web", 2)), FailsWithErrno(EIO));
  faulty_.SetPlan(nullptr);
  const auto entries = linux_.host().root->List(Root() + "/devices");
  ASSERT_THAT(entries, IsOk());
  ASSERT_EQ(entries->size(), 2u) << "the test has left no temporary file";
  EXPECT_THAT(ListedDevices(store), ElementsAre("web"));
  EXPECT_THAT(QuarantinedFiles(store), IsEmpty());
  EXPECT_EQ(store.ReadDevice("web")->thin_id(), 1u);
  EXPECT_THAT(store.WriteDevice(Device("web", 3)), IsOk());
}

TEST_F(StateStoreDevicesTest, EveryFailedWriteOfADeviceLeavesOneWholeVersion) {
  StateStore store = Open();
  for (uint64_t call = 1;; ++call) {
    ASSERT_THAT(store.WriteDevice(Device("web", 1)), IsOk());
    faulty_.SetPlan(sys::FaultyHost::FailCall(call, ENOSPC));
    const absl::Status written = store.WriteDevice(Device("web", 2));
    const bool reached = faulty_.calls() >= call;
    faulty_.SetPlan(nullptr);
    const auto device = store.ReadDevice("web");
    ASSERT_THAT(device, IsOk()) << call;
    if (!reached) break;
    EXPECT_THAT(written, FailsWithErrno(ENOSPC)) << call;
    EXPECT_THAT(QuarantinedFiles(store), IsEmpty()) << call;
  }
}

}  // namespace
}  // namespace dmkit::thinp
