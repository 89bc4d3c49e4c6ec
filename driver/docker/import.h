// SPDX-License-Identifier: Apache-2.0
// Opening a store that Docker's devicemapper driver, or that of containers/storage, has left: its
// layers then are those of an ordinary dmkit store, which reads or (adopted) owns them.

#ifndef DMKIT_DRIVER_DOCKER_IMPORT_H_
#define DMKIT_DRIVER_DOCKER_IMPORT_H_

#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "driver/docker/import_options.h"
#include "driver/report.pb.h"

namespace dmkit::driver {

// Reads the store, compares it with its pool's metadata, writes the state files of a dmkit store at
// `root` and activates the pool there; Driver::Open on `root` does all the rest. Without `adopt`
// nothing in the Docker store is written, now or later: its loop devices, pool and thin devices are
// read-only, layers are mounted read-only (one whose filesystem was not cleanly unmounted, on a
// copy-on-write device), and changes are refused with EROFS. A damaged part of the store is a
// problem in the report, and the rest can be used.
//
// Repeatable: an import of the same store into the same root reads it anew; not one that was
// adopted. Errors: ENOENT there is no such directory or pool file; ENXIO no such pool;
// FAILED_PRECONDITION it is no Docker store, it or `root` is in use otherwise (the message names by
// what), or its pool cannot be read; EEXIST `root` holds another store; ETIMEDOUT another import of
// this store is under way. Cost grows with the number of layers.
absl::StatusOr<report::ImportReport> ImportDocker(dm::DeviceMapper& dm,
                                                  const ImportOptions& options);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DOCKER_IMPORT_H_
