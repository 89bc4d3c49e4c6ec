// SPDX-License-Identifier: Apache-2.0
// The linear target: a range of another device. Pure text, no system calls.
// Mirrors drivers/md/dm-linear.c: linear_ctr(), linear_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_LINEAR_H_
#define DMKIT_DM_TARGETS_LINEAR_H_

#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

class LinearTarget {
 public:
  static constexpr absl::string_view kType = "linear";

  // Sector 0 of the target is sector `offset` of `device`.
  LinearTarget(sys::DeviceNumber device, sys::Sectors offset) : device_(device), offset_(offset) {}

  // The parameters in the string that the kernel prints: "MAJOR:MINOR OFFSET". DATA_LOSS when it is
  // not understood.
  static absl::StatusOr<LinearTarget> Parse(absl::string_view params);

  sys::DeviceNumber device() const { return device_; }
  sys::Sectors offset() const { return offset_; }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  // A line of a table. The kernel refuses one that does not fit into the device, with EINVAL: at
  // the load of the device's first table, at the resume of a later one.
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(device_, offset_); }

 private:
  sys::DeviceNumber device_;
  sys::Sectors offset_;
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_LINEAR_H_
