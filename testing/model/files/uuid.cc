// SPDX-License-Identifier: Apache-2.0
// RFC 4122, section 4.4.

#include "testing/model/files/uuid.h"

#include <cstdint>

#include "absl/strings/str_format.h"

namespace dmkit::model {

std::string RandomUuid(std::mt19937_64& random) {
  const uint64_t high = (random() & ~uint64_t{0xf000}) | 0x4000;
  const uint64_t low = (random() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high >> 32, (high >> 16) & 0xffff,
                         high & 0xffff, low >> 48, low & 0xffffffffffff);
}

}  // namespace dmkit::model
