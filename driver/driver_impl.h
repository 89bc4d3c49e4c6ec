// SPDX-License-Identifier: Apache-2.0
// What the driver's methods share: the open store. Only driver.cc and driver_report.cc include
// this.

#ifndef DMKIT_DRIVER_DRIVER_IMPL_H_
#define DMKIT_DRIVER_DRIVER_IMPL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/driver.h"
#include "driver/layer_id.h"
#include "driver/layer_lock.h"
#include "driver/layer_mount.h"
#include "driver/mount_count.h"
#include "sys/lock_file.h"
#include "thinp/device_set.h"

namespace dmkit::driver {

struct Driver::Impl {
  const sys::Host& host() const { return dm.host(); }

  // How often the layer is handed out: a mount without a count is one, a count without a mount
  // none. One whose filesystem answers EIO counts as mounted, so that it can be put.
  absl::StatusOr<uint32_t> HandedOut(const LayerId& layer) const;
  absl::StatusOr<uint32_t> CountOfMounted(const LayerId& layer) const;

  // The parent of a new layer, whose lock is held. ENOENT when there is none.
  absl::StatusOr<thinp::proto::DeviceState> FindParent(const std::string& origin,
                                                       const sys::HeldLock& lock) const;

  // A new layer that is larger than its parent, with its filesystem grown. The parent's lock is
  // given back as soon as the snapshot is there.
  absl::Status CreateLarger(const LayerId& layer, const thinp::proto::DeviceState& wanted,
                            sys::HeldLock parent_lock);

  // The layers, and the base, that may be mounted or active. Cost grows with their number.
  absl::StatusOr<std::vector<std::string>> FindUp() const;
  // Unmounts and deactivates one of them, however often it was handed out.
  absl::Status TakeDown(const std::string& name);

  dm::DeviceMapper& dm;
  std::unique_ptr<thinp::DeviceSet> set;
  LayerLocks locks;
  MountCounts counts;
  LayerMounts mounts;
  absl::StatusOr<thinp::proto::DeviceState> base;  // why there is none, in a store that has others
  std::vector<std::string> warnings;
  uint64_t min_free_percent;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DRIVER_IMPL_H_
