// SPDX-License-Identifier: Apache-2.0
// LOOP_CLR_FD and autoclear, where the kernels differ most.

#include "testing/model/loop/loop_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::ElementsAre;
using ::testing::Values;

class LoopDetachTest : public BothLoopTest {};
INSTANTIATE_TEST_SUITE_P(Kernels, LoopDetachTest, Values(&Linux61(), &Linux612()), ProfileName);

class OldLoopDetachTest : public LoopTest {
 protected:
  void SetUp() override { Boot(Linux61()); }
};
class NewLoopDetachTest : public LoopTest {
 protected:
  void SetUp() override { Boot(Linux612()); }
};

TEST_P(LoopDetachTest, UnboundDeviceIsEnxio) {
  ASSERT_EQ(Open(0), 0);
  EXPECT_EQ(Call(0x4C01, 0), -ENXIO);
}

TEST_F(OldLoopDetachTest, TheOnlyOpenerDetachesAtOnceAndMayBindAgain) {
  Bind();
  EXPECT_EQ(Call(0x4C01, 0), 0);
  EXPECT_THAT(TakeUevents(), ElementsAre("change loop0", "change loop0 DISK_MEDIA_CHANGE=1"));
  EXPECT_EQ(device().sectors(), 0u);
  EXPECT_EQ(Call(0x4C00, kFile), 0);
}

TEST_F(NewLoopDetachTest, TheOnlyOpenerOnlyMarksItAndOpensFailUntilTheClose) {
  Bind();
  EXPECT_EQ(Call(0x4C01, 0), 0);
  InfoBytes info;
  EXPECT_EQ(GetStatus(&info), -ENXIO);
  EXPECT_EQ(Call(0x4C00, kFile), -EBUSY);
  EXPECT_EQ(Call(0x4C01, 0), -ENXIO);
  EXPECT_EQ(Open(0), -ENXIO);
  EXPECT_TRUE(driver->List()[0].is_detaching);
  char byte;
  EXPECT_EQ(device().BufferedRead(0, absl::MakeSpan(&byte, 1)), -EIO);
  CloseLast();
  EXPECT_THAT(TakeUevents(), ElementsAre("change loop0", "change loop0 DISK_MEDIA_CHANGE=1"));
  EXPECT_EQ(Open(0), 0);
  EXPECT_EQ(Call(0x4C00, kFile), 0);
}

TEST_P(LoopDetachTest, WithOtherOpenersItWaitsForTheLastClose) {
  Bind();
  ASSERT_EQ(Open(0), 0);
  EXPECT_EQ(Call(0x4C01, 0), 0);
  EXPECT_EQ(FlagsOf(), 4u);
  EXPECT_EQ(Open(0), 0);
  CloseLast();
  CloseLast();
  EXPECT_TRUE(driver->List()[0].is_bound);
  CloseLast();
  EXPECT_FALSE(driver->List()[0].is_bound);
  EXPECT_EQ(file.use_count(), 2) << "the test's and the descriptor's";
}

TEST_P(LoopDetachTest, SetStatusWithoutAutoclearCancelsAPendingDetach) {
  Bind();
  ASSERT_EQ(Open(0), 0);
  EXPECT_EQ(Call(0x4C01, 0), 0);
  EXPECT_EQ(SetStatus(InfoBytes()), 0);
  nodes.clear();
  EXPECT_TRUE(driver->List()[0].is_bound);
}

TEST_P(LoopDetachTest, AutoclearDetachesAtTheLastClose) {
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Flags(4)), 0);
  CloseLast();
  EXPECT_FALSE(driver->List()[0].is_bound);
  EXPECT_EQ(driver->List()[0].backing_file, "");
}

TEST_P(LoopDetachTest, AnyoneWhoHasItOpenMayDetach) {
  Bind();
  CloseLast();
  process.user = 1000;
  ASSERT_EQ(Open(0, /*write=*/false), 0);
  EXPECT_EQ(Call(0x4C01, 0), 0);
  CloseLast();
  EXPECT_FALSE(driver->List()[0].is_bound);
}

TEST_P(LoopDetachTest, ReadOnlyStaysWithTheDeviceUntilTheNextBinding) {
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Flags(1 | 4)), 0);
  CloseLast();
  ASSERT_EQ(Open(0), 0);
  EXPECT_TRUE(device().read_only());
  ASSERT_EQ(Call(0x4C00, kFile), 0);
  EXPECT_FALSE(device().read_only());
}

TEST_P(LoopDetachTest, TheLastCloseWritesBackWhatWasWritten) {
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Flags(4)), 0);
  ASSERT_EQ(device().BufferedWrite(0, "kept"), 0);
  CloseLast();
  char seen[4];
  file->bytes.Read(0, absl::MakeSpan(seen));
  EXPECT_EQ(absl::string_view(seen, 4), "kept");
}

TEST_P(LoopDetachTest, DetachOfTheUpperLoopLetsTheLowerOneGo) {
  ASSERT_EQ(Open(0), 0);
  ASSERT_EQ(Configure(ConfigBytes(kFile).Flags(4)), 0);
  Opener opener;
  BlockHandle lower;
  ASSERT_EQ(OpenBlockDevice(*core, {kLoopMajor, 0}, opener, &lower), 0);
  process.files[11] =
      std::make_shared<FakeNode>(OpenMode{true, true, false, false}, std::move(lower));
  CloseLast();
  ASSERT_EQ(Open(1), 0);
  ASSERT_EQ(Configure(ConfigBytes(11).Flags(4)), 0);
  process.files.erase(11);
  EXPECT_TRUE(driver->List()[0].is_bound);
  CloseLast();
  EXPECT_FALSE(driver->List()[1].is_bound);
  EXPECT_FALSE(driver->List()[0].is_bound);
}

TEST_P(LoopDetachTest, TheEndOfTheDriverWritesNothing) {
  Bind();
  Opener opener;
  BlockHandle lower;
  ASSERT_EQ(OpenBlockDevice(*core, {kLoopMajor, 0}, opener, &lower), 0);
  process.files[11] =
      std::make_shared<FakeNode>(OpenMode{true, true, false, false}, std::move(lower));
  ASSERT_EQ(Open(1), 0);
  ASSERT_EQ(Call(0x4C00, 11, 1), 0);
  ASSERT_EQ(device(0).BufferedWrite(0, "lost"), 0);
  process.files.erase(11);
  nodes[0].handle->LosePageCache();
  nodes.clear();
  driver = nullptr;
  EXPECT_EQ(file->bytes.allocated(), 0u);
}

}  // namespace
}  // namespace dmkit::model
