// SPDX-License-Identifier: Apache-2.0
// The base device: the empty filesystem that every layer descends from, made once and only ever
// grown.

#ifndef DMKIT_DRIVER_BASE_LAYER_H_
#define DMKIT_DRIVER_BASE_LAYER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "driver/layer_lock.h"
#include "driver/layer_mount.h"
#include "driver/options.h"
#include "sys/host.h"
#include "thinp/device_set.h"

namespace dmkit::driver {

// What a base made with `options` needs, looked at before anything is made: the mkfs program, and a
// size that the filesystem fits in.
absl::Status CheckBaseOptions(const sys::Host& host, const Options& options);

// Makes sure the base device is there and complete: made when it is missing, made anew when its
// making was interrupted, grown when options.base_size is larger than it is. mkfs, mount and
// growing hold the base's lock, not the set's. One file read when there is nothing to do. A smaller
// base_size or another filesystem than the base has is FAILED_PRECONDITION with both values.
absl::StatusOr<thinp::proto::DeviceState> EnsureBase(const sys::Host& host, thinp::DeviceSet& set,
                                                     const LayerLocks& locks, LayerMounts& mounts,
                                                     const Options& options);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_BASE_LAYER_H_
