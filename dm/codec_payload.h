// SPDX-License-Identifier: Apache-2.0
// The payload of a reply on its way into the caller's buffer, for the other side of the codec.
// Pure.

#ifndef DMKIT_DM_CODEC_PAYLOAD_H_
#define DMKIT_DM_CODEC_PAYLOAD_H_

#include <cstddef>
#include <string>
#include <vector>

namespace dmkit::dm {

// Pieces, because the kernel writes into a copy of the request and leaves the caller's bytes in
// every gap: alignment, unused fields, the tail of an estimate that was too large.
struct ReplyPayload {
  struct Piece {
    size_t offset = 0;  // from the start of the payload
    std::string bytes;
  };
  std::vector<Piece> pieces;
  // What data_size says of the payload.
  size_t claimed_bytes = 0;
  // How long the payload part of the buffer must be. With less the kernel sets BUFFER_FULL.
  size_t needed_bytes = 0;
};

// `size` rounded up to where the next record may start.
constexpr size_t AlignRecord(size_t size) { return (size + 7) & ~size_t{7}; }

}  // namespace dmkit::dm

#endif  // DMKIT_DM_CODEC_PAYLOAD_H_
