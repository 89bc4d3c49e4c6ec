// SPDX-License-Identifier: Apache-2.0
// The dm.* options, spelled, defaulted and measured as Docker's devicemapper driver did. Words in,
// values out: no files, no devices, no environment.

#ifndef DMKIT_DRIVER_OPTIONS_H_
#define DMKIT_DRIVER_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/filesystem.h"
#include "sys/units.h"

namespace dmkit::driver {

// A pool that is to be made with lvm2 on one block device. Percentages that were not given, or
// given as 0, are unset.
struct DirectLvm {
  std::string device;                            // dm.directlvm_device; empty: none is asked for
  bool force = false;                            // dm.directlvm_device_force
  std::optional<uint32_t> data_percent;          // dm.thinp_percent, 95
  std::optional<uint32_t> metadata_percent;      // dm.thinp_metapercent, 1
  std::optional<uint32_t> autoextend_percent;    // dm.thinp_autoextend_percent, 20
  std::optional<uint32_t> autoextend_threshold;  // dm.thinp_autoextend_threshold, 80
};

// A value that the user did not give is unset (or empty), so that it can come from what the set
// remembers; the default for a new set, or for each start, stands in the comment. Sizes are whole
// sectors.
struct Options {
  std::optional<sys::Bytes> base_size;           // dm.basesize, 10 GiB
  std::optional<sys::Bytes> data_loop_size;      // dm.loopdatasize, 100 GiB
  std::optional<sys::Bytes> metadata_loop_size;  // dm.loopmetadatasize, 2 GiB
  std::optional<sys::Sectors> block_size;        // dm.blocksize, 64 KiB
  std::optional<FilesystemType> filesystem;      // dm.fs, ext4
  std::vector<std::string> mkfs_args;            // dm.mkfsarg, one word each
  std::string mount_options;                     // dm.mountopt, joined with ','
  std::string data_device;                       // dm.datadev
  std::string metadata_device;                   // dm.metadatadev
  std::string thin_pool;                         // dm.thinpooldev without a leading /dev/mapper/
  DirectLvm direct_lvm;                          // dm.directlvm_*, dm.thinp_*

  std::optional<bool> use_deferred_removal;         // true
  std::optional<bool> use_deferred_deletion;        // as use_deferred_removal
  std::optional<bool> blkdiscard;                   // true where the data is a loop file
  std::optional<bool> override_udev_sync_check;     // without effect: no udev is needed
  std::optional<uint32_t> min_free_space_percent;   // dm.min_free_space, 10
  std::optional<uint64_t> xfs_nospace_max_retries;  // unset: as the kernel has it
  std::optional<int> log_level;                     // dm.libdm_log_level, 2
};

inline constexpr sys::Bytes kBaseSizeDefault{uint64_t{10} << 30};
inline constexpr sys::Bytes kDataLoopSizeDefault{uint64_t{100} << 30};
inline constexpr sys::Bytes kMetadataLoopSizeDefault{uint64_t{2} << 30};
inline constexpr sys::Sectors kBlockSizeDefault{128};
inline constexpr uint32_t kMinFreeSpacePercentDefault = 10;
inline constexpr uint32_t kThinpPercentDefault = 95;
inline constexpr uint32_t kThinpMetadataPercentDefault = 1;
inline constexpr uint32_t kAutoextendPercentDefault = 20;
inline constexpr uint32_t kAutoextendThresholdDefault = 80;
// Levels of libdevmapper that dm.libdm_log_level names.
inline constexpr int kLogFatal = 2;
inline constexpr int kLogDebug = 7;
// What the kernel's documentation asks for at least; a pool that runs out of metadata goes
// read-only.
inline constexpr sys::Bytes kMetadataLoopSizeMin{uint64_t{2} << 20};

// Parses "dm.KEY=VALUE" words: split at the first '=', both sides trimmed, the key in any case; the
// last one wins where an option is not repeatable. Every value is validated, and values against
// each other: thinpooldev and directlvm_device exclude each other and datadev, metadatadev, the
// loop sizes and blocksize; the other words about direct-lvm need directlvm_device; datadev and
// metadatadev differ; deferred deletion needs deferred removal; basesize suits fs, and loopdatasize
// holds a block, where the one that was not given has its default. A size that is no multiple of
// 512 bytes is rounded down to one. INVALID_ARGUMENT says which option, what was wrong and what
// would be right; an unknown option lists the known ones. Looks at nothing but its argument.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& words);

// What one layer may be asked for when it is made.
struct LayerOptions {
  std::optional<sys::Bytes> size;  // unset, or given as 0: that of its parent
};

// Parses "size=VALUE" words, by the rules of ParseOptions.
absl::StatusOr<LayerOptions> ParseLayerOptions(const std::vector<std::string>& words);

// A size as Docker reads it (units.RAMInBytes): a decimal number, fractions allowed, an optional
// blank, then none, b, or k, m, g, t, p with an optional b or ib, in any case; always powers of
// 1024. A fraction of a byte is dropped. Zero, negative and overflowing sizes (more than 2^63 - 1)
// are INVALID_ARGUMENT, and so are signs and exponents.
absl::StatusOr<sys::Bytes> ParseSize(absl::string_view text);

// A size as Docker prints it (units.HumanSize): powers of 1000, four significant digits, "10.74GB".
std::string HumanSize(sys::Bytes size);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_OPTIONS_H_
