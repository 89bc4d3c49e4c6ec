// SPDX-License-Identifier: Apache-2.0
// Where the pool of a Docker store is, whether somebody uses it, and what its metadata say. Reads
// only.

#ifndef DMKIT_DRIVER_DOCKER_POOL_SOURCE_H_
#define DMKIT_DRIVER_DOCKER_POOL_SOURCE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "driver/docker/check.h"
#include "driver/docker/import_options.h"
#include "driver/docker/store_dir.h"
#include "thinp/state.pb.h"

namespace dmkit::driver {

// The pool as a set will remember it, but for its block size: the one that `options` name, or the
// store's loop files, which may be links to block devices. ENOENT: there is none; the message says
// how to name it. ENXIO: a pool that is named is not active. FAILED_PRECONDITION: what is named is
// no pool, no file or no block device.
absl::StatusOr<thinp::proto::PoolState> FindDockerPool(dm::DeviceMapper& dm,
                                                       const DockerStore& store,
                                                       const ImportOptions& options);

// FAILED_PRECONDITION when a mapped device other than the one with the uuid `own_uuid` uses a half
// of the pool: most likely Docker's own pool device, which the message names. Cost grows with the
// number of mapped devices.
absl::Status CheckDockerPoolIdle(dm::DeviceMapper& dm, const thinp::proto::PoolState& pool,
                                 absl::string_view own_uuid);

// The superblock and all thin devices. DATA_LOSS: the metadata are damaged; EAGAIN: a given pool
// changed meanwhile. Cost grows with the number of devices.
absl::StatusOr<PoolRecord> ReadDockerPool(dm::DeviceMapper& dm,
                                          const thinp::proto::PoolState& pool);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DOCKER_POOL_SOURCE_H_
