// SPDX-License-Identifier: Apache-2.0
// The integrity target: a tag beside each block, kept by the target itself or for a crypt target
// above it. Pure text, no system calls.
// Mirrors drivers/md/dm-integrity.c: dm_integrity_ctr(), get_alg_and_key(), dm_integrity_status();
// read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_INTEGRITY_H_
#define DMKIT_DM_TARGETS_INTEGRITY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/secret.h"
#include "sys/units.h"

namespace dmkit::dm {

// How data and tags are kept together when the power goes.
enum class IntegrityMode : char {
  kJournal = 'J',
  kBitmap = 'B',
  kDirect = 'D',    // not at all
  kRecovery = 'R',  // the journal is not replayed and tags are not checked
  kInline = 'I',    // tags are the device's own; since 6.11
};

struct IntegrityAlgorithm {
  std::string name;        // "crc32c", "hmac(sha256)"
  sys::Secret key_digits;  // in hexadecimal; may be empty
  auto Fields() const { return std::tie(name, key_digits); }
};

struct IntegrityArgs {
  sys::DeviceNumber device;
  sys::Sectors reserved;              // left out at the start of the device
  std::optional<uint32_t> tag_bytes;  // 1 to 255; nothing: as many as the internal hash has
  IntegrityMode mode = IntegrityMode::kJournal;

  std::optional<sys::DeviceNumber> meta_device;
  uint32_t block_bytes = 512;  // 512, 1024, 2048 or 4096
  bool recalculate = false;
  bool reset_recalculate = false;  // sets `recalculate` too
  bool allow_discards = false;
  bool allow_discards_keyed = false;  // in place of the former; not in v6.12, but in 6.12.117
  std::optional<uint32_t> journal_sectors;
  std::optional<uint32_t> interleave_sectors;
  std::optional<uint32_t> buffer_sectors;
  std::optional<uint32_t> journal_watermark;  // in percent
  std::optional<uint32_t> commit_time_ms;
  std::optional<uint64_t> sectors_per_bit;
  std::optional<uint32_t> bitmap_flush_ms;
  bool fix_padding = false;
  bool fix_hmac = false;
  bool legacy_recalculate = false;
  std::optional<IntegrityAlgorithm> internal_hash;
  std::optional<IntegrityAlgorithm> journal_crypt;
  std::optional<IntegrityAlgorithm> journal_mac;
  // Words of newer kernels. They come last.
  std::vector<std::string> other_options;

  auto Fields() const {
    return std::tie(device, reserved, tag_bytes, mode, meta_device, block_bytes, recalculate,
                    reset_recalculate, allow_discards, allow_discards_keyed, journal_sectors,
                    interleave_sectors, buffer_sectors, journal_watermark, commit_time_ms,
                    sectors_per_bit, bitmap_flush_ms, fix_padding, fix_hmac, legacy_recalculate,
                    internal_hash, journal_crypt, journal_mac, other_options);
  }
};

class IntegrityTarget {
 public:
  static constexpr absl::string_view kType = "integrity";

  // INVALID_ARGUMENT, which never shows a key, for what the kernel refuses: a tag of no bytes or of
  // over 255, or neither a tag's size nor an internal hash; blocks of other sizes; a watermark over
  // 100; a key that is not an even number of digits; an algorithm with a colon; more than 18
  // options. Bitmap and inline mode, recalculation and discards need an internal hash, keyed
  // discards one with a key; inline mode has no second device, journal or discards.
  static absl::StatusOr<IntegrityTarget> Create(IntegrityArgs args);
  // The parameters in the string that the kernel prints, keys included: with all values that it
  // chose itself. DATA_LOSS, without the keys, when it is not understood.
  static absl::StatusOr<IntegrityTarget> Parse(absl::string_view params);

  const IntegrityArgs& args() const { return args_; }

  // The parameter string, with keys, in one piece of memory: overwrite it when it has been used
  // (sys/secret.h, dm/keys.h). The kernel prints the same and what it chose itself.
  std::string Params() const;
  // The same with zeros for keys: for messages.
  std::string DebugString() const;
  // The line holds keys as Params does. INVALID_ARGUMENT when `length` is not whole blocks.
  absl::StatusOr<TableLine> Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(args_); }

 private:
  explicit IntegrityTarget(IntegrityArgs args);

  IntegrityArgs args_;
};

struct IntegrityStatus {
  uint64_t mismatches = 0;                   // tags that did not match
  sys::Sectors provided;                     // room for data
  std::optional<sys::Sectors> recalculated;  // so far; nothing when it is not under way
  // Words that newer kernels append.
  std::string unknown_tail;
  auto Fields() const { return std::tie(mismatches, provided, recalculated, unknown_tail); }
};

// The status in the line that the kernel prints. DATA_LOSS when it is not understood.
absl::StatusOr<IntegrityStatus> ParseIntegrityStatus(absl::string_view text);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_INTEGRITY_H_
