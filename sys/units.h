// SPDX-License-Identifier: Apache-2.0
// Sizes as types: bytes, 512-byte sectors, and blocks of a thin pool. Conversions are explicit and
// refuse remainders and overflow.

#ifndef DMKIT_SYS_UNITS_H_
#define DMKIT_SYS_UNITS_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace dmkit::sys {

inline constexpr uint64_t kSectorBytes = 512;

// An amount of `Unit`, comparable with its own kind only.
template <typename Unit>
class Amount {
 public:
  constexpr Amount() = default;
  constexpr explicit Amount(uint64_t count) : count_(count) {}
  constexpr uint64_t count() const { return count_; }
  friend constexpr bool operator==(Amount a, Amount b) { return a.count_ == b.count_; }
  friend constexpr bool operator!=(Amount a, Amount b) { return a.count_ != b.count_; }
  friend constexpr bool operator<(Amount a, Amount b) { return a.count_ < b.count_; }
  friend constexpr bool operator<=(Amount a, Amount b) { return a.count_ <= b.count_; }
  friend constexpr bool operator>(Amount a, Amount b) { return a.count_ > b.count_; }
  friend constexpr bool operator>=(Amount a, Amount b) { return a.count_ >= b.count_; }

 private:
  uint64_t count_ = 0;
};

using Bytes = Amount<struct BytesUnit>;
using Sectors = Amount<struct SectorsUnit>;  // 512 bytes each, whatever the device's own sector is
using DataBlocks = Amount<struct DataBlocksUnit>;  // of one pool; their size is the pool's

// INVALID_ARGUMENT when `bytes` is not a multiple of 512.
absl::StatusOr<Sectors> ToSectors(Bytes bytes);
// The whole sectors in `bytes`; what is left over is not counted.
Sectors WholeSectors(Bytes bytes);
// INVALID_ARGUMENT when the result does not fit 64 bits.
absl::StatusOr<Bytes> ToBytes(Sectors sectors);
absl::StatusOr<Bytes> ToBytes(DataBlocks blocks, Sectors block_size);
// The whole blocks in `length`. `block_size` must not be 0.
DataBlocks WholeBlocks(Sectors length, Sectors block_size);

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_UNITS_H_
