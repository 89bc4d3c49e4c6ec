// SPDX-License-Identifier: Apache-2.0
// What the tests of this room on a kernel, real or modelled, share: devices to build pools on, ways
// to break them, and the check that the kernel is left empty. No expectations about dmkit's own
// behaviour.

#ifndef DMKIT_THINP_VM_FIXTURE_H_
#define DMKIT_THINP_VM_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/device_mapper.h"
#include "dm/types.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/loop_device.h"
#include "sys/device_number.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/units.h"
#include "testing/cases/kernel.h"
#include "thinp/pool.h"
#include "thinp/thin_id.h"

namespace dmkit::thinp {

inline constexpr uint64_t kMiB = 1 << 20;

// Each test has an empty directory, and must leave no mapped device and no loop device behind.
class ThinpVmTest : public ::testing::Test {
 protected:
  ThinpVmTest();
  ~ThinpVmTest() override;
  void TearDown() override;

  // The host that the code under test gets, and its client; faults are planned here.
  sys::Host host() const { return faulty_.host(); }
  dm::DeviceMapper& dm() { return *dm_; }
  sys::FaultyHost& faulty() { return faulty_; }
  // The same kernel without faults and counts, for the test's own doings.
  const sys::Host& plain_host() const { return plain_->host(); }
  cases::Kernel& kernel() { return *kernel_; }
  dm::DeviceMapper& plain() { return *plain_; }

  const std::string& dir() const { return dir_; }

  // An image of zeros in dir(), and a loop device on it that stays until the end of the test.
  std::string MakeImage(const std::string& name, uint64_t size_bytes);
  loop::AttachedLoop& Attach(const std::string& name, uint64_t size_bytes);
  void DropLoops() { loops_.clear(); }
  static std::string NodeOf(const loop::AttachedLoop& loop);

  // A mapped device `name` with one linear target over all of `loop`, until the end of the test;
  // its node's path.
  std::string MakeLinear(const std::string& name, const loop::AttachedLoop& loop);
  // Gives the mapped device `name` one target of `type` over its whole length, without flushing.
  void SwapTarget(const std::string& name, const std::string& type, const std::string& params);
  // From now on the linear device `name` over `loop` fails its writes, or everything.
  void FailWrites(const std::string& name, const loop::AttachedLoop& loop);
  void FailAll(const std::string& name) { SwapTarget(name, "error", ""); }
  void Remove(const std::string& name);

  // Sends `message` to the target of the mapped device.
  absl::Status Send(const dm::DeviceKey& device, const std::string& message);

  // Writes `length` bytes of `fill` at `offset` of a block device and syncs them.
  absl::Status Fill(sys::DeviceNumber device, uint64_t offset, uint64_t length, char fill);
  // The bytes of a file or device, read past the page cache where that is possible.
  std::string Read(const std::string& path, uint64_t offset, uint64_t length);
  std::string Read(sys::DeviceNumber device, uint64_t offset, uint64_t length);

  // Contents of a small file; nothing when it is not there.
  std::optional<std::string> ReadText(const std::string& path);
  void WriteText(const std::string& path, absl::string_view contents);
  // Writes over a part of a file or device, and syncs it.
  void Overwrite(const std::string& path, uint64_t offset, absl::string_view bytes);
  bool Exists(const std::string& path);
  void Run(const std::vector<std::string>& argv);

  // What the kernel has now.
  std::vector<std::string> MappedDevices();
  std::vector<std::string> SuspendedDevices();
  std::vector<std::string> LoopFiles();

 private:
  std::unique_ptr<cases::Kernel> kernel_;
  sys::FaultyHost faulty_;
  std::optional<dm::DeviceMapper> dm_;
  std::optional<dm::DeviceMapper> plain_;
  std::string dir_;
  std::vector<std::unique_ptr<loop::AttachedLoop>> loops_;
  std::vector<std::string> linears_;
};

dm::DmName Name(const std::string& text);
dm::DmUuid Uuid(const std::string& text);
ThinId Id(uint32_t value);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_VM_FIXTURE_H_
