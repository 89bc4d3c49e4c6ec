// SPDX-License-Identifier: Apache-2.0
// Metadata of 16 blocks. The input is one byte of options and then records
//   block (1 byte), offset (2, little-endian), length (1), that many bytes
// that are written into blank blocks. Unless bit 0 of the options is set, magic, block numbers and
// checksums are put right afterwards, so that mutations get past them.

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sys/status.h"
#include "thinp/metadata.h"
#include "thinp/testdata/memory_file.h"
#include "thinp/testdata/metadata_image.h"

namespace {

using dmkit::thinp::BlockKind;
using dmkit::thinp::MemoryFile;
using dmkit::thinp::MetadataImage;
using dmkit::thinp::MetadataSuperblock;

constexpr uint64_t kBlocks = 16;

MetadataImage Build(absl::string_view records) {
  MetadataImage image(kBlocks);
  const auto byte = [&records](size_t i) { return static_cast<uint8_t>(records[i]); };
  while (records.size() >= 4) {
    const uint64_t block = byte(0) % kBlocks;
    const size_t offset =
        (byte(1) | static_cast<size_t>(byte(2)) << 8) % MetadataImage::kBlockBytes;
    const size_t length = byte(3);
    records.remove_prefix(4);
    const absl::string_view bytes = records.substr(0, length);
    for (size_t i = 0; i < bytes.size() && offset + i < MetadataImage::kBlockBytes; ++i) {
      image.Put<char>(block, offset + i, bytes[i]);
    }
    records.remove_prefix(bytes.size());
  }
  return image;
}

void PutRight(MetadataImage& image) {
  image.Put<uint64_t>(0, 8, 0);
  image.Put<uint64_t>(0, 32, 27022010);
  image.Seal(0, BlockKind::kSuperblock);
  for (uint64_t block = 1; block < kBlocks; ++block) {
    image.Put<uint64_t>(block, 8, block);
    image.Seal(block, BlockKind::kNode);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t options = data[0];
  MetadataImage image = Build({reinterpret_cast<const char*>(data) + 1, size - 1});
  if ((options & 1) == 0) PutRight(image);

  const auto decoded = dmkit::thinp::DecodeSuperblock(image.block(0), 0);
  DMKIT_CHECK(decoded.ok() || absl::IsDataLoss(decoded.status()));
  MetadataSuperblock superblock;
  superblock.device_details_root = 1;
  if (decoded.ok()) superblock = *decoded;

  MemoryFile file(image.bytes());
  file.RequireAlignment();
  const auto devices = dmkit::thinp::ReadDevices(file, superblock);
  // No node is read again but the one that is found to be linked twice.
  DMKIT_CHECK(file.reads() <= kBlocks + 1);
  if (!devices.ok()) {
    DMKIT_CHECK(absl::IsDataLoss(devices.status()));
    return 0;
  }
  for (size_t i = 1; i < devices->size(); ++i) {
    DMKIT_CHECK((*devices)[i - 1].id < (*devices)[i].id);
  }
  return 0;
}
