// SPDX-License-Identifier: Apache-2.0
// Which devices of a Docker store can be used, judged by its pool's metadata. Values in, values
// out.

#ifndef DMKIT_DRIVER_DOCKER_CHECK_H_
#define DMKIT_DRIVER_DOCKER_CHECK_H_

#include <map>
#include <string>
#include <vector>

#include "driver/docker/records.h"
#include "driver/docker/store_dir.h"
#include "driver/report.pb.h"
#include "thinp/metadata.h"

namespace dmkit::driver {

// What the pool's metadata say.
struct PoolRecord {
  thinp::MetadataSuperblock superblock;
  std::vector<thinp::MetadataDevice> devices;
};

struct UsableDevice {
  DockerDevice device;
  uint64_t mapped_bytes = 0;
};

struct CheckedStore {
  std::map<std::string, UsableDevice> usable;  // by layer, the base among them
  // Layers that Docker had removed and that were in use then. They are in the pool.
  std::map<std::string, DockerDevice> deleted;
  std::vector<report::Problem> problems;
};

// A device is usable when it is in the pool, alone has its id, came with a transaction that the
// pool has completed, has a size, and can be a layer of dmkit's by its name. Every other device,
// every id that no record names, and what else is odd is a problem.
CheckedStore CheckStore(const DockerStore& store, const PoolRecord& pool);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DOCKER_CHECK_H_
