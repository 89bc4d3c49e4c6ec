// SPDX-License-Identifier: Apache-2.0
// The raid target: sets of devices as md runs them. Pure text, no system calls. Mirrors
// drivers/md/dm-raid.c: raid_ctr(), raid_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_RAID_H_
#define DMKIT_DM_TARGETS_RAID_H_

#include <string>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/targets/raid_arguments.h"
#include "dm/types.h"
#include "sys/units.h"

namespace dmkit::dm {

class RaidTarget {
 public:
  static constexpr absl::string_view kType = "raid";

  // INVALID_ARGUMENT as CheckRaidArguments() says.
  static absl::StatusOr<RaidTarget> Create(RaidArguments arguments);
  // The arguments in the string that the kernel prints: "TYPE COUNT CHUNK", the options, the number
  // of members and each as "METADATA DATA", a device as MAJOR:MINOR or "-". It differs from
  // Params(): max_write_behind is half of what was given, raid10_use_near_sets is counted and not
  // shown, and numbers are those that md works with now, which Create() may refuse. DATA_LOSS when
  // it is not understood.
  static absl::StatusOr<RaidTarget> Parse(absl::string_view params);

  const RaidArguments& arguments() const { return arguments_; }

  std::string Params() const;
  // INVALID_ARGUMENT when the members cannot have equal lengths or the regions do not fit.
  absl::StatusOr<TableLine> Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(arguments_); }

 private:
  explicit RaidTarget(RaidArguments arguments) : arguments_(std::move(arguments)) {}

  RaidArguments arguments_;
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_RAID_H_
