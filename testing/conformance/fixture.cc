// SPDX-License-Identifier: Apache-2.0
// The start and the end of a case.

#include "testing/conformance/fixture.h"

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "sys/status.h"

namespace dmkit::conformance {
namespace {

constexpr int kWaitRounds = 500;
constexpr absl::Duration kWaitTick = absl::Milliseconds(10);

Machine* the_machine = nullptr;

}  // namespace

void SetMachine(Machine* machine) { the_machine = machine; }

Machine& ConformanceTest::machine() {
  DMKIT_CHECK(the_machine != nullptr);
  return *the_machine;
}

void ConformanceTest::SetUp() {
  const absl::Status status = machine().StartCase();
  ASSERT_TRUE(status.ok()) << status;
}

void ConformanceTest::TearDown() {
  EXPECT_EQ(absl::StrJoin(machine().EndCase(), "\n"), "") << "is left in the kernel";
}

ScratchDevice ConformanceTest::Device(uint64_t sectors, const ScratchOptions& options) {
  const auto device = machine().AddDevice(sectors * kSectorBytes, options);
  EXPECT_TRUE(device.ok()) << device.status();
  return device.value_or(ScratchDevice());
}

std::unique_ptr<sys::File> ConformanceTest::Open(absl::string_view path, sys::Access access) {
  sys::OpenOptions options;
  options.access = access;
  auto file = host().root->OpenFile(path, options);
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? *std::move(file) : nullptr;
}

int ConformanceTest::OpenError(absl::string_view path, sys::OpenOptions options) {
  return -sys::GetErrno(host().root->OpenFile(path, options).status());
}

bool ConformanceTest::InTime(const std::function<bool()>& is_so) {
  for (int round = 0; round < kWaitRounds; ++round) {
    if (is_so()) return true;
    host().clock->Sleep(kWaitTick);
  }
  return false;
}

}  // namespace dmkit::conformance
