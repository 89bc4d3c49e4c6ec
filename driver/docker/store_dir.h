// SPDX-License-Identifier: Apache-2.0
// A Docker store as its directory has it: which file is what, of both generations. Reads only. What
// of it is in the pool is for check.h to say.

#ifndef DMKIT_DRIVER_DOCKER_STORE_DIR_H_
#define DMKIT_DRIVER_DOCKER_STORE_DIR_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/docker/records.h"
#include "driver/report.pb.h"
#include "sys/host.h"

namespace dmkit::driver {

struct DockerStore {
  // By layer; the base device is "base", as its file is called.
  std::map<std::string, DockerDevice> devices;
  DockerSet set;
  std::optional<DockerTransaction> transaction;
  // Disk of a pool that Docker itself set up with lvm2; empty: none.
  std::string direct_lvm_device;
  // Whether the files of a pool on loop devices are there.
  bool has_data_file = false;
  bool has_metadata_file = false;
  // Files that cannot be read or understood.
  std::vector<report::Problem> problems;
};

inline constexpr absl::string_view kDockerDataFile = "devicemapper/data";
inline constexpr absl::string_view kDockerMetadataFile = "devicemapper/metadata";

// Reads the store at `path`, the absolute path of a `devicemapper` folder. Where one device per
// file and the old single file are both there (a migration was interrupted), the newer form wins
// for each device. ENOENT, ENOTDIR: there is no such directory. FAILED_PRECONDITION: it is no store
// of Docker's. Other errors are those of reading the directories; what is wrong with a file is a
// problem in the result. Cost grows with the number of devices.
absl::StatusOr<DockerStore> ReadDockerStore(const sys::Host& host, const std::string& path);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DOCKER_STORE_DIR_H_
