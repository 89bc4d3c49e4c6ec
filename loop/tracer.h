// SPDX-License-Identifier: Apache-2.0
// Shows loop ioctls to people: each call as one line, request and reply. Formats only; who calls,
// and whether anybody looks, is decided elsewhere.

#ifndef DMKIT_LOOP_TRACER_H_
#define DMKIT_LOOP_TRACER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::loop {

// "LOOP_CONFIGURE", or the number in hex for a request that is none of ours.
std::string IoctlName(unsigned long request);

// One ioctl that was made, as bytes.
struct TracedCall {
  absl::string_view device;  // "/dev/loop3"
  unsigned long request = 0;
  uint64_t value = 0;      // the argument, for requests that take a number
  absl::string_view sent;  // the argument's bytes before the call, for those that take a pointer
  absl::string_view received;  // and behind it
};

// "LOOP_SET_FD /dev/loop3 fd=5 -> OK"; "LOOP_GET_STATUS64 /dev/loop3 -> ENXIO";
// "LOOP_CTL_GET_FREE /dev/loop-control -> 3". Bytes that do not decode are said to be so and shown
// in hex.
std::string FormatCall(const TracedCall& call, const absl::StatusOr<int>& result);

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_TRACER_H_
