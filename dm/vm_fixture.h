// SPDX-License-Identifier: Apache-2.0
// What tests on a kernel, real or modelled, start from: a client, a ram disk, and devices that are
// gone afterwards.

#ifndef DMKIT_DM_VM_FIXTURE_H_
#define DMKIT_DM_VM_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "dm/types.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "testing/cases/kernel.h"

namespace dmkit::dm::testing {

// Fails, never skips, when the machine has no device-mapper: these tests are for machines that
// have.
class VmTest : public ::testing::Test {
 protected:
  VmTest();
  // Removes every device whose name starts with kPrefix, and its node.
  ~VmTest() override;

  static constexpr absl::string_view kPrefix = "vmtest-";
  // The ram disk that tables may be built on: 16 MiB.
  static constexpr sys::DeviceNumber kRam = {1, 0};
  static constexpr uint64_t kRamSectors = 32768;

  // A name of this test's own: short names may be used again by the next one.
  static DmName TestName(absl::string_view name);
  static DmUuid TestUuid(absl::string_view name);
  static TableLine ZeroLine(uint64_t start, uint64_t length);
  static TableLine LinearLine(uint64_t start, uint64_t length, uint64_t offset);

  // A device without a table.
  DmName MakeBare(absl::string_view name);
  // A device with `table` loaded and resumed, by one ioctl after the other. No uuid.
  DmName MakeActive(absl::string_view name, const std::vector<TableLine>& table);

  // The node is made when it is missing.
  absl::StatusOr<std::unique_ptr<sys::File>> OpenNode(sys::DeviceNumber device, sys::Access access);
  std::string ReadText(absl::string_view path);
  // Whether this is the 6.1 kernel, whose answers differ here and there.
  bool IsKernel61();
  // What the program prints; an empty string when it cannot be run or fails.
  std::string OutputOf(const std::vector<std::string>& argv);
  // Waits until the device is gone: a deferred removal is finished by the kernel in its own time.
  bool IsGoneInTime(const DmName& name);

  const std::unique_ptr<cases::Kernel> kernel_;
  sys::Host host_;
  DeviceMapper dm_;
};

}  // namespace dmkit::dm::testing

#endif  // DMKIT_DM_VM_FIXTURE_H_
