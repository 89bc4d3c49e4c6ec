// SPDX-License-Identifier: Apache-2.0
// gzip streams, whose checksums libarchive's own filter does not look at. Other compressions are
// unpack_filter.h's.

#ifndef DMKIT_DRIVER_ARCHIVE_GUNZIP_H_
#define DMKIT_DRIVER_ARCHIVE_GUNZIP_H_

#include <memory>

#include "driver/archive/chunks.h"

namespace dmkit::driver {

// What the gzip stream `in` holds: all members, one after the other; zeros behind the last one are
// padding. Errors of Next(): those of `in`; DATA_LOSS when the stream is cut off, damaged (length
// and CRC of each member are checked), or followed by anything else.
std::unique_ptr<ChunkSource> MakeGunzip(std::unique_ptr<ChunkSource> in);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_GUNZIP_H_
