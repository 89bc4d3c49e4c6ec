// SPDX-License-Identifier: Apache-2.0
// The zero target: reads give zeros, writes are dropped. Pure text, no system calls.
// Mirrors drivers/md/dm-zero.c: zero_ctr(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_ZERO_H_
#define DMKIT_DM_TARGETS_ZERO_H_

#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/units.h"

namespace dmkit::dm {

class ZeroTarget {
 public:
  static constexpr absl::string_view kType = "zero";

  // DATA_LOSS for anything but an empty string.
  static absl::StatusOr<ZeroTarget> Parse(absl::string_view params);

  std::string Params() const { return ""; }
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(); }
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_ZERO_H_
