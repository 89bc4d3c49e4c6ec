// SPDX-License-Identifier: Apache-2.0
// Refusals of the kernel in words: command, device, errno, and what to do where that is well known.
// Pure, and no decisions: callers look at sys::GetErrno.

#ifndef DMKIT_DM_ERRORS_H_
#define DMKIT_DM_ERRORS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/commands.h"

namespace dmkit::dm {

// The status for `command` on `object`, which failed with `error`: "DM_DEV_REMOVE dm device "web":
// Device or resource busy (EBUSY); it is open: ...". Keeps the errno.
absl::Status Refusal(Command command, absl::string_view object, int error);

// What usually is behind `error` from `command`, and what to do about it. Empty when nothing is
// well known.
absl::string_view Hint(Command command, int error);

// `status` with "; <hint>" behind its message. Code and errno stay.
absl::Status WithHint(const absl::Status& status, absl::string_view hint);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_ERRORS_H_
