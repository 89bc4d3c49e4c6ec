// SPDX-License-Identifier: Apache-2.0
// Several attachers at once on the running kernel, as threads and as processes: no device is
// shared, and under a common lock no file is attached twice.

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/linux_fixture.h"
#include "loop/linux_worker.h"
#include "loop/loop_device.h"
#include "sys/host.h"
#include "sys/status_matchers.h"

namespace dmkit::loop {
namespace {

using ::dmkit::sys::IsOk;

constexpr int kWorkers = 8;

class LoopLinuxRaceTest : public LoopLinuxTest {
 protected:
  using Worker = std::function<absl::StatusOr<WorkerResult>(const std::string& file)>;

  // Runs `worker` kWorkers times at once, each with a file of its own, and checks who got what.
  void Race(const Worker& worker) {
    MakeFile("shared", kMiB);
    std::vector<std::string> files;
    files.reserve(kWorkers);
    for (int i = 0; i < kWorkers; ++i) files.push_back(MakeFile(absl::StrCat("own", i), kMiB));
    std::vector<absl::StatusOr<WorkerResult>> results(kWorkers);
    std::vector<std::thread> threads;
    threads.reserve(kWorkers);
    for (size_t i = 0; i < files.size(); ++i) {
      threads.emplace_back([&, i] { results[i] = worker(files[i]); });
    }
    for (std::thread& thread : threads) thread.join();

    std::set<uint32_t> own;
    std::set<uint32_t> shared;
    for (size_t i = 0; i < results.size(); ++i) {
      EXPECT_THAT(results[i], IsOk());
      if (!results[i].ok()) continue;
      own.insert(results[i]->own);
      shared.insert(results[i]->shared);
      const auto info = Info(host_, results[i]->own);
      EXPECT_THAT(info, IsOk());
      if (!info.ok()) continue;
      EXPECT_EQ(info->backing_file, files[i]);
    }
    EXPECT_EQ(own.size(), size_t{kWorkers});
    EXPECT_EQ(shared.size(), 1u);
    const std::vector<uint32_t> ours = OurDevices();
    EXPECT_EQ(ours.size(), size_t{kWorkers} + 1);
    for (const uint32_t number : ours) ExpectDetached(number);
  }
};

TEST_F(LoopLinuxRaceTest, ThreadsShareNoDevice) {
  const sys::Host host = kernel_->host();
  Race([&](const std::string& file) { return Work(host, dir_, file); });
}

TEST_F(LoopLinuxRaceTest, ProcessesShareNoDevice) {
  const sys::Host host = kernel_->host();
  const auto self = host.root->ReadLink("/proc/self/exe");
  ASSERT_THAT(self, IsOk());
  Race([&](const std::string& file) -> absl::StatusOr<WorkerResult> {
    DMKIT_ASSIGN_OR_RETURN(const sys::ProcessResult process,
                           host.processes->Run({*self, kWorkerFlag, dir_, file}, absl::Minutes(2)));
    const std::vector<std::string> words =
        absl::StrSplit(absl::StripSuffix(process.output, "\n"), ' ');
    WorkerResult result;
    const bool understood = process.exit_status == 0 && words.size() == 2 &&
                            absl::SimpleAtoi(words[0], &result.shared) &&
                            absl::SimpleAtoi(words[1], &result.own);
    if (!understood) return absl::InternalError(process.output);
    return result;
  });
}

}  // namespace
}  // namespace dmkit::loop
