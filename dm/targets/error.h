// SPDX-License-Identifier: Apache-2.0
// The error target: every io fails with EIO. The one target that may replace an immutable one, such
// as a thin-pool. Pure text, no system calls. Mirrors drivers/md/dm-target.c: io_err_ctr(); read in
// v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_ERROR_H_
#define DMKIT_DM_TARGETS_ERROR_H_

#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/units.h"

namespace dmkit::dm {

class ErrorTarget {
 public:
  static constexpr absl::string_view kType = "error";

  // The kernel prints an empty string whatever the target was loaded with. DATA_LOSS for another
  // one.
  static absl::StatusOr<ErrorTarget> Parse(absl::string_view params);

  std::string Params() const { return ""; }
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(); }
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_ERROR_H_
