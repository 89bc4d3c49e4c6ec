// SPDX-License-Identifier: Apache-2.0
// What an older kernel would not refuse but misunderstand: it ignores flags that it does not know,
// so asking it would do the wrong thing. Pure.

#ifndef DMKIT_DM_FEATURES_H_
#define DMKIT_DM_FEATURES_H_

#include "absl/status/status.h"
#include "dm/requests.h"
#include "dm/types.h"

namespace dmkit::dm {

// OK when a kernel with interface `kernel` has the command and every option of `request`.
// UNIMPLEMENTED, without errno, says what is missing and since which interface version it exists.
absl::Status CheckSupported(const Request& request, const Version& kernel);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_FEATURES_H_
