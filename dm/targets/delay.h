// SPDX-License-Identifier: Apache-2.0
// The delay target: io that reaches another device after a while. Pure text, no system calls.
// Mirrors drivers/md/dm-delay.c: delay_ctr(), delay_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_DELAY_H_
#define DMKIT_DM_TARGETS_DELAY_H_

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

class DelayTarget {
 public:
  static constexpr absl::string_view kType = "delay";

  // Where io of one class goes, and when.
  struct Way {
    sys::DeviceNumber device;
    sys::Sectors offset;
    uint32_t delay_ms = 0;
    auto Fields() const { return std::tie(device, offset, delay_ms); }
  };

  // All io goes one way; or reads and writes their own, flushes with the writes; or each its own.
  // The kernel refuses none of these arguments.
  explicit DelayTarget(Way all) : read_(all) {}
  DelayTarget(Way read, Way write) : read_(read), write_(write) {}
  DelayTarget(Way read, Way write, Way flush) : read_(read), write_(write), flush_(flush) {}

  // The parameters in the string that the kernel prints: one to three times
  // "MAJOR:MINOR OFFSET MILLISECONDS". DATA_LOSS when it is not understood.
  static absl::StatusOr<DelayTarget> Parse(absl::string_view params);

  const Way& read() const { return read_; }
  const Way& write() const { return write_.has_value() ? *write_ : read_; }
  const Way& flush() const { return flush_.has_value() ? *flush_ : write(); }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(read_, write_, flush_); }

 private:
  Way read_;
  std::optional<Way> write_;
  std::optional<Way> flush_;
};

// How many are being delayed at this moment.
struct DelayStatus {
  uint32_t reads = 0;
  uint32_t writes = 0;
  uint32_t flushes = 0;
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const { return std::tie(reads, writes, flushes, unknown_tail); }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<DelayStatus> ParseDelayStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_DELAY_H_
