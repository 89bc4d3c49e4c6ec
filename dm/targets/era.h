// SPDX-License-Identifier: Apache-2.0
// The era target: another device, and a record of which blocks were written in which era. Pure
// text, no system calls. Mirrors drivers/md/dm-era-target.c: era_ctr(), era_status(); read in v6.1
// and v6.12.

#ifndef DMKIT_DM_TARGETS_ERA_H_
#define DMKIT_DM_TARGETS_ERA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

class EraTarget {
 public:
  static constexpr absl::string_view kType = "era";

  // INVALID_ARGUMENT when `block_size` is 0, no multiple of 8 sectors or does not fit 32 bits. The
  // metadata device must be zeroed at its start before its first use; its block size stays.
  static absl::StatusOr<EraTarget> Create(sys::DeviceNumber metadata, sys::DeviceNumber origin,
                                          sys::Sectors block_size);
  // The parameters in the string that the kernel prints: "METADATA ORIGIN BLOCK_SIZE", devices as
  // MAJOR:MINOR. DATA_LOSS when it is not understood.
  static absl::StatusOr<EraTarget> Parse(absl::string_view params);

  sys::DeviceNumber metadata() const { return metadata_; }
  sys::DeviceNumber origin() const { return origin_; }
  sys::Sectors block_size() const { return block_size_; }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(metadata_, origin_, block_size_); }

 private:
  EraTarget(sys::DeviceNumber metadata, sys::DeviceNumber origin, sys::Sectors block_size)
      : metadata_(metadata), origin_(origin), block_size_(block_size) {}

  sys::DeviceNumber metadata_;
  sys::DeviceNumber origin_;
  sys::Sectors block_size_;
};

struct EraStatus {
  // The kernel could not read its metadata and prints "Error"; all below but the tail mean nothing.
  bool has_failed = false;
  sys::Sectors metadata_block_size;
  uint64_t used_metadata_blocks = 0;  // never over the total
  uint64_t total_metadata_blocks = 0;
  uint32_t current_era = 0;
  std::optional<uint64_t> metadata_snapshot;  // its block
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const {
    return std::tie(has_failed, metadata_block_size, used_metadata_blocks, total_metadata_blocks,
                    current_era, metadata_snapshot, unknown_tail);
  }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<EraStatus> ParseEraStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_ERA_H_
