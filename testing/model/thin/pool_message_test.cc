// SPDX-License-Identifier: Apache-2.0
// Messages of pools: what each does, and every errno.

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

class PoolMessageTest : public ThinTest {
 protected:
  void SetUp() override { MakePool(); }
  std::vector<ThinState> Thins() { return *pools_->ThinsOf(machine_.device("pool")); }
  std::string TransactionId() {
    const std::vector<std::string> words = absl::StrSplit(Info("pool"), ' ');
    return words[0];
  }
};

TEST_P(PoolMessageTest, WordsThatNobodyKnowsAndWrongCountsAreEinval) {
  for (const char* text :
       {"create_thi 1", "create_thin", "create_thin 1 2", "create_snap 1", "create_snap 1 2 3",
        "delete", "delete 1 2", "set_transaction_id 0", "set_transaction_id 0 1 2",
        "reserve_metadata_snap 1", "release_metadata_snap 1", "trim", ""}) {
    EXPECT_EQ(Send(text), -EINVAL) << text;
  }
}

TEST_P(PoolMessageTest, IdsThatAreNoneAreEinval) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  for (const char* id : {"x", "-1", "0x1", "1x", "16777216", "18446744073709551616", "1.0"}) {
    EXPECT_EQ(Send(absl::StrCat("create_thin ", id)), -EINVAL) << id;
    EXPECT_EQ(Send(absl::StrCat("delete ", id)), -EINVAL) << id;
    EXPECT_EQ(Send(absl::StrCat("create_snap ", id, " 1")), -EINVAL) << id;
    EXPECT_EQ(Send(absl::StrCat("create_snap 2 ", id)), -EINVAL) << id;
    EXPECT_EQ(Send(absl::StrCat("create_snap 1 ", id)), -EINVAL) << id;
    EXPECT_EQ(Send(absl::StrCat("set_transaction_id 0 ", id)),
              absl::string_view(id) == "16777216" ? 0 : -EINVAL)
        << id;
  }
}

TEST_P(PoolMessageTest, IdsMayHaveAPlusAndZeroes) {
  EXPECT_EQ(Send("create_thin +5"), 0);
  EXPECT_EQ(Send("create_thin 003"), 0);
  EXPECT_EQ(Send("create_thin 16777215"), 0);
  EXPECT_EQ(Send("create_thin 5"), -EEXIST);
  EXPECT_EQ(Send("create_thin 3"), -EEXIST);
  EXPECT_EQ(Thins().size(), 3u);
}

TEST_P(PoolMessageTest, WordsAreCaseInsensitive) {
  EXPECT_EQ(Send("CREATE_thin 1"), 0);
  EXPECT_EQ(Send("Delete 1"), 0);
}

TEST_P(PoolMessageTest, SnapshotAsksForItsOwnIdBeforeTheOrigin) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  EXPECT_EQ(Send("create_snap 1 9"), -EEXIST);
  EXPECT_EQ(Send("create_snap 2 9"), -ENODATA);
  EXPECT_EQ(Send("create_snap 2 1"), 0);
  EXPECT_EQ(Send("create_snap 2 1"), -EEXIST);
  EXPECT_EQ(Send("create_thin 2"), -EEXIST);
}

TEST_P(PoolMessageTest, SnapshotMovesTheTimeAndTakesTheCountsOver) {
  ASSERT_EQ(Send("set_transaction_id 0 7"), 0);
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, kBlock, 'a'), 0);
  ASSERT_EQ(Send("set_transaction_id 7 8"), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  const std::vector<ThinState> thins = Thins();
  ASSERT_EQ(thins.size(), 2u);
  EXPECT_EQ(thins[0].transaction_id, 7u);
  EXPECT_EQ(thins[0].creation_time, 0u);
  EXPECT_EQ(thins[0].snapshotted_time, 1u);
  EXPECT_EQ(thins[1].id, 2u);
  EXPECT_EQ(thins[1].mapped_blocks, 1u);
  EXPECT_EQ(thins[1].transaction_id, 8u);
  EXPECT_EQ(thins[1].creation_time, 1u);
  EXPECT_EQ(thins[1].snapshotted_time, 1u);
}

TEST_P(PoolMessageTest, DeleteOfWhatIsNotThereOrOpen) {
  EXPECT_EQ(Send("delete 1"), -ENODATA);
  MakeThin("a", "1");
  EXPECT_EQ(Send("delete 1"), -EBUSY);
  ASSERT_EQ(machine_.Remove("a"), 0);
  EXPECT_EQ(Send("delete 1"), 0);
  EXPECT_EQ(Send("delete 1"), -ENODATA);
  EXPECT_TRUE(Thins().empty());
}

TEST_P(PoolMessageTest, InactiveTableKeepsAThinFromBeingDeleted) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  ASSERT_EQ(machine_.Create("a"), 0);
  ASSERT_EQ(machine_.Load("a", 128, "thin", ThinLine("1")), 0);
  EXPECT_EQ(Send("delete 1"), -EBUSY);
  ASSERT_EQ(machine_.Clear("a"), 0);
  EXPECT_EQ(Send("delete 1"), 0);
}

TEST_P(PoolMessageTest, TransactionIdMustBeTheCurrentOne) {
  EXPECT_EQ(Send("set_transaction_id 1 2"), -EINVAL);
  EXPECT_EQ(Send("set_transaction_id x 2"), -EINVAL);
  EXPECT_EQ(Send("set_transaction_id 0 18446744073709551615"), 0);
  EXPECT_EQ(TransactionId(), "18446744073709551615");
  EXPECT_EQ(Send("set_transaction_id 18446744073709551615 3"), 0);
  EXPECT_EQ(TransactionId(), "3");
}

TEST_P(PoolMessageTest, MetadataSnapshotIsHeldOnce) {
  EXPECT_EQ(Send("release_metadata_snap"), -EINVAL);
  EXPECT_EQ(Send("reserve_metadata_snap"), 0);
  EXPECT_EQ(Send("reserve_metadata_snap"), -EBUSY);
  EXPECT_FALSE(absl::StrContains(Info("pool"), " 0/16 - "));
  EXPECT_EQ(Send("release_metadata_snap"), 0);
  EXPECT_EQ(Send("release_metadata_snap"), -EINVAL);
  EXPECT_TRUE(absl::StrContains(Info("pool"), " 0/16 - "));
}

TEST_P(PoolMessageTest, SuspendedPoolTakesMessages) {
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  EXPECT_EQ(Send("create_thin 1"), 0);
  EXPECT_EQ(Send("delete 1"), 0);
}

TEST_P(PoolMessageTest, ReadOnlyPoolRefusesEvenWhatItDoesNotKnow) {
  ASSERT_EQ(ReloadPool(16, "1 read_only"), 0);
  for (const char* text : {"create_thin 1", "delete 9", "trim", "create_thin"}) {
    EXPECT_EQ(Send(text), -EOPNOTSUPP) << text;
  }
}

TEST_P(PoolMessageTest, MessagesAreForSectorsOfThePool) {
  DmBytes bytes;
  EXPECT_EQ(machine_.Call(kTargetMsg, bytes.Name("pool").Message(16 * kBlock, "create_thin 1")),
            -EINVAL);
}

TEST_P(PoolMessageTest, ThinDevicesTakeNone) {
  MakeThin("a", "1");
  DmBytes bytes;
  EXPECT_EQ(machine_.Call(kTargetMsg, bytes.Name("a").Message(0, "create_thin 2")), -EINVAL);
}

TEST_P(PoolMessageTest, MessageSucceedsThoughItsCommitFails) {
  FailMetadata(true);
  EXPECT_EQ(Send("create_thin 33"), 0);
  EXPECT_EQ(Mode(), "ro discard_passdown queue_if_no_space needs_check");
  EXPECT_EQ(Send("create_thin 34"), -EOPNOTSUPP);
}

TEST_P(PoolMessageTest, WhatAMessageDidOutlivesThePool) {
  ASSERT_EQ(Send("create_thin 1"), 0);
  ASSERT_EQ(Send("create_snap 2 1"), 0);
  LosePower();
  MakePool();
  EXPECT_EQ(Thins().size(), 2u);
}

DMKIT_ON_BOTH_KERNELS(PoolMessageTest);

}  // namespace
}  // namespace dmkit::model
