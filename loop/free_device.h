// SPDX-License-Identifier: Apache-2.0
// Finding an unbound loop device: by the control device, or by looking at all of them. Finds only;
// nothing is reserved, and a number may be somebody else's before the caller has bound it.

#ifndef DMKIT_LOOP_FREE_DEVICE_H_
#define DMKIT_LOOP_FREE_DEVICE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>

#include "absl/status/statusor.h"
#include "sys/host.h"

namespace dmkit::loop {

// For one search with its repetitions: opens the control device once and remembers when it is of no
// use.
class FreeDevices {
 public:
  // `host` outlives this object. Opens nothing yet.
  explicit FreeDevices(const sys::Host& host) : host_(host) {}

  // The number of a device that was unbound a moment ago and is not in `avoid`: what
  // LOOP_CTL_GET_FREE says (it adds a device when all are bound). Where that is out of reach (no
  // control node, or the call fails with ENOSYS, ENOTTY, EINVAL, EACCES or EPERM), or names one to
  // avoid, all devices are looked at, gaps or not, and at last the lowest number that does not
  // exist yet is added. ENODEV: no device is free and none can be added. EACCES: the devices may
  // not be opened. Does not block.
  absl::StatusOr<uint32_t> Find(const std::set<uint32_t>& avoid);

 private:
  // What GET_FREE says; nothing when it is out of reach.
  absl::StatusOr<std::optional<uint32_t>> AskControl();
  absl::StatusOr<uint32_t> Scan(const std::set<uint32_t>& avoid);
  absl::StatusOr<uint32_t> Add(uint32_t number);

  const sys::Host& host_;
  bool control_tried_ = false;
  std::unique_ptr<sys::File> control_;  // null: out of reach
};

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_FREE_DEVICE_H_
