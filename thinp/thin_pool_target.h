// SPDX-License-Identifier: Apache-2.0
// The thin-pool target: table parameters and status line, both ways. Pure text, no system calls.
// Mirrors drivers/md/dm-thin.c: pool_ctr(), parse_pool_features(), pool_status(), emit_flags().

#ifndef DMKIT_THINP_THIN_POOL_TARGET_H_
#define DMKIT_THINP_THIN_POOL_TARGET_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "sys/units.h"

namespace dmkit::thinp {

inline constexpr sys::Sectors kBlockSizeMin{128};          // 64 KiB
inline constexpr sys::Sectors kBlockSizeMax{2097152};      // 1 GiB
inline constexpr uint64_t kMetadataBlockBytes = 4096;
inline constexpr sys::Sectors kMetadataSectorsMax{33292800};  // what the kernel can use, just under 16 GiB

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

// INVALID_ARGUMENT, before any ioctl, for what pool_ctr() would refuse: block size not a multiple of 128
// sectors or outside 128..2097152, five features, metadata and data being one device.
absl::Status ValidateThinPoolParams(const ThinPoolParams& params);

// The parameter string for TABLE_LOAD. Devices as major:minor; features in the kernel's order.
absl::StatusOr<std::string> FormatThinPoolParams(const ThinPoolParams& params);
// The parameter string that the kernel prints for a loaded pool. DATA_LOSS when it is not understood.
absl::StatusOr<ThinPoolParams> ParseThinPoolParams(absl::string_view text);

enum class PoolMode { kWrite, kOutOfDataSpace, kReadOnly, kFail, kError };
// "rw", "out_of_data_space", "ro", "Fail", "Error": the kernel's words.
absl::string_view PoolModeName(PoolMode mode);

enum class DiscardMode { kIgnore, kPassdown, kNoPassdown };

struct ThinPoolStatus {
  PoolMode mode = PoolMode::kWrite;
  // All below mean nothing in modes kFail and kError, of which the kernel prints one word only.
  uint64_t transaction_id = 0;
  uint64_t used_metadata_blocks = 0;   // of 4 KiB; includes the hidden reserve
  uint64_t total_metadata_blocks = 0;
  sys::DataBlocks used_data;
  sys::DataBlocks total_data;
  std::optional<uint64_t> held_metadata_root;  // block of the metadata snapshot
  DiscardMode discard = DiscardMode::kPassdown;
  bool error_if_no_space = false;
  bool needs_check = false;
  std::optional<uint64_t> metadata_low_watermark;  // since 4.19
  std::string unknown_tail;                        // words that newer kernels append
};

// DATA_LOSS when it is not understood.
absl::StatusOr<ThinPoolStatus> ParseThinPoolStatus(absl::string_view text);
// As the kernel prints it, trailing space included.
std::string FormatThinPoolStatus(const ThinPoolStatus& status);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_THIN_POOL_TARGET_H_
