// SPDX-License-Identifier: Apache-2.0
// What the cases run on: a kernel behind the seam, and the few things that the seam does not have.
// Knows nothing of device-mapper. The real kernel is kernel_machine.h, the model model_machine.h.

#ifndef DMKIT_TESTING_CONFORMANCE_MACHINE_H_
#define DMKIT_TESTING_CONFORMANCE_MACHINE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sys/device_number.h"
#include "sys/host.h"
#include "testing/model/profile.h"

namespace dmkit::conformance {

struct ScratchOptions {
  uint32_t block_bytes = 512;  // the logical block size, up to 4096
  bool is_read_only = false;
};

// A block device of zeros that a case may do with as it likes.
struct ScratchDevice {
  sys::DeviceNumber device;
  std::string number;  // "7:3", as a table has it
  std::string path;    // "/dev/loop3"
};

class Machine {
 public:
  virtual ~Machine() = default;

  // What differs between the kernels.
  virtual const model::Profile& profile() const = 0;
  // What the kernel has for itself: a larger request cannot be taken.
  virtual uint64_t MemoryBytes() const = 0;
  // Root's. Valid until the case has ended.
  virtual sys::Host host() = 0;

  virtual absl::Status StartCase() = 0;
  // Takes the scratch devices away and returns what is left in the kernel then, a line for each.
  // Waits for what the kernel does in its own time.
  virtual std::vector<std::string> EndCase() = 0;

  // A device of `bytes`, a multiple of 512, until the case has ended.
  virtual absl::StatusOr<ScratchDevice> AddDevice(uint64_t bytes,
                                                  const ScratchOptions& options) = 0;

  // An existing directory on a filesystem with a disk, for files of a case's own, which takes them
  // away again.
  virtual std::string Directory() const = 0;

  // Calls `body` with the seam of user 65534, who has no capabilities.
  virtual void AsNobody(const std::function<void(const sys::Host& host)>& body) = 0;
  // Calls `sleeper` in a thread of its own; as soon as that sleeps in a call, `then` here. Returns
  // when both have. Nests.
  virtual void Beside(const std::function<void()>& sleeper, const std::function<void()>& then) = 0;
  // A signal for each sleeper: its call ends with EINTR if a signal can end it.
  virtual void Interrupt() = 0;

  // The uevents of block devices since the case began or this was called last: "change dm-0
  // DM_COOKIE=1", with what the driver itself added, in its order.
  virtual std::vector<std::string> TakeUevents() = 0;
  // The same with all variables of each event, "ACTION=change" and so on, in their order.
  virtual std::vector<std::vector<std::string>> TakeUeventVariables() = 0;
};

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_MACHINE_H_
