// SPDX-License-Identifier: Apache-2.0
// An ioctl whose memory ends where the process's does: touching a byte behind it gives EFAULT, on
// the model and on a real kernel.

#ifndef DMKIT_TESTING_CONFORMANCE_GUARDED_IOCTL_H_
#define DMKIT_TESTING_CONFORMANCE_GUARDED_IOCTL_H_

#include <cstddef>
#include <string>

#include "sys/host.h"

namespace dmkit::conformance {

// Makes the call with a copy of `bytes` at the end of a page with nothing behind it, and takes the
// bytes back, also when it fails. The call's result, or a negative errno. `bytes` is at least as
// long as `request` says of itself. Blocks as the call does.
int GuardedIoctl(sys::File& file, unsigned long request, std::string& bytes);

// The same with memory of which the first `writable_bytes` can be written; the others can be read,
// and so can some behind them.
int HalfReadOnlyIoctl(sys::File& file, unsigned long request, size_t writable_bytes,
                      std::string& bytes);

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_GUARDED_IOCTL_H_
