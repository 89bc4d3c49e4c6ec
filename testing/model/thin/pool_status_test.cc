// SPDX-License-Identifier: Apache-2.0
// Status lines of pools and thin devices, to the byte.

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

class PoolStatusTest : public ThinTest {
 protected:
  // The words of INFO without the used metadata blocks, which the model only comes near.
  std::string WithoutMetadata(uint32_t flags = 0) {
    std::vector<std::string> words = absl::StrSplit(Info("pool", flags), ' ');
    if (words.size() < 2) return words[0];
    const std::vector<std::string> metadata = absl::StrSplit(words[1], '/');
    words[1] = absl::StrCat("N/", metadata[1]);
    return absl::StrJoin(words, " ");
  }
};

TEST_P(PoolStatusTest, InfoOfAFreshPoolEndsInASpace) {
  MakePool();
  EXPECT_EQ(WithoutMetadata(), "0 N/1024 0/16 - rw discard_passdown queue_if_no_space - 256 ");
}

TEST_P(PoolStatusTest, UsedMetadataOfAFreshPoolIsWhatAKernelSays) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  ASSERT_EQ(LoadPool(16), 0);
  DmBytes bytes;
  ASSERT_EQ(machine_.Call(kTableStatus, bytes.Name("pool").Flags(kQueryInactiveFlag)), 0);
  EXPECT_EQ(bytes.Targets(),
            std::vector<std::string>({"0 2048 thin-pool 0 110/1024 0/0 - rw discard_passdown "
                                      "queue_if_no_space - 256 "}));
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_EQ(Info("pool"), "0 111/1024 0/16 - rw discard_passdown queue_if_no_space - 256 ");
}

TEST_P(PoolStatusTest, TableListsTheFeaturesInTheKernelsOrder) {
  MakePool(16, "4 error_if_no_space no_discard_passdown skip_block_zeroing skip_block_zeroing");
  EXPECT_EQ(Line("pool"),
            "8:32 8:48 128 0 3 skip_block_zeroing no_discard_passdown error_if_no_space ");
  EXPECT_EQ(WithoutMetadata(), "0 N/1024 0/16 - rw no_discard_passdown error_if_no_space - 256 ");
  ASSERT_EQ(ReloadPool(16, "1 read_only"), 0);
  EXPECT_EQ(Line("pool"), "8:32 8:48 128 0 1 read_only ");
  EXPECT_EQ(WithoutMetadata(), "0 N/1024 0/16 - ro discard_passdown queue_if_no_space - 256 ");
}

TEST_P(PoolStatusTest, TableSaysNothingOfWhatWasNotAskedFor) {
  MakePool();
  EXPECT_EQ(Line("pool"), "8:32 8:48 128 0 0 ");
}

TEST_P(PoolStatusTest, InfoCountsAllTheMetadata) {
  MakePool();
  ASSERT_EQ(Send("set_transaction_id 0 18446744073709551615"), 0);
  ASSERT_EQ(Send("reserve_metadata_snap"), 0);
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  const std::vector<std::string> words = absl::StrSplit(Info("pool"), ' ');
  EXPECT_EQ(words[0], "18446744073709551615");
  EXPECT_EQ(words[2], "1/16");
  EXPECT_NE(words[3], "-");
}

TEST_P(PoolStatusTest, IgnoredDiscardsShowInInfo) {
  MakePool(16, "1 ignore_discard");
  EXPECT_EQ(Mode(), "rw ignore_discard queue_if_no_space -");
}

TEST_P(PoolStatusTest, DataDeviceWithoutDiscardsTakesPassdownBack) {
  data_->mutable_limits().max_discard_sectors = 0;
  MakePool();
  EXPECT_EQ(Mode(), "rw no_discard_passdown queue_if_no_space -");
  EXPECT_EQ(Line("pool"), "8:32 8:48 128 0 0 ");
}

TEST_P(PoolStatusTest, DataDeviceWithSmallDiscardsTakesPassdownBack) {
  data_->mutable_limits().max_discard_sectors = 127;
  MakePool();
  EXPECT_EQ(Mode(), "rw no_discard_passdown queue_if_no_space -");
  EXPECT_EQ(machine_.device("pool").limits().max_discard_sectors, is_6_1() ? 127u : 0u);
}

TEST_P(PoolStatusTest, LowWaterOfMetadataFollowsTheDevice) {
  MakePool();
  metadata_->Resize(uint64_t{8192} * 4096);
  const std::string info = Info("pool");
  EXPECT_TRUE(absl::EndsWith(info, " 1024 ")) << info;
  EXPECT_TRUE(absl::StrContains(info, "/1024 ")) << info;
}

TEST_P(PoolStatusTest, FailedPoolIsErrorOnceAndThenFail) {
  MakePool();
  MakeThin("a", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  metadata_->SetFault([](const Io&) { return -EIO; });
  EXPECT_EQ(Info("pool"), "Error");
  EXPECT_EQ(Info("pool"), "Fail");
  EXPECT_EQ(Line("pool"), "8:32 8:48 128 0 0 ");
  EXPECT_EQ(Info("a"), "Fail");
  EXPECT_EQ(Line("a"), "Fail");
}

TEST_P(PoolStatusTest, ImaTextIsEmpty) {
  MakePool();
  MakeThin("a", "1");
  EXPECT_EQ(Info("pool", kImaMeasurementFlag), "");
  EXPECT_EQ(Info("a", kImaMeasurementFlag), "");
}

TEST_P(PoolStatusTest, ThinInfoCountsSectorsAndNamesTheLast) {
  MakePool();
  MakeThin("a", "1");
  EXPECT_EQ(Info("a"), "0 -");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  EXPECT_EQ(Info("a"), "128 127");
  ASSERT_EQ(Write("a", 10 * kBlock, 1, 'a'), 0);
  EXPECT_EQ(Info("a"), "256 1407");
}

TEST_P(PoolStatusTest, ThinTableNamesPoolAndIdAndOrigin) {
  MakePool();
  MakeThin("a", "0016");
  EXPECT_EQ(Line("a"), absl::StrCat(machine_.Number("pool"), " 16"));
  ASSERT_EQ(machine_.Load("a", 128, "thin", absl::StrCat(ThinLine("16"), " 8:0")), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(Line("a"), absl::StrCat(machine_.Number("pool"), " 16 8:0"));
}

TEST_P(PoolStatusTest, InfoCommitsUnlessAskedNotToOrSuspended) {
  MakePool();
  MakeThin("a", "1");
  int writes = 0;
  metadata_->SetFault([&writes](const Io& io) {
    writes += io.kind == IoKind::kWrite ? 1 : 0;
    return 0;
  });
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  EXPECT_TRUE(absl::StrContains(Info("pool", kNoFlushFlag), " 1/16 "));
  EXPECT_EQ(writes, 0);
  Info("pool");
  EXPECT_GT(writes, 0);
}

DMKIT_ON_BOTH_KERNELS(PoolStatusTest);

}  // namespace
}  // namespace dmkit::model
