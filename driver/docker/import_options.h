// SPDX-License-Identifier: Apache-2.0
// What is to be imported, and how.

#ifndef DMKIT_DRIVER_DOCKER_IMPORT_OPTIONS_H_
#define DMKIT_DRIVER_DOCKER_IMPORT_OPTIONS_H_

#include <string>

#include "absl/time/time.h"

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

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DOCKER_IMPORT_OPTIONS_H_
