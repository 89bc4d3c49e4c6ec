// SPDX-License-Identifier: Apache-2.0
// Streams that are read in pieces of their own choice, without a copy. What the bytes mean must not
// come in.

#ifndef DMKIT_DRIVER_ARCHIVE_CHUNKS_H_
#define DMKIT_DRIVER_ARCHIVE_CHUNKS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/stream.h"

namespace dmkit::driver {

// Bytes in chunks.
class ChunkSource {
 public:
  // Every chunk but the last one is this long, a multiple of the block of a tar archive.
  static constexpr size_t kChunkBytes = size_t{256} * 1024;

  virtual ~ChunkSource() = default;
  // The bytes that follow, valid until the next call; none at the end, and from then on.
  virtual absl::StatusOr<absl::string_view> Next() = 0;
};

// The bytes of `in` as they are. Calls `progress`, which may be empty, with the number of bytes
// read so far, once for each MiB and at the end.
class PlainChunks : public ChunkSource {
 public:
  PlainChunks(sys::ByteSource& in, std::function<void(uint64_t bytes)> progress);
  absl::StatusOr<absl::string_view> Next() override;
  // What the next Next() will return.
  absl::StatusOr<absl::string_view> Peek();

 private:
  absl::Status Fill();

  sys::ByteSource& in_;
  const std::function<void(uint64_t)> progress_;
  const std::unique_ptr<char[]> buffer_;
  size_t filled_ = 0;
  bool peeked_ = false;
  uint64_t total_ = 0;
  uint64_t reported_ = 0;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_CHUNKS_H_
