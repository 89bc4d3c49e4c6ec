// SPDX-License-Identifier: Apache-2.0
// Streams over descriptors that a process was started with: standard input and output. Files are
// opened through host.h.

#ifndef DMKIT_SYS_LINUX_STREAM_H_
#define DMKIT_SYS_LINUX_STREAM_H_

#include <memory>

#include "sys/stream.h"

namespace dmkit::sys {

// Both leave the descriptor open, wait when it does not block by itself, and fail with the errno of
// read(2) or write(2). A process that wants EPIPE of a sink ignores SIGPIPE.
std::unique_ptr<ByteSource> MakeFdSource(int fd);
std::unique_ptr<ByteSink> MakeFdSink(int fd);

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_LINUX_STREAM_H_
