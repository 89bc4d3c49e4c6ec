// SPDX-License-Identifier: Apache-2.0
// Tests that threads of one process exclude each other as processes do.

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/lock_file.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

TEST(LockFileThreadsTest, OneThreadAtATimeHoldsTheLock) {
  constexpr size_t kThreads = 4;
  constexpr int kRounds = 25;
  const TempDir temp;
  const LinuxHost linux_host;
  const Host host = linux_host.host();
  const auto dir = host.root->OpenDir(temp.path());
  ASSERT_THAT(dir, IsOk());
  std::atomic<int> holders{0};
  std::atomic<int> rounds{0};
  std::atomic<bool> shared{false};
  const auto work = [&] {
    for (int i = 0; i < kRounds; ++i) {
      const absl::StatusOr<HeldLock> lock =
          AcquireLock(host, **dir, "set.lock", "test", absl::Hours(1));
      if (!lock.ok()) return;
      if (holders.fetch_add(1) != 0) shared = true;
      ++rounds;
      holders.fetch_sub(1);
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(shared);
  EXPECT_EQ(rounds, kThreads * kRounds);
}

}  // namespace
}  // namespace dmkit::sys
