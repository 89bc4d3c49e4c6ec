// SPDX-License-Identifier: Apache-2.0
// Everything that is known of one open, bound loop device.

#ifndef DMKIT_LOOP_INFO_H_
#define DMKIT_LOOP_INFO_H_

#include "absl/status/statusor.h"
#include "loop/open_device.h"
#include "loop/types.h"
#include "sys/host.h"

namespace dmkit::loop {

// Asks the kernel (status, block size, size) and sysfs (the path). ENXIO: not bound. While `device`
// is open and bound it cannot become another file's, so the answers belong together.
absl::StatusOr<LoopInfo> ReadInfo(const sys::Host& host, OpenDevice& device);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_INFO_H_
