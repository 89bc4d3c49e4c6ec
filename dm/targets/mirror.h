// SPDX-License-Identifier: Apache-2.0
// The mirror target: writes go to all of several devices, and a log remembers which regions may
// differ. Pure text, no system calls. Mirrors drivers/md/dm-raid1.c: mirror_ctr(),
// create_dirty_log(), parse_features(), mirror_status(); dm-log.c: create_log_context(),
// core_status(), disk_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_MIRROR_H_
#define DMKIT_DM_TARGETS_MIRROR_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

enum class MirrorSync {
  kAsLogged,  // a new log says that everything differs
  kSync,      // everything is copied
  kNoSync,    // what is new to the log is held for equal
};

struct MirrorLog {
  // A disk log when set: it must hold 1 KiB of header and a bit for each region.
  // A core log, in memory, when not.
  std::optional<sys::DeviceNumber> disk;
  sys::Sectors region_size;
  MirrorSync sync = MirrorSync::kAsLogged;
  auto Fields() const { return std::tie(disk, region_size, sync); }
};

class MirrorTarget {
 public:
  static constexpr absl::string_view kType = "mirror";
  static constexpr size_t kMaxLegs = 9;

  struct Leg {
    sys::DeviceNumber device;
    sys::Sectors offset;
    auto Fields() const { return std::tie(device, offset); }
  };

  struct Arguments {
    MirrorLog log;
    std::vector<Leg> legs;       // the first is what the others are copied from
    bool handle_errors = false;  // a leg that fails is left out; else its errors are the device's
    bool keep_log = false;       // writes wait when the log fails; needs handle_errors
    auto Fields() const { return std::tie(log, legs, handle_errors, keep_log); }
  };

  // INVALID_ARGUMENT for what mirror_ctr() would refuse: fewer than 2 or more than 9 legs, a region
  // size that is no power of two of 2 to 2^31 sectors, and keep_log alone.
  static absl::StatusOr<MirrorTarget> Create(Arguments arguments);
  // The parameters in the string that the kernel prints: the log with the number of its words, the
  // number of legs, each as "MAJOR:MINOR OFFSET", and features with their number where there are
  // any. DATA_LOSS when it is not understood, as for a log of another kind.
  static absl::StatusOr<MirrorTarget> Parse(absl::string_view params);

  const Arguments& arguments() const { return arguments_; }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  // INVALID_ARGUMENT when a region is longer than the target or there are 2^32 of them.
  absl::StatusOr<TableLine> Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(arguments_); }

 private:
  explicit MirrorTarget(Arguments arguments);

  Arguments arguments_;
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_MIRROR_H_
