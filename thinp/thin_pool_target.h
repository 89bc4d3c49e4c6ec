// SPDX-License-Identifier: Apache-2.0
// The thin-pool target: table parameters and status line, both ways. Pure text, no system calls.
// Mirrors drivers/md/dm-thin.c: pool_ctr(), parse_pool_features(), pool_status(), emit_flags();
// read in v6.1 and v6.12.

#ifndef DMKIT_THINP_THIN_POOL_TARGET_H_
#define DMKIT_THINP_THIN_POOL_TARGET_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::thinp {

inline constexpr sys::Sectors kBlockSizeMin{128};      // 64 KiB
inline constexpr sys::Sectors kBlockSizeMax{2097152};  // 1 GiB
inline constexpr uint64_t kMetadataBlockBytes = 4096;
// What the kernel can use, just under 16 GiB.
inline constexpr sys::Sectors kMetadataSectorsMax{33292800};

// The optional words of the table. The kernel takes at most four of the five at once.
struct PoolFeatures {
  bool skip_block_zeroing = false;
  bool ignore_discard = false;
  bool no_discard_passdown = false;
  bool read_only = false;
  bool error_if_no_space = false;
};

struct ThinPoolParams {
  sys::DeviceNumber metadata;
  sys::DeviceNumber data;
  sys::Sectors block_size;
  sys::DataBlocks low_water_mark;
  PoolFeatures features;
};

// OK when pool_ctr() would take `params`. INVALID_ARGUMENT, before any ioctl, for what it would
// refuse: block size not a multiple of 128 sectors or outside 128..2097152, five features; and for
// metadata and data being one device, which the kernel notices only when both are spelt the same.
absl::Status ValidateThinPoolParams(const ThinPoolParams& params);

// The parameter string for TABLE_LOAD. Devices as major:minor; features in the kernel's order.
// INVALID_ARGUMENT as ValidateThinPoolParams says.
absl::StatusOr<std::string> FormatThinPoolParams(const ThinPoolParams& params);
// The parameters in the string that the kernel prints for a loaded pool. The block size is then a
// valid one; metadata and data may be one device. DATA_LOSS when it is not understood.
absl::StatusOr<ThinPoolParams> ParseThinPoolParams(absl::string_view text);

enum class PoolMode { kWrite, kOutOfDataSpace, kReadOnly, kFail, kError };
// "rw", "out_of_data_space", "ro", "Fail", "Error": the kernel's words. It prints "ro" for a pool
// that is out of metadata space, too.
absl::string_view PoolModeName(PoolMode mode);

enum class DiscardMode { kIgnore, kPassdown, kNoPassdown };

struct ThinPoolStatus {
  PoolMode mode = PoolMode::kWrite;
  // All below but the tail mean nothing in modes kFail and kError, of which the kernel prints one
  // word only.
  uint64_t transaction_id = 0;
  uint64_t used_metadata_blocks = 0;  // of 4 KiB; includes the hidden reserve; never over the total
  uint64_t total_metadata_blocks = 0;
  sys::DataBlocks used_data;  // never over the total
  sys::DataBlocks total_data;
  std::optional<uint64_t> held_metadata_root;  // block of the metadata snapshot
  DiscardMode discard = DiscardMode::kPassdown;
  bool error_if_no_space = false;
  bool needs_check = false;
  std::optional<uint64_t> metadata_low_watermark;  // since 4.19
  // Words that newer kernels append. They come after metadata_low_watermark.
  std::string unknown_tail;
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<ThinPoolStatus> ParseThinPoolStatus(absl::string_view text);
// The line as the kernel prints it, trailing space included.
std::string FormatThinPoolStatus(const ThinPoolStatus& status);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_THIN_POOL_TARGET_H_
