// SPDX-License-Identifier: Apache-2.0
// Table lines of thin: what is refused and in which order, limits, opens.

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

class ThinTableTest : public ThinTest {
 protected:
  void SetUp() override {
    MakePool();
    ASSERT_EQ(Send("create_thin 1"), 0);
    ASSERT_EQ(machine_.Create("a"), 0);
  }
  // "P" stands for the pool's number.
  int Load(absl::string_view line, uint32_t flags = 0) {
    std::string text(line);
    const size_t at = text.find('P');
    if (at != std::string::npos) text.replace(at, 1, machine_.Number("pool"));
    return machine_.Load("a", 4 * kBlock, "thin", text, flags);
  }
};

TEST_P(ThinTableTest, LinesThatAreRefused) {
  machine_.Activate("z", 8, "zero", "");
  const struct {
    const char* line;
    int error;
  } cases[] = {
      {"", -EINVAL},
      {"P", -EINVAL},
      {"P 1 8:0 x", -EINVAL},
      {"8:99 1", -ENXIO},
      {"8:99 x", -ENXIO},        // the device before the id
      {"P x 8:99", -ENXIO},      // the origin before both
      {"8:99 1 8:99", -EINVAL},  // the same words
      {"P x", -EINVAL},
      {"P -1", -EINVAL},
      {"P 0x1", -EINVAL},
      {"P 16777216", -EINVAL},
      {"8:0 1", -EINVAL},  // not device-mapper's
      {"8:0 16777216", -EINVAL},
      {"P 2", -ENODATA},
      {"P 2 8:0", -ENODATA},
  };
  for (const auto& each : cases) EXPECT_EQ(Load(each.line), each.error) << each.line;
  EXPECT_EQ(Load(absl::StrCat(machine_.Number("z"), " 1")), -EINVAL);
}

TEST_P(ThinTableTest, LinesThatAreTaken) {
  for (const char* line : {"P 1", "P +1", "P 0001", "P 1 8:0"}) {
    EXPECT_EQ(Load(line), 0) << line;
  }
  EXPECT_EQ(Load("P 1", kReadOnlyFlag), 0);
}

TEST_P(ThinTableTest, SuspendedPoolIsEinvalForAnIdThatIsThere) {
  ASSERT_EQ(machine_.Suspend("pool"), 0);
  EXPECT_EQ(Load("P 2"), -ENODATA);
  EXPECT_EQ(Load("P 1"), -EINVAL);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_EQ(Load("P 1"), 0);
  // The refused load left nothing open.
  ASSERT_EQ(machine_.Clear("a"), 0);
  EXPECT_EQ(Send("delete 1"), 0);
}

TEST_P(ThinTableTest, PoolThatWasNeverResumedIsLikeASuspendedOne) {
  ASSERT_EQ(machine_.Remove("pool"), 0);
  ASSERT_EQ(machine_.Create("pool"), 0);
  ASSERT_EQ(LoadPool(16), 0);
  EXPECT_EQ(Load("P 2"), -ENODATA);
  EXPECT_EQ(Load("P 1"), -EINVAL);
}

TEST_P(ThinTableTest, OneIdMayHaveManyDevices) {
  ASSERT_EQ(Load("P 1"), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  UseThin("b", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  EXPECT_EQ(Read("b", 0, 2), "a.");
  ASSERT_EQ(machine_.Remove("a"), 0);
  EXPECT_EQ(Send("delete 1"), -EBUSY);
  ASSERT_EQ(machine_.Remove("b"), 0);
  EXPECT_EQ(Send("delete 1"), 0);
}

TEST_P(ThinTableTest, OneTableMayHaveManyThinTargets) {
  ASSERT_EQ(Send("create_thin 2"), 0);
  DmBytes two;
  two.Name("a").Target(0, kBlock, "thin", ThinLine("1"));
  two.Target(kBlock, kBlock, "thin", ThinLine("2"));
  ASSERT_EQ(machine_.Call(kTableLoad, two), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  ASSERT_EQ(Write("a", kBlock - 1, 2, 'x'), 0);
  EXPECT_EQ(Read("a", kBlock - 2, 4), ".xx.");
  EXPECT_EQ(Flush("a"), 0);
}

TEST_P(ThinTableTest, ThinMayBeLongerThanItsPool) {
  EXPECT_EQ(machine_.Load("a", 1000 * kBlock, "thin", ThinLine("1")), 0);
  EXPECT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(Write("a", 999 * kBlock, kBlock, 'a'), 0);
  EXPECT_EQ(Info("a"), "128 127999");
}

TEST_P(ThinTableTest, ReloadGrowsAThin) {
  ASSERT_EQ(Load("P 1"), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  machine_.TakeUevents();
  ASSERT_EQ(machine_.Load("a", 8 * kBlock, "thin", ThinLine("1")), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.device("a").sectors(), 8 * kBlock);
  EXPECT_EQ(machine_.TakeUevents(), std::vector<std::string>({"change dm-1 RESIZE=1"}));
}

TEST_P(ThinTableTest, DiscardLimitsAreOfThePoolsBlocks) {
  ASSERT_EQ(Load("P 1"), 0);
  const QueueLimits& limits = machine_.device("a").limits();
  EXPECT_EQ(limits.discard_granularity_bytes, 65536u);
  EXPECT_EQ(limits.max_discard_sectors, is_6_1() ? 2048u * 1024 * 16 : 128u * 1024);
}

TEST_P(ThinTableTest, ThinOfAPoolThatIgnoresDiscardsTakesNone) {
  ASSERT_EQ(machine_.Remove("pool"), 0);
  MakePool(16, "1 ignore_discard");
  ASSERT_EQ(Load("P 1"), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.device("a").limits().max_discard_sectors, 0u);
  EXPECT_EQ(Discard("a", 0, kBlock), -EOPNOTSUPP);
}

TEST_P(ThinTableTest, ThinTakesDiscardsThoughItsPoolDoesNot) {
  ASSERT_EQ(ReloadPool(16, "1 no_discard_passdown"), 0);
  ASSERT_EQ(Load("P 1"), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.device("pool").limits().max_discard_sectors, 0u);
  EXPECT_EQ(Discard("a", 0, kBlock), 0);
}

TEST_P(ThinTableTest, ThinHoldsItsPoolAndItsOriginOpen) {
  ASSERT_EQ(Load("P 1 8:0"), 0);
  EXPECT_EQ(machine_.device("pool").open_count(), 1u);
  EXPECT_EQ(machine_.disk->open_count(), 1u);
  ASSERT_EQ(machine_.Clear("a"), 0);
  EXPECT_EQ(machine_.device("pool").open_count(), 0u);
  EXPECT_EQ(machine_.disk->open_count(), 0u);
}

TEST_P(ThinTableTest, DevicesOfATableAreItsPoolAndItsOrigin) {
  ASSERT_EQ(Load("P 1 8:0"), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  DmBytes bytes;
  ASSERT_EQ(machine_.Call(kTableDeps, bytes.Name("a")), 0);
  EXPECT_EQ(bytes.U32(kStructBytes), 2u);
}

DMKIT_ON_BOTH_KERNELS(ThinTableTest);

}  // namespace
}  // namespace dmkit::model
