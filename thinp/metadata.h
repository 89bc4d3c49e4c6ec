// SPDX-License-Identifier: Apache-2.0
// Reading thin-pool metadata as it lies on disk: the superblock and the tree of devices. Never
// writes; nothing of mappings and space maps. Mirrors drivers/md/dm-thin-metadata.c (struct
// thin_disk_superblock, struct disk_device_details, sb_check()) and
// drivers/md/persistent-data/dm-btree.h and dm-btree-spine.c (node_check()); read in v6.1 and
// v6.12.

#ifndef DMKIT_THINP_METADATA_H_
#define DMKIT_THINP_METADATA_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "sys/units.h"
#include "thinp/thin_id.h"

namespace dmkit::thinp {

struct MetadataSuperblock {
  bool needs_check = false;
  uint32_t time = 0;
  uint64_t transaction_id = 0;
  uint64_t held_root = 0;  // block of the metadata snapshot; 0: none
  uint64_t data_mapping_root = 0;
  uint64_t device_details_root = 0;
  sys::Sectors data_block_size;
  uint64_t metadata_blocks = 0;  // when it was formatted; not updated when it grows
  sys::DataBlocks data_blocks;   // from the data space map; 0 in a metadata snapshot
};

struct MetadataDevice {
  ThinId id;
  uint64_t mapped_blocks = 0;
  uint64_t transaction_id = 0;  // of the pool when the device was made
  uint32_t creation_time = 0;
  uint32_t snapshotted_time = 0;
};

// True when the first 4 KiB are all zero: the kernel would format such a device at table load.
// DATA_LOSS when the device is shorter than that; otherwise errors are those of reading.
absl::StatusOr<bool> IsBlankMetadata(sys::File& metadata);

// Decodes one 4 KiB block read from block `number`. DATA_LOSS names what is wrong: block number,
// magic, checksum, root out of range, data block size, or features that this code does not know.
absl::StatusOr<MetadataSuperblock> DecodeSuperblock(absl::string_view block, uint64_t number);

// Reads and decodes the superblock at block `number` (0, or the held root). INVALID_ARGUMENT when
// no metadata device can have such a block, DATA_LOSS when this one ends before it. For a live pool
// `metadata` must be open with OpenOptions::direct, since the kernel's own writes bypass the page
// cache; buffers, offsets and lengths are multiples of 4 KiB.
absl::StatusOr<MetadataSuperblock> ReadSuperblock(sys::File& metadata, uint64_t number);

// All thin devices in the tree at `superblock`.device_details_root, by id. DATA_LOSS on a damaged
// node. For a live pool only a metadata snapshot's superblock gives a consistent answer, and
// `metadata` must be open as ReadSuperblock says. Reads one block per 100 or so devices.
absl::StatusOr<std::vector<MetadataDevice>> ReadDevices(sys::File& metadata,
                                                        const MetadataSuperblock& superblock);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_METADATA_H_
