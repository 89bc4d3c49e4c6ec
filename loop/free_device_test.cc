// SPDX-License-Identifier: Apache-2.0
// The search for an unbound device, with and without a control device that answers.

#include "loop/free_device.h"

#include <cerrno>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/scripted_host.h"
#include "loop/uapi.h"
#include "sys/host.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::HasSubstr;

class FreeDeviceTest : public ::testing::Test {
 protected:
  absl::StatusOr<uint32_t> Find(const std::set<uint32_t>& avoid = {}) {
    return FreeDevices(host_).Find(avoid);
  }
  void BindAll() {
    for (auto& [number, loop] : kernel_.loops) {
      kernel_.BindByOther(number, testing::ScriptedHost::kImage);
    }
  }

  testing::ScriptedHost kernel_;
  sys::Host host_ = kernel_.host();
};

TEST_F(FreeDeviceTest, ControlDeviceIsAskedFirst) {
  kernel_.BindByOther(0, testing::ScriptedHost::kImage);
  EXPECT_THAT(Find(), IsOkAndHolds(1u));
  EXPECT_EQ(kernel_.TakeIoctls(), "LOOP_CTL_GET_FREE");
}

TEST_F(FreeDeviceTest, ControlDeviceAddsWhenAllAreBound) {
  BindAll();
  EXPECT_THAT(Find(), IsOkAndHolds(4u));
}

TEST_F(FreeDeviceTest, ControlDeviceThatDoesNotKnowGetFreeIsNotAskedAgain) {
  for (const int error : {ENOSYS, ENOTTY, EINVAL, EACCES, EPERM}) {
    kernel_.errors[LOOP_CTL_GET_FREE] = error;
    FreeDevices free(host_);
    EXPECT_THAT(free.Find({}), IsOkAndHolds(0u)) << error;
    EXPECT_EQ(kernel_.TakeIoctls(), "LOOP_CTL_GET_FREE LOOP_GET_STATUS64:0");
    EXPECT_THAT(free.Find({}), IsOkAndHolds(0u)) << error;
    EXPECT_EQ(kernel_.TakeIoctls(), "LOOP_GET_STATUS64:0");
  }
}

TEST_F(FreeDeviceTest, OtherErrorsOfGetFreeAreReported) {
  kernel_.errors[LOOP_CTL_GET_FREE] = ENOMEM;
  EXPECT_THAT(Find(), FailsWithErrno(ENOMEM));
  EXPECT_EQ(kernel_.TakeIoctls(), "LOOP_CTL_GET_FREE");
}

TEST_F(FreeDeviceTest, ScanGoesBeyondGapsAndBoundDevices) {
  kernel_.files.erase("/dev/loop-control");
  kernel_.proc_misc = "";
  kernel_.BindByOther(0, testing::ScriptedHost::kImage);
  kernel_.RemoveLoop(1);
  kernel_.RemoveLoop(2);
  kernel_.BindByOther(3, testing::ScriptedHost::kImage);
  kernel_.AddLoop(40);
  EXPECT_THAT(Find(), IsOkAndHolds(40u));
  EXPECT_EQ(kernel_.loops.count(1), 0u);
}

TEST_F(FreeDeviceTest, ScanPassesDevicesThatAreBeingDetached) {
  kernel_.open_errors["/dev/loop-control"] = EACCES;
  kernel_.BindByOther(0, testing::ScriptedHost::kImage);
  kernel_.loops[0].rundown = true;
  EXPECT_THAT(Find(), IsOkAndHolds(1u));
}

TEST_F(FreeDeviceTest, OneDeviceThatCannotBeOpenedHidesNoFreeOne) {
  kernel_.open_errors["/dev/loop-control"] = EACCES;
  kernel_.open_errors["/dev/loop0"] = EACCES;
  EXPECT_THAT(Find(), IsOkAndHolds(1u));
}

TEST_F(FreeDeviceTest, NoRightToOpenAnyIsEacces) {
  kernel_.open_errors["/dev/loop-control"] = EACCES;
  for (const char* path : {"/dev/loop0", "/dev/loop1", "/dev/loop2", "/dev/loop3"}) {
    kernel_.open_errors[path] = EACCES;
  }
  EXPECT_THAT(Find(), FailsWithErrno(EACCES));
}

TEST_F(FreeDeviceTest, WithoutControlTheLowestMissingNumberIsAdded) {
  kernel_.files.erase("/dev/loop-control");
  kernel_.proc_misc = "";
  kernel_.RemoveLoop(2);
  BindAll();
  EXPECT_THAT(Find(), IsOkAndHolds(2u));
  EXPECT_EQ(kernel_.loops.count(2), 1u);
}

TEST_F(FreeDeviceTest, NoneFreeAndNoneToAddIsEnodevAndSaysWhatIsMissing) {
  kernel_.files.erase("/dev/loop-control");
  kernel_.proc_misc = "";
  kernel_.adds_by_open = false;
  BindAll();
  const auto free = Find();
  EXPECT_THAT(free, FailsWithErrno(ENODEV));
  EXPECT_THAT(std::string(free.status().message()), HasSubstr("CONFIG_BLK_DEV_LOOP"));
  EXPECT_EQ(kernel_.files.count("/dev/loop4"), 0u);
}

TEST_F(FreeDeviceTest, NoDriverAtAllIsEnodev) {
  kernel_.files.clear();
  kernel_.loops.clear();
  kernel_.proc_misc = "";
  kernel_.adds_by_open = false;
  EXPECT_THAT(Find(), FailsWithErrno(ENODEV));
}

TEST_F(FreeDeviceTest, AvoidedNumberIsNotGivenAgain) {
  EXPECT_THAT(Find({0}), IsOkAndHolds(1u));
  EXPECT_THAT(Find({0, 1, 2}), IsOkAndHolds(3u));
  kernel_.TakeIoctls();
  EXPECT_THAT(Find({0, 1, 2, 3}), IsOkAndHolds(4u));
  EXPECT_EQ(kernel_.TakeIoctls(), "LOOP_CTL_GET_FREE LOOP_CTL_ADD");
}

TEST_F(FreeDeviceTest, NumberThatSomebodyElseAddedIsGood) {
  kernel_.errors[LOOP_CTL_ADD] = EEXIST;
  EXPECT_THAT(Find({0, 1, 2, 3}), IsOkAndHolds(4u));
  kernel_.errors[LOOP_CTL_ADD] = ENOMEM;
  EXPECT_THAT(Find({0, 1, 2, 3}), FailsWithErrno(ENOMEM));
}

TEST_F(FreeDeviceTest, NothingStaysOpen) {
  kernel_.errors[LOOP_CTL_GET_FREE] = ENOSYS;
  EXPECT_THAT(Find(), IsOkAndHolds(0u));
  EXPECT_EQ(kernel_.loops[0].openers, 0);
}

}  // namespace
}  // namespace dmkit::loop
