// SPDX-License-Identifier: Apache-2.0
// The multipath target: several ways to one device, in groups. Pure text, no system calls.
// Mirrors drivers/md/dm-mpath.c: multipath_ctr(), parse_features(), parse_hw_handler(),
// parse_priority_group(), multipath_status(); the create, add_path and status functions of
// dm-ps-*.c; read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_MULTIPATH_H_
#define DMKIT_DM_TARGETS_MULTIPATH_H_

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

struct MultipathPath {
  sys::DeviceNumber device;
  // For the group's selector: a count of repetitions, which all but io-affinity take (what the
  // kernel prints is 1 at most), behind it service-time's weight; io-affinity's mask of CPUs.
  std::vector<std::string> selector_args;
  auto Fields() const { return std::tie(device, selector_args); }
};

// Paths that are used alike.
struct MultipathGroup {
  // "round-robin", "queue-length", "service-time", "historical-service-time", "io-affinity".
  std::string selector = "round-robin";
  std::vector<std::string> selector_args;
  std::vector<MultipathPath> paths;  // with equally many arguments each
  auto Fields() const { return std::tie(selector, selector_args, paths); }
};

struct MultipathArgs {
  bool queue_if_no_path = false;
  std::optional<uint32_t> pg_init_retries;   // 1 to 50
  std::optional<uint32_t> pg_init_delay_ms;  // 0 to 60000
  bool retain_attached_hw_handler = false;
  bool bio_based = false;  // "queue_mode bio"; else requests
  // Words of newer kernels. They come last.
  std::vector<std::string> other_features;
  // The name and, at the load only, arguments of a hardware handler; none when empty.
  std::vector<std::string> hardware_handler;
  uint32_t initial_group = 0;  // from 1; 0 when there are no groups
  std::vector<MultipathGroup> groups;

  auto Fields() const {
    return std::tie(queue_if_no_path, pg_init_retries, pg_init_delay_ms, retain_attached_hw_handler,
                    bio_based, other_features, hardware_handler, initial_group, groups);
  }
};

class MultipathTarget {
 public:
  static constexpr absl::string_view kType = "multipath";

  // INVALID_ARGUMENT for what the kernel refuses: values out of range, more than 8 words of
  // features, more than 1024 groups, paths or arguments, a group without a path, an initial group
  // without groups or the reverse, paths of a group with unequally many arguments, and arguments
  // that one of the five selectors does not take. And for an initial group that there is not, in
  // whose place the kernel would take another.
  static absl::StatusOr<MultipathTarget> Create(MultipathArgs args);
  // The parameters in the string that the kernel prints. Of a hardware handler it shows the name
  // only. DATA_LOSS when it is not understood.
  static absl::StatusOr<MultipathTarget> Parse(absl::string_view params);

  const MultipathArgs& args() const { return args_; }

  // The parameter string; the kernel prints the same, with all arguments of selectors.
  std::string Params() const;
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(args_); }

 private:
  explicit MultipathTarget(MultipathArgs args);

  MultipathArgs args_;
};

enum class MultipathGroupState : char { kActive = 'A', kEnabled = 'E', kDisabled = 'D' };

struct MultipathPathStatus {
  sys::DeviceNumber device;
  bool failed = false;
  uint32_t fail_count = 0;
  std::vector<std::string> selector_words;  // as the selector prints them
  auto Fields() const { return std::tie(device, failed, fail_count, selector_words); }
};

struct MultipathGroupStatus {
  MultipathGroupState state = MultipathGroupState::kEnabled;
  std::vector<std::string> selector_words;
  std::vector<MultipathPathStatus> paths;
  auto Fields() const { return std::tie(state, selector_words, paths); }
};

struct MultipathStatus {
  bool queues_io = false;
  uint32_t pg_init_count = 0;               // times that groups were initialised
  std::vector<std::string> other_features;  // behind those two
  std::vector<std::string> hardware_handler_words;
  uint32_t next_group = 0;  // the one in use or next in turn, from 1; 0 when there is none
  std::vector<MultipathGroupStatus> groups;
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const {
    return std::tie(queues_io, pg_init_count, other_features, hardware_handler_words, next_group,
                    groups, unknown_tail);
  }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<MultipathStatus> ParseMultipathStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_MULTIPATH_H_
