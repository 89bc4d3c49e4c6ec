// SPDX-License-Identifier: Apache-2.0

#include "thinp/imported_set.h"

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"
#include "thinp/state_store_fixture.h"

namespace dmkit::thinp {
namespace {

using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ImportedSetTest : public StateStoreFixture {
 protected:
  static ImportedSet Adopted(const std::string& from) {
    ImportedSet set;
    set.pool.set_imported_from(from);
    set.transaction_id = 7;
    set.next_thin_id = 9;
    return set;
  }
  absl::Status Import(const ImportedSet& set) {
    return WriteImportedSet(linux_.host(), Root(), set, absl::ZeroDuration());
  }
  absl::Status Undo(const std::string& from) {
    return RemoveImportedSet(linux_.host(), Root(), from, absl::ZeroDuration());
  }
};

// Their thin ids would be those of devices of the next set's pool.
TEST_F(ImportedSetTest, ImportThatIsUndoneLeavesNoDeviceToDeleteAndNoTransaction) {
  ImportedSet set = Adopted("/docker");
  set.devices.push_back(Device("a", 1));
  set.deleted.push_back(Device("gone", 5));
  ASSERT_THAT(Import(set), IsOk());
  StateStore store = Open();
  ASSERT_THAT(store.DeletedNames(), IsOkAndHolds(ElementsAre("gone")));
  ASSERT_THAT(Undo("/docker"), IsOk());
  EXPECT_THAT(store.DeletedNames(), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(ListedDevices(store), IsEmpty());
  const auto transaction = store.ReadTransaction();
  ASSERT_THAT(transaction, IsOk());
  EXPECT_FALSE(transaction->has_value());
}

TEST_F(ImportedSetTest, DeletedDevicesOfAnInterruptedImportAreNotTheNextOnes) {
  StateStore store = Open();
  ASSERT_THAT(store.WriteDeleted(Device("gone", 5)), IsOk());
  ImportedSet set = Adopted("/docker");
  set.deleted.push_back(Device("other", 6));
  ASSERT_THAT(Import(set), IsOk());
  EXPECT_THAT(store.DeletedNames(), IsOkAndHolds(ElementsAre("other")));
}

TEST_F(ImportedSetTest, UndoingTouchesNoSetFromElsewhere) {
  ImportedSet set = Adopted("/docker");
  set.devices.push_back(Device("a", 1));
  set.deleted.push_back(Device("gone", 5));
  ASSERT_THAT(Import(set), IsOk());
  EXPECT_THAT(Undo("/other"), IsOk());
  StateStore store = Open();
  EXPECT_THAT(store.HasSet(), IsOkAndHolds(true));
  EXPECT_THAT(ListedDevices(store), ElementsAre("a"));
  EXPECT_THAT(store.DeletedNames(), IsOkAndHolds(ElementsAre("gone")));
}

}  // namespace
}  // namespace dmkit::thinp
