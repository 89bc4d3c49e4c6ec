// SPDX-License-Identifier: Apache-2.0
// Opening a store that Docker's devicemapper driver, or that of containers/storage, has left: its
// layers then are those of an ordinary dmkit store, which reads or (adopted) owns them.

#ifndef DMKIT_DRIVER_DOCKER_IMPORT_H_
#define DMKIT_DRIVER_DOCKER_IMPORT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "driver/report.pb.h"

namespace dmkit::driver {

struct ImportOptions {
  // Absolute path of the store: the folder `devicemapper` in Docker's root directory.
  std::string docker_root;
  // Absolute path of the dmkit store that is made for it; holds none yet, or an earlier import of
  // the same. May be empty with `adopt`: then it is docker_root itself.
  std::string root;
  // dm name of the active pool that the store was made in (dm.thinpooldev). Otherwise the pool's
  // halves are these block devices (dm.datadev, dm.metadatadev), and where there is none, the loop
  // files in the store.
  std::string pool_device;
  std::string data_device;
  std::string metadata_device;
  // The store becomes ours: its layers can be written, made and removed. Docker can go on with it
  // only as long as nothing was changed.
  bool adopt = false;
  bool dry_run = false;  // only look and report: no device is made, no file is written
  std::string run_root = "/run/dmkit";
  absl::Duration lock_patience = absl::Seconds(60);
};

// Reads the store, compares it with its pool's metadata, writes the state files of a dmkit store at
// `root` and activates the pool there; Driver::Open on `root` does all the rest. Without `adopt`
// nothing in the Docker store is written, now or later: its loop devices, pool and thin devices are
// read-only, layers are mounted read-only (one whose filesystem was not cleanly unmounted, on a
// copy-on-write device), and changes are refused with EROFS. A damaged part of the store is a
// problem in the report, and the rest can be used.
//
// Repeatable: an import of the same store into the same root reads it anew; not one that was
// adopted. Errors: ENOENT there is no such directory or pool; FAILED_PRECONDITION it is no Docker
// store, it or `root` is in use otherwise (the message names by what), or its pool cannot be read;
// EEXIST `root` holds another store; ETIMEDOUT another import of this store is under way.
// Cost grows with the number of layers.
absl::StatusOr<report::ImportReport> ImportDocker(dm::DeviceMapper& dm,
                                                  const ImportOptions& options);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DOCKER_IMPORT_H_
