// SPDX-License-Identifier: Apache-2.0
// The JSON records of Docker's devicemapper driver, of both generations, and of containers/storage,
// which writes the same. Text in, values out; no files, no opinion on whether a record fits the
// pool. Mirrors daemon/graphdriver/devmapper/deviceset.go: devInfo, metaData, transaction,
// deviceSet; device_setup.go: directLVMConfig.

#ifndef DMKIT_DRIVER_DOCKER_RECORDS_H_
#define DMKIT_DRIVER_DOCKER_RECORDS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver {

// One thin device. The record does not say whose it is: that is the name of its file.
struct DockerDevice {
  uint32_t device_id = 0;  // 24 bits
  uint64_t size_bytes = 0;
  uint64_t transaction_id = 0;
  bool initialized = false;  // of the base only
  bool deleted = false;      // to be removed once it is not in use any more
};

struct DockerSet {
  uint32_t next_device_id = 0;
  std::string base_uuid;        // empty before Docker 1.8
  std::string base_filesystem;  // empty before Docker 1.10
};

// The transaction that was opened last; the file stays when it is closed.
struct DockerTransaction {
  uint64_t id = 0;
  std::string hash;  // empty: the base
  uint32_t device_id = 0;
};

// What a set of one device per file and one of a single file have in common: all readers follow
// Go's. Names of members are known in any case, null stands for a member that is missing, and
// unknown members are passed over. DATA_LOSS says what is wrong: no JSON object, a value of another
// kind, out of range or no whole number, a member given twice, and a device without id or size.
absl::StatusOr<DockerDevice> ParseDockerDevice(absl::string_view json);
absl::StatusOr<DockerSet> ParseDockerSet(absl::string_view json);
absl::StatusOr<DockerTransaction> ParseDockerTransaction(absl::string_view json);

// The disk that Docker built an LVM thin pool on (setup-config.json); empty: none.
absl::StatusOr<std::string> ParseDockerSetup(absl::string_view json);

// The one file of Docker before 0.12: devices by name, the base's is empty. A device that cannot be
// read is one entry with its error.
absl::StatusOr<std::map<std::string, absl::StatusOr<DockerDevice>>> ParseDockerDevices(
    absl::string_view json);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DOCKER_RECORDS_H_
