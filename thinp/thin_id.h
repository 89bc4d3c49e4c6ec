// SPDX-License-Identifier: Apache-2.0
// The id of a thin device inside its pool: 24 bits. A value only: which ids are in use, the pool
// knows.

#ifndef DMKIT_THINP_THIN_ID_H_
#define DMKIT_THINP_THIN_ID_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace dmkit::thinp {

class ThinId {
 public:
  static constexpr uint32_t kMax = 0xffffff;  // MAX_DEV_ID in drivers/md/dm-thin.c

  constexpr ThinId() = default;
  // The id `value`. INVALID_ARGUMENT when it is over kMax.
  static absl::StatusOr<ThinId> Create(uint64_t value);
  constexpr uint32_t value() const { return value_; }
  // The id `distance` further on; wraps to 0 after kMax.
  constexpr ThinId Plus(uint32_t distance) const { return ThinId((value_ + distance) & kMax); }

  friend constexpr bool operator==(ThinId a, ThinId b) { return a.value_ == b.value_; }
  friend constexpr bool operator!=(ThinId a, ThinId b) { return a.value_ != b.value_; }
  friend constexpr bool operator<(ThinId a, ThinId b) { return a.value_ < b.value_; }

 private:
  constexpr explicit ThinId(uint32_t value) : value_(value) {}
  uint32_t value_ = 0;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_THIN_ID_H_
