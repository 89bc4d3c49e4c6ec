// SPDX-License-Identifier: Apache-2.0
// The flag word of a dm_ioctl header as text. Pure.

#ifndef DMKIT_DM_FLAGS_H_
#define DMKIT_DM_FLAGS_H_

#include <cstdint>
#include <string>

namespace dmkit::dm {

// The names of the set bits, lowest first, joined by '|', without DM_ and _FLAG; bits without a
// name follow as one hexadecimal number: "READONLY|SUSPEND|0x84". "0" for no bit.
std::string FormatFlags(uint32_t flags);

// All bits that have a name in interface 4.48.
uint32_t KnownFlags();

}  // namespace dmkit::dm

#endif  // DMKIT_DM_FLAGS_H_
