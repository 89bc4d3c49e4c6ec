// SPDX-License-Identifier: Apache-2.0
// Tests of System V semaphores on this machine.

#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

// Not the prefix of the udev cookies: nobody else looks at these.
constexpr uint32_t kKeyPrefix = 0x7e570000;

class LinuxSemaphoresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::StatusOr<int32_t> id = semaphores_.Create(key_);
    if (GetErrno(id.status()) == ENOSYS) GTEST_SKIP() << "a kernel without System V semaphores";
    ASSERT_THAT(id, IsOk());
    id_ = *id;
  }
  void TearDown() override {
    if (id_ >= 0) semaphores_.Remove(id_).IgnoreError();
  }

  LinuxHost linux_;
  Semaphores& semaphores_ = *linux_.host().semaphores;
  const uint32_t key_ = kKeyPrefix | (static_cast<uint32_t>(getpid()) & 0xffff);
  int32_t id_ = -1;
};

TEST_F(LinuxSemaphoresTest, CountsUpAndDown) {
  EXPECT_THAT(semaphores_.Value(id_), IsOkAndHolds(0));
  EXPECT_THAT(semaphores_.SetValue(id_, 3), IsOk());
  EXPECT_THAT(semaphores_.Add(id_, -2), IsOk());
  EXPECT_THAT(semaphores_.Add(id_, 5), IsOk());
  EXPECT_THAT(semaphores_.Value(id_), IsOkAndHolds(6));
}

TEST_F(LinuxSemaphoresTest, IsFoundByItsKey) {
  EXPECT_THAT(semaphores_.Find(key_), IsOkAndHolds(id_));
}

TEST_F(LinuxSemaphoresTest, IsListedWithItsTimes) {
  const absl::Time before = absl::Now() - absl::Seconds(2);
  const auto find = [this]() -> std::optional<SemaphoreSet> {
    const auto sets = semaphores_.ListSets();
    if (!sets.ok()) return std::nullopt;
    for (const SemaphoreSet& set : *sets) {
      if (set.id == id_) return set;
    }
    return std::nullopt;
  };
  std::optional<SemaphoreSet> set = find();
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set->key, key_);
  EXPECT_EQ(set->last_operation, absl::UnixEpoch()) << "none yet";
  EXPECT_GE(set->changed, before);
  ASSERT_THAT(semaphores_.Add(id_, 1), IsOk());
  set = find();
  ASSERT_TRUE(set.has_value());
  EXPECT_GE(set->last_operation, before);
  ASSERT_THAT(semaphores_.Remove(id_), IsOk());
  EXPECT_FALSE(find().has_value());
}

TEST_F(LinuxSemaphoresTest, SecondCreateIsEexist) {
  EXPECT_THAT(semaphores_.Create(key_), FailsWithErrno(EEXIST));
}

TEST_F(LinuxSemaphoresTest, IsForItsOwnerOnly) {
  struct semid_ds status = {};
  ASSERT_EQ(semctl(id_, 0, IPC_STAT, &status), 0);
  EXPECT_EQ(status.sem_perm.mode & 0777, 0600);
  EXPECT_EQ(status.sem_nsems, 1u);
}

TEST_F(LinuxSemaphoresTest, DoesNotGoBelowZero) {
  ASSERT_THAT(semaphores_.SetValue(id_, 1), IsOk());
  EXPECT_THAT(semaphores_.Add(id_, -2), FailsWithErrno(EAGAIN));
  EXPECT_THAT(semaphores_.Value(id_), IsOkAndHolds(1));
}

TEST_F(LinuxSemaphoresTest, ValuesOutOfRangeAreRefused) {
  EXPECT_THAT(semaphores_.SetValue(id_, -1), FailsWithErrno(ERANGE));
  EXPECT_THAT(semaphores_.SetValue(id_, 32768), FailsWithErrno(ERANGE));
  EXPECT_THAT(semaphores_.Add(id_, 0), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Add(id_, 32768), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Add(id_, -32769), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Add(id_, std::numeric_limits<int32_t>::min()), FailsWithErrno(EINVAL));
  ASSERT_THAT(semaphores_.SetValue(id_, 32767), IsOk());
  EXPECT_THAT(semaphores_.Add(id_, 1), FailsWithErrno(ERANGE));
}

TEST_F(LinuxSemaphoresTest, WaitForZeroIsTrueAtZero) {
  EXPECT_THAT(semaphores_.WaitForZero(id_, absl::ZeroDuration()), IsOkAndHolds(true));
  EXPECT_THAT(semaphores_.WaitForZero(id_, absl::InfiniteDuration()), IsOkAndHolds(true));
}

TEST_F(LinuxSemaphoresTest, WaitForZeroIsFalseAfterTheTimeout) {
  ASSERT_THAT(semaphores_.SetValue(id_, 1), IsOk());
  for (const absl::Duration timeout : {absl::ZeroDuration(), absl::Seconds(-1),
                                       -absl::InfiniteDuration(), absl::Milliseconds(5)}) {
    EXPECT_THAT(semaphores_.WaitForZero(id_, timeout), IsOkAndHolds(false));
  }
}

void Nothing(int) {}

TEST_F(LinuxSemaphoresTest, SignalsDoNotEndTheWait) {
  ASSERT_THAT(semaphores_.SetValue(id_, 1), IsOk());
  struct sigaction action = {};
  action.sa_handler = Nothing;
  struct sigaction before = {};
  ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
  struct itimerval often = {};
  often.it_interval.tv_usec = 2000;
  often.it_value.tv_usec = 2000;
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  EXPECT_THAT(semaphores_.WaitForZero(id_, absl::Milliseconds(30)), IsOkAndHolds(false));
  const struct itimerval never = {};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
}

TEST_F(LinuxSemaphoresTest, KeyZeroIsNoKey) {
  EXPECT_THAT(semaphores_.Create(0), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Find(0), FailsWithErrno(EINVAL));
}

TEST_F(LinuxSemaphoresTest, RemovedIsGone) {
  ASSERT_THAT(semaphores_.Remove(id_), IsOk());
  EXPECT_THAT(semaphores_.Find(key_), FailsWithErrno(ENOENT));
  EXPECT_THAT(semaphores_.Value(id_), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.SetValue(id_, 1), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Add(id_, 1), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.WaitForZero(id_, absl::ZeroDuration()), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Remove(id_), FailsWithErrno(EINVAL));
  EXPECT_THAT(semaphores_.Value(-1), FailsWithErrno(EINVAL));
}

}  // namespace
}  // namespace dmkit::sys
