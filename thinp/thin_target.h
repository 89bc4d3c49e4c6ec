// SPDX-License-Identifier: Apache-2.0
// The thin target: table parameters and status line, both ways. Pure text, no system calls.
// Mirrors drivers/md/dm-thin.c: thin_ctr(), thin_status(); read in v6.1 and v6.12.

#ifndef DMKIT_THINP_THIN_TARGET_H_
#define DMKIT_THINP_THIN_TARGET_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/device_number.h"
#include "sys/units.h"
#include "thinp/thin_id.h"

namespace dmkit::thinp {

struct ThinParams {
  sys::DeviceNumber pool;
  ThinId id;
  std::optional<sys::DeviceNumber> external_origin;
};

// The parameter string for TABLE_LOAD, devices as major:minor. The kernel prints the same.
std::string FormatThinParams(const ThinParams& params);
// The parameters in the string that the kernel prints for a loaded thin device. DATA_LOSS when it
// is not understood; "Fail" and "Error", which the kernel prints instead of the parameters of a
// thin device whose pool failed, are FAILED_PRECONDITION.
absl::StatusOr<ThinParams> ParseThinParams(absl::string_view text);

enum class ThinState { kWorking, kFail, kError };

struct ThinStatus {
  ThinState state = ThinState::kWorking;
  // These two mean nothing in states kFail and kError.
  sys::Sectors mapped;                         // allocated in the pool, shared blocks included
  std::optional<sys::Sectors> highest_mapped;  // last mapped sector; none while nothing is mapped
  std::string unknown_tail;                    // words that newer kernels append
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<ThinStatus> ParseThinStatus(absl::string_view text);
// The line as the kernel prints it.
std::string FormatThinStatus(const ThinStatus& status);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_THIN_TARGET_H_
