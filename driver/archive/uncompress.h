// SPDX-License-Identifier: Apache-2.0
// Takes the compression off an archive. Which one it is, is told from its first bytes. What the
// bytes mean must not come in.

#ifndef DMKIT_DRIVER_ARCHIVE_UNCOMPRESS_H_
#define DMKIT_DRIVER_ARCHIVE_UNCOMPRESS_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "driver/archive/chunks.h"
#include "sys/stream.h"

namespace dmkit::driver {

// `in` without its gzip, zstd, xz or bzip2 compression, or as it is when it has none of them.
// `in` must outlive the result, which reads it to its end. Memory: that of the compression, 8 MiB
// for zstd -19, 9 MiB for xz -6, 65 MiB for xz -9.
// Errors, also of Next(): those of `in`; DATA_LOSS when the stream is cut off, damaged, or followed
// by anything that is not of its kind.
absl::StatusOr<std::unique_ptr<ChunkSource>> Uncompress(
    sys::ByteSource& in, const std::function<void(uint64_t bytes)>& progress);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_UNCOMPRESS_H_
