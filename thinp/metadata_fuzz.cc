// SPDX-License-Identifier: Apache-2.0
// Metadata of 16 blocks. The input is one byte of options and then records
//   block (1 byte), offset (2, little-endian), length (1), that many bytes
// that are written into blank blocks. Unless bit 0 of the options is set, magic, block numbers and
// checksums of the blocks that a record names are put right afterwards, so that mutations get past
// them.

#include <cstddef>
#include <cstdint>
#include <set>

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

struct Input {
  MetadataImage image{kBlocks};
  std::set<uint64_t> named;
};

Input Build(absl::string_view records) {
  Input input;
  const auto byte = [&records](size_t i) { return static_cast<uint8_t>(records[i]); };
  while (records.size() >= 4) {
    const uint64_t block = byte(0) % kBlocks;
    const size_t offset = (byte(1) | size_t{byte(2)} << 8) % MetadataImage::kBlockBytes;
    const absl::string_view bytes = records.substr(4, byte(3));
    for (size_t i = 0; i < bytes.size() && offset + i < MetadataImage::kBlockBytes; ++i) {
      input.image.Put<char>(block, offset + i, bytes[i]);
    }
    input.named.insert(block);
    records.remove_prefix(4 + bytes.size());
  }
  return input;
}

void PutRight(Input& input) {
  for (const uint64_t block : input.named) {
    input.image.Put<uint64_t>(block, 8, block);
    if (block == 0) input.image.Put<uint64_t>(0, 32, 27022010);
    input.image.Seal(block, block == 0 ? BlockKind::kSuperblock : BlockKind::kNode);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint8_t options = data[0];
  Input input = Build({reinterpret_cast<const char*>(data) + 1, size - 1});
  if ((options & 1) == 0) PutRight(input);

  const auto decoded = dmkit::thinp::DecodeSuperblock(input.image.block(0), 0);
  DMKIT_CHECK(decoded.ok() || absl::IsDataLoss(decoded.status()));
  MetadataSuperblock superblock;
  superblock.device_details_root = 1;
  if (decoded.ok()) superblock = *decoded;

  MemoryFile file(input.image.bytes());
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
