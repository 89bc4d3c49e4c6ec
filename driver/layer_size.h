// SPDX-License-Identifier: Apache-2.0
// How large a layer is: what a new one may ask for, and making one that exists larger, also while
// it is mounted. The caller holds the layer's lock.
//
// A growth is recorded before it begins (the label `growing`, then the size) and the record is
// taken back when the filesystem fills its device, so that one that was interrupted is taken up
// again.

#ifndef DMKIT_DRIVER_LAYER_SIZE_H_
#define DMKIT_DRIVER_LAYER_SIZE_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "driver/layer_mount.h"
#include "sys/host.h"
#include "sys/units.h"
#include "thinp/device_set.h"

namespace dmkit::driver {

// The size that a new layer made from `parent` has: its parent's, or the larger one wanted. Looked
// at before anything is changed: INVALID_ARGUMENT, with both sizes, for a smaller one or for one
// that is no whole number of sectors; ENOENT when the program that grows the filesystem is missing.
// A layer made larger is to have the label `growing` until its filesystem has grown too.
absl::StatusOr<sys::Bytes> SizeOfNewLayer(const sys::Host& host,
                                          const thinp::proto::DeviceState& parent,
                                          std::optional<sys::Bytes> wanted);

// FAILED_PRECONDITION, naming the mode and the next step, when the pool takes no writes: what is
// about to write would wait for space, or fail half way. OK where the pool is down, and brought up
// later.
absl::Status CheckPoolTakesWrites(const thinp::DeviceSet& set);

// Makes the filesystem of `device`, which is mounted, fill the device; one that is active with a
// shorter table gets the longer one first. Errors and blocking as GrowFilesystem.
absl::Status GrowMounted(const sys::Host& host, thinp::DeviceSet& set, const LayerMounts& mounts,
                         const thinp::proto::DeviceState& device);

// Whether making the layer `size` large is any work: it is not where its size is that and nothing
// was interrupted. INVALID_ARGUMENT, with both sizes, for a smaller one or for one that is no whole
// number of sectors; ENOENT when there is work and the program that grows the filesystem is
// missing.
absl::StatusOr<bool> NeedsGrowth(const sys::Host& host, const thinp::proto::DeviceState& device,
                                 sys::Bytes size);

// Records, on stable storage, that the layer is `size` large (or larger, as it is) and its
// filesystem growing, and returns it as it is then. FAILED_PRECONDITION: the pool's mode does not
// allow it. Safe to repeat.
absl::StatusOr<thinp::proto::DeviceState> RecordGrowth(thinp::DeviceSet& set,
                                                       thinp::proto::DeviceState device,
                                                       sys::Bytes size);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_LAYER_SIZE_H_
