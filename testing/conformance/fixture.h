// SPDX-License-Identifier: Apache-2.0
// What every case starts from: a kernel, scratch devices, and files on it. Cases of device-mapper
// have more in dm_fixture.h.

#ifndef DMKIT_TESTING_CONFORMANCE_FIXTURE_H_
#define DMKIT_TESTING_CONFORMANCE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "testing/conformance/machine.h"
#include "testing/model/profile.h"

namespace dmkit::conformance {

// What the cases run on. Set once, before any of them; not owned.
void SetMachine(Machine* machine);

// A case leaves nothing behind: what is left in the kernel when scratch devices are gone fails it.
class ConformanceTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  Machine& machine();
  sys::Host host() { return machine().host(); }
  const model::Profile& profile() { return machine().profile(); }
  bool is_6_1() { return &profile() == &model::Linux61(); }

  // A block device of so many sectors, all zeros. Fails the case when there is none.
  ScratchDevice Device(uint64_t sectors, const ScratchOptions& options = {});

  // Opens a file or device; null, and a failed case, when that fails.
  std::unique_ptr<sys::File> Open(absl::string_view path,
                                  sys::Access access = sys::Access::kReadOnly);
  // 0 or a negative errno of opening it and closing it again.
  int OpenError(absl::string_view path, sys::OpenOptions options = {});

  // Whether `is_so` becomes true within some seconds: for what the kernel does in its own time.
  bool InTime(const std::function<bool()>& is_so);

  static constexpr uint64_t kSectorBytes = 512;
};

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_FIXTURE_H_
