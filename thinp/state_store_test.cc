// SPDX-License-Identifier: Apache-2.0

#include "thinp/state_store.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"
#include "thinp/state.pb.h"
#include "thinp/state_file.h"

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

proto::SetState Set(const std::string& uuid) {
  proto::SetState set;
  set.set_set_uuid(uuid);
  set.mutable_pool()->mutable_data()->set_loop_file("pool/data");
  set.mutable_pool()->set_formatted(true);
  return set;
}

proto::DeviceState Device(const std::string& name, uint32_t thin_id) {
  proto::DeviceState device;
  device.set_name(name);
  device.set_thin_id(thin_id);
  device.set_size_bytes(1 << 20);
  return device;
}

class StateStoreTest : public ::testing::Test {
 protected:
  StateStoreTest() : faulty_(linux_.host()) {}

  StateStore Open() {
    auto store = StateStore::Open(faulty_.host(), Root(), /*create=*/true);
    EXPECT_THAT(store, IsOk());
    return *std::move(store);
  }

  std::string Root() const { return temp_.path() + "/a/b"; }

  std::string ReadRaw(const std::string& name) {
    auto contents = sys::ReadFile(*linux_.host().root, absl::StrCat(Root(), "/", name), 1 << 20);
    EXPECT_THAT(contents, IsOk());
    return contents.value_or("");
  }

  void WriteRaw(const std::string& name, absl::string_view contents) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    auto file = linux_.host().root->OpenFile(absl::StrCat(Root(), "/", name), options);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Truncate(0), IsOk());
    ASSERT_THAT((*file)->WriteAt(0, contents), IsOk());
  }

  std::vector<std::string> QuarantinedFiles(const StateStore& store) {
    const auto list = store.ListDevices();
    EXPECT_THAT(list, IsOk());
    std::vector<std::string> files;
    for (const Quarantined& file : list->quarantined) files.push_back(file.file);
    return files;
  }

  std::vector<std::string> ListedDevices(const StateStore& store) {
    const auto list = store.ListDevices();
    EXPECT_THAT(list, IsOk());
    std::vector<std::string> names;
    for (const proto::DeviceState& device : list->devices) names.push_back(device.name());
    return names;
  }

  sys::TempDir temp_;
  sys::LinuxHost linux_;
  sys::FaultyHost faulty_;
};

TEST_F(StateStoreTest, OpenMakesItsDirectoriesForTheOwnerOnly) {
  Open();
  for (const char* path : {"", "/devices"}) {
    const auto stat = linux_.host().root->Stat(Root() + path);
    ASSERT_THAT(stat, IsOk());
    EXPECT_EQ(stat->mode, 0700u);
  }
}

TEST_F(StateStoreTest, OpenWithoutCreateMakesNothing) {
  EXPECT_THAT(StateStore::Open(faulty_.host(), Root(), /*create=*/false), FailsWithErrno(ENOENT));
  EXPECT_THAT(linux_.host().root->Stat(temp_.path() + "/a"), FailsWithErrno(ENOENT));
}

TEST_F(StateStoreTest, NewStoreHasNothing) {
  const StateStore store = Open();
  EXPECT_THAT(store.HasSet(), IsOkAndHolds(false));
  const auto set = store.ReadSet();
  ASSERT_THAT(set, IsOk());
  EXPECT_FALSE(set->has_value());
  const auto transaction = store.ReadTransaction();
  ASSERT_THAT(transaction, IsOk());
  EXPECT_FALSE(transaction->has_value());
  EXPECT_THAT(ListedDevices(store), IsEmpty());
  EXPECT_THAT(store.HasDevice("a"), IsOkAndHolds(false));
  EXPECT_THAT(store.ReadDevice("a"), FailsWithErrno(ENOENT));
}

TEST_F(StateStoreTest, SetIsReadAsItWasWritten) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteSet(Set("one")), IsOk());
  ASSERT_THAT(store.WriteSet(Set("two")), IsOk());
  EXPECT_THAT(store.HasSet(), IsOkAndHolds(true));
  const auto set = store.ReadSet();
  ASSERT_THAT(set, IsOk());
  ASSERT_TRUE(set->has_value());
  EXPECT_EQ((*set)->state.set_uuid(), "two");
  EXPECT_EQ((*set)->state.pool().data().loop_file(), "pool/data");
  EXPECT_FALSE((*set)->damaged.has_value());
}

TEST_F(StateStoreTest, DamagedSetFileIsReplacedByItsCopyInMemoryAndNamed) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteSet(Set("one")), IsOk());
  const std::string whole = ReadRaw("set");
  std::string flipped = whole;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  for (const std::string& damaged :
       {std::string(), whole.substr(0, whole.size() - 1), whole.substr(0, 9), flipped,
        std::string(kStateFileBytesMax + 1, 'x')}) {
    WriteRaw("set", damaged);
    const auto set = store.ReadSet();
    ASSERT_THAT(set, IsOk());
    ASSERT_TRUE(set->has_value());
    EXPECT_EQ((*set)->state.set_uuid(), "one");
    ASSERT_TRUE((*set)->damaged.has_value());
    EXPECT_EQ((*set)->damaged->file, "set");
    EXPECT_EQ(ReadRaw("set"), damaged) << "left as it is for people";
  }
}

TEST_F(StateStoreTest, MissingSetFileIsReplacedByItsCopy) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteSet(Set("one")), IsOk());
  ASSERT_THAT(store.root().Unlink("set"), IsOk());
  EXPECT_THAT(store.HasSet(), IsOkAndHolds(true));
  const auto set = store.ReadSet();
  ASSERT_THAT(set, IsOk());
  ASSERT_TRUE(set->has_value() && (*set)->damaged.has_value());
  EXPECT_EQ((*set)->state.set_uuid(), "one");
}

TEST_F(StateStoreTest, DamagedCopyDoesNotMatterWhileTheSetFileIsWhole) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteSet(Set("one")), IsOk());
  WriteRaw("set.copy", "");
  const auto set = store.ReadSet();
  ASSERT_THAT(set, IsOk());
  ASSERT_TRUE(set->has_value());
  EXPECT_FALSE((*set)->damaged.has_value());
}

TEST_F(StateStoreTest, SetWithoutAWholeFileIsAnErrorNotAnEmptyStore) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteSet(Set("one")), IsOk());
  WriteRaw("set", "");
  WriteRaw("set.copy", "x");
  EXPECT_THAT(store.ReadSet(), FailsWithCode(kDataLoss));
  ASSERT_THAT(store.root().Unlink("set.copy"), IsOk());
  EXPECT_THAT(store.ReadSet(), FailsWithCode(kDataLoss));
  ASSERT_THAT(store.root().Unlink("set"), IsOk());
  WriteRaw("set.copy", "x");
  EXPECT_THAT(store.ReadSet(), FailsWithCode(kDataLoss));
}

TEST_F(StateStoreTest, SetOfANewerVersionIsRefusedAndItsCopyNotAsked) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteSet(Set("one")), IsOk());
  WriteRaw("set", EncodeState("set", 2, Set("one")));
  EXPECT_THAT(store.ReadSet(), FailsWithCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(StateStoreTest, SetFileThatCannotBeReadIsReplacedByItsCopy) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteSet(Set("one")), IsOk());
  faulty_.SetPlan([](const sys::SeamCall& call) {
    return call.method == "ReadAt" && call.object.substr(call.object.size() - 4) == "/set" ? EIO
                                                                                           : 0;
  });
  const auto set = store.ReadSet();
  ASSERT_THAT(set, IsOk());
  EXPECT_TRUE(set->has_value() && (*set)->damaged.has_value());
  faulty_.SetPlan(sys::FaultyHost::FailMatching("ReadAt", "/set", EIO));
  EXPECT_THAT(store.ReadSet(), FailsWithErrno(EIO));
}

TEST_F(StateStoreTest, EveryCutOffWriteOfTheSetLeavesOneWholeVersion) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteSet(Set("old")), IsOk());
  for (uint64_t stop = 1;; ++stop) {
    ASSERT_THAT(store.WriteSet(Set("old")), IsOk());
    faulty_.SetPlan(sys::FaultyHost::StopAt(stop));
    const bool written = store.WriteSet(Set("new")).ok();
    faulty_.SetPlan(nullptr);
    const auto set = store.ReadSet();
    ASSERT_THAT(set, IsOk()) << stop;
    ASSERT_TRUE(set->has_value()) << stop;
    EXPECT_FALSE((*set)->damaged.has_value()) << stop;
    if (written) {
      EXPECT_EQ((*set)->state.set_uuid(), "new");
      break;
    }
  }
}

TEST_F(StateStoreTest, RemovedSetIsGoneWithItsCopy) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteSet(Set("one")), IsOk());
  EXPECT_THAT(store.RemoveSet(), IsOk());
  EXPECT_THAT(store.HasSet(), IsOkAndHolds(false));
  EXPECT_THAT(store.RemoveSet(), IsOk());
}

TEST_F(StateStoreTest, TransactionIsReadAsItWasWritten) {
  StateStore store = Open();
  proto::TransactionState transaction;
  transaction.set_transaction_id(7);
  transaction.set_kind(proto::TransactionState::DELETE);
  transaction.set_device("web");
  ASSERT_THAT(store.WriteTransaction(transaction), IsOk());
  const auto read = store.ReadTransaction();
  ASSERT_THAT(read, IsOk());
  ASSERT_TRUE(read->has_value());
  EXPECT_EQ((*read)->transaction_id(), 7u);
  EXPECT_EQ((*read)->kind(), proto::TransactionState::DELETE);
  EXPECT_EQ((*read)->device(), "web");
}

TEST_F(StateStoreTest, DamagedTransactionIsAnErrorUntilPutAsideAndThenListed) {
  StateStore store = Open();
  EXPECT_THAT(store.ListQuarantined(), IsOkAndHolds(IsEmpty()));
  for (const std::string& damaged :
       {std::string(), std::string("# dmkit transaction v1\n"),
        std::string(kStateFileBytesMax + 1, 'x'), EncodeState("device", 1, Device("a", 1))}) {
    WriteRaw("transaction", damaged);
    EXPECT_THAT(store.ReadTransaction(), FailsWithCode(kDataLoss));
    ASSERT_THAT(store.QuarantineTransaction(), IsOk());
    const auto read = store.ReadTransaction();
    ASSERT_THAT(read, IsOk());
    EXPECT_FALSE(read->has_value());
    EXPECT_EQ(ReadRaw("transaction.quarantined"), damaged);
  }
  const auto quarantined = store.ListQuarantined();
  ASSERT_THAT(quarantined, IsOk());
  ASSERT_EQ(quarantined->size(), 1u);
  EXPECT_EQ((*quarantined)[0].file, "transaction.quarantined");
}

TEST_F(StateStoreTest, TransactionOfANewerVersionIsRefused) {
  StateStore store = Open();
  WriteRaw("transaction", EncodeState("transaction", 2, proto::TransactionState()));
  EXPECT_THAT(store.ReadTransaction(), FailsWithCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(StateStoreTest, DevicesAreListedByName) {
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

TEST_F(StateStoreTest, FileCutOffAtAnyByteQuarantinesThatDeviceOnly) {
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

TEST_F(StateStoreTest, AnyFlippedBitQuarantinesTheDevice) {
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

TEST_F(StateStoreTest, FileOfANewerVersionQuarantinesTheDeviceAndSaysSo) {
  StateStore store = Open();
  WriteRaw("devices/new", EncodeState("device", 2, Device("new", 2)));
  const auto device = store.ReadDevice("new");
  EXPECT_THAT(device, FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(device.status().message(), HasSubstr("devices/new"));
  EXPECT_THAT(QuarantinedFiles(store), ElementsAre("devices/new"));
}

TEST_F(StateStoreTest, RenamedOrCopiedFileIsQuarantined) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteDevice(Device("web", 2)), IsOk());
  WriteRaw("devices/db", ReadRaw("devices/web"));
  const auto device = store.ReadDevice("db");
  EXPECT_THAT(device, FailsWithCode(kDataLoss));
  EXPECT_THAT(device.status().message(), HasSubstr("\"web\""));
  EXPECT_THAT(ListedDevices(store), ElementsAre("web"));
  EXPECT_THAT(QuarantinedFiles(store), ElementsAre("devices/db"));
}

TEST_F(StateStoreTest, StateOfAnotherKindIsQuarantined) {
  StateStore store = Open();
  WriteRaw("devices/web", EncodeState("set", 1, Set("one")));
  WriteRaw("devices/huge", std::string(kStateFileBytesMax + 1, '#'));
  ASSERT_THAT(store.root().MakeDir("devices/dir", 0700), IsOk());
  EXPECT_THAT(store.ReadDevice("web"), FailsWithCode(kDataLoss));
  EXPECT_THAT(store.ReadDevice("huge"), FailsWithCode(kDataLoss));
  EXPECT_THAT(store.ReadDevice("dir"), FailsWithCode(kDataLoss));
  EXPECT_THAT(QuarantinedFiles(store), ElementsAre("devices/dir", "devices/huge", "devices/web"));
}

TEST_F(StateStoreTest, TemporariesThatACrashLeftAreNoDevices) {
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

TEST_F(StateStoreTest, EveryFailedWriteOfADeviceLeavesOneWholeVersion) {
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

TEST_F(StateStoreTest, WritesCostTwoFsyncsAFile) {
  StateStore store = Open();
  const auto syncs = [&](const absl::Status& status) {
    EXPECT_THAT(status, IsOk());
    const uint64_t count = faulty_.CountOf("Sync");
    faulty_.SetPlan(nullptr);
    return count;
  };
  faulty_.SetPlan(nullptr);
  EXPECT_EQ(syncs(store.WriteSet(Set("one"))), 4u);
  EXPECT_EQ(syncs(store.WriteTransaction(proto::TransactionState())), 2u);
  EXPECT_EQ(syncs(store.WriteDevice(Device("web", 1))), 2u);
  EXPECT_EQ(syncs(store.RemoveDevice("web")), 1u);
}

}  // namespace
}  // namespace dmkit::thinp
