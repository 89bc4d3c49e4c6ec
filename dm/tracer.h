// SPDX-License-Identifier: Apache-2.0
// One ioctl as one line that people can read. Pure: it looks at bytes, through the codec, and
// decides nothing. A key (see keys.h) is shown as zeros, and no copy of it is left behind.

#ifndef DMKIT_DM_TRACER_H_
#define DMKIT_DM_TRACER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmkit::dm {

// The line, without a newline, for the control ioctl `code` that was given `request` and left
// `reply` in the buffer; `error` is its errno, 0 for success:
//   DM_DEV_CREATE name="web" uuid="X" flags=0 = 254:3 flags=0 open=0 events=0 targets=0
//   DM_DEV_REMOVE name="web" flags=DEFERRED_REMOVE cookie=0x4e0000 = EBUSY
// Unknown flag bits are in hexadecimal, names are printable, and what cannot be decoded is said to
// be so. The line never holds a control character.
std::string FormatIoctl(unsigned long code, absl::string_view request, absl::string_view reply,
                        int error);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TRACER_H_
