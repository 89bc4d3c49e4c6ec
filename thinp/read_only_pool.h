// SPDX-License-Identifier: Apache-2.0
// Activating a pool that another program made, without a byte of it being written. State files and
// names must not come in here.

#ifndef DMKIT_THINP_READ_ONLY_POOL_H_
#define DMKIT_THINP_READ_ONLY_POOL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dm/activate.h"
#include "dm/device_mapper.h"
#include "sys/host.h"
#include "sys/units.h"
#include "thinp/metadata.h"
#include "thinp/pool.h"

namespace dmkit::thinp {

// Absolute paths of files or block devices.
struct PoolHalves {
  std::string data;
  std::string metadata;
  sys::Sectors block_size;
};

// Makes the pool device in mode ro, on read-only loop devices of both halves: the kernel could not
// write to them if it wanted to. As large as the metadata has it, since a read-only pool of another
// size does not resume. FAILED_PRECONDITION: the data half is shorter than the
// metadata says, or a loop device that can be written is attached already. DATA_LOSS: the metadata
// cannot be read. Other errors are those of Pool::Create.
absl::StatusOr<Pool> ActivateReadOnlyPool(dm::DeviceMapper& dm, const dm::DeviceIdentity& identity,
                                          const PoolHalves& halves);

// Opens the metadata half for reading: a file, or past the page cache a block device.
absl::StatusOr<std::unique_ptr<sys::File>> OpenMetadata(const sys::Host& host,
                                                        const std::string& path);
// Its superblock. Errors are those of opening and of ReadSuperblock.
absl::StatusOr<MetadataSuperblock> ReadMetadataSuperblock(const sys::Host& host,
                                                          const std::string& path);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_READ_ONLY_POOL_H_
