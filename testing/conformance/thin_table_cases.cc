// SPDX-License-Identifier: Apache-2.0
// Table lines of thin: what is refused and in which order, and what a table holds open.

#include <cerrno>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "testing/conformance/thin_fixture.h"

namespace dmkit::conformance {
namespace {

class ThinTable : public ThinTest {
 protected:
  void SetUp() override {
    ThinTest::SetUp();
    PutMetaBetween();
    MakePool();
    ASSERT_EQ(Send("create_thin 1"), 0);
    ASSERT_EQ(Create("a"), 0);
    origin_ = Device(8);
    pool_ = Number("pool");
  }
  int LoadThin(absl::string_view line, uint32_t flags = 0) {
    return Load("a", 4 * kBlock, "thin", line, flags);
  }
  int LoadId(absl::string_view id) { return LoadThin(absl::StrCat(pool_, " ", id)); }

  ScratchDevice origin_;
  std::string pool_;
};

TEST_F(ThinTable, LineIsTwoOrThreeWords) {
  EXPECT_EQ(LoadThin(""), -EINVAL);
  EXPECT_EQ(LoadThin(pool_), -EINVAL);
  EXPECT_EQ(LoadId("1 " + origin_.number + " x"), -EINVAL);
}

TEST_F(ThinTable, SameWordForPoolAndOriginGivesEinval) {
  EXPECT_EQ(LoadId("1 " + pool_), -EINVAL);
  EXPECT_EQ(LoadThin("240:0 1 240:0"), -EINVAL);
}

TEST_F(ThinTable, MissingOriginGivesEnxioBeforeAllElse) {
  EXPECT_EQ(LoadThin("240:0 x 240:1"), -ENXIO);
  EXPECT_EQ(LoadId("x 240:1"), -ENXIO);
}

TEST_F(ThinTable, MissingPoolGivesEnxioBeforeTheId) {
  EXPECT_EQ(LoadThin("240:0 1"), -ENXIO);
  EXPECT_EQ(LoadThin("240:0 x"), -ENXIO);
}

TEST_F(ThinTable, IdIsADecimalNumberUpTo16777215) {
  for (const char* id : {"x", "-1", "0x1", "1x", "16777216", "18446744073709551617"}) {
    EXPECT_EQ(LoadId(id), -EINVAL) << id;
  }
}

TEST_F(ThinTable, IdMayHaveAPlusAndZeros) {
  EXPECT_EQ(LoadId("+1"), 0);
  EXPECT_EQ(LoadId("0001"), 0);
}

TEST_F(ThinTable, DeviceThatIsNotMappedGivesEinval) {
  EXPECT_EQ(LoadThin(origin_.number + " 1"), -EINVAL);
}

TEST_F(ThinTable, MappedDeviceWithoutAPoolGivesEinval) {
  EXPECT_EQ(LoadThin(Number("meta") + " 1"), -EINVAL);
}

TEST_F(ThinTable, MissingIdGivesEnodata) {
  EXPECT_EQ(LoadId("2"), -ENODATA);
  EXPECT_EQ(LoadId("2 " + origin_.number), -ENODATA);
}

TEST_F(ThinTable, SuspendedPoolGivesEinvalButForAMissingIdEnodata) {
  ASSERT_EQ(Suspend("pool"), 0);
  EXPECT_EQ(LoadId("2"), -ENODATA);
  EXPECT_EQ(LoadId("1"), -EINVAL);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(LoadId("1"), 0);
}

TEST_F(ThinTable, PoolThatWasNeverResumedIsLikeASuspendedOne) {
  ASSERT_EQ(Remove("pool"), 0);
  ASSERT_EQ(Create("pool"), 0);
  ASSERT_EQ(LoadPool(), 0);
  pool_ = Number("pool");
  EXPECT_EQ(LoadId("2"), -ENODATA);
  EXPECT_EQ(LoadId("1"), -EINVAL);
}

TEST_F(ThinTable, FailedPoolGivesEinval) {
  LoseMeta();
  ASSERT_EQ(Info("pool"), "Error");
  EXPECT_EQ(LoadId("1"), -EINVAL);
  EXPECT_EQ(LoadId("2"), -EINVAL);
}

TEST_F(ThinTable, RefusedLoadHoldsNothing) {
  ASSERT_EQ(Suspend("pool"), 0);
  ASSERT_EQ(LoadId("1"), -EINVAL);
  ASSERT_EQ(Resume("pool"), 0);
  EXPECT_EQ(Status("pool").open_count(), 0u);
  EXPECT_EQ(Send("delete 1"), 0);
}

TEST_F(ThinTable, OneIdMayHaveManyDevices) {
  ASSERT_EQ(LoadId("1"), 0);
  ASSERT_EQ(Resume("a"), 0);
  UseThin("b", "1");
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  EXPECT_EQ(Read("b", 0, 2), "a.");
  EXPECT_EQ(Info("b"), "128 127");
  ASSERT_EQ(Remove("a"), 0);
  EXPECT_EQ(Send("delete 1"), -EBUSY);
}

TEST_F(ThinTable, OneTableMayHaveManyThins) {
  ASSERT_EQ(Send("create_thin 2"), 0);
  ASSERT_EQ(Load("a", {{0, kBlock, "thin", pool_ + " 1"}, {kBlock, kBlock, "thin", pool_ + " 2"}}),
            0);
  ASSERT_EQ(Resume("a"), 0);
  ASSERT_EQ(Write("a", kBlock - 1, 2, 'x'), 0);
  EXPECT_EQ(Read("a", kBlock - 2, 4), ".xx.");
  EXPECT_EQ(Table("a", 0), (Lines{"0 128 thin 128 127", "128 128 thin 128 127"}));
}

TEST_F(ThinTable, ThinMayBeLongerThanItsPool) {
  ASSERT_EQ(Load("a", 1000 * kBlock, "thin", pool_ + " 1"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Write("a", 999 * kBlock, kBlock, 'a'), 0);
  EXPECT_EQ(Info("a"), "128 127999");
}

TEST_F(ThinTable, LongerTableGrowsTheThin) {
  ASSERT_EQ(LoadId("1"), 0);
  ASSERT_EQ(Resume("a"), 0);
  TakeUevents();
  ASSERT_EQ(Load("a", 8 * kBlock, "thin", pool_ + " 1"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(absl::c_count(TakeUevents(), "change " + Node("a").substr(5) + " RESIZE=1"), 1);
  EXPECT_EQ(Write("a", 7 * kBlock, kBlock, 'a'), 0);
}

TEST_F(ThinTable, ShorterTableKeepsTheBlocks) {
  ASSERT_EQ(LoadId("1"), 0);
  ASSERT_EQ(Resume("a"), 0);
  ASSERT_EQ(Write("a", 3 * kBlock, 1, 'a'), 0);
  ASSERT_EQ(Load("a", kBlock, "thin", pool_ + " 1"), 0);
  ASSERT_EQ(Resume("a"), 0);
  ASSERT_EQ(LoadId("1"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Read("a", 3 * kBlock, 1), "a");
}

TEST_F(ThinTable, IdMayChangeWithATable) {
  ASSERT_EQ(Send("create_thin 2"), 0);
  ASSERT_EQ(LoadId("1"), 0);
  ASSERT_EQ(Resume("a"), 0);
  ASSERT_EQ(Write("a", 0, 1, 'a'), 0);
  ASSERT_EQ(LoadId("2"), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Read("a", 0, 1), ".");
  EXPECT_EQ(Send("delete 1"), 0);
}

TEST_F(ThinTable, ReadOnlyTableIsTaken) {
  ASSERT_EQ(LoadThin(pool_ + " 1", DM_READONLY_FLAG), 0);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(FlagsOf("a") & DM_READONLY_FLAG, uint32_t{DM_READONLY_FLAG});
}

TEST_F(ThinTable, ReadOnlyPoolIsTaken) {
  ASSERT_EQ(ReloadPool(16, "1 read_only"), 0);
  EXPECT_EQ(LoadId("1"), 0);
  EXPECT_EQ(Resume("a"), 0);
  EXPECT_EQ(Read("a", 0, 1), ".");
}

TEST_F(ThinTable, TableHoldsItsPoolOpen) {
  ASSERT_EQ(LoadId("1"), 0);
  EXPECT_EQ(Status("pool").open_count(), 1u);
  ASSERT_EQ(Resume("a"), 0);
  EXPECT_EQ(Status("pool").open_count(), 1u);
  // A table of the same device shares what is open in the same mode.
  ASSERT_EQ(LoadId("1"), 0);
  EXPECT_EQ(Status("pool").open_count(), 1u);
  ASSERT_EQ(LoadThin(pool_ + " 1", DM_READONLY_FLAG), 0);
  EXPECT_EQ(Status("pool").open_count(), 2u);
  ASSERT_EQ(Remove("a"), 0);
  EXPECT_EQ(Status("pool").open_count(), 0u);
}

TEST_F(ThinTable, DependsOnItsPoolAndItsOrigin) {
  ASSERT_EQ(LoadId("1 " + origin_.number), 0);
  ASSERT_EQ(Resume("a"), 0);
  DmRequest request;
  ASSERT_EQ(Call(DM_TABLE_DEPS_CMD, request.Name("a")), 0);
  EXPECT_EQ(request.U32(kResultAt), 2u);
}

// Read-only: a writable table opens the pool for writing behind the origin, and the kernel frees
// what the thin keeps of it.
TEST_F(ThinTable, PoolAsItsOriginIsTakenInAnotherSpelling) {
  EXPECT_EQ(LoadThin(absl::StrCat(pool_, " 1 ", Node("pool")), DM_READONLY_FLAG), 0);
}

}  // namespace
}  // namespace dmkit::conformance
