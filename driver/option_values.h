// SPDX-License-Identifier: Apache-2.0
// Single values of options: how they are read, and how a wrong one is shown. Which option takes
// which is not known here.

#ifndef DMKIT_DRIVER_OPTION_VALUES_H_
#define DMKIT_DRIVER_OPTION_VALUES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmkit::driver {

// The value for an error message: in quotes, printable, and only as much of it as is needed to
// recognise it.
std::string QuotedValue(absl::string_view text);

// INVALID_ARGUMENT: "<value>" <why>.
absl::Status RefuseValue(absl::string_view text, absl::string_view why);

// As Go's strconv.ParseBool: 1 t T TRUE true True 0 f F FALSE false False.
absl::StatusOr<bool> ParseBool(absl::string_view text);

// A decimal number from `min` to `max`.
absl::StatusOr<uint64_t> ParseNumber(absl::string_view text, uint64_t min, uint64_t max);

// A whole percentage from 0 to `max`, "10%"; the sign may be left out unless `needs_sign`.
absl::StatusOr<uint32_t> ParsePercent(absl::string_view text, uint32_t max, bool needs_sign);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_OPTION_VALUES_H_
