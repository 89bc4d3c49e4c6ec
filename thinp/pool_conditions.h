// SPDX-License-Identifier: Apache-2.0
// What is worth telling of a thin pool, from one look at it after the other. No system calls: the
// looks and the waits between them are pool_monitor.h's.

#ifndef DMKIT_THINP_POOL_CONDITIONS_H_
#define DMKIT_THINP_POOL_CONDITIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sys/device_number.h"
#include "sys/units.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::thinp {

// One look at a pool that is up.
struct PoolSight {
  std::string name;
  std::string uuid;  // empty: none
  sys::DeviceNumber device;
  uint32_t event_nr = 0;
  sys::Sectors block_size;
  sys::DataBlocks low_water_mark;  // of free data blocks, from the table
  ThinPoolStatus status;
};

enum class PoolEventKind {
  kLowData,
  kLowMetadata,
  kOutOfDataSpace,  // the mode has become out_of_data_space
  kModeChanged,     // it has become any other one
  kNeedsCheck,
  kGone,  // no such device, or it has no live thin-pool table
  kBack,  // there was none before
};
// "low_data", "low_metadata", "out_of_data_space", "mode", "needs_check", "gone", "back".
absl::string_view PoolEventName(PoolEventKind kind);

struct PoolEvent {
  PoolEventKind kind = PoolEventKind::kBack;
  // Of kModeChanged and kOutOfDataSpace: the mode before. Nothing when that is not known.
  std::optional<PoolMode> mode_before;
  // The look that showed it; nothing for kGone.
  std::optional<PoolSight> sight;
};

// What counts as low: whichever of a percentage and the kernel's own mark is reached first. The
// kernel's marks are the table's low water mark, and for metadata the one in the status.
struct PoolLimits {
  // Less than so many per cent of the blocks are free. 0: the mark alone.
  uint32_t low_data_percent = 20;
  uint32_t low_metadata_percent = 20;
};

// Compares each look with the one before. A condition is told when it begins, and again only after
// a look that did not have it; one that begins and ends between two looks is not told.
class PoolConditions {
 public:
  explicit PoolConditions(const PoolLimits& limits) : limits_(limits) {}

  // What has begun since the last call; nothing for `now`: there is no such pool. The first look,
  // and the first after a kGone, are compared with a pool in good health: they tell what is wrong
  // already. A pool that was taken down and up again between two looks is kGone and kBack where its
  // number, uuid or events show it.
  std::vector<PoolEvent> Update(const std::optional<PoolSight>& now);

 private:
  void AddMode(const PoolSight& now, std::vector<PoolEvent>& events);
  void AddHealth(const PoolSight& now, std::vector<PoolEvent>& events);
  void Forget();

  PoolLimits limits_;
  bool has_looked_ = false;
  std::optional<PoolSight> last_;
  bool needs_check_ = false;
  bool is_data_low_ = false;
  bool is_metadata_low_ = false;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_CONDITIONS_H_
