// SPDX-License-Identifier: Apache-2.0
// Making thin ids from numbers. No choice of a free id: that needs the pool.

#include "thinp/thin_id.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace dmkit::thinp {

absl::StatusOr<ThinId> ThinId::Create(uint64_t value) {
  if (value > kMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("thin id ", value, ": the largest one is ", kMax, " (24 bits)"));
  }
  return ThinId(static_cast<uint32_t>(value));
}

}  // namespace dmkit::thinp
