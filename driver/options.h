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

// A value that the user did not give is unset (or empty), so that it can come from what the set
// remembers; the default for a new set stands in the comment. Sizes are whole sectors.
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
};

inline constexpr sys::Bytes kBaseSizeDefault{uint64_t{10} << 30};
inline constexpr sys::Bytes kDataLoopSizeDefault{uint64_t{100} << 30};
inline constexpr sys::Bytes kMetadataLoopSizeDefault{uint64_t{2} << 30};
inline constexpr sys::Sectors kBlockSizeDefault{128};
// What the kernel's documentation asks for at least; a pool that runs out of metadata goes
// read-only.
inline constexpr sys::Bytes kMetadataLoopSizeMin{uint64_t{2} << 20};

// Parses "dm.KEY=VALUE" words: split at the first '=', both sides trimmed, the key in any case; the
// last one wins where an option is not repeatable. Every value is validated, and values against
// each other: thinpooldev excludes datadev, metadatadev, the loop sizes and blocksize; datadev and
// metadatadev differ; basesize suits fs, and loopdatasize holds a block, where the one that was not
// given has its default. A size that is no multiple of 512 bytes is rounded down to one.
// INVALID_ARGUMENT says which option, what was wrong and what would be right; an unknown option
// lists the known ones. Looks at nothing but its argument.
absl::StatusOr<Options> ParseOptions(const std::vector<std::string>& words);

// A size as Docker reads it (units.RAMInBytes): a decimal number, fractions allowed, an optional
// blank, then none, b, or k, m, g, t, p with an optional b or ib, in any case; always powers of
// 1024. A fraction of a byte is dropped. Zero, negative and overflowing sizes (more than 2^63 - 1)
// are INVALID_ARGUMENT, and so are signs and exponents.
absl::StatusOr<sys::Bytes> ParseSize(absl::string_view text);

// A size as Docker prints it (units.HumanSize): powers of 1000, four significant digits, "10.74GB".
std::string HumanSize(sys::Bytes size);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_OPTIONS_H_
