// SPDX-License-Identifier: Apache-2.0
// Numbers and words of kernel text and of options, read whole: no sign, no blanks, no trailing
// bytes.

#ifndef DMKIT_SYS_TEXT_H_
#define DMKIT_SYS_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sys/device_number.h"

namespace dmkit::sys {

// The decimal number that is all of `text`; nothing when it is empty, has any other byte, or is too
// large.
std::optional<uint64_t> ParseUnsigned(absl::string_view text);
std::optional<uint32_t> ParseUnsigned32(absl::string_view text);

// "major:minor", both decimal.
std::optional<DeviceNumber> ParseDeviceNumber(absl::string_view text);

// The words of `text`, separated by one or more spaces; none for blank text.
std::vector<absl::string_view> SplitWords(absl::string_view text);

// `bytes` with everything outside printable ASCII, and the backslash, written as \xNN: safe on a
// terminal.
std::string Printable(absl::string_view bytes);

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_TEXT_H_
