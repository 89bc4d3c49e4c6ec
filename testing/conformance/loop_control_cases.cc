// SPDX-License-Identifier: Apache-2.0
// /dev/loop-control.

#include <cerrno>

#include "testing/conformance/loop_fixture.h"

namespace dmkit::conformance {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class LoopControl : public LoopTest {};

TEST_F(LoopControl, GetFreeGivesTheLowestUnboundNumber) {
  EXPECT_EQ(Value(*Control(), LOOP_CTL_GET_FREE), 0);
  Attach(0, File("f", kMiB));
  EXPECT_EQ(Value(*Control(), LOOP_CTL_GET_FREE), 1);
}

TEST_F(LoopControl, GetFreeReservesNothing) {
  const FilePtr control = Control();
  EXPECT_EQ(Value(*control, LOOP_CTL_GET_FREE), 0);
  EXPECT_EQ(Value(*control, LOOP_CTL_GET_FREE), 0);
}

TEST_F(LoopControl, GetFreeMakesADeviceWhenNoneIsLeft) {
  const std::string path = File("f", kMiB);
  for (uint32_t number = 0; number < 8; ++number) Attach(number, path);
  EXPECT_EQ(Value(*Control(), LOOP_CTL_GET_FREE), 8);
  EXPECT_EQ(StatusError(*Loop(8)), -ENXIO);
}

TEST_F(LoopControl, AddGivesTheNumberBack) {
  EXPECT_EQ(Value(*Control(), LOOP_CTL_ADD, 11), 11);
  EXPECT_EQ(StatusError(*Loop(11)), -ENXIO);
}

TEST_F(LoopControl, AddOfOneThatIsThereGivesEexist) {
  EXPECT_EQ(Value(*Control(), LOOP_CTL_ADD, 0), -EEXIST);
}

TEST_F(LoopControl, AddOfANegativeNumberTakesTheLowest) {
  const FilePtr control = Control();
  EXPECT_EQ(Value(*control, LOOP_CTL_ADD, ~uint64_t{0}), 8);
  EXPECT_EQ(Value(*control, LOOP_CTL_ADD, static_cast<uint64_t>(int64_t{-5})), 9);
}

TEST_F(LoopControl, AddBeyondTwentyBitsGivesEinval) {
  EXPECT_EQ(Value(*Control(), LOOP_CTL_ADD, 0x100000), -EINVAL);
}

TEST_F(LoopControl, AddTakesTwentyBits) {
  const FilePtr control = Control();
  EXPECT_EQ(Value(*control, LOOP_CTL_ADD, 0xfffff), 0xfffff);
  EXPECT_EQ(Value(*control, LOOP_CTL_REMOVE, 0xfffff), 0);
}

TEST_F(LoopControl, AddLooksAtThirtyTwoBitsOnly) {
  EXPECT_EQ(Value(*Control(), LOOP_CTL_ADD, (uint64_t{7} << 32) + 12), 12);
}

TEST_F(LoopControl, RemoveOfAnUnboundOneGivesZero) {
  const FilePtr control = Control();
  ASSERT_EQ(Value(*control, LOOP_CTL_ADD, 11), 11);
  EXPECT_EQ(Value(*control, LOOP_CTL_REMOVE, 11), 0);
  EXPECT_EQ(Value(*control, LOOP_CTL_REMOVE, 11), -ENODEV);
}

TEST_F(LoopControl, RemoveOfANegativeNumberGivesEinval) {
  EXPECT_EQ(Value(*Control(), LOOP_CTL_REMOVE, ~uint64_t{0}), -EINVAL);
}

TEST_F(LoopControl, RemoveOfABoundOneGivesEbusy) {
  Attach(0, File("f", kMiB));
  EXPECT_EQ(Value(*Control(), LOOP_CTL_REMOVE, 0), -EBUSY);
}

TEST_F(LoopControl, RemoveOfAnOpenOneGivesEbusy) {
  const FilePtr loop = Loop(0);
  EXPECT_EQ(Value(*Control(), LOOP_CTL_REMOVE, 0), -EBUSY);
}

TEST_F(LoopControl, AnotherCommandGivesEnosys) {
  EXPECT_EQ(Value(*Control(), 0x4c83), -ENOSYS);
  EXPECT_EQ(Value(*Control(), 0), -ENOSYS);
}

TEST_F(LoopControl, AReadOnlyDescriptorIsEnough) {
  const FilePtr control = Open("/dev/loop-control", kRead);
  EXPECT_EQ(Value(*control, LOOP_CTL_ADD, 11), 11);
  EXPECT_EQ(Value(*control, LOOP_CTL_REMOVE, 11), 0);
}

TEST_F(LoopControl, EverybodyWithADescriptorMayAddAndRemove) {
  AsNobody("/dev/loop-control", kRead, [](sys::File& control) {
    EXPECT_EQ(Value(control, LOOP_CTL_ADD, 11), 11);
    EXPECT_EQ(Value(control, LOOP_CTL_REMOVE, 11), 0);
  });
}

TEST_F(LoopControl, OpeningANodeMakesItsDevice) {
  const std::string node = "/dev/of-loop-20";
  ASSERT_TRUE(host().root->MakeNode(node, sys::FileType::kBlockDevice, {7, 20}, 0600).ok());
  EXPECT_EQ(OpenError(node), 0);
  EXPECT_EQ(StatusError(*Loop(20)), -ENXIO);
  EXPECT_TRUE(host().root->Unlink(node).ok());
}

TEST_F(LoopControl, AddAndRemoveSendAUeventEach) {
  const FilePtr control = Control();
  TakeUevents();
  ASSERT_EQ(Value(*control, LOOP_CTL_ADD, 11), 11);
  EXPECT_EQ(TakeUevents(), std::vector<std::string>{"add loop11"});
  ASSERT_EQ(Value(*control, LOOP_CTL_REMOVE, 11), 0);
  EXPECT_EQ(TakeUevents(), std::vector<std::string>{"remove loop11"});
}

}  // namespace
}  // namespace dmkit::conformance
