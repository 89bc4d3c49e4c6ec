// SPDX-License-Identifier: Apache-2.0
// The verity target: reads of another device, checked against a tree of hashes. Pure text, no
// system calls.
// Mirrors drivers/md/dm-verity-target.c: verity_ctr(), verity_parse_opt_args(), verity_status();
// dm-verity-fec.c: verity_fec_parse_opt_args(), verity_fec_ctr(), verity_fec_status_table();
// dm-verity-verify-sig.c: verity_verify_sig_parse_opt_args(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_VERITY_H_
#define DMKIT_DM_TARGETS_VERITY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

// What follows a block whose hash is wrong.
enum class VerityCorruption { kIoError, kIgnore, kRestart, kPanic };
// What follows an io error of the devices below. Other than kIoError since 6.12.
enum class VerityError { kIoError, kRestart, kPanic };

// Forward error correction.
struct VerityFec {
  sys::DeviceNumber device;
  uint64_t blocks = 0;  // covered: those of data, of hashes, and what lies behind them
  uint64_t start = 0;   // of the correction data, in blocks of `device`
  uint32_t roots = 0;   // 2 to 24
  auto Fields() const { return std::tie(device, blocks, start, roots); }
};

struct VerityArgs {
  uint32_t version = 1;  // 0: the salt comes behind the data
  sys::DeviceNumber data_device;
  sys::DeviceNumber hash_device;
  uint32_t data_block_bytes = 4096;
  uint32_t hash_block_bytes = 4096;
  uint64_t data_blocks = 0;
  uint64_t hash_start = 0;  // of the tree, in blocks of the hash device
  std::string algorithm;    // "sha256"
  std::string root_digest;  // in hexadecimal digits
  std::string salt;         // in hexadecimal digits; may be empty

  VerityCorruption on_corruption = VerityCorruption::kIoError;
  VerityError on_error = VerityError::kIoError;
  bool ignore_zero_blocks = false;
  bool check_at_most_once = false;
  bool try_verify_in_tasklet = false;
  std::optional<VerityFec> fec;
  // The name of a key in the keyring of the caller that holds the signature of the root digest.
  std::optional<std::string> signature_key;
  // Words of newer kernels. They come last.
  std::vector<std::string> other_options;

  auto Fields() const {
    return std::tie(version, data_device, hash_device, data_block_bytes, hash_block_bytes,
                    data_blocks, hash_start, algorithm, root_digest, salt, on_corruption, on_error,
                    ignore_zero_blocks, check_at_most_once, try_verify_in_tasklet, fec,
                    signature_key, other_options);
  }
};

class VerityTarget {
 public:
  static constexpr absl::string_view kType = "verity";

  // Digests come out in small letters. INVALID_ARGUMENT for what the kernel refuses: a version over
  // 1, blocks that are no power of two of at least 512 bytes (of data: at most 64 KiB, the largest
  // page), numbers of blocks over 64 bits of sectors, a digest or salt that is no digits, a digest
  // of the wrong length for sha1 and sha2, and error correction with blocks of two sizes, of fewer
  // blocks than there are data, or with roots out of range.
  static absl::StatusOr<VerityTarget> Create(VerityArgs args);
  // The parameters in the string that the kernel prints. DATA_LOSS when it is not understood.
  static absl::StatusOr<VerityTarget> Parse(absl::string_view params);

  const VerityArgs& args() const { return args_; }

  // The parameter string; the kernel prints the same.
  std::string Params() const;
  // INVALID_ARGUMENT when there are fewer data than `length`. The table must be loaded read-only,
  // else EINVAL.
  absl::StatusOr<TableLine> Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(args_); }

 private:
  explicit VerityTarget(VerityArgs args);

  VerityArgs args_;
};

struct VerityStatus {
  // A block that was read did not have its hash, at any time since the table was loaded.
  bool corrupted = false;
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const { return std::tie(corrupted, unknown_tail); }
};

// The status in the line that the kernel prints, "V" or "C". DATA_LOSS when it is not understood.
absl::StatusOr<VerityStatus> ParseVerityStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_VERITY_H_
