// SPDX-License-Identifier: Apache-2.0
// Finding the loop device that has a file, and keeping it open.

#ifndef DMKIT_LOOP_LOOKUP_H_
#define DMKIT_LOOP_LOOKUP_H_

#include <optional>

#include "absl/status/statusor.h"
#include "loop/backing_file.h"
#include "loop/open_device.h"
#include "loop/types.h"
#include "sys/host.h"
#include "sys/units.h"

namespace dmkit::loop {

// A bound device, open read-only: while this lives the kernel does not detach it.
struct BoundDevice {
  OpenDevice device;
  LoopInfo info;
};

// The device with the lowest number that has this file at `offset`; nothing when none has it. Any
// device that cannot be looked at is an error, since it could be the one.
absl::StatusOr<std::optional<BoundDevice>> FindBound(const sys::Host& host,
                                                     const BackingIdentity& identity,
                                                     sys::Bytes offset);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_LOOKUP_H_
