// SPDX-License-Identifier: Apache-2.0
// The one place of this room where an ioctl is made: traced, and with its name in the error. Knows
// no loop device from another.

#ifndef DMKIT_LOOP_IOCTL_H_
#define DMKIT_LOOP_IOCTL_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sys/host.h"

namespace dmkit::loop {

// Makes the ioctl `request` on `file`, which was opened as `path`, with a number as its argument,
// and shows it to `trace` unless that is null. Errors carry the kernel's errno behind
// "<REQUEST> <path>: ". Returns the call's non-negative result.
absl::StatusOr<int> IoctlWithValue(sys::File& file, absl::string_view path, sys::TraceSink* trace,
                                   unsigned long request, uint64_t value);

// The same with a pointer to `buffer`, which the kernel may overwrite.
absl::StatusOr<int> IoctlWithBuffer(sys::File& file, absl::string_view path, sys::TraceSink* trace,
                                    unsigned long request, absl::Span<char> buffer);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_IOCTL_H_
