// SPDX-License-Identifier: Apache-2.0
// zstd, xz and bzip2 streams, by libarchive's filters. gzip is gunzip.h's.

#ifndef DMKIT_DRIVER_ARCHIVE_UNPACK_FILTER_H_
#define DMKIT_DRIVER_ARCHIVE_UNPACK_FILTER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "driver/archive/chunks.h"

namespace dmkit::driver {

enum class UnpackKind { kZstd, kXz, kBzip2 };

// What the stream `in` of this kind holds. Errors, also of Next(): those of `in`; DATA_LOSS when
// the stream is cut off, damaged, or followed by anything else.
absl::StatusOr<std::unique_ptr<ChunkSource>> MakeUnpackFilter(UnpackKind kind,
                                                              std::unique_ptr<ChunkSource> in);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_UNPACK_FILTER_H_
