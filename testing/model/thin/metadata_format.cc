// SPDX-License-Identifier: Apache-2.0
// Fields and checksums of pool metadata.

#include "testing/model/thin/metadata_format.h"

#include <array>

namespace dmkit::model {
namespace {

constexpr uint32_t kCrc32cPolynomial = 0x82f63b78;
constexpr size_t kSlices = 8;
using CrcTables = std::array<std::array<uint32_t, 256>, kSlices>;

constexpr CrcTables MakeCrcTables() {
  CrcTables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kCrc32cPolynomial : 0);
    tables[0][i] = crc;
  }
  for (uint32_t i = 0; i < 256; ++i) {
    for (size_t slice = 1; slice < kSlices; ++slice) {
      const uint32_t before = tables[slice - 1][i];
      tables[slice][i] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr CrcTables kCrc = MakeCrcTables();

// `bytes` is a multiple of 4.
uint32_t Crc32c(uint32_t crc, const char* from, size_t bytes) {
  while (bytes >= 8) {
    const uint64_t word = Get64(from) ^ crc;
    crc = kCrc[7][word & 0xff] ^ kCrc[6][(word >> 8) & 0xff] ^ kCrc[5][(word >> 16) & 0xff] ^
          kCrc[4][(word >> 24) & 0xff] ^ kCrc[3][(word >> 32) & 0xff] ^
          kCrc[2][(word >> 40) & 0xff] ^ kCrc[1][(word >> 48) & 0xff] ^ kCrc[0][word >> 56];
    from += 8;
    bytes -= 8;
  }
  for (; bytes > 0; --bytes, ++from) {
    crc = (crc >> 8) ^ kCrc[0][(crc ^ static_cast<unsigned char>(*from)) & 0xff];
  }
  return crc;
}

uint32_t ChecksumSeed(BlockKind kind) {
  switch (kind) {
    case BlockKind::kSuperblock:
      return 160774;
    case BlockKind::kNode:
      return 121107;
    case BlockKind::kIndex:
      return 160478;
    case BlockKind::kBitmap:
      return 240779;
  }
  return 0;
}

}  // namespace

uint32_t BlockChecksum(BlockKind kind, const char* block) {
  return Crc32c(~uint32_t{0}, block + 4, kMetadataBlockBytes - 4) ^ ChecksumSeed(kind);
}

}  // namespace dmkit::model
