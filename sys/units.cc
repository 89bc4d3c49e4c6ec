// SPDX-License-Identifier: Apache-2.0
// The conversions between units. No parsing and no printing of sizes.

#include "sys/units.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::sys {

absl::StatusOr<Sectors> ToSectors(Bytes bytes) {
  if (bytes.count() % kSectorBytes != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(bytes.count(), " bytes is not a multiple of 512"));
  }
  return WholeSectors(bytes);
}

Sectors WholeSectors(Bytes bytes) { return Sectors(bytes.count() / kSectorBytes); }

absl::StatusOr<Bytes> ToBytes(Sectors sectors) {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(sectors.count(), kSectorBytes, &bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat(sectors.count(), " sectors is more than 64 bits of bytes"));
  }
  return Bytes(bytes);
}

absl::StatusOr<Bytes> ToBytes(DataBlocks blocks, Sectors block_size) {
  uint64_t sectors = 0;
  if (__builtin_mul_overflow(blocks.count(), block_size.count(), &sectors)) {
    return absl::InvalidArgumentError(absl::StrCat(blocks.count(), " blocks of ",
                                                   block_size.count(),
                                                   " sectors is more than 64 bits of bytes"));
  }
  return ToBytes(Sectors(sectors));
}

DataBlocks WholeBlocks(Sectors length, Sectors block_size) {
  DMKIT_CHECK(block_size.count() != 0);
  return DataBlocks(length.count() / block_size.count());
}

}  // namespace dmkit::sys
