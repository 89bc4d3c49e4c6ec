// SPDX-License-Identifier: Apache-2.0
// Tests of the namespace from several threads, each with a process of its own.

#include <thread>

#include "testing/model/files/vfs_fixture.h"

namespace dmkit::model {
namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 50;

TEST_F(VfsTest, ProcessesWorkSideBySide) {
  std::vector<std::thread> threads;
  std::vector<int> locked(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i, &locked] {
      sys::Dir& dir = vfs_.RootOf(10 + i);
      for (int round = 0; round < kRounds; ++round) {
        const std::string name = absl::StrCat("/tmp/", i, "-", round);
        auto own = dir.OpenFile(name, Creating());
        auto shared = dir.OpenFile("/tmp/shared", Creating());
        if (!own.ok() || !shared.ok() || !(*own)->WriteAt(0, name).ok()) continue;
        const auto lock = (*shared)->TryLock(sys::LockMode::kExclusive);
        if (lock.ok() && *lock) ++locked[static_cast<size_t>(i)];
        if (!dir.Rename(name, "/tmp/last").ok() || !dir.List("/tmp").ok()) continue;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Names("/tmp"), ::testing::ElementsAre("last", "shared"));
  int sum = 0;
  for (const int count : locked) sum += count;
  EXPECT_GT(sum, 0);
  EXPECT_LE(sum, kThreads * kRounds);
  EXPECT_THAT(vfs_.OpenHandles(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace dmkit::model
