// SPDX-License-Identifier: Apache-2.0
// Which files there are, the set and the transaction. The devices are in
// state_store_devices_test.cc.

#include "thinp/state_store.h"

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
#include "thinp/state_store_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::FailsWithCode;
using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::IsEmpty;

constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;

using StateStoreTest = StateStoreFixture;

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
  WriteRaw("set", EncodeState("set", 3, Set("one")));
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
