// SPDX-License-Identifier: Apache-2.0
// Streams of bytes: what an archive is read from and written to. Interfaces only; linux_stream.h
// has those of a descriptor, string_stream.h those of a text. Seeking must not come in.

#ifndef DMKIT_SYS_STREAM_H_
#define DMKIT_SYS_STREAM_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmkit::sys {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Reads between 1 and buffer.size() bytes, and returns how many; 0 at the end, or for an empty
  // buffer. Blocks until there are some.
  virtual absl::StatusOr<size_t> Read(absl::Span<char> buffer) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Writes all of `data`; how much of it was written is unknown when it fails. EPIPE: whoever read
  // has gone. Blocks until there is room.
  virtual absl::Status Write(absl::string_view data) = 0;
};

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_STREAM_H_
