// SPDX-License-Identifier: Apache-2.0
// From libarchive's entries to ours. For tar_reader.cc only.

#ifndef DMKIT_DRIVER_ARCHIVE_TAR_ENTRY_H_
#define DMKIT_DRIVER_ARCHIVE_TAR_ENTRY_H_

#include <archive_entry.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "driver/archive/tar_reader.h"

namespace dmkit::driver {

// Errors: DATA_LOSS, without the position, for what cannot be in an archive of a layer: no name, a
// link without a target, an owner or a device number that Linux cannot hold, an unknown type.
absl::StatusOr<TarEntry> ConvertEntry(struct archive_entry* entry);

// How many bytes of data a regular file has, holes not counted.
uint64_t DataBytes(struct archive_entry* entry);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_TAR_ENTRY_H_
