// SPDX-License-Identifier: Apache-2.0
// /dev/loop-control, and devices that come by being opened.

#include "testing/model/loop/loop_fixture.h"

namespace dmkit::model {
namespace {

using ::testing::ElementsAre;
using ::testing::Values;

class LoopControlTest : public BothLoopTest {};
INSTANTIATE_TEST_SUITE_P(Kernels, LoopControlTest, Values(&Linux61(), &Linux612()), ProfileName);

TEST_P(LoopControlTest, EightDevicesAreThereFromTheStart) {
  EXPECT_EQ(driver->List().size(), 8u);
  EXPECT_NE(core->blocks.FindByName("loop7"), nullptr);
  EXPECT_EQ(core->blocks.FindByName("loop8"), nullptr);
}

TEST_P(LoopControlTest, AddGivesTheNumberAndSendsAdd) {
  EXPECT_EQ(Control(0x4C80, 42), 42);
  EXPECT_THAT(TakeUevents(), ElementsAre("add loop42"));
}

TEST_P(LoopControlTest, AddOfOneThatIsThereIsEexist) { EXPECT_EQ(Control(0x4C80, 3), -EEXIST); }

TEST_P(LoopControlTest, AddOfANegativeNumberMakesTheLowestFreeOne) {
  EXPECT_EQ(Control(0x4C80, static_cast<uint64_t>(-1)), 8);
  EXPECT_EQ(Control(0x4C80, static_cast<uint64_t>(-5)), 9);
}

TEST_P(LoopControlTest, AddKnowsTwentyBits) {
  EXPECT_EQ(Control(0x4C80, 0x100000), -EINVAL);
  EXPECT_EQ(Control(0x4C80, 0xFFFFF), 0xFFFFF);
}

TEST_P(LoopControlTest, AddIgnoresTheHighHalfOfItsArgument) {
  EXPECT_EQ(Control(0x4C80, (uint64_t{7} << 32) + 20), 20);
}

TEST_P(LoopControlTest, RemoveTakesTheDeviceAway) {
  EXPECT_EQ(Control(0x4C81, 7), 0);
  EXPECT_THAT(TakeUevents(), ElementsAre("remove loop7"));
  EXPECT_EQ(driver->List().size(), 7u);
}

TEST_P(LoopControlTest, RemoveRefusesWhatIsNotThereOrInUse) {
  EXPECT_EQ(Control(0x4C81, static_cast<uint64_t>(-1)), -EINVAL);
  EXPECT_EQ(Control(0x4C81, 99), -ENODEV);
  ASSERT_EQ(Open(1), 0);
  EXPECT_EQ(Control(0x4C81, 1), -EBUSY);
  CloseLast();
  Bind();
  CloseLast();
  EXPECT_EQ(Control(0x4C81, 0), -EBUSY);
}

TEST_P(LoopControlTest, GetFreeGivesTheLowestUnboundOneAndReservesNothing) {
  EXPECT_EQ(Control(0x4C82, 0), 0);
  EXPECT_EQ(Control(0x4C82, 0), 0);
  Bind();
  EXPECT_EQ(Control(0x4C82, 0), 1);
}

TEST_P(LoopControlTest, GetFreeMakesOneWhenAllAreBound) {
  for (uint32_t number = 0; number < 8; ++number) {
    ASSERT_EQ(Open(number), 0);
    ASSERT_EQ(Call(0x4C00, kFile, number), 0);
  }
  EXPECT_EQ(Control(0x4C82, 0), 8);
}

TEST_P(LoopControlTest, UnknownRequestIsEnosys) { EXPECT_EQ(Control(0x4C83, 0), -ENOSYS); }

TEST_P(LoopControlTest, AnOpenMakesADeviceThatIsNotThere) {
  EXPECT_EQ(Open(300), 0);
  EXPECT_EQ(device().disk_name(), "loop300");
  Opener opener;
  BlockHandle handle;
  EXPECT_EQ(OpenBlockDevice(*core, {kLoopMajor, 0x100000}, opener, &handle), -ENXIO);
}

}  // namespace
}  // namespace dmkit::model
