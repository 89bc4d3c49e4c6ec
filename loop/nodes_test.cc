// SPDX-License-Identifier: Apache-2.0
// Finding and making nodes, on a scripted /dev, /sys and /proc.

#include "loop/nodes.h"

#include <cerrno>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/scripted_host.h"
#include "sys/device_number.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::Optional;

class NodesTest : public ::testing::Test {
 protected:
  testing::ScriptedHost kernel_;
  sys::Host host_ = kernel_.host();
};

TEST_F(NodesTest, NodeThatIsThereIsOpened) {
  const auto device = OpenNode(host_, 2, sys::Access::kReadOnly);
  ASSERT_THAT(device, IsOk());
  EXPECT_EQ(device->number(), 2u);
  EXPECT_EQ(device->path(), "/dev/loop2");
  EXPECT_EQ(kernel_.loops[2].openers, 1);
}

TEST_F(NodesTest, MissingNodeIsMadeForRootOnly) {
  kernel_.files.erase("/dev/loop2");
  EXPECT_THAT(OpenNode(host_, 2, sys::Access::kReadOnly), IsOk());
  const sys::FileStat& node = kernel_.files.at("/dev/loop2");
  EXPECT_EQ(node.type, sys::FileType::kBlockDevice);
  EXPECT_EQ(node.rdevice, (sys::DeviceNumber{7, 2}));
  EXPECT_EQ(node.mode, 0600u);
}

TEST_F(NodesTest, NodeThatWasMadeForNothingIsRemovedAgain) {
  kernel_.adds_by_open = false;
  EXPECT_THAT(OpenNode(host_, 9, sys::Access::kReadOnly), FailsWithErrno(ENXIO));
  EXPECT_EQ(kernel_.files.count("/dev/loop9"), 0u);
}

TEST_F(NodesTest, NodeThatSomebodyElseMakesFirstIsUsed) {
  sys::FaultyHost faulty(host_);
  // Missing at the first open, there when it is to be made.
  faulty.SetPlan(sys::FaultyHost::FailCall(1, ENOENT));
  EXPECT_THAT(OpenNode(faulty.host(), 2, sys::Access::kReadOnly), IsOk());
  EXPECT_EQ(faulty.CountOf("MakeNode"), 1u);
  faulty.SetPlan(sys::FaultyHost::FailCall(1, ENOENT));
  EXPECT_THAT(OpenControl(faulty.host()), IsOkAndHolds(NotNull()));
  EXPECT_EQ(faulty.CountOf("MakeNode"), 1u);
}

TEST_F(NodesTest, NodeThatSomebodyElseMadeIsNotRemoved) {
  sys::FaultyHost faulty(host_);
  faulty.SetPlan([](const sys::SeamCall& call) {
    if (call.method != "OpenFile") return 0;
    return call.number == 1 ? ENOENT : ENXIO;
  });
  EXPECT_THAT(OpenNode(faulty.host(), 2, sys::Access::kReadOnly), FailsWithErrno(ENXIO));
  EXPECT_EQ(kernel_.files.count("/dev/loop2"), 1u);
}

TEST_F(NodesTest, NodeOfAnotherDeviceIsRefused) {
  kernel_.AddNode("/dev/loop2", {7, 3});
  EXPECT_THAT(OpenNode(host_, 2, sys::Access::kReadOnly),
              FailsWithCode(absl::StatusCode::kFailedPrecondition));
  kernel_.AddFile("/dev/loop2", 5, 100);
  const auto device = OpenNode(host_, 2, sys::Access::kReadOnly);
  EXPECT_THAT(device, FailsWithCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(device.status().message()), HasSubstr("/dev/loop2"));
}

TEST_F(NodesTest, NumberAbove20BitsIsRefusedBeforeAnyCall) {
  EXPECT_THAT(OpenNode(host_, 0x100000, sys::Access::kReadOnly),
              FailsWithCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(kernel_.files.count("/dev/loop1048576"), 0u);
}

TEST_F(NodesTest, ExistingDeviceIsNeverAddedByLooking) {
  EXPECT_THAT(OpenExisting(host_, 9, sys::Access::kReadOnly), FailsWithErrno(ENXIO));
  EXPECT_EQ(kernel_.loops.count(9), 0u);
  EXPECT_EQ(kernel_.files.count("/dev/loop9"), 0u);
}

TEST_F(NodesTest, ExistingDeviceWithoutNodeGetsOne) {
  kernel_.files.erase("/dev/loop2");
  EXPECT_THAT(OpenExisting(host_, 2, sys::Access::kReadOnly), IsOk());
  EXPECT_EQ(kernel_.files.count("/dev/loop2"), 1u);
}

TEST_F(NodesTest, WithoutSysfsTheNodeSaysWhatExists) {
  kernel_.has_sysfs = false;
  EXPECT_THAT(OpenExisting(host_, 2, sys::Access::kReadOnly), IsOk());
  EXPECT_THAT(OpenExisting(host_, 9, sys::Access::kReadOnly), FailsWithErrno(ENXIO));
}

TEST_F(NodesTest, ControlNodeThatIsThereIsOpened) {
  EXPECT_THAT(OpenControl(host_), IsOkAndHolds(NotNull()));
}

TEST_F(NodesTest, MissingControlNodeIsMadeFromItsNumberInMisc) {
  kernel_.files.erase("/dev/loop-control");
  EXPECT_THAT(OpenControl(host_), IsOkAndHolds(NotNull()));
  const sys::FileStat& node = kernel_.files.at("/dev/loop-control");
  EXPECT_EQ(node.type, sys::FileType::kCharDevice);
  EXPECT_EQ(node.rdevice, (sys::DeviceNumber{10, 237}));
  EXPECT_EQ(node.mode, 0600u);
}

TEST_F(NodesTest, ControlIsOutOfReachWithoutNodeAndNumber) {
  kernel_.files.erase("/dev/loop-control");
  for (const char* misc : {"", " 58 zram\n", "loop-control\n", "237\n", "x loop-control\n",
                           "237 loop-controls\n", "237 loop-control x\n", "-1 loop-control\n"}) {
    kernel_.proc_misc = misc;
    EXPECT_THAT(OpenControl(host_), IsOkAndHolds(IsNull())) << misc;
  }
  kernel_.proc_misc = " 58 zram\n237 loop-control\n";
  kernel_.open_errors["/proc/misc"] = ENOENT;
  EXPECT_THAT(OpenControl(host_), IsOkAndHolds(IsNull()));
  EXPECT_EQ(kernel_.files.count("/dev/loop-control"), 0u);
}

TEST_F(NodesTest, ControlIsOutOfReachWhenItMayNotBeOpened) {
  for (const int error : {EACCES, EPERM, ENXIO, ENODEV}) {
    kernel_.open_errors["/dev/loop-control"] = error;
    EXPECT_THAT(OpenControl(host_), IsOkAndHolds(IsNull())) << error;
  }
}

TEST_F(NodesTest, OtherErrorsOfTheControlNodeAreReported) {
  kernel_.open_errors["/dev/loop-control"] = EMFILE;
  EXPECT_THAT(OpenControl(host_), FailsWithErrno(EMFILE));
}

TEST_F(NodesTest, NumbersAreFoundBeyondGaps) {
  kernel_.RemoveLoop(1);
  kernel_.AddLoop(17);
  kernel_.AddLoop(1048575);
  EXPECT_THAT(KnownNumbers(host_), IsOkAndHolds(ElementsAre(0, 2, 3, 17, 1048575)));
}

TEST_F(NodesTest, NumbersComeFromNodesWithoutSysfs) {
  kernel_.has_sysfs = false;
  kernel_.RemoveLoop(1);
  kernel_.AddLoop(17);
  // Names that only look like loop devices.
  kernel_.AddFile("/dev/loop5", 7, 0);
  for (const char* name : {"/dev/loop", "/dev/loop03", "/dev/loop1p1", "/dev/loop-1",
                           "/dev/loop1048576", "/dev/loop99999999999", "/dev/xloop4"}) {
    kernel_.AddNode(name, {7, 1});
  }
  EXPECT_THAT(KnownNumbers(host_), IsOkAndHolds(ElementsAre(0, 2, 3, 17)));
}

TEST_F(NodesTest, NoDevicesIsNoError) {
  for (uint32_t number = 0; number < 4; ++number) kernel_.RemoveLoop(number);
  EXPECT_THAT(KnownNumbers(host_), IsOkAndHolds(IsEmpty()));
}

TEST_F(NodesTest, SysfsTellsTheWholePath) {
  const std::string path = "/" + std::string(200, 'd') + "/web.img";
  kernel_.AddFile(path, 7, 4096);
  kernel_.BindByOther(2, path);
  EXPECT_THAT(SysfsBackingFile(host_, 2), IsOkAndHolds(Optional(path)));
  EXPECT_THAT(SysfsBackingFile(host_, 1), IsOkAndHolds(std::nullopt));
  kernel_.has_sysfs = false;
  EXPECT_THAT(SysfsBackingFile(host_, 2), IsOkAndHolds(std::nullopt));
}

}  // namespace
}  // namespace dmkit::loop
