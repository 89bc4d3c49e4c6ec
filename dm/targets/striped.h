// SPDX-License-Identifier: Apache-2.0
// The striped target: chunks that go to several devices in turn. Pure text, no system calls.
// Mirrors drivers/md/dm-stripe.c: stripe_ctr(), stripe_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_STRIPED_H_
#define DMKIT_DM_TARGETS_STRIPED_H_

#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

class StripedTarget {
 public:
  static constexpr absl::string_view kType = "striped";

  struct Stripe {
    sys::DeviceNumber device;
    sys::Sectors offset;  // where the stripe starts on it
    auto Fields() const { return std::tie(device, offset); }
  };

  // Any chunk size but 0 is allowed, up to 32 bits. INVALID_ARGUMENT for another one, and without a
  // stripe.
  static absl::StatusOr<StripedTarget> Create(sys::Sectors chunk, std::vector<Stripe> stripes);
  // The parameters in the string that the kernel prints: "STRIPES CHUNK", and for each stripe
  // "MAJOR:MINOR OFFSET". DATA_LOSS when it is not understood.
  static absl::StatusOr<StripedTarget> Parse(absl::string_view params);

  sys::Sectors chunk() const { return chunk_; }
  const std::vector<Stripe>& stripes() const { return stripes_; }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  // INVALID_ARGUMENT when the stripes cannot have whole chunks and equal lengths.
  absl::StatusOr<TableLine> Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(chunk_, stripes_); }

 private:
  StripedTarget(sys::Sectors chunk, std::vector<Stripe> stripes);

  sys::Sectors chunk_;
  std::vector<Stripe> stripes_;
};

struct StripedStatus {
  struct Stripe {
    sys::DeviceNumber device;
    bool has_failed = false;  // at least one io to it has
    auto Fields() const { return std::tie(device, has_failed); }
  };
  std::vector<Stripe> stripes;
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const { return std::tie(stripes, unknown_tail); }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<StripedStatus> ParseStripedStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_STRIPED_H_
