// SPDX-License-Identifier: Apache-2.0
// What commands read: table files and standard input.

#ifndef DMKIT_DM_DMSETUP_INPUT_H_
#define DMKIT_DM_DMSETUP_INPUT_H_

#include <optional>
#include <string>

#include "dm/dmsetup/context.h"

namespace dmkit::dm::dmsetup {

// More is no table.
inline constexpr size_t kInputBytesMax = size_t{64} << 20;

// What both below return may hold keys, of which they leave nothing elsewhere: the caller wipes it
// (sys/secret.h).

// Standard input to its end. Nothing after an error, which was told. Blocks until the end comes.
std::optional<std::string> ReadInput(Context& context);

// The file at `path`. Nothing after an error, which was told.
std::optional<std::string> ReadTableFile(Context& context, const std::string& path);

// One byte of standard input; nothing at its end.
std::optional<char> ReadByte(Context& context);

}  // namespace dmkit::dm::dmsetup

#endif  // DMKIT_DM_DMSETUP_INPUT_H_
