// SPDX-License-Identifier: Apache-2.0
// Detaching at once, at the last close, and under somebody else's hands; and growing.

#include <cerrno>
#include <string>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/loop_device.h"
#include "loop/scripted_host.h"
#include "loop/uapi.h"
#include "sys/host.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

constexpr char kImage[] = "/images/web.img";

auto IsDone() { return IsOkAndHolds(Field(&DetachResult::deferred, false)); }
auto IsDeferred() { return IsOkAndHolds(Field(&DetachResult::deferred, true)); }

// Both kinds of kernel.
class DetachTest : public ::testing::TestWithParam<bool> {
 protected:
  DetachTest() { kernel_.clears_at_close = GetParam(); }
  absl::StatusOr<DetachResult> DoDetach(uint32_t number) {
    return Detach(host_, number, kernel_.clock.Now() + absl::Seconds(5));
  }

  testing::ScriptedHost kernel_;
  sys::Host host_ = kernel_.host();
};

INSTANTIATE_TEST_SUITE_P(ClearAtClose, DetachTest, ::testing::Bool());

TEST_P(DetachTest, SoleOpenerDetaches) {
  kernel_.BindByOther(1, kImage);
  EXPECT_THAT(DoDetach(1), IsDone());
  EXPECT_THAT(kernel_.BoundNumbers(), IsEmpty());
  EXPECT_EQ(kernel_.clock.sleeps, 0);
}

TEST_P(DetachTest, UnboundAndUnknownDevicesAreDetachedAlready) {
  EXPECT_THAT(DoDetach(1), IsDone());
  EXPECT_THAT(DoDetach(99), IsDone());
  EXPECT_EQ(kernel_.loops.count(99), 0u);
  kernel_.has_sysfs = false;
  EXPECT_THAT(DoDetach(1), IsDone());
  EXPECT_THAT(DoDetach(99), IsDone());
}

TEST_P(DetachTest, IsRepeatable) {
  kernel_.BindByOther(1, kImage);
  EXPECT_THAT(DoDetach(1), IsDone());
  EXPECT_THAT(DoDetach(1), IsDone());
}

TEST_P(DetachTest, DeviceInUseIsLeftToItsLastClose) {
  kernel_.BindByOther(1, kImage);
  auto user = OpenLoop(host_, 1, sys::Access::kReadOnly);
  ASSERT_THAT(user, IsOk());
  const absl::Time start = kernel_.clock.Now();
  EXPECT_THAT(DoDetach(1), IsDeferred());
  EXPECT_LT(kernel_.clock.Now() - start, absl::Seconds(1));
  EXPECT_THAT(kernel_.BoundNumbers(), ElementsAre(1));
  user->reset();
  EXPECT_THAT(kernel_.BoundNumbers(), IsEmpty());
}

TEST_P(DetachTest, DeviceInUseIsNotWaitedForPastTheDeadline) {
  kernel_.BindByOther(1, kImage);
  const auto user = OpenLoop(host_, 1, sys::Access::kReadOnly);
  EXPECT_THAT(Detach(host_, 1, absl::InfinitePast()), IsDeferred());
  EXPECT_EQ(kernel_.clock.sleeps, 0);
}

TEST_P(DetachTest, BriefOpenIsWaitedFor) {
  kernel_.BindByOther(1, kImage);
  auto user = OpenLoop(host_, 1, sys::Access::kReadOnly);
  ASSERT_THAT(user, IsOk());
  kernel_.clock.while_sleeping = [&] { user->reset(); };
  EXPECT_THAT(DoDetach(1), IsDone());
  EXPECT_THAT(kernel_.BoundNumbers(), IsEmpty());
}

TEST_P(DetachTest, DetachOfSomebodyElseIsWaitedFor) {
  kernel_.BindByOther(1, kImage);
  kernel_.loops[1].rundown = true;
  int left = 20;
  kernel_.clock.while_sleeping = [&] {
    if (--left == 0) kernel_.loops[1] = testing::ScriptedLoop();
  };
  EXPECT_THAT(DoDetach(1), IsDone());
  EXPECT_EQ(left, 0);
}

TEST_P(DetachTest, DetachThatHangsIsDeferredAtTheDeadline) {
  kernel_.BindByOther(1, kImage);
  kernel_.loops[1].rundown = true;
  const absl::Time start = kernel_.clock.Now();
  EXPECT_THAT(DoDetach(1), IsDeferred());
  EXPECT_EQ(kernel_.clock.Now(), start + absl::Seconds(5));
}

TEST_P(DetachTest, DeviceThatIsReusedAtOnceCountsAsDetached) {
  kernel_.AddFile("/images/other", 7, 4096);
  kernel_.BindByOther(1, kImage);
  auto user = OpenLoop(host_, 1, sys::Access::kReadOnly);
  ASSERT_THAT(user, IsOk());
  kernel_.clock.while_sleeping = [&] {
    user->reset();
    kernel_.BindByOther(1, "/images/other");
  };
  EXPECT_THAT(DoDetach(1), IsDone());
  EXPECT_THAT(kernel_.BoundNumbers(), ElementsAre(1));
}

TEST_P(DetachTest, DetachedBetweenLookAndClearIsDone) {
  kernel_.BindByOther(1, kImage);
  kernel_.next_errors[LOOP_CLR_FD] = {ENXIO};
  kernel_.afterwards = [](unsigned long, testing::ScriptedLoop& loop) {
    const int openers = loop.openers;
    loop = testing::ScriptedLoop();
    loop.openers = openers;
  };
  EXPECT_THAT(DoDetach(1), IsDone());
}

TEST_P(DetachTest, ErrorsAreReported) {
  kernel_.BindByOther(1, kImage);
  kernel_.next_errors[LOOP_CLR_FD] = {EPERM};
  EXPECT_THAT(DoDetach(1), FailsWithErrno(EPERM));
  kernel_.next_errors[LOOP_GET_STATUS64] = {EIO};
  EXPECT_THAT(DoDetach(1), FailsWithErrno(EIO));
  kernel_.next_errors[LOOP_GET_STATUS64] = {0, EIO};
  EXPECT_THAT(DoDetach(1), FailsWithErrno(EIO));
  kernel_.BindByOther(2, kImage);
  kernel_.open_errors["/dev/loop2"] = EACCES;
  EXPECT_THAT(DoDetach(2), FailsWithErrno(EACCES));
}

TEST_P(DetachTest, MissingNodeIsMadeForTheWork) {
  kernel_.BindByOther(1, kImage);
  kernel_.files.erase("/dev/loop1");
  EXPECT_THAT(DoDetach(1), IsDone());
  EXPECT_THAT(kernel_.BoundNumbers(), IsEmpty());
}

TEST_P(DetachTest, WorksWithoutSysfs) {
  kernel_.has_sysfs = false;
  kernel_.BindByOther(1, kImage);
  EXPECT_THAT(DoDetach(1), IsDone());
  EXPECT_THAT(kernel_.BoundNumbers(), IsEmpty());
}

TEST(UpdateCapacityTest, DeviceGrowsWithItsFile) {
  testing::ScriptedHost kernel;
  kernel.BindByOther(1, kImage);
  kernel.files[kImage].size_bytes = 4 << 20;
  EXPECT_THAT(UpdateCapacity(kernel.host(), 1), IsOk());
  EXPECT_EQ(kernel.loops[1].size_bytes, uint64_t{4} << 20);
  EXPECT_EQ(kernel.TakeIoctls(), "LOOP_SET_CAPACITY:1");
}

TEST(UpdateCapacityTest, UnboundOrUnknownDeviceIsEnxio) {
  testing::ScriptedHost kernel;
  EXPECT_THAT(UpdateCapacity(kernel.host(), 1), FailsWithErrno(ENXIO));
  EXPECT_THAT(UpdateCapacity(kernel.host(), 99), FailsWithErrno(ENXIO));
  EXPECT_EQ(kernel.loops.count(99), 0u);
}

}  // namespace
}  // namespace dmkit::loop
