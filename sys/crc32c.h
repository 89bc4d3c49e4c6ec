// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), the checksum of the state files.

#ifndef DMKIT_SYS_CRC32C_H_
#define DMKIT_SYS_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace dmkit::sys {

// The usual form (initial value and final inversion all ones): Crc32c("123456789") == 0xe3069283.
uint32_t Crc32c(absl::string_view data);

}  // namespace dmkit::sys

#endif  // DMKIT_SYS_CRC32C_H_
