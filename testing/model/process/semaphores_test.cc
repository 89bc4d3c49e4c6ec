// SPDX-License-Identifier: Apache-2.0
// Semaphores against what ipc/sem.c does.

#include "testing/model/process/semaphores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "sys/status_matchers.h"

namespace dmkit::model {
namespace {

using sys::FailsWithErrno;
using sys::IsOk;
using sys::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr uint32_t kKey = 0x0d4d1234;

class SemaphoresTest : public ::testing::Test {
 protected:
  void Pass(absl::Duration time) {
    const Scheduler::Call call(core_.scheduler, 1);
    core_.scheduler.Advance(time);
  }

  Core core_{Linux612(), 1};
  SemaphoreTable table_{core_};
  const Identity root_{1, 0};
  const Identity user_{2, 1000};
  ModelSemaphores semaphores_{core_, table_, root_};
  ModelSemaphores of_user_{core_, table_, user_};
};

TEST_F(SemaphoresTest, ASetIsFoundByItsKeyUntilItIsRemoved) {
  const auto id = semaphores_.Create(kKey);
  ASSERT_THAT(id, IsOk());
  EXPECT_THAT(semaphores_.Find(kKey), IsOkAndHolds(*id));
  EXPECT_THAT(semaphores_.Create(kKey), FailsWithErrno(EEXIST));
  EXPECT_THAT(semaphores_.Remove(*id), IsOk());
  EXPECT_THAT(semaphores_.Find(kKey), FailsWithErrno(ENOENT));
}

TEST_F(SemaphoresTest, AListingShowsTheSetsThatTheCallerMayRead) {
  const int32_t mine = *semaphores_.Create(kKey);
  const int32_t theirs = *of_user_.Create(kKey + 1);
  const auto all = semaphores_.ListSets();
  ASSERT_THAT(all, IsOkAndHolds(SizeIs(2)));
  EXPECT_EQ(all->at(0).id, mine);
  EXPECT_EQ(all->at(0).key, kKey);
  EXPECT_EQ(all->at(1).id, theirs);
  const auto few = of_user_.ListSets();
  ASSERT_THAT(few, IsOkAndHolds(SizeIs(1)));
  EXPECT_EQ(few->at(0).id, theirs);
}

TEST_F(SemaphoresTest, AListingTellsOfTheLastOperationAndTheLastValueSet) {
  const int32_t id = *semaphores_.Create(kKey);
  const auto times = [this] { return semaphores_.ListSets()->at(0); };
  const absl::Time made = times().changed;
  EXPECT_EQ(times().last_operation, absl::UnixEpoch());
  Pass(absl::Seconds(5));
  ASSERT_THAT(semaphores_.Add(id, 1), IsOk());
  EXPECT_EQ(times().last_operation, made + absl::Seconds(5));
  EXPECT_EQ(times().changed, made);
  Pass(absl::Seconds(5));
  ASSERT_THAT(semaphores_.SetValue(id, 0), IsOk());
  EXPECT_EQ(times().last_operation, made + absl::Seconds(5));
  EXPECT_EQ(times().changed, made + absl::Seconds(10));
  Pass(absl::Seconds(5));
  ASSERT_THAT(semaphores_.WaitForZero(id, absl::ZeroDuration()), IsOkAndHolds(true));
  EXPECT_EQ(times().last_operation, made + absl::Seconds(15));
}

TEST_F(SemaphoresTest, KeyZeroIsRefused) {
  EXPECT_THAT(semaphores_.Create(0), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Find(0), FailsWithErrno(EINVAL));
}

TEST_F(SemaphoresTest, TheIdOfARemovedSetIsInvalidEvenWhenItsPlaceIsTakenAgain) {
  const int32_t first = *semaphores_.Create(kKey);
  int32_t last = first;
  for (int i = 0; i < 64; ++i) {
    ASSERT_THAT(semaphores_.Remove(last), IsOk());
    last = *semaphores_.Create(kKey);
  }
  EXPECT_EQ(first, 0);
  EXPECT_EQ(last, 1 << 15);
  EXPECT_THAT(semaphores_.Value(first), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.SetValue(first, 1), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Add(first, 1), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.WaitForZero(first, absl::Seconds(1)), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Remove(first), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Remove(-1), FailsWithErrno(EINVAL));
}

TEST_F(SemaphoresTest, ValuesStayBetweenZeroAnd32767) {
  const int32_t id = *semaphores_.Create(kKey);
  EXPECT_THAT(semaphores_.Value(id), IsOkAndHolds(0));
  EXPECT_THAT(semaphores_.Add(id, -1), FailsWithErrno(EAGAIN));
  EXPECT_THAT(semaphores_.SetValue(id, 32768), FailsWithErrno(ERANGE));
  EXPECT_THAT(semaphores_.SetValue(id, -1), FailsWithErrno(ERANGE));
  EXPECT_THAT(semaphores_.SetValue(id, 32767), IsOk());
  EXPECT_THAT(semaphores_.Add(id, 1), FailsWithErrno(ERANGE));
  EXPECT_THAT(semaphores_.Add(id, 0), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Add(id, 32768), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Add(id, -32767), IsOk());
  EXPECT_THAT(semaphores_.Value(id), IsOkAndHolds(0));
}

TEST_F(SemaphoresTest, AnotherUserFindsARootsSetAndCanDoNothingWithIt) {
  const int32_t id = *semaphores_.Create(kKey);
  EXPECT_THAT(of_user_.Find(kKey), IsOkAndHolds(id));
  EXPECT_THAT(of_user_.Value(id), FailsWithErrno(EACCES));
  EXPECT_THAT(of_user_.SetValue(id, 1), FailsWithErrno(EACCES));
  EXPECT_THAT(of_user_.Add(id, 1), FailsWithErrno(EACCES));
  EXPECT_THAT(of_user_.WaitForZero(id, absl::Seconds(1)), FailsWithErrno(EACCES));
  EXPECT_THAT(of_user_.Remove(id), FailsWithErrno(EPERM));
}

TEST_F(SemaphoresTest, RootMayRemoveTheSetOfAnotherUser) {
  const int32_t id = *of_user_.Create(kKey);
  EXPECT_THAT(of_user_.Value(id), IsOkAndHolds(0));
  EXPECT_THAT(semaphores_.Remove(id), IsOk());
}

TEST_F(SemaphoresTest, AWaitEndsAtZeroAtItsTimeoutOrWithTheSet) {
  const int32_t id = *semaphores_.Create(kKey);
  EXPECT_THAT(semaphores_.WaitForZero(id, absl::ZeroDuration()), IsOkAndHolds(true));
  ASSERT_THAT(semaphores_.SetValue(id, 1), IsOk());
  const absl::Time start = core_.scheduler.Now();
  EXPECT_THAT(semaphores_.WaitForZero(id, absl::Seconds(9)), IsOkAndHolds(false));
  EXPECT_EQ(core_.scheduler.Now() - start, absl::Seconds(9) + absl::Microseconds(1));
  core_.scheduler.After(absl::Seconds(2), [this, id] { table_.Add(root_, id, -1); });
  EXPECT_THAT(semaphores_.WaitForZero(id, absl::Seconds(9)), IsOkAndHolds(true));
  ASSERT_THAT(semaphores_.SetValue(id, 1), IsOk());
  core_.scheduler.After(absl::Seconds(2), [this, id] { table_.Remove(root_, id); });
  EXPECT_THAT(semaphores_.WaitForZero(id, absl::InfiniteDuration()), FailsWithErrno(EIDRM));
}

TEST_F(SemaphoresTest, TheEndOfItsProcessEndsAWait) {
  const int32_t id = *semaphores_.Create(kKey);
  ASSERT_THAT(semaphores_.SetValue(id, 1), IsOk());
  {
    const Scheduler::Call call(core_.scheduler, 2);
    core_.scheduler.SetBlocking(Blocking::kSleep);
  }
  std::atomic<bool> has_ended = false;
  absl::Status status;
  std::thread waiter([&] {
    status = semaphores_.WaitForZero(id, absl::InfiniteDuration()).status();
    has_ended = true;
  });
  while (!has_ended) {
    const Scheduler::Call call(core_.scheduler, 2);
    core_.scheduler.Kill(root_.id);
  }
  waiter.join();
  EXPECT_THAT(status, FailsWithErrno(EINTR));
}

TEST_F(SemaphoresTest, APowerLossLeavesNone) {
  ASSERT_THAT(semaphores_.Create(kKey), IsOk());
  EXPECT_THAT(table_.List(), ElementsAre("semaphore 0x0d4d1234 value 0"));
  table_.LosePower();
  EXPECT_THAT(table_.List(), ElementsAre());
}

}  // namespace
}  // namespace dmkit::model
