// SPDX-License-Identifier: Apache-2.0
// Tests of the Linux host from several threads.

#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

constexpr size_t kThreads = 4;

TEST(LinuxThreadsTest, ProgramsRunSideBySide) {
  const LinuxHost linux_host;
  const Host host = linux_host.host();
  std::array<int, kThreads> right = {};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&host, &right, i] {
      for (int round = 0; round < 10; ++round) {
        const std::string word = absl::StrCat(i, "-", round);
        const auto result = host.processes->Run({"echo", word}, absl::Minutes(10));
        if (result.ok() && result->output == word + "\n") ++right[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : right) EXPECT_EQ(count, 10);
}

TEST(LinuxThreadsTest, RemovingASemaphoreEndsTheWaitWithEidrm) {
  const LinuxHost linux_host;
  Semaphores& semaphores = *linux_host.host().semaphores;
  const absl::StatusOr<int32_t> id =
      semaphores.Create(0x7e580000u | (static_cast<uint32_t>(getpid()) & 0xffff));
  if (GetErrno(id.status()) == ENOSYS) GTEST_SKIP() << "a kernel without System V semaphores";
  ASSERT_THAT(id, IsOk());
  ASSERT_THAT(semaphores.SetValue(*id, 1), IsOk());
  absl::StatusOr<bool> result;
  std::thread waiter([&] { result = semaphores.WaitForZero(*id, absl::Minutes(10)); });
  while (semctl(*id, 0, GETZCNT) != 1) std::this_thread::yield();
  EXPECT_THAT(semaphores.Remove(*id), IsOk());
  waiter.join();
  EXPECT_THAT(result, FailsWithErrno(EIDRM));
}

TEST(LinuxThreadsTest, AnotherThreadEndsTheWait) {
  const LinuxHost linux_host;
  Semaphores& semaphores = *linux_host.host().semaphores;
  const absl::StatusOr<int32_t> id =
      semaphores.Create(0x7e590000u | (static_cast<uint32_t>(getpid()) & 0xffff));
  if (GetErrno(id.status()) == ENOSYS) GTEST_SKIP() << "a kernel without System V semaphores";
  ASSERT_THAT(id, IsOk());
  ASSERT_THAT(semaphores.SetValue(*id, 1), IsOk());
  absl::StatusOr<bool> result;
  std::thread waiter([&] { result = semaphores.WaitForZero(*id, absl::Minutes(10)); });
  while (semctl(*id, 0, GETZCNT) != 1) std::this_thread::yield();
  EXPECT_THAT(semaphores.Add(*id, -1), IsOk());
  waiter.join();
  EXPECT_THAT(result, IsOkAndHolds(true));
  EXPECT_THAT(semaphores.Remove(*id), IsOk());
}

}  // namespace
}  // namespace dmkit::sys
