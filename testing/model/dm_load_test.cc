// SPDX-License-Identifier: Apache-2.0
// TABLE_LOAD: records, the order of checks, and constructors.

#include <cerrno>
#include <string>

#include "testing/model/dm_fixture.h"

namespace dmkit::model {
namespace {

class DmLoadTest : public DmTest {
 protected:
  void SetUp() override { ASSERT_EQ(machine_.Create("a"), 0); }

  int Load(uint64_t start, uint64_t length, absl::string_view type, absl::string_view params) {
    DmBytes bytes(kStructBytes);
    return machine_.Call(kTableLoad, bytes.Name("a").Target(start, length, type, params));
  }
  int Linear(absl::string_view params) { return Load(0, 8, "linear", params); }
};

TEST_P(DmLoadTest, CountOfTargetsIsCheckedBeforeThem) {
  DmBytes none(kStructBytes), many(kStructBytes), missing(kStructBytes);
  EXPECT_EQ(machine_.Call(kTableLoad, none.Name("a")), -EINVAL);
  many.Name("a").Target(0, 8, "zero", "");
  many.Put32(kTargetCountAt, 1048577);
  EXPECT_EQ(machine_.Call(kTableLoad, many), -EOVERFLOW);
  missing.Name("nosuch").Put32(kTargetCountAt, 1048577);
  EXPECT_EQ(machine_.Call(kTableLoad, missing), -ENXIO);
}

TEST_P(DmLoadTest, ReplyIsOfTheLiveTable) {
  machine_.Activate("b", 8, "zero", "");
  DmBytes bytes(kStructBytes), queried(kStructBytes);
  bytes.Name("b").Flags(kReadOnlyFlag).Target(0, 8, "zero", "").Target(8, 8, "zero", "");
  EXPECT_EQ(machine_.Call(kTableLoad, bytes), 0);
  EXPECT_EQ(bytes.U32(kTargetCountAt), 1u);
  EXPECT_EQ(bytes.flags(), kActivePresentFlag | kInactivePresentFlag);
  EXPECT_EQ(bytes.data_size(), 305u);
  queried.Name("b").Flags(kQueryInactiveFlag).Target(0, 8, "zero", "").Target(8, 8, "zero", "");
  EXPECT_EQ(machine_.Call(kTableLoad, queried), 0);
  EXPECT_EQ(queried.U32(kTargetCountAt), 2u);
}

TEST_P(DmLoadTest, FailedLoadKeepsTheInactiveTable) {
  ASSERT_EQ(Load(0, 8, "zero", ""), 0);
  EXPECT_EQ(Load(0, 8, "nosuch", ""), -EINVAL);
  EXPECT_NE(machine_.Status("a").flags() & kInactivePresentFlag, 0u);
  EXPECT_EQ(machine_.Clear("a"), 0);
  EXPECT_EQ(machine_.Clear("a"), 0);
  EXPECT_EQ(machine_.Status("a").flags(), 0u);
  EXPECT_EQ(machine_.Clear("nosuch"), -ENXIO);
}

TEST_P(DmLoadTest, UnalignedRecordsDependOnTheKernel) {
  for (const uint32_t start : {305u, 313u, 316u}) {
    DmBytes bytes(400);
    bytes.Name("a").DataStart(start).Target(0, 8, "zero", "");
    EXPECT_EQ(machine_.Call(kTableLoad, bytes), is_6_1() ? 0 : -EINVAL) << start;
  }
  DmBytes two(500);
  two.Name("a").Target(0, 8, "zero", "");
  two.Put32(kStructBytes + 20, 44);
  two.DataStart(kStructBytes + 44).Target(8, 8, "zero", "").Put32(kDataStartAt, kStructBytes);
  EXPECT_EQ(machine_.Call(kTableLoad, two), is_6_1() ? 0 : -EINVAL);
}

TEST_P(DmLoadTest, RecordsThatOverlapDependOnTheKernel) {
  // The second record starts where the first one's parameters do. Its first byte is an 8, which the
  // first one takes for a word.
  DmBytes bytes(500);
  bytes.Name("a").Target(0, 8, "error", "").Put32(kStructBytes + 20, 40);
  bytes.DataStart(kStructBytes + 40).Target(8, 8, "zero", "").Put32(kDataStartAt, kStructBytes);
  EXPECT_EQ(machine_.Call(kTableLoad, bytes), is_6_1() ? 0 : -EINVAL);
  DmBytes inside(500);
  inside.Name("a").Target(0, 8, "error", "x").Target(8, 8, "zero", "");
  inside.Put32(kStructBytes + 20, 39);
  EXPECT_EQ(machine_.Call(kTableLoad, inside), -EINVAL);
}

TEST_P(DmLoadTest, RecordsMustLieInsideTheParameters) {
  for (const uint32_t start : {0u, 39u, 353u, 400u, 0x7ffffff8u, 0xfffffff8u}) {
    DmBytes bytes(353);
    bytes.Name("a").Target(0, 8, "zero", "").Put32(kDataStartAt, start);
    EXPECT_EQ(machine_.Call(kTableLoad, bytes), -EINVAL) << start;
  }
  DmBytes unterminated(kStructBytes + 40);
  unterminated.Name("a").Target(0, 8, "zero", "");
  unterminated.bytes().resize(kStructBytes + 40);
  unterminated.Put32(kDataSizeAt, kStructBytes + 40);
  EXPECT_EQ(machine_.Call(kTableLoad, unterminated), -EINVAL);
  DmBytes second(500);
  second.Name("a").Target(0, 8, "zero", "").Target(8, 8, "zero", "");
  second.Put32(kStructBytes + 20, 4096);
  EXPECT_EQ(machine_.Call(kTableLoad, second), -EINVAL);
}

TEST_P(DmLoadTest, LastRecordsNextIsIgnored) {
  DmBytes bytes(400);
  bytes.Name("a").Target(0, 8, "zero", "").Put32(kStructBytes + 20, 0xffffffff);
  EXPECT_EQ(machine_.Call(kTableLoad, bytes), 0);
}

TEST_P(DmLoadTest, TypeWithoutATerminatorRunsIntoTheParameters) {
  DmBytes bytes(kStructBytes);
  const std::string type = "zero" + std::string(12, '\0');
  EXPECT_EQ(machine_.Call(kTableLoad, bytes.Name("a").Target(0, 8, type, "")), 0);
  // Sixteen bytes and no NUL: the name goes on with what should be parameters, and nobody has it.
  EXPECT_EQ(Load(0, 8, "zeroXXXXXXXXXXXX", "abc"), -EINVAL);
}

TEST_P(DmLoadTest, LengthIsCheckedBeforeTheType) {
  EXPECT_EQ(Load(0, 0, "nosuch", ""), -EINVAL);
  DmBytes versions;
  // The module was not loaded for it.
  EXPECT_EQ(Load(0, 0, "zero", ""), -EINVAL);
  ASSERT_EQ(machine_.Call(kListVersions, versions), 0);
  EXPECT_EQ(versions.TextAt(kStructBytes + 16), "striped");
}

TEST_P(DmLoadTest, GapLoadsTheModuleButHidesBadArguments) {
  EXPECT_EQ(Load(8, 8, "zero", "too many"), -EINVAL);
  DmBytes versions;
  ASSERT_EQ(machine_.Call(kListVersions, versions), 0);
  EXPECT_EQ(versions.TextAt(kStructBytes + 16), "zero");
}

TEST_P(DmLoadTest, TargetsMustAdjoin) {
  for (const uint64_t second : {uint64_t{7}, uint64_t{9}}) {
    DmBytes bytes(kStructBytes);
    bytes.Name("a").Target(0, 8, "zero", "").Target(second, 8, "zero", "");
    EXPECT_EQ(machine_.Call(kTableLoad, bytes), -EINVAL) << second;
  }
}

TEST_P(DmLoadTest, LargestEndIsTwoToThe54MinusOne) {
  constexpr uint64_t kEnd = (uint64_t{1} << 54) - 1;
  EXPECT_EQ(Load(0, kEnd, "zero", ""), 0);
  EXPECT_EQ(Load(0, kEnd + 1, "zero", ""), -EINVAL);
  EXPECT_EQ(Load(8, ~uint64_t{0}, "zero", ""), -EINVAL);
}

TEST_P(DmLoadTest, LinearReadsTheOffsetBeforeTheDevice) {
  EXPECT_EQ(Linear("8:0 0"), 0);
  EXPECT_EQ(Linear("8:0 \\ 8"), 0);
  for (const char* params :
       {"", "8:0", "8:0 0 0", "9:9 x", "8:0 -1", "8:0 +1", "8:0 0x8", "8:0 8s"}) {
    EXPECT_EQ(Linear(params), -EINVAL) << params;
  }
  EXPECT_EQ(Linear("9:9 0"), -ENXIO);
}

TEST_P(DmLoadTest, LinearsOffsetWraps) {
  ASSERT_EQ(Linear("8:0 18446744073709551616"), 0);
  EXPECT_EQ(machine_.Table("a", kStatusTableFlag | kQueryInactiveFlag).Targets(),
            std::vector<std::string>{"0 8 linear 8:0 0"});
}

TEST_P(DmLoadTest, ZeroTakesNoWordsAndErrorTakesAny) {
  EXPECT_EQ(Load(0, 8, "zero", "x"), -EINVAL);
  EXPECT_EQ(Load(0, 8, "zero", " \t "), 0);
  EXPECT_EQ(Load(0, 8, "error", ""), 0);
  EXPECT_EQ(Load(0, 8, "error", "one"), 0);
  EXPECT_EQ(Load(0, 8, "error", "one two three"), 0);
  EXPECT_EQ(Load(0, 8, "error", "/dev/nosuch 0"), is_6_1() ? 0 : -ENOENT);
  EXPECT_EQ(Load(0, 8, "error", "8:0 0"), 0);
}

TEST_P(DmLoadTest, StripedChecksItsNumbers) {
  EXPECT_EQ(Load(0, 64, "striped", "2 8 8:0 0 8:16 0"), 0);
  EXPECT_EQ(Load(0, 64, "striped", "+2 8 8:0 0 8:16 0"), 0);
  for (const char* params : {"", "2", "0 8 8:0 0", "2 0 8:0 0 8:16 0", "x 8 8:0 0", "-1 8",
                             "2 8 8:0 0", "2 8 8:0 0 8:16", "2 7 8:0 0 8:16 0",
                             "3 8 8:0 0 8:0 0 8:0 0", "2 8 8:0 0 8:16 x", "99999999999 8 8:0 0"}) {
    EXPECT_EQ(Load(0, 64, "striped", params), -EINVAL) << params;
  }
  EXPECT_EQ(Load(0, 64, "striped", "2 8 8:0 0 9:9 0"), -ENXIO);
}

TEST_P(DmLoadTest, WordsAreSplitAsTheKernelDoes) {
  EXPECT_EQ(Linear(" \t\n8:0\v\f\r0 "), 0);
  EXPECT_EQ(Linear("8:0\xa0"
                   "0"),
            0);
  EXPECT_EQ(Linear("8\\:0 0"), 0);
  EXPECT_EQ(Linear("8:0\\ 0"), -EINVAL);
  // A backslash at the end is a backslash: a word.
  EXPECT_EQ(Linear("8:0 0 \\"), -EINVAL);
}

TEST_P(DmLoadTest, ReadOnlyTableOpensItsDevicesForReading) {
  ASSERT_EQ(machine_.Load("a", 8, "linear", "8:0 0", kReadOnlyFlag), 0);
  ASSERT_EQ(machine_.disk->Openers().size(), 1u);
  EXPECT_FALSE(machine_.disk->Openers()[0].write);
  ASSERT_EQ(machine_.Load("a", 8, "linear", "8:0 0"), 0);
  ASSERT_EQ(machine_.disk->Openers().size(), 1u);
  EXPECT_TRUE(machine_.disk->Openers()[0].write);
}

TEST_P(DmLoadTest, SingletonStandsAlone) {
  class SingleTarget : public Target {
   public:
    using Target::Target;
    int Map(const Io&) override { return 0; }
  };
  class SingleType : public TargetType {
   public:
    SingleType() : TargetType("single", {1, 0, 0}, kSingleton) {}
    int Create(const TargetArguments& arguments, std::unique_ptr<Target>* target) const override {
      *target = std::make_unique<SingleTarget>(arguments);
      return 0;
    }
  };
  machine_.dm->RegisterModule({{"single"}, {std::make_shared<SingleType>()}});
  DmBytes first(kStructBytes), second(kStructBytes);
  first.Name("a").Target(0, 8, "single", "").Target(8, 8, "zero", "");
  EXPECT_EQ(machine_.Call(kTableLoad, first), -EINVAL);
  second.Name("a").Target(0, 8, "zero", "").Target(8, 8, "single", "");
  EXPECT_EQ(machine_.Call(kTableLoad, second), -EINVAL);
  EXPECT_EQ(Load(0, 8, "single", ""), 0);
}

TEST_P(DmLoadTest, WritableTableOnAReadOnlyDeviceIsTaken) {
  machine_.disk->SetReadOnly(true);
  EXPECT_EQ(Linear("8:0 0"), 0);
}

TEST_P(DmLoadTest, SelfReferenceDependsOnTheKernel) {
  ASSERT_EQ(Load(0, 8, "zero", ""), 0);
  ASSERT_EQ(machine_.Resume("a"), 0);
  ASSERT_EQ(Linear(machine_.Number("a") + " 0"), is_6_1() ? 0 : -EINVAL);
  if (!is_6_1()) return;
  // Busy by itself, until another table is in use.
  ASSERT_EQ(machine_.Resume("a"), 0);
  EXPECT_EQ(machine_.Remove("a"), -EBUSY);
  ASSERT_EQ(Load(0, 8, "zero", ""), 0);
  DmBytes resume(kStructBytes);
  ASSERT_EQ(machine_.Call(kDevSuspend, resume.Name("a")), 0);
  EXPECT_EQ(resume.U32(kOpenCountAt), 0u);
  // An inactive table goes only after the reply was made.
  ASSERT_EQ(Linear(machine_.Number("a") + " 0"), 0);
  DmBytes clear(kStructBytes);
  ASSERT_EQ(machine_.Call(kTableClear, clear.Name("a")), 0);
  EXPECT_EQ(clear.U32(kOpenCountAt), 1u);
  EXPECT_EQ(machine_.Remove("a"), 0);
}

DMKIT_ON_BOTH_KERNELS(DmLoadTest);

}  // namespace
}  // namespace dmkit::model
