// SPDX-License-Identifier: Apache-2.0
// What the tests on a kernel, real or modelled, share: a host, files to attach, and the certainty
// that none of them is attached when the test has ended. Where there are no loop devices, or no
// right to use them, the tests are skipped with the reason; with --require-loop that is a failure.

#ifndef DMKIT_LOOP_LINUX_FIXTURE_H_
#define DMKIT_LOOP_LINUX_FIXTURE_H_

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/loop_device.h"
#include "loop/scripted_host.h"
#include "sys/host.h"
#include "sys/status_matchers.h"
#include "testing/cases/kernel.h"

namespace dmkit::loop {

// A device that no kernel adds by itself.
inline constexpr uint32_t kNumberForNobody = 987654;

// Set by main from --require-loop.
inline bool require_loop = false;

class LoopLinuxTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kMiB = 1 << 20;

  void SetUp() override {
    if (host_.processes->EffectiveUserId() != 0) return Skip("not root");
    const std::string probe = MakeFile("probe", 4096);
    const absl::Status status = Attach(host_, probe, {}, Soon()).status();
    const int error = sys::GetErrno(status);
    const bool absent = error == ENODEV || error == ENXIO || error == EACCES || error == EPERM;
    if (absent) return Skip(status.ToString());
    ASSERT_THAT(status, sys::IsOk());
  }

  // Nothing of this test may be left; and what a failed test left must not outlive it.
  void TearDown() override {
    DetachAll();
    const auto files = host_.root->List(dir_);
    if (!files.ok()) return;
    for (const sys::DirEntry& file : *files) host_.root->Unlink(PathOf(file.name)).IgnoreError();
    host_.root->RemoveDir(dir_).IgnoreError();
  }

  void DetachAll() {
    if (IsSkipped()) return;
    const auto list = List(host_);
    ASSERT_THAT(list, sys::IsOk());
    for (const LoopInfo& info : *list) {
      if (!absl::StartsWith(info.backing_file, dir_)) continue;
      ADD_FAILURE() << "/dev/loop" << info.number << " still has " << info.backing_file;
      EXPECT_THAT(Detach(host_, info.number, Soon()), sys::IsOk());
    }
  }

  absl::Time Soon() { return host_.clock->Now() + absl::Seconds(20); }
  std::string PathOf(absl::string_view name) const { return absl::StrCat(dir_, "/", name); }
  // A sparse file in the test's directory, or one made longer.
  std::string MakeFile(absl::string_view name, uint64_t size_bytes) {
    std::string path = PathOf(name);
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    auto file = host_.root->OpenFile(path, options);
    EXPECT_THAT(file, sys::IsOk());
    if (!file.ok()) return path;
    EXPECT_THAT((*file)->Truncate(size_bytes), sys::IsOk());
    return path;
  }
  // The devices that have files of this test.
  std::vector<uint32_t> OurDevices() {
    std::vector<uint32_t> numbers;
    const auto list = List(host_);
    EXPECT_THAT(list, sys::IsOk());
    if (!list.ok()) return numbers;
    for (const LoopInfo& info : *list) {
      if (absl::StartsWith(info.backing_file, dir_)) numbers.push_back(info.number);
    }
    return numbers;
  }
  void ExpectDetached(uint32_t number) {
    const auto detached = Detach(host_, number, Soon());
    ASSERT_THAT(detached, sys::IsOk());
    EXPECT_FALSE(detached->deferred);
  }

  const std::unique_ptr<cases::Kernel> kernel_ = cases::StartKernel();
  testing::TraceLines trace_;
  const sys::Host host_ = TracedHost();
  const std::string dir_ = MakeOwnDir();

 private:
  sys::Host TracedHost() {
    sys::Host host = kernel_->host();
    host.trace = &trace_;
    return host;
  }
  // No other test has ever had it: its files would be found in the kernel's lists.
  std::string MakeOwnDir() {
    uint64_t number = 0;
    EXPECT_THAT(host_.random->Fill({reinterpret_cast<char*>(&number), sizeof(number)}),
                sys::IsOk());
    std::string path = absl::StrCat(kernel_->Dir(), "loop-", absl::Hex(number));
    EXPECT_THAT(host_.root->MakeDir(path, 0700), sys::IsOk());
    return path;
  }
  static void Skip(const std::string& reason) {
    if (require_loop) GTEST_FAIL() << "loop devices are required: " << reason;
    GTEST_SKIP() << "no loop devices to test with: " << reason;
  }
};

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_LINUX_FIXTURE_H_
