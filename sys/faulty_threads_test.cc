// SPDX-License-Identifier: Apache-2.0
// Tests that the faulty host counts the calls of several threads.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

TEST(FaultyThreadsTest, EachCallHasANumberOfItsOwn) {
  constexpr size_t kThreads = 4;
  constexpr size_t kRounds = 100;
  const TempDir temp;
  const LinuxHost linux_host;
  FaultyHost faulty(linux_host.host());
  const Host host = faulty.host();
  std::vector<uint64_t> numbers;
  faulty.SetPlan([&numbers](const SeamCall& call) {
    numbers.push_back(call.number);
    return call.method == "Stat" ? EIO : 0;
  });
  std::array<size_t, kThreads> failed = {};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      OpenOptions options;
      options.create = true;
      for (size_t round = 0; round < kRounds; ++round) {
        const auto file = host.root->OpenFile(absl::StrCat(temp.path(), "/", i), options);
        if (file.ok() && GetErrno((*file)->Stat().status()) == EIO) ++failed[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const size_t count : failed) EXPECT_EQ(count, kRounds);
  EXPECT_EQ(faulty.calls(), 2 * kThreads * kRounds);
  EXPECT_EQ(faulty.CountOf("Stat"), kThreads * kRounds);
  EXPECT_EQ(faulty.open_handles(), 0u);
  ASSERT_EQ(numbers.size(), 2 * kThreads * kRounds);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  EXPECT_EQ(std::adjacent_find(numbers.begin(), numbers.end()), numbers.end());
  EXPECT_EQ(numbers.back(), numbers.size());
}

}  // namespace
}  // namespace dmkit::sys
