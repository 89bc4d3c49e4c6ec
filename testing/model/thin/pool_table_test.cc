// SPDX-License-Identifier: Apache-2.0
// Table lines of thin-pool: what is refused, in which order, and what a pool object is reused for.

#include <cerrno>
#include <string>

#include "absl/types/span.h"
#include "testing/model/thin/thin_fixture.h"

namespace dmkit::model {
namespace {

class PoolTableTest : public ThinTest {
 protected:
  int Load(absl::string_view line, uint64_t length = 16 * kBlock) {
    return machine_.Load("pool", length, "thin-pool", line);
  }
  std::string Magic() {
    std::string bytes(4096, '!');
    EXPECT_EQ(metadata_->Read(0, absl::MakeSpan(&bytes[0], bytes.size())), 0);
    return bytes;
  }
  bool IsFormatted() { return Magic() != std::string(4096, '\0'); }
};

TEST_P(PoolTableTest, LinesThatCannotBeParsedAreEinvalAndFormatNothing) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  for (const char* line : {
           "",
           "8:32 8:48 128",
           "8:32 8:32 128 0",
           "8:32 8:48 x 0",
           "8:32 8:48 0 0",
           "8:32 8:48 64 0",
           "8:32 8:48 129 0",
           "8:32 8:48 0x80 0",
           "8:32 8:48 -128 0",
           "8:32 8:48 2097280 0",
           "8:32 8:48 128 x",
           "8:32 8:48 128 -1",
           "8:32 8:48 128 18446744073709551616",
           "8:32 8:48 128 0 x",
           "8:32 8:48 128 0 -1",
           "8:32 8:48 128 0 5 a b c d e",
           "8:32 8:48 128 0 1",
           "8:32 8:48 128 0 2 read_only",
           "8:32 8:48 128 0 1 nosuch",
           "8:32 8:48 128 0 1 read_onlyx",
       }) {
    EXPECT_EQ(Load(line), -EINVAL) << line;
  }
  EXPECT_FALSE(IsFormatted());
}

TEST_P(PoolTableTest, LinesOfAllFormsAreTaken) {
  for (const char* more : {"", "0", "1 skip_block_zeroing", "1 ERROR_IF_NO_SPACE",
                           "2 no_discard_passdown error_if_no_space",
                           "4 read_only read_only read_only skip_block_zeroing", "0 rubbish",
                           "1 no_discard_passdown read_only"}) {
    ASSERT_EQ(machine_.Create("pool"), 0);
    EXPECT_EQ(Load(PoolLine(more)), 0) << more;
    EXPECT_EQ(machine_.Remove("pool"), 0);
  }
  ASSERT_EQ(machine_.Create("pool"), 0);
  EXPECT_EQ(Load("8:32 8:48 +128 +7"), 0);
}

TEST_P(PoolTableTest, FeaturesAreLookedAtBeforeDevicesAndDevicesBeforeNumbers) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  EXPECT_EQ(Load("8:99 8:48 128 0 1 nosuch"), -EINVAL);
  EXPECT_EQ(Load("8:99 8:48 127 0"), -ENXIO);
  EXPECT_EQ(Load("8:32 8:99 127 0"), -ENXIO);
}

TEST_P(PoolTableTest, APoolObjectIsNoDisk) {
  MakePool();
  ASSERT_EQ(machine_.Create("a"), 0);
  EXPECT_EQ(machine_.device("a").disk_sequence(), machine_.device("pool").disk_sequence() + 1);
}

TEST_P(PoolTableTest, ReadOnlyTableIsRefused) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  EXPECT_EQ(machine_.Load("pool", 16 * kBlock, "thin-pool", PoolLine(), kReadOnlyFlag), -EINVAL);
}

TEST_P(PoolTableTest, LoadFormatsBlankMetadataEvenWhenTheLoadFailsLater) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  EXPECT_EQ(Load(PoolLine(), 513 * kBlock), -EINVAL);
  EXPECT_TRUE(IsFormatted());
}

TEST_P(PoolTableTest, BlankMetadataIsEpermForAReadOnlyPool) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  EXPECT_EQ(Load(PoolLine("1 read_only")), -EPERM);
  EXPECT_FALSE(IsFormatted());
}

TEST_P(PoolTableTest, MetadataOfSomethingElseIsEilseq) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  ASSERT_EQ(metadata_->Write(0, std::string(512, 'x').replace(8, 8, 8, '\0')), 0);
  EXPECT_EQ(Load(PoolLine()), -EILSEQ);
}

TEST_P(PoolTableTest, SuperblockOfAnotherPlaceIsEnotblk) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  ASSERT_EQ(metadata_->Write(0, std::string(512, 'x')), 0);
  EXPECT_EQ(Load(PoolLine()), -ENOTBLK);
}

TEST_P(PoolTableTest, AnotherBlockSizeThanThatOfTheMetadataIsEinval) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  ASSERT_EQ(Load(PoolLine()), 0);
  ASSERT_EQ(machine_.Remove("pool"), 0);
  ASSERT_EQ(machine_.Create("pool"), 0);
  EXPECT_EQ(Load("8:32 8:48 256 0"), -EINVAL);
}

TEST_P(PoolTableTest, BlockSizeOfASecondTableIsIgnored) {
  MakePool();
  ASSERT_EQ(Load("8:32 8:48 256 5"), 0);
  ASSERT_EQ(machine_.Resume("pool"), 0);
  EXPECT_EQ(Line("pool"), "8:32 8:48 128 5 0 ");
}

TEST_P(PoolTableTest, MetadataOfAnotherPoolIsEbusy) {
  MakePool();
  ASSERT_EQ(machine_.Create("other"), 0);
  EXPECT_EQ(machine_.Load("other", 128, "thin-pool", "8:32 8:0 128 0"), -EBUSY);
  // Data may be shared.
  EXPECT_EQ(machine_.Load("other", 128, "thin-pool", "8:0 8:48 128 0"), 0);
}

TEST_P(PoolTableTest, PoolKeepsItsDevices) {
  MakePool();
  EXPECT_EQ(Load("8:32 8:0 128 0"), -EBUSY);
  EXPECT_EQ(Load("8:0 8:48 128 0"), -EINVAL);
  EXPECT_EQ(Load("8:0 8:16 128 0"), -EINVAL);
  EXPECT_EQ(Load(PoolLine()), 0);
}

TEST_P(PoolTableTest, IgnoreDiscardCannotBeChanged) {
  MakePool();
  EXPECT_EQ(Load(PoolLine("1 ignore_discard")), -EINVAL);
  EXPECT_EQ(Load(PoolLine("1 no_discard_passdown")), 0);
  ASSERT_EQ(machine_.Remove("pool"), 0);
  MakePool(16, "1 ignore_discard");
  EXPECT_EQ(Load(PoolLine()), -EINVAL);
  EXPECT_EQ(Load(PoolLine("1 ignore_discard")), 0);
}

TEST_P(PoolTableTest, PoolIsReplacedByAnErrorTargetOnly) {
  MakePool();
  EXPECT_EQ(machine_.Load("pool", 8, "zero", ""), -EINVAL);
  EXPECT_EQ(machine_.Load("pool", 8, "error", ""), 0);
}

TEST_P(PoolTableTest, OnePoolPerTable) {
  ASSERT_EQ(machine_.Create("pool"), 0);
  DmBytes two;
  two.Name("pool").Target(0, kBlock, "thin-pool", PoolLine());
  two.Target(kBlock, kBlock, "thin-pool", PoolLine());
  EXPECT_EQ(machine_.Call(kTableLoad, two), -EINVAL);
}

TEST_P(PoolTableTest, NameOfThePoolLoadsTheModuleOfBoth) {
  DmBytes early, pool, thin;
  EXPECT_EQ(machine_.Call(kGetTargetVersion, early.Name("thin")), -EINVAL);
  EXPECT_EQ(machine_.Call(kGetTargetVersion, pool.Name("thin-pool")), 0);
  EXPECT_EQ(machine_.Call(kGetTargetVersion, thin.Name("thin")), 0);
  DmBytes list;
  EXPECT_EQ(machine_.Call(kListVersions, list), 0);
  EXPECT_NE(list.bytes().find("thin-pool"), std::string::npos);
}

TEST_P(PoolTableTest, ReloadOfAFreshPoolFormatsNothingAnew) {
  MakePool();
  ASSERT_EQ(Send("create_thin 7"), 0);
  ASSERT_EQ(machine_.Remove("pool"), 0);
  MakePool();
  EXPECT_EQ(Send("create_thin 7"), -EEXIST);
}

DMKIT_ON_BOTH_KERNELS(PoolTableTest);

}  // namespace
}  // namespace dmkit::model
