// SPDX-License-Identifier: Apache-2.0
// The two halves that a pool of ours stands on: loop files of the set, or block devices given by
// the admin. Makes, lengthens and attaches them; whether a pool may be made on them is not decided
// here.

#ifndef DMKIT_THINP_POOL_BACKING_H_
#define DMKIT_THINP_POOL_BACKING_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sys/device_number.h"
#include "sys/host.h"
#include "sys/units.h"
#include "thinp/state.pb.h"

namespace dmkit::thinp {

// Where the pool comes from. What a set remembers is not changed by options: one that contradicts
// it is refused, with both values. A loop file is made larger when its size here is, at opening; it
// is never made smaller.
struct PoolOptions {
  std::string given_pool;       // dm name of an existing pool; then the next five are unused
  std::string data_device;      // block device; empty: loop file pool/data under the root
  std::string metadata_device;  // block device; empty: loop file pool/metadata under the root
  std::optional<sys::Bytes> data_loop_size;      // unset: 100 GiB for a new file
  std::optional<sys::Bytes> metadata_loop_size;  // unset: 2 GiB for a new file
  std::optional<sys::Sectors> block_size;        // unset: 64 KiB for a new pool
  // No snapshot is made with less than that free in data or metadata; 0: that is not looked at.
  uint32_t min_free_percent = 0;
};

// Path of a backing loop file; empty when that half is a device.
std::string LoopPath(const std::string& root, const proto::Backing& backing);
// Path of the loop file or of the device.
std::string BackingPath(const std::string& root, const proto::Backing& backing);

// Opens a block device given by the admin. INVALID_ARGUMENT when it is none.
absl::StatusOr<std::unique_ptr<sys::File>> OpenGivenDevice(const sys::Host& host,
                                                           const std::string& path,
                                                           const sys::OpenOptions& options);

// One half of the pool, ready to stand in a table. The file keeps an autoclear loop device attached
// until the table holds it.
struct Half {
  sys::DeviceNumber device;
  sys::Bytes size;
  std::unique_ptr<sys::File> keep;
};

// Opens the device, or finds or attaches the loop device, with the size that its file has now.
absl::StatusOr<Half> OpenHalf(const sys::Host& host, const std::string& root,
                              const proto::Backing& backing);

// Makes the loop files that are missing while the pool is not formatted, and lengthens those that
// are shorter than `options` asks, as sparse as before. ENOENT: a file of a formatted pool is
// missing. EFBIG, ENOSPC: the filesystem cannot hold one of that size. Repeatable.
absl::Status PrepareLoopFiles(const sys::Host& host, const std::string& root,
                              const proto::PoolState& state, const PoolOptions& options);

// Removes the loop files of a pool that was never formatted, durably. For undoing a first start. OK
// when there are none.
absl::Status RemovePoolFiles(const sys::Host& host, const std::string& root,
                             const proto::PoolState& state);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_BACKING_H_
